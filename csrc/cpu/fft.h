// SPDX-License-Identifier: Apache-2.0
// Transforms of `lanes` frames at once, one a lane. Element i of the work array is {real parts,
// imaginary parts}; see core/fft_plan.h.
//
// Whoever uses a spectrum finishes one of its parts (fft_parts), works on it while it lies in the
// first-level cache, and goes on to the next. Samples are turned into lanes and back a tile of
// lanes x lanes at a time, next to the butterflies that use them: a copy of the whole signal in
// another layout would not stay in that cache.
#pragma once
#include "core/shared_legs.h"
#include "core/stft_plan.h"
#include "cpu/simd.h"

namespace lapped::cpu {

// Frames as they overlap in a signal: the one of lane l begins at samples + l * stride.
template <class T>
struct Frames {
  const T* samples;
  int64_t stride;
};

// Of stages; as vector registers have room.
constexpr Radices kRadices = LAPPED_VECTOR_BYTES == 64 ? Radices::kSixteen : Radices::kFour;

static constexpr int64_t carried_length(const Framing& f) {
  return LAPPED_VECTOR_BYTES == kSharingBytes ? kFramesBeyond * block_rows(f) : 0;
}

// Where windowed samples of frames add up: span_length samples, of which the first `lanes` blocks
// of block_rows samples are complete, and what frames that share their samples leave for the blocks
// after these, by sample. Then `blocks` has the complete ones alone, of any memory, and times
// `factor`, a block's, where there is one.
template <class T>
struct FrameSums {
  T* blocks;
  T* carried;
  const T* factor = nullptr;
};

}  // namespace lapped::cpu

namespace lapped::cpu::LAPPED_ISA {

// First stage of the windowed frames, and the rest of one part.
template <class T>
void start_forward(const StftView<T>& plan, const Frames<T>& frames, T* work);
template <class T>
void finish_forward(const FftView<T>& fft, int64_t part, T* work);

// The mirror image: all but the last inverse stage of one part, then the last of all, whose
// windowed samples complete the next `lanes` blocks; lanes from `count` on do not exist. Spoils the
// work array.
template <class T>
void start_inverse(const FftView<T>& fft, int64_t part, T* work);
template <class T>
void finish_inverse(const StftView<T>& plan, T* work, int64_t count, const FrameSums<T>& sums);

// Whether blocks are written and not added to: frames share their samples.
template <class T>
bool completes_blocks(const StftView<T>& plan);

// Sums before the first frame.
template <class T>
void clear(const StftView<T>& plan, const FrameSums<T>& sums);

}  // namespace lapped::cpu::LAPPED_ISA
