// SPDX-License-Identifier: Apache-2.0
// The adjoint of the short-time Fourier transform: what a change of each sample does to a weighted
// sum of the spectrum.
#include "cpu/adjoint.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {

template <class T>
bool stft_adjoint(const StftView<T>& plan, View<const Complex<T>, 3> spectrum,
                  const int64_t* lengths, View<T, 2> out) {
  const AdjointFactors<T> factors(plan);
  const auto count = [&](int64_t row) {
    return frame_count(plan.framing, lengths ? lengths[row] : out.shape[1]);
  };
  return add_up(
      plan, out, lengths, [&](Carver& carver) { return carver.take<Cvec<T>>(plan.bins); },
      [&](int64_t row, int64_t t, Cvec<T>* bins, Cvec<T>* z) {
        from_spectrum(plan, spectrum, row, t, count(row), bins, z,
                      [&](int64_t k, Cvec<T> bin)
                          LAPPED_LAMBDA { return scaled(bin, splat(factors.at(k))); });
      });
}

template bool stft_adjoint(const StftView<float>&, View<const Complex<float>, 3>, const int64_t*,
                           View<float, 2>);
template bool stft_adjoint(const StftView<double>&, View<const Complex<double>, 3>, const int64_t*,
                           View<double, 2>);

}  // namespace lapped::cpu::LAPPED_ISA
