// SPDX-License-Identifier: Apache-2.0
// Sums of squares behind spectral convergence.
#include "cpu/spectral_error.h"

#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {

template <class T>
bool spectral_error(const StftView<T>& plan, View<const T, 3> magnitude, const Signals& x,
                    const int64_t* lengths, View<double, 2> out) {
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
    out.data[b * out.stride[0]] = s.error;
    out.data[b * out.stride[0] + out.stride[1]] = s.reference;
  }
  return ok;
}

template bool spectral_error(const StftView<float>&, View<const float, 3>, const Signals&,
                             const int64_t*, View<double, 2>);
template bool spectral_error(const StftView<double>&, View<const double, 3>, const Signals&,
                             const int64_t*, View<double, 2>);

}  // namespace lapped::cpu::LAPPED_ISA
