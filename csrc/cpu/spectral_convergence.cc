// SPDX-License-Identifier: Apache-2.0
// How near the magnitudes of signals are to given ones, in decibels.
#include "cpu/spectral_convergence.h"

#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {

template <class T>
bool spectral_convergence(const StftView<T>& plan, View<const T, 3> magnitude, const Signals& x,
                          const int64_t* lengths, View<double, 1> out) {
  const FlushDenormals flush;
  bool ok = true;
  for (int64_t b = 0; b < magnitude.shape[0]; ++b) {
    const Signal signal = row_of(x, b, lengths);
    const int64_t frames = smaller(frame_count(plan.framing, signal.samples), magnitude.shape[2]);
    const PackedMagnitude<T> packed(plan, magnitude.data + b * magnitude.stride[0],
                                    magnitude.stride[1], magnitude.stride[2], frames,
                                    Scaling::kNone);
    Squares s;
    ok = packed.ok() && error_of(plan, packed, frames, signal, s) && ok;
    out.data[b * out.stride[0]] = decibels(s);
  }
  return ok;
}

template bool spectral_convergence(const StftView<float>&, View<const float, 3>, const Signals&,
                                   const int64_t*, View<double, 1>);
template bool spectral_convergence(const StftView<double>&, View<const double, 3>, const Signals&,
                                   const int64_t*, View<double, 1>);

}  // namespace lapped::cpu::LAPPED_ISA
