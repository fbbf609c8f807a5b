// SPDX-License-Identifier: Apache-2.0
// Magnitudes from mel bands by multiplicative expectation-maximisation (Richardson 1972, Lucy 1974)
// of B = A x, x >= 0:
//   x_k <- x_k g_k (1 + g_k) / 2,   g_k = sum_m a_mk r_m / sum_m a_mk,   r_m = min(B_m / sum_k a_mk
//   x_k, 8),
// from the start x_k = sum_m (a_mk / sum_m' a_m'k) B_m / sum_k' a_mk'. The classic step is x_k g_k;
// near the solution (1 + g) / 2 is sqrt(g), which halves the iterations needed. One pass over the
// bins does both halves of a step: a bin's new value at once feeds the band sums of the next. A bin
// that no band covers is 0.
#include "cpu/analysis.h"
#include "cpu/bands.h"
#include "cpu/compressor.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// Keeps the squared gain of a badly wrong bin in bounds.
template <class T>
constexpr T kLargestRatio = T(8);

template <class T>
struct InversionScratch {
  Vec<T>* bands;   // B
  Vec<T>* ratios;  // r, and one 0 above the last band
  Vec<T>* bins;    // x
  T* tile;         // bins x frames
  InversionScratch(const BandView<T>& bank, int64_t tile_frames, Carver& carver)
      : bands(carver.take<Vec<T>>(bank.band_count)),
        ratios(carver.take<Vec<T>>(bank.band_count + 1)),
        bins(carver.take<Vec<T>>(bank.bin_count)),
        tile(carver.take<T>(bank.bin_count * tile_frames)) {}
};

// x_k <- update(x_k, g_k) for all bins in bands, and the ratios of the new x; bins in no band stay.
template <class T, class Update>
LAPPED_INLINE void pass(const BandView<T>& bank, const InversionScratch<T>& s, Update update) {
  Vec<T> from_below{}, ratio = s.ratios[0];
  for (int64_t m = 0; m < bank.band_count; ++m) {
    const Vec<T> next_ratio = s.ratios[m + 1];
    BandSums<T> sums;
    for (int32_t k = bank.starts[m]; k < bank.starts[m + 1]; ++k) {
      const Vec<T> gain = ratio * bank.shares[k].lower + next_ratio * bank.shares[k].upper;
      const Vec<T> value = update(s.bins[k], gain);
      s.bins[k] = value;
      sums.add(value, bank.weights[k]);
    }
    const Vec<T> sum = from_below + sums.lower, quotient = s.bands[m] / sum;
    s.ratios[m] = sum <= kTiny<T>               ? splat(T(0))
                  : quotient > kLargestRatio<T> ? splat(kLargestRatio<T>)
                                                : quotient;
    from_below = sums.upper;
    ratio = next_ratio;
  }
}

template <class T>
void start(const BandView<T>& bank, const InversionScratch<T>& s) {
  for (int64_t k = 0; k < bank.bin_count; ++k) s.bins[k] = Vec<T>{};
  for (int64_t m = 0; m < bank.band_count; ++m) s.ratios[m] = s.bands[m] * bank.inverse_sum[m];
  s.ratios[bank.band_count] = Vec<T>{};
  pass(bank, s, [](Vec<T>, Vec<T> gain) LAPPED_LAMBDA { return gain; });
}

template <class T>
void iterate(const BandView<T>& bank, const InversionScratch<T>& s) {
  pass(bank, s, [](Vec<T> x, Vec<T> g) LAPPED_LAMBDA { return x * (g * (g * T(0.5) + T(0.5))); });
}

}  // namespace

template <class T>
bool mel_inverse(const BandView<T>& bank, View<const T, 3> mel, const int64_t* frames,
                 View<T, 3> out, T exponent, int64_t iterations) {
  constexpr int W = kLanes<T>;
  const MagnitudePower<T> root{T(2) / exponent};
  const int64_t tile_size = tile_frames(bank.bin_count, sizeof(T), W, kTaskFrames);
  const auto count = [&](int64_t row) { return frames ? frames[row] : mel.shape[2]; };
  Carver size(nullptr);
  InversionScratch<T> unused(bank, tile_size, size);
  return each_task(mel.shape[0], out.shape[2], size.used(), count,
                   [&](int64_t row, int64_t first, int64_t valid, int64_t last, std::byte* memory) {
                     Carver carver(memory);
                     const InversionScratch<T> s(bank, tile_size, carver);
                     const T* const source = mel.data + row * mel.stride[0];
                     T* const destination = out.data + row * out.stride[0];
                     for (int64_t t0 = first; t0 < valid; t0 += tile_size) {
                       const int64_t tile_end = smaller(t0 + tile_size, valid);
                       for (int64_t t = t0; t < tile_end; t += W) {
                         read_lanes(source, bank.band_count, mel.stride[1], mel.stride[2], t,
                                    tile_end - t, s.bands);
                         start(bank, s);
                         for (int64_t i = 0; i < iterations; ++i) iterate(bank, s);
                         for (int64_t k = 0; k < bank.bin_count; ++k)
                           store(s.tile + k * tile_size + (t - t0), root(s.bins[k]));
                       }
                       write_tile(s.tile, tile_size, tile_end - t0, destination, bank.bin_count,
                                  out.stride[1], out.stride[2], t0);
                     }
                     write_zeros(last - valid, destination, bank.bin_count, out.stride[1],
                                 out.stride[2], valid);
                   });
}

template bool mel_inverse(const BandView<float>&, View<const float, 3>, const int64_t*,
                          View<float, 3>, float, int64_t);
template bool mel_inverse(const BandView<double>&, View<const double, 3>, const int64_t*,
                          View<double, 3>, double, int64_t);

}  // namespace lapped::cpu::LAPPED_ISA
