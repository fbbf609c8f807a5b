// SPDX-License-Identifier: Apache-2.0
// Gradients of weighted sums of powers of the spectrum, in one pass: the spectrum of the signal is
// made again, weighted, and goes back to samples.
#include "cpu/adjoint.h"
#include "cpu/bands.h"
#include "cpu/compressor.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// Derivative of s^(exponent / 2) by the bin, over the bin: exponent s^(exponent / 2 - 1), s being
// its squared magnitude; 0 where that is 0.
template <class T, int Fixed>
LAPPED_INLINE Vec<T> slope(MagnitudePower<T, Fixed> power, Vec<T> square) {
  if (Fixed == 2) return splat(T(2));
  if (Fixed == 1) return square < kTiny<T> ? Vec<T>{} : splat(T(1)) / square_root(square);
  return raised<T>(square, power.exponent / T(2) - T(1)) * power.exponent;
}

template <class T>
struct GradientScratch {
  T* span;
  Vec<T>* weights;  // of the frames' bins
  Vec<T>* bands;    // and of their bands, where those are given
  GradientScratch(const StftView<T>& plan, int64_t band_count, Carver& carver)
      : span(carver.take<T>(span_length<T>(plan.framing))),
        weights(carver.take<Vec<T>>(plan.bins)),
        bands(carver.take<Vec<T>>(band_count)) {}
};

// out = gradient of sum weights (|stft|^2 + eps)^(exponent / 2); weigh(row, t, scratch) reads the
// weights of frames t .. t + lanes - 1.
template <class T, class Weigh>
bool gradient(const StftView<T>& plan, const Signals& x, const int64_t* lengths, View<T, 2> out,
              double exponent, double eps, int64_t band_count, Weigh weigh) {
  const AdjointFactors<T> factors(plan);
  const auto make = [&](Carver& carver) { return GradientScratch<T>(plan, band_count, carver); };
  return with_exponent(static_cast<T>(exponent), [&](auto power) {
    return add_up(plan, out, lengths, make,
                  [&, power](int64_t row, int64_t t, const GradientScratch<T>& s, Cvec<T>* z) {
                    const Frames<T> frames =
                        frames_at(plan.framing, row_of(x, row, lengths), t, s.span);
                    const T plus = static_cast<T>(eps);
                    weigh(row, t, s);
                    map_bins(plan, frames, z, [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
                      const Vec<T> weight = s.weights[k] * slope(power, squared(bin, plus));
                      return scaled(bin, weight * factors.at(k));
                    });
                  });
  });
}

// Frames of a row's own from t on.
inline int64_t frames_left(const Framing& f, const Signals& x, const int64_t* lengths, int64_t row,
                           int64_t t) {
  return frame_count(f, lengths ? lengths[row] : x.samples) - t;
}

}  // namespace

template <class T>
bool power_gradient(const StftView<T>& plan, const Signals& x, const int64_t* lengths,
                    View<const T, 3> weights, View<T, 2> out, double exponent, double eps) {
  return gradient(plan, x, lengths, out, exponent, eps, 0,
                  [&](int64_t row, int64_t t, const GradientScratch<T>& s) {
                    read_lanes(weights.data + row * weights.stride[0], plan.bins, weights.stride[1],
                               weights.stride[2], t, frames_left(plan.framing, x, lengths, row, t),
                               s.weights);
                  });
}

template <class T>
bool mel_gradient(const StftView<T>& plan, const BandView<T>& bank, const Signals& x,
                  const int64_t* lengths, View<const T, 3> weights, View<T, 2> out, double exponent,
                  double eps) {
  return gradient(plan, x, lengths, out, exponent, eps, bank.band_count + 1,
                  [&](int64_t row, int64_t t, const GradientScratch<T>& s) {
                    read_lanes(weights.data + row * weights.stride[0], bank.band_count,
                               weights.stride[1], weights.stride[2], t,
                               frames_left(plan.framing, x, lengths, row, t), s.bands);
                    spread_bands(bank, s.bands, s.weights);
                  });
}

#define LAPPED_INSTANTIATE(T)                                                        \
  template bool power_gradient(const StftView<T>&, const Signals&, const int64_t*,   \
                               View<const T, 3>, View<T, 2>, double, double);        \
  template bool mel_gradient(const StftView<T>&, const BandView<T>&, const Signals&, \
                             const int64_t*, View<const T, 3>, View<T, 2>, double, double);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped::cpu::LAPPED_ISA
