// SPDX-License-Identifier: Apache-2.0
// The kernels of one instruction set: what cpu/*.cc define once per set, and dispatch.cc chooses
// among. Each fills memory it is given and returns false when work memory could not be had.
#pragma once
#include <cstdint>

#include "core/mel_bands.h"
#include "core/options.h"
#include "core/spectral_loss.h"
#include "core/stft_plan.h"
#include "core/view.h"
#include "cpu/probes.h"

namespace lapped::cpu {

// Mel bands that Griffin-Lim holds its magnitudes to.
template <class T>
struct MelConstraint {
  BandView<T> bank;
  View<const T, 3> mel;
  T exponent;
};

// As core/spectral_loss.h has it.
template <class T>
struct ValueView {
  const BandView<T>* bank;
  const T* gains;  // squared
  T floor;
};

template <class T>
struct Kernels {
  int lanes;
  Radices radices;  // that vector registers have room for
  bool (*stft)(const StftView<T>&, const Signals&, const int64_t* lengths, View<Complex<T>, 3> out);
  bool (*magnitude)(const StftView<T>&, const Signals&, const int64_t* lengths, View<T, 3> out,
                    T eps);
  bool (*power)(const StftView<T>&, const Signals&, const int64_t* lengths, View<T, 3> out);
  bool (*istft)(const StftView<T>&, View<const Complex<T>, 3> spectrum, const int64_t* frames,
                const int64_t* samples, View<T, 2> out);
  bool (*stft_adjoint)(const StftView<T>&, View<const Complex<T>, 3> spectrum,
                       const int64_t* lengths, View<T, 2> out);
  bool (*istft_adjoint)(const StftView<T>&, View<const T, 2> signal, const int64_t* frames,
                        const int64_t* samples, View<Complex<T>, 3> out);
  bool (*power_gradient)(const StftView<T>&, const Signals&, const int64_t* lengths,
                         View<const T, 3> weights, View<T, 2> out, double exponent, double eps);
  bool (*mel_gradient)(const StftView<T>&, const BandView<T>&, const Signals&,
                       const int64_t* lengths, View<const T, 3> weights, View<T, 2> out,
                       double exponent, double eps);
  bool (*mel)(const StftView<T>&, const BandView<T>&, const Signals&, const int64_t* lengths,
              View<T, 3> out, const MelOptions&);
  bool (*project)(const BandView<T>&, View<const T, 3> magnitude, const int64_t* frames,
                  View<T, 3> out, const MelOptions&);
  bool (*mel_inverse)(const BandView<T>&, View<const T, 3> mel, const int64_t* frames,
                      View<T, 3> out, T exponent, int64_t iterations);
  bool (*griffin_lim)(const StftView<T>&, View<const T, 3> magnitude, const MelConstraint<T>*,
                      const int64_t* frames, const int64_t* samples,
                      View<const Complex<T>, 3> phase, View<T, 2> out, const GriffinLimOptions&);
  bool (*spectral_convergence)(const StftView<T>&, View<const T, 3> magnitude, const Signals&,
                               const int64_t* lengths, View<double, 1> out);
  bool (*spectral_values)(const StftView<T>&, const ValueView<T>&, const Signals&,
                          const int64_t* lengths, View<T, 4> out);
  bool (*spectral_loss)(const StftView<T>&, const ValueView<T>&, const Signals&,
                        const int64_t* lengths, View<const T, 4> target, View<double, 2> out,
                        bool squared_logs);
  bool (*spectral_loss_gradient)(const StftView<T>&, const ValueView<T>&, const Signals&,
                                 const int64_t* lengths, View<const T, 4> target,
                                 View<const double, 2> factors, View<T, 2> out, bool squared_logs);
  bool (*decompress)(View<const T, 3> features, View<T, 3> out, const Compression&);
  const Probes<T>& (*probes)();
};

struct InstructionSet {
  const char* name;
  Kernels<float> single_precision;
  Kernels<double> double_precision;
  template <class T>
  const Kernels<T>& of() const {
    if constexpr (sizeof(T) == 4)
      return single_precision;
    else
      return double_precision;
  }
};

}  // namespace lapped::cpu
