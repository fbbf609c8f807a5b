// SPDX-License-Identifier: Apache-2.0
// Magnitudes from mel bands: x >= 0 with A x = B, near an interpolation of the bands. The iteration
// is over u_k = x_k sum_m a_mk, what a bin gives to all bands, of which band m gets the share s_mk
// = a_mk / sum_m' a_m'k. With b = S u what the bands have,
//   u_k <- u_k max(1 + sum_m s_mk d_m, 0.1),   (S diag(u) S' + 0.01 diag(b)) d = B - b,
// from x_k = sum_m s_mk B_m / sum_k' a_mk'. That is Newton's step for S u = B, of all such steps
// the least where each bin's change is measured by its value (affine scaling, Dikin 1967), kept
// positive. With the matrix's row sums, which are b, in the place of the matrix it would be the
// step of multiplicative expectation-maximisation (Richardson 1972, Lucy 1974), which takes tens of
// steps for what this one does in three. The 0.01 lets bands that share their only bin disagree.
//
// A bin is in two neighbouring bands at most, so the matrix is tridiagonal, and one pass over the
// bins does both halves of a step: a bin's new value at once feeds the matrix of the next, whose
// rows are eliminated as they get complete. A bin that no band covers is 0.
#include "cpu/analysis.h"
#include "cpu/compressor.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// V vectors of frames go through the bins together and share what depends on the bin alone.
template <class T, int V>
struct Group {
  Vec<T> v[V];
};

template <class T, int V>
struct InversionScratch {
  Group<T, V>* bands;  // B
  Group<T, V>* gains;  // 1 + d, and one above the last band that no bin feels
  Group<T, V>* above;  // of an eliminated row: what it takes of the d above
  Group<T, V>* bins;   // u
  Vec<T>* lanes;       // bands of one vector of frames
  T* tile;             // bins x frames
  InversionScratch(const BandView<T>& bank, int64_t tile_frames, Carver& carver)
      : bands(carver.take<Group<T, V>>(bank.band_count)),
        gains(carver.take<Group<T, V>>(bank.band_count + 1)),
        above(carver.take<Group<T, V>>(bank.band_count)),
        bins(carver.take<Group<T, V>>(bank.bin_count)),
        lanes(carver.take<Vec<T>>(bank.band_count)),
        tile(carver.take<T>(bank.bin_count * tile_frames)) {}
};

// Gains of a segment's two bands, and the shares that one bin gives them.
template <class T>
struct Gain {
  Vec<T> own, above, lower, upper;
  Vec<T> mean() const { return above + (own - above) * lower; }
};

// What a segment's bins add up to: sums of u s and u s' for its two bands' shares s and s', and of
// u s s', which couples the bands.
template <class T>
struct Sums {
  Vec<T> lower{}, upper{}, both{};
};

// A row whose part below the diagonal is eliminated: d = delta - above * (the d above).
template <class T>
struct Row {
  Vec<T> delta{}, above{};
};

template <class T>
LAPPED_INLINE Row<T> eliminated(Vec<T> band, const Sums<T>& own, const Sums<T>& below,
                                const Row<T>& row_below) {
  const Vec<T> sum = own.lower + below.upper;
  const Vec<T> missing = sum <= kTiny<T> ? splat(T(0)) : band - sum;
  const Vec<T> least = sum * T(kRidge) + kTiny<T>;
  const Vec<T> rest = sum - own.both - below.both + least - below.both * row_below.above;
  const Vec<T> inverse = T(1) / at_least(rest, least);
  return {(missing - below.both * row_below.delta) * inverse, own.both * inverse};
}

// d from the eliminated rows, the last first.
template <class T, int V>
void substitute(const BandView<T>& bank, const InversionScratch<T, V>& s) {
  Group<T, V> delta{};
  for (int64_t m = bank.band_count - 1; m >= 0; --m)
    for (int i = 0; i < V; ++i) {
      delta.v[i] = s.gains[m].v[i] - s.above[m].v[i] * delta.v[i];
      s.gains[m].v[i] = T(1) + delta.v[i];
    }
}

