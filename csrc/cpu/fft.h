// SPDX-License-Identifier: Apache-2.0
// Transforms of `lanes` frames at once, one a lane. Element i of the work array is {real parts, imaginary parts}; see core/fft_plan.h.
#pragma once
#include "core/stft_plan.h"
#include "cpu/simd.h"

namespace lapped::cpu::LAPPED_ISA {

// work <- transforms, in the plan's order, of windowed frames whose transposed samples (cpu/samples.h) start at y.
template <class T>
void forward_frames(const StftView<T>& plan, const T* y, T* work);

// The inverse, from the plan's order to natural order, times fft.n.
template <class T>
void inverse_transform(const FftView<T>& fft, T* work);

}  // namespace lapped::cpu::LAPPED_ISA

namespace lapped::cpu {
namespace {

template <class T>
LAPPED_INLINE void forward_frames(const StftView<T>& plan, const T* y, Cvec<T>* z) {
  LAPPED_ISA::forward_frames(plan, y, reinterpret_cast<T*>(z));
}

template <class T>
LAPPED_INLINE void inverse_fft(const FftView<T>& fft, Cvec<T>* z) {
  LAPPED_ISA::inverse_transform(fft, reinterpret_cast<T*>(z));
}

}  // namespace
}  // namespace lapped::cpu
