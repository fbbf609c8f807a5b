// SPDX-License-Identifier: Apache-2.0
// Magnitudes from mel bands by multiplicative expectation-maximisation (Richardson 1972, Lucy 1974)
// of B = A x, x >= 0:
//   x_k <- x_k g_k (1 + g_k) / 2,   g_k = sum_m a_mk r_m / sum_m a_mk,   r_m = min(B_m / sum_k a_mk
//   x_k, 8),
// from the start x_k = sum_m (a_mk / sum_m' a_m'k) B_m / sum_k' a_mk'. The classic step is x_k g_k;
// near the solution (1 + g) / 2 is sqrt(g), which halves the iterations needed. One pass over the
// bins does both halves of a step: a bin's new value at once feeds the band sums of the next. A bin
// that no band covers is 0.
//
// The iteration is over u_k = x_k sum_m a_mk, what a bin gives to all bands, of which band m gets
// the share s = a_mk / sum_m' a_m'k and the other band 1 - s.
#include "cpu/analysis.h"
#include "cpu/compressor.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// Ratios are kept times 1 / sqrt 2, which saves a step a product, and in bounds, as are the squared
// gains of badly wrong bins.
template <class T>
constexpr T kRatioUnit = T(0.70710678118654752440);
template <class T>
constexpr T kLargestRatio = T(8) * kRatioUnit<T>;

// V vectors of frames go through the bins together and share what depends on the bin alone.
template <class T, int V>
struct Group {
  Vec<T> v[V];
};

template <class T, int V>
struct InversionScratch {
  Group<T, V>* bands;   // B, in units of ratios
  Group<T, V>* ratios;  // r, and one 0 above the last band
  Group<T, V>* bins;    // u
  Vec<T>* lanes;        // bands of one vector of frames
  T* tile;              // bins x frames
  InversionScratch(const BandView<T>& bank, int64_t tile_frames, Carver& carver)
      : bands(carver.take<Group<T, V>>(bank.band_count)),
        ratios(carver.take<Group<T, V>>(bank.band_count + 1)),
        bins(carver.take<Group<T, V>>(bank.bin_count)),
        lanes(carver.take<Vec<T>>(bank.band_count)),
        tile(carver.take<T>(bank.bin_count * tile_frames)) {}
};

// Ratios of a segment's two bands, and the shares that one bin gives them.
template <class T>
struct Gain {
  Vec<T> ratio, above, lower, upper;
};

template <class T>
LAPPED_INLINE Vec<T> bounded_ratio(Vec<T> band, Vec<T> sum) {
  const Vec<T> quotient = band / sum;
  return sum <= kTiny<T>               ? splat(T(0))
         : quotient > kLargestRatio<T> ? splat(kLargestRatio<T>)
                                       : quotient;
}