// u_k <- update(k, u_k, gain) for all bins in bands, and the gains of the new u.
template <class T, int V, class Update>
LAPPED_INLINE void pass(const BandView<T>& bank, const InversionScratch<T, V>& s, Update update) {
  Sums<T> below[V];
  Row<T> row[V];
  for (int64_t m = 0; m < bank.band_count; ++m) {
    const Group<T, V> gain = s.gains[m], above = s.gains[m + 1];
    Sums<T> sums[V];
    for (int64_t k = bank.starts[m]; k < bank.starts[m + 1]; ++k) {
      const Vec<T> lower = splat(bank.shares[k].lower), upper = splat(bank.shares[k].upper);
#pragma GCC unroll 4
      for (int i = 0; i < V; ++i) {
        const Vec<T> value = update(k, s.bins[k].v[i], {gain.v[i], above.v[i], lower, upper});
        s.bins[k].v[i] = value;
        const Vec<T> part = value * lower;
        sums[i].lower += part;
        sums[i].upper += value * upper;
        sums[i].both += part * upper;
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i) {
      row[i] = eliminated(s.bands[m].v[i], sums[i], below[i], row[i]);
      below[i] = sums[i];
      s.gains[m].v[i] = row[i].delta;
      s.above[m].v[i] = row[i].above;
    }
  }
  substitute(bank, s);
}

template <class T, int V>
void start(const BandView<T>& bank, const InversionScratch<T, V>& s) {
  for (int64_t m = 0; m < bank.band_count; ++m)
    for (int i = 0; i < V; ++i) s.gains[m].v[i] = s.bands[m].v[i] * bank.inverse_sum[m];
  s.gains[bank.band_count] = {};
  pass(bank, s, [&](int64_t k, Vec<T>, const Gain<T>& gain) LAPPED_LAMBDA {
    return (gain.own * gain.lower + gain.above * gain.upper) * bank.sums[k].sum;
  });
}

template <class T>
LAPPED_INLINE Vec<T> stepped(Vec<T> u, const Gain<T>& gain) {
  return u * at_least(gain.mean(), splat(T(kLeastGain)));
}

// Bands of frames t and later of a row whose strides are those of mel; frames past its end are 0.
template <class T, int V>
void read_bands(const BandView<T>& bank, const InversionScratch<T, V>& s,
                const View<const T, 3>& mel, const T* row, int64_t t, int64_t frames) {
  for (int i = 0; i < V; ++i) {
    const int64_t skip = i * kLanes<T>;
    read_lanes(row, bank.band_count, mel.stride[1], mel.stride[2], t + skip, frames - skip,
               s.lanes);
    for (int64_t m = 0; m < bank.band_count; ++m) s.bands[m].v[i] = s.lanes[m];
  }
}

// u after all steps but the last, and the gains of the last.
template <class T, int V>
void solve(const BandView<T>& bank, const InversionScratch<T, V>& s, int64_t iterations) {
  start(bank, s);
  for (int64_t i = 1; i < iterations; ++i)
    pass(bank, s,
         [](int64_t, Vec<T> u, const Gain<T>& gain) LAPPED_LAMBDA { return stepped(u, gain); });
  if (iterations > 0) return;
  for (int64_t m = 0; m <= bank.band_count; ++m)
    for (int i = 0; i < V; ++i) s.gains[m].v[i] = splat(T(1));
}

// The last step's magnitudes; without steps the gains are 1.
template <class T, int V>
void write_magnitudes(const BandView<T>& bank, const InversionScratch<T, V>& s, T exponent,
                      const Destination<T>& to) {
  const auto put = [&](int64_t k, const Group<T, V>& values) LAPPED_LAMBDA {
    T* const row = to.row(k);
    for (int i = 0; i < V; ++i) store(row + i * kLanes<T>, values.v[i]);
    to.fetch_next(row);
  };
  const int64_t first = bank.starts[0], end = bank.starts[bank.band_count];
  for (int64_t k = 0; k < bank.bin_count; ++k)
    if (k < first || k >= end) put(k, {});
  with_exponent(T(2) / exponent, [&](auto root) LAPPED_LAMBDA {
    for (int64_t m = 0; m < bank.band_count; ++m) {
      const Group<T, V> gain = s.gains[m], above = s.gains[m + 1];
      for (int64_t k = bank.starts[m]; k < bank.starts[m + 1]; ++k) {
        const Vec<T> lower = splat(bank.shares[k].lower), upper = splat(bank.shares[k].upper);
        Group<T, V> values;
        for (int i = 0; i < V; ++i) {
          const Vec<T> u = stepped<T>(s.bins[k].v[i], {gain.v[i], above.v[i], lower, upper});
          values.v[i] = root(u * bank.sums[k].inverse);
        }
        put(k, values);
      }
    }
  });
}

template <class T, int V>
bool invert(const BandView<T>& bank, View<const T, 3> mel, const int64_t* frames, View<T, 3> out,
            T exponent, int64_t iterations) {
  constexpr int W = V * kLanes<T>;
  const int64_t tile = Outgoing<T>::frames_of_tile(out, W);
  const auto count = [&](int64_t row) { return frames ? frames[row] : mel.shape[2]; };
  Carver size(nullptr);
  InversionScratch<T, V> unused(bank, tile, size);
  return each_task(mel.shape[0], out.shape[2], size.used(), count,
                   [&](int64_t row, int64_t first, int64_t valid, int64_t last, std::byte* memory) {
                     Carver carver(memory);
                     const InversionScratch<T, V> s(bank, tile, carver);
                     const T* const source = mel.data + row * mel.stride[0];
                     const Outgoing<T> outgoing{out, out.data + row * out.stride[0], s.tile, tile,
                                                W};
                     outgoing.write(first, valid, [&](int64_t t, const Destination<T>& to) {
                       read_bands(bank, s, mel, source, t, valid - t);
                       solve(bank, s, iterations);
                       write_magnitudes(bank, s, exponent, to);
                     });
                     write_zeros(last - valid, outgoing.data, bank.bin_count, out.stride[1],
                                 out.stride[2], valid);
                   });
}

}  // namespace

template <class T>
bool mel_inverse(const BandView<T>& bank, View<const T, 3> mel, const int64_t* frames,
                 View<T, 3> out, T exponent, int64_t iterations) {
  // The elimination waits for itself: the less, the more vectors of frames take turns.
  constexpr int vectors = kLanes<T> < 16 ? 4 : 2;
  return invert<T, vectors>(bank, mel, frames, out, exponent, iterations);
}

template bool mel_inverse(const BandView<float>&, View<const float, 3>, const int64_t*,
                          View<float, 3>, float, int64_t);
template bool mel_inverse(const BandView<double>&, View<const double, 3>, const int64_t*,
                          View<double, 3>, double, int64_t);

}  // namespace lapped::cpu::LAPPED_ISA
