// SPDX-License-Identifier: Apache-2.0
// Transforms of `lanes` frames at once, one a lane. Element i of the work array is {real parts,
// imaginary parts}; see core/fft_plan.h.
//
// After the first stage a transform falls into `fft_parts` parts that no longer meet, part s
// holding elements k = s modulo the number of parts. Whoever uses a spectrum finishes one part,
// works on it while it lies in the first-level cache, and goes on to the next.
#pragma once
#include "core/stft_plan.h"
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

template <class T>
int64_t fft_parts(const FftView<T>& fft) {
  return fft.padded || fft.stage_count < 2 ? 1 : fft.stages[0].radix;
}

}  // namespace
}  // namespace lapped::cpu

namespace lapped::cpu::LAPPED_ISA {

// First stage of windowed frames whose transposed samples (cpu/samples.h) start at y, and the rest
// of one part.
template <class T>
void start_forward(const StftView<T>& plan, const T* y, T* work);
template <class T>
void finish_forward(const FftView<T>& fft, int64_t part, T* work);

// The mirror image: all but the last inverse stage of one part, then the last of all. Natural
// order, times fft.n.
template <class T>
void start_inverse(const FftView<T>& fft, int64_t part, T* work);
template <class T>
void finish_inverse(const FftView<T>& fft, T* work);

}  // namespace lapped::cpu::LAPPED_ISA
