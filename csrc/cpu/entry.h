// SPDX-License-Identifier: Apache-2.0
// The functions that every instruction set defines under its own namespace; kernels.cc puts them in
// a table.
#pragma once
#include "cpu/kernels.h"

namespace lapped::cpu::LAPPED_ISA {

template <class T>
bool stft(const StftView<T>&, const Signals&, const int64_t* lengths, View<Complex<T>, 3> out);
template <class T>
bool magnitude(const StftView<T>&, const Signals&, const int64_t* lengths, View<T, 3> out, T eps);
template <class T>
bool power(const StftView<T>&, const Signals&, const int64_t* lengths, View<T, 3> out);
template <class T>
bool istft(const StftView<T>&, View<const Complex<T>, 3> spectrum, const int64_t* frames,
           const int64_t* samples, View<T, 2> out);
template <class T>
bool stft_adjoint(const StftView<T>&, View<const Complex<T>, 3> spectrum, const int64_t* lengths,
                  View<T, 2> out);
template <class T>
bool istft_adjoint(const StftView<T>&, View<const T, 2> signal, const int64_t* frames,
                   const int64_t* samples, View<Complex<T>, 3> out);
template <class T>
bool power_gradient(const StftView<T>&, const Signals&, const int64_t* lengths,
                    View<const T, 3> weights, View<T, 2> out, double exponent, double eps);
template <class T>
bool mel_gradient(const StftView<T>&, const BandView<T>&, const Signals&, const int64_t* lengths,
                  View<const T, 3> weights, View<T, 2> out, double exponent, double eps);
template <class T>
bool mel(const StftView<T>&, const BandView<T>&, const Signals&, const int64_t* lengths,
         View<T, 3> out, const MelOptions&);
template <class T>
bool project(const BandView<T>&, View<const T, 3> magnitude, const int64_t* frames, View<T, 3> out,
             const MelOptions&);
template <class T>
bool mel_inverse(const BandView<T>&, View<const T, 3> mel, const int64_t* frames, View<T, 3> out,
                 T exponent, int64_t iterations);
template <class T>
bool griffin_lim(const StftView<T>&, View<const T, 3> magnitude, const MelConstraint<T>*,
                 const int64_t* frames, const int64_t* samples, View<const Complex<T>, 3> phase,
                 View<T, 2> out, const GriffinLimOptions&);
template <class T>
bool spectral_convergence(const StftView<T>&, View<const T, 3> magnitude, const Signals&,
                          const int64_t* lengths, View<double, 1> out);
template <class T>
bool spectral_values(const StftView<T>&, const ValueView<T>&, const Signals&,
                     const int64_t* lengths, View<T, 4> out);
template <class T>
bool spectral_loss(const StftView<T>&, const ValueView<T>&, const Signals&, const int64_t* lengths,
                   View<const T, 4> target, View<double, 2> out, bool squared_logs);
template <class T>
bool spectral_loss_gradient(const StftView<T>&, const ValueView<T>&, const Signals&,
                            const int64_t* lengths, View<const T, 4> target,
                            View<const double, 2> factors, View<T, 2> out, bool squared_logs);
template <class T>
bool decompress(View<const T, 3> features, View<T, 3> out, const Compression&);
template <class T>
const Probes<T>& probes();

}  // namespace lapped::cpu::LAPPED_ISA
