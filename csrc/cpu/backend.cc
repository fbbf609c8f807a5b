// SPDX-License-Identifier: Apache-2.0
// Backend<Cpu>: hands each call to the chosen instruction set.
#include "backend.h"

#include <algorithm>
#include <limits>
#include <new>

#include "cpu/dispatch.h"
#include "cpu/tables.h"

namespace lapped {
namespace {

template <class T>
const cpu::Kernels<T>& kernels() {
  return cpu::instruction_set().of<T>();
}

// f(view) of the values as kernels take them.
template <class T, class F>
void with_values(const SpectralValues& values, F f) {
  const BandView<T> bank = values.bank ? values.bank->view<T>() : BandView<T>{};
  const T least = std::numeric_limits<T>::min(), floor = static_cast<T>(values.floor);
  f(cpu::ValueView<T>{values.bank ? &bank : nullptr,
                      values.gains ? values.gains->squares<T>() : nullptr, std::max(floor, least)});
}

void require(bool done) {
  if (!done) throw std::bad_alloc();
}

}  // namespace

template <>
template <class T>
void Backend<Cpu>::stft(const Cpu&, const StftPlan& plan, const Signals& x, const int64_t* lengths,
                        View<Complex<T>, 3> out) {
  require(kernels<T>().stft(cpu::tables_of<T>(plan), x, lengths, out));
}

template <>
template <class T>
void Backend<Cpu>::magnitude(const Cpu&, const StftPlan& plan, const Signals& x,
                             const int64_t* lengths, View<T, 3> out, double eps) {
  require(kernels<T>().magnitude(cpu::tables_of<T>(plan), x, lengths, out, static_cast<T>(eps)));
}

template <>
template <class T>
void Backend<Cpu>::power(const Cpu&, const StftPlan& plan, const Signals& x, const int64_t* lengths,
                         View<T, 3> out) {
  require(kernels<T>().power(cpu::tables_of<T>(plan), x, lengths, out));
}

template <>
template <class T>
void Backend<Cpu>::istft(const Cpu&, const StftPlan& plan, View<const Complex<T>, 3> spectrum,
                         const int64_t* frames, const int64_t* samples, View<T, 2> out) {
  require(kernels<T>().istft(cpu::tables_of<T>(plan), spectrum, frames, samples, out));
}

template <>
template <class T>
void Backend<Cpu>::stft_adjoint(const Cpu&, const StftPlan& plan,
                                View<const Complex<T>, 3> spectrum, const int64_t* lengths,
                                View<T, 2> out) {
  require(kernels<T>().stft_adjoint(cpu::tables_of<T>(plan), spectrum, lengths, out));
}

template <>
template <class T>
void Backend<Cpu>::istft_adjoint(const Cpu&, const StftPlan& plan, View<const T, 2> signal,
                                 const int64_t* frames, const int64_t* samples,
                                 View<Complex<T>, 3> out) {
  require(kernels<T>().istft_adjoint(cpu::tables_of<T>(plan), signal, frames, samples, out));
}

template <>
template <class T>
void Backend<Cpu>::power_gradient(const Cpu&, const StftPlan& plan, const Signals& x,
                                  const int64_t* lengths, View<const T, 3> weights, View<T, 2> out,
                                  double exponent, double eps) {
  require(kernels<T>().power_gradient(cpu::tables_of<T>(plan), x, lengths, weights, out, exponent,
                                      eps));
}

template <>
template <class T>
void Backend<Cpu>::mel_gradient(const Cpu&, const StftPlan& plan, const MelBands& bank,
                                const Signals& x, const int64_t* lengths, View<const T, 3> weights,
                                View<T, 2> out, double exponent, double eps) {
  require(kernels<T>().mel_gradient(cpu::tables_of<T>(plan), bank.view<T>(), x, lengths, weights,
                                    out, exponent, eps));
}

template <>
template <class T>
void Backend<Cpu>::mel(const Cpu&, const StftPlan& plan, const MelBands& bank, const Signals& x,
                       const int64_t* lengths, View<T, 3> out, const MelOptions& options) {
  require(kernels<T>().mel(cpu::tables_of<T>(plan), bank.view<T>(), x, lengths, out, options));
}

template <>
template <class T>
void Backend<Cpu>::project(const Cpu&, const MelBands& bank, View<const T, 3> magnitude,
                           const int64_t* frames, View<T, 3> out, const MelOptions& options) {
  require(kernels<T>().project(bank.view<T>(), magnitude, frames, out, options));
}

template <>
template <class T>
void Backend<Cpu>::mel_inverse(const Cpu&, const MelBands& bank, View<const T, 3> mel,
                               const int64_t* frames, View<T, 3> out, double exponent,
                               int64_t iterations) {
  require(kernels<T>().mel_inverse(bank.view<T>(), mel, frames, out, static_cast<T>(exponent),
                                   iterations));
}

template <>
template <class T>
void Backend<Cpu>::griffin_lim(const Cpu&, const StftPlan& plan, View<const T, 3> magnitude,
                               const int64_t* frames, const int64_t* samples,
                               View<const Complex<T>, 3> phase, View<T, 2> out,
                               const GriffinLimOptions& options) {
  require(kernels<T>().griffin_lim(cpu::tables_of<T>(plan), magnitude, nullptr, frames, samples,
                                   phase, out, options));
}

template <>
template <class T>
void Backend<Cpu>::mel_griffin_lim(const Cpu&, const StftPlan& plan, const MelBands& bank,
                                   View<const T, 3> magnitude, View<const T, 3> mel,
                                   const int64_t* frames, const int64_t* samples, View<T, 2> out,
                                   double exponent, const GriffinLimOptions& options) {
  const cpu::MelConstraint<T> constraint{bank.view<T>(), mel, static_cast<T>(exponent)};
  require(kernels<T>().griffin_lim(cpu::tables_of<T>(plan), magnitude, &constraint, frames, samples,
                                   {}, out, options));
}

template <>
template <class T>
void Backend<Cpu>::spectral_convergence(const Cpu&, const StftPlan& plan,
                                        View<const T, 3> magnitude, const Signals& x,
                                        const int64_t* lengths, View<double, 1> out) {
  require(kernels<T>().spectral_convergence(cpu::tables_of<T>(plan), magnitude, x, lengths, out));
}

template <>
template <class T>
void Backend<Cpu>::decompress(const Cpu&, View<const T, 3> features, View<T, 3> out,
                              const Compression& compression) {
  require(kernels<T>().decompress(features, out, compression));
}

template <>
template <class T>
void Backend<Cpu>::spectral_values(const Cpu&, const StftPlan& plan, const SpectralValues& values,
                                   const Signals& x, const int64_t* lengths, View<T, 4> out) {
  with_values<T>(values, [&](const cpu::ValueView<T>& v) {
    require(kernels<T>().spectral_values(cpu::tables_of<T>(plan), v, x, lengths, out));
  });
}

template <>
template <class T>
void Backend<Cpu>::spectral_loss(const Cpu&, const StftPlan& plan, const SpectralValues& values,
                                 const Signals& x, const int64_t* lengths, View<const T, 4> target,
                                 View<double, 2> out, bool squared_logs) {
  with_values<T>(values, [&](const cpu::ValueView<T>& v) {
    require(kernels<T>().spectral_loss(cpu::tables_of<T>(plan), v, x, lengths, target, out,
                                       squared_logs));
  });
}

template <>
template <class T>
void Backend<Cpu>::spectral_loss_gradient(const Cpu&, const StftPlan& plan,
                                          const SpectralValues& values, const Signals& x,
                                          const int64_t* lengths, View<const T, 4> target,
                                          View<const double, 2> factors, View<T, 2> out,
                                          bool squared_logs) {
  with_values<T>(values, [&](const cpu::ValueView<T>& v) {
    require(kernels<T>().spectral_loss_gradient(cpu::tables_of<T>(plan), v, x, lengths, target,
                                                factors, out, squared_logs));
  });
}

#define LAPPED_INSTANTIATE(T)                                                                      \
  template void Backend<Cpu>::stft(const Cpu&, const StftPlan&, const Signals&, const int64_t*,    \
                                   View<Complex<T>, 3>);                                           \
  template void Backend<Cpu>::magnitude(const Cpu&, const StftPlan&, const Signals&,               \
                                        const int64_t*, View<T, 3>, double);                       \
  template void Backend<Cpu>::power(const Cpu&, const StftPlan&, const Signals&, const int64_t*,   \
                                    View<T, 3>);                                                   \
  template void Backend<Cpu>::istft(const Cpu&, const StftPlan&, View<const Complex<T>, 3>,        \
                                    const int64_t*, const int64_t*, View<T, 2>);                   \
  template void Backend<Cpu>::stft_adjoint(const Cpu&, const StftPlan&, View<const Complex<T>, 3>, \
                                           const int64_t*, View<T, 2>);                            \
  template void Backend<Cpu>::istft_adjoint(const Cpu&, const StftPlan&, View<const T, 2>,         \
                                            const int64_t*, const int64_t*, View<Complex<T>, 3>);  \
  template void Backend<Cpu>::power_gradient(const Cpu&, const StftPlan&, const Signals&,          \
                                             const int64_t*, View<const T, 3>, View<T, 2>, double, \
                                             double);                                              \
  template void Backend<Cpu>::mel_gradient(const Cpu&, const StftPlan&, const MelBands&,           \
                                           const Signals&, const int64_t*, View<const T, 3>,       \
                                           View<T, 2>, double, double);                            \
  template void Backend<Cpu>::mel(const Cpu&, const StftPlan&, const MelBands&, const Signals&,    \
                                  const int64_t*, View<T, 3>, const MelOptions&);                  \
  template void Backend<Cpu>::project(const Cpu&, const MelBands&, View<const T, 3>,               \
                                      const int64_t*, View<T, 3>, const MelOptions&);              \
  template void Backend<Cpu>::mel_inverse(const Cpu&, const MelBands&, View<const T, 3>,           \
                                          const int64_t*, View<T, 3>, double, int64_t);            \
  template void Backend<Cpu>::griffin_lim(                                                         \
      const Cpu&, const StftPlan&, View<const T, 3>, const int64_t*, const int64_t*,               \
      View<const Complex<T>, 3>, View<T, 2>, const GriffinLimOptions&);                            \
  template void Backend<Cpu>::mel_griffin_lim(                                                     \
      const Cpu&, const StftPlan&, const MelBands&, View<const T, 3>, View<const T, 3>,            \
      const int64_t*, const int64_t*, View<T, 2>, double, const GriffinLimOptions&);               \
  template void Backend<Cpu>::spectral_convergence(const Cpu&, const StftPlan&, View<const T, 3>,  \
                                                   const Signals&, const int64_t*,                 \
                                                   View<double, 1>);                               \
  template void Backend<Cpu>::spectral_values(const Cpu&, const StftPlan&, const SpectralValues&,  \
                                              const Signals&, const int64_t*, View<T, 4>);         \
  template void Backend<Cpu>::spectral_loss(const Cpu&, const StftPlan&, const SpectralValues&,    \
                                            const Signals&, const int64_t*, View<const T, 4>,      \
                                            View<double, 2>, bool);                                \
  template void Backend<Cpu>::spectral_loss_gradient(                                              \
      const Cpu&, const StftPlan&, const SpectralValues&, const Signals&, const int64_t*,          \
      View<const T, 4>, View<const double, 2>, View<T, 2>, bool);                                  \
  template void Backend<Cpu>::decompress(const Cpu&, View<const T, 3>, View<T, 3>,                 \
                                         const Compression&);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