// u_k <- update(k, u_k, gain) for all bins in bands, and the ratios of the new u.
template <class T, int V, class Update>
LAPPED_INLINE void pass(const BandView<T>& bank, const InversionScratch<T, V>& s, Update update) {
  Group<T, V> given{};  // what segment m - 1 gives to band m
  for (int64_t m = 0; m < bank.band_count; ++m) {
    const Group<T, V> ratio = s.ratios[m], above = s.ratios[m + 1];
    Group<T, V> sum = given;
    given = {};
    for (int64_t k = bank.starts[m]; k < bank.starts[m + 1]; ++k) {
      const Vec<T> lower = splat(bank.shares[k].lower), upper = splat(bank.shares[k].upper);
#pragma GCC unroll 4
      for (int i = 0; i < V; ++i) {
        const Vec<T> value = update(k, s.bins[k].v[i], {ratio.v[i], above.v[i], lower, upper});
        s.bins[k].v[i] = value;
        sum.v[i] += value * lower;
        given.v[i] += value * upper;
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < V; ++i) s.ratios[m].v[i] = bounded_ratio<T>(s.bands[m].v[i], sum.v[i]);
  }
}

template <class T, int V>
void start(const BandView<T>& bank, const InversionScratch<T, V>& s) {
  const int32_t first = bank.starts[0], end = bank.starts[bank.band_count];
  for (int64_t k = 0; k < bank.bin_count; ++k)
    if (k < first || k >= end) s.bins[k] = {};
  for (int64_t m = 0; m < bank.band_count; ++m)
    for (int i = 0; i < V; ++i) {
      s.ratios[m].v[i] = s.bands[m].v[i] * bank.inverse_sum[m];
      s.bands[m].v[i] = s.bands[m].v[i] * kRatioUnit<T>;
    }
  s.ratios[bank.band_count] = {};
  pass(bank, s, [&](int64_t k, Vec<T>, const Gain<T>& g) LAPPED_LAMBDA {
    return (g.ratio * g.lower + g.above * g.upper) * bank.sums[k].sum;
  });
}

// With q = g / sqrt 2, g (1 + g) / 2 = q (q + 1 / sqrt 2). Ratios are bounded here, so that their
// difference loses nothing that matters.
template <class T, int V>
void iterate(const BandView<T>& bank, const InversionScratch<T, V>& s) {
  pass(bank, s, [](int64_t, Vec<T> u, const Gain<T>& g) LAPPED_LAMBDA {
    const Vec<T> q = g.above + (g.ratio - g.above) * g.lower;
    return u * (q * (q + kRatioUnit<T>));
  });
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

template <class T, int V>
void write_magnitudes(const BandView<T>& bank, const InversionScratch<T, V>& s, T exponent, T* to,
                      int64_t stride) {
  with_exponent(T(2) / exponent, [&](auto root) LAPPED_LAMBDA {
    for (int64_t k = 0; k < bank.bin_count; ++k)
      for (int i = 0; i < V; ++i)
        store(to + k * stride + i * kLanes<T>, root(s.bins[k].v[i] * bank.sums[k].inverse));
  });
}

template <class T, int V>
bool invert(const BandView<T>& bank, View<const T, 3> mel, const int64_t* frames, View<T, 3> out,
            T exponent, int64_t iterations) {
  constexpr int W = V * kLanes<T>;
  const int64_t tile = tile_frames(bank.bin_count, sizeof(T), W);
  const auto count = [&](int64_t row) { return frames ? frames[row] : mel.shape[2]; };
  Carver size(nullptr);
  InversionScratch<T, V> unused(bank, tile, size);
  return each_task(mel.shape[0], out.shape[2], size.used(), count,
                   [&](int64_t row, int64_t first, int64_t valid, int64_t last, std::byte* memory) {
                     Carver carver(memory);
                     const InversionScratch<T, V> s(bank, tile, carver);
                     const T* const source = mel.data + row * mel.stride[0];
                     T* const destination = out.data + row * out.stride[0];
                     for (int64_t t0 = first; t0 < valid; t0 += tile) {
                       const int64_t tile_end = smaller(t0 + tile, valid);
                       for (int64_t t = t0; t < tile_end; t += W) {
                         read_bands(bank, s, mel, source, t, tile_end - t);
                         start(bank, s);
                         for (int64_t i = 0; i < iterations; ++i) iterate(bank, s);
                         write_magnitudes(bank, s, exponent, s.tile + (t - t0), tile);
                       }
                       write_tile(s.tile, tile, tile_end - t0, destination, bank.bin_count,
                                  out.stride[1], out.stride[2], t0);
                     }
                     write_zeros(last - valid, destination, bank.bin_count, out.stride[1],
                                 out.stride[2], valid);
                   });
}

}  // namespace

template <class T>
bool mel_inverse(const BandView<T>& bank, View<const T, 3> mel, const int64_t* frames,
                 View<T, 3> out, T exponent, int64_t iterations) {
  // Two vectors of frames where their bins stay near the first-level cache.
  constexpr int64_t most = 48 << 10;
  return bank.bin_count * static_cast<int64_t>(sizeof(Group<T, 2>)) <= most
             ? invert<T, 2>(bank, mel, frames, out, exponent, iterations)
             : invert<T, 1>(bank, mel, frames, out, exponent, iterations);
}

template bool mel_inverse(const BandView<float>&, View<const float, 3>, const int64_t*,
                          View<float, 3>, float, int64_t);
template bool mel_inverse(const BandView<double>&, View<const double, 3>, const int64_t*,
                          View<double, 3>, double, int64_t);

}  // namespace lapped::cpu::LAPPED_ISA
