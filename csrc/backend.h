// SPDX-License-Identifier: Apache-2.0
// The seam: what a device can do. Each function's contract stands here once; cpu/backend.cc and the
// files of cuda/ fulfil it.
//
// Every function fills `out` and nothing else, for any strides. Rows of a batch are independent:
// lengths, frames and samples (null, or one number a row, in host memory) cut each row to its own
// size, and what lies past it in `out` is 0. Throws std::bad_alloc when work memory cannot be had,
// and std::runtime_error when the device refuses.
#pragma once
#include <cstddef>
#include <functional>

#include "core/mel_bands.h"
#include "core/options.h"
#include "core/spectral_loss.h"
#include "core/stft_plan.h"
#include "core/view.h"

namespace lapped {

// The device of one call. On the CPU the kernels have work memory of their own.
struct Cpu {};

// Kernels are queued on the stream and nothing is waited for. Views point into the device's memory;
// work memory is allocated on the stream, and the caller's again once the call returns.
struct Cuda {
  int index;
  void* stream;  // a cudaStream_t
  std::function<void*(size_t)> allocate;
};

template <class Device>
struct Backend {
  // out[b, k, t] = sum_s window[s] x[b, t hop + s - pad_left] exp(-2 pi i k s / n_fft)
  template <class T>
  static void stft(const Device&, const StftPlan&, const Signals& x, const int64_t* lengths,
                   View<Complex<T>, 3> out);

  // The adjoint of stft as a real linear map: the sum of out x is that of Re(conj(spectrum)
  // stft(x)) for every x. A sample gets what all places get where padding repeats it.
  template <class T>
  static void stft_adjoint(const Device&, const StftPlan&, View<const Complex<T>, 3> spectrum,
                           const int64_t* lengths, View<T, 2> out);

  // sqrt(|stft|^2 + eps)
  template <class T>
  static void magnitude(const Device&, const StftPlan&, const Signals& x, const int64_t* lengths,
                        View<T, 3> out, double eps);

  // |stft|^2
  template <class T>
  static void power(const Device&, const StftPlan&, const Signals& x, const int64_t* lengths,
                    View<T, 3> out);

  // The least-squares inverse: overlap-added windowed inverse transforms over the sum of squared
  // windows; 0 where no window reaches.
  template <class T>
  static void istft(const Device&, const StftPlan&, View<const Complex<T>, 3> spectrum,
                    const int64_t* frames, const int64_t* samples, View<T, 2> out);

  // The adjoint of istft likewise: the sum of Re(conj(out) X) is that of signal istft(X) for every
  // X.
  template <class T>
  static void istft_adjoint(const Device&, const StftPlan&, View<const T, 2> signal,
                            const int64_t* frames, const int64_t* samples, View<Complex<T>, 3> out);

  // The gradient with respect to x of the sum of weights (|stft|^2 + eps)^(exponent / 2); bins
  // where |stft|^2 + eps is 0 add nothing.
  template <class T>
  static void power_gradient(const Device&, const StftPlan&, const Signals& x,
                             const int64_t* lengths, View<const T, 3> weights, View<T, 2> out,
                             double exponent, double eps);

  // compress(filters (|stft|^2 + eps)^(exponent / 2))
  template <class T>
  static void mel(const Device&, const StftPlan&, const MelBands&, const Signals& x,
                  const int64_t* lengths, View<T, 3> out, const MelOptions&);

  // The gradient with respect to x of the sum of weights filters (|stft|^2 + eps)^(exponent / 2).
  template <class T>
  static void mel_gradient(const Device&, const StftPlan&, const MelBands&, const Signals& x,
                           const int64_t* lengths, View<const T, 3> weights, View<T, 2> out,
                           double exponent, double eps);

  // compress(filters magnitude^exponent)
  template <class T>
  static void project(const Device&, const MelBands&, View<const T, 3> magnitude,
                      const int64_t* frames, View<T, 3> out, const MelOptions&);

  // Energies >= 0 that compress to the given features; what floor and range cut off is lost.
  template <class T>
  static void decompress(const Device&, View<const T, 3> features, View<T, 3> out,
                         const Compression&);

  // Magnitudes whose projection (without compression) is near mel.
  template <class T>
  static void mel_inverse(const Device&, const MelBands&, View<const T, 3> mel,
                          const int64_t* frames, View<T, 3> out, double exponent,
                          int64_t iterations);

  // A signal whose magnitudes are near the given ones. phase counts where options.start is kGiven.
  template <class T>
  static void griffin_lim(const Device&, const StftPlan&, View<const T, 3> magnitude,
                          const int64_t* frames, const int64_t* samples,
                          View<const Complex<T>, 3> phase, View<T, 2> out,
                          const GriffinLimOptions&);

  // The same held to mel bands: every iteration moves its own magnitudes to mel, the given
  // magnitudes being only where it starts.
  template <class T>
  static void mel_griffin_lim(const Device&, const StftPlan&, const MelBands&,
                              View<const T, 3> magnitude, View<const T, 3> mel,
                              const int64_t* frames, const int64_t* samples, View<T, 2> out,
                              double exponent, const GriffinLimOptions&);

  // out[b] = 10 log10(sum (|stft(x)| - magnitude)^2 / sum magnitude^2); -inf where both are equal.
  template <class T>
  static void spectral_convergence(const Device&, const StftPlan&, View<const T, 3> magnitude,
                                   const Signals& x, const int64_t* lengths, View<double, 1> out);

  // Values of x as core/spectral_loss.h lays them out: blocks of frames x values x frames. The two
  // inner axes of such views are contiguous.
  template <class T>
  static void spectral_values(const Device&, const StftPlan&, const SpectralValues&,
                              const Signals& x, const int64_t* lengths, View<T, 4> out);

  // out[b] = the sums over row b's values and those of its target, logarithms squared or absolute.
  template <class T>
  static void spectral_loss(const Device&, const StftPlan&, const SpectralValues&, const Signals& x,
                            const int64_t* lengths, View<const T, 4> target, View<double, 2> out,
                            bool squared_logs);

  // The gradient with respect to x of the sum of factors times those sums. Bins at the floor add
  // nothing, nor do absolute differences of 0.
  template <class T>
  static void spectral_loss_gradient(const Device&, const StftPlan&, const SpectralValues&,
                                     const Signals& x, const int64_t* lengths,
                                     View<const T, 4> target, View<const double, 2> factors,
                                     View<T, 2> out, bool squared_logs);
};

}  // namespace lapped
