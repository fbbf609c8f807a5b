// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/adjoint.h: the way back through a transform. Frames add up without division by the
// window envelope, and what falls into the padding belongs to the samples that the padding repeats.
#pragma once
#include "cuda/synthesis.cuh"

namespace lapped::cuda {

// Factor of bins p and n - p on the way back. The inverse transform counts every bin but the first
// and last twice, where the adjoint counts each once; synthesis windows are divided by n_fft.
template <class T>
LAPPED_INLINE T adjoint_factor(const Plan<T>& plan, int p) {
  return static_cast<T>(plan.framing.n_fft) * (p == 0 ? T(1) : T(0.5));
}

// Where sums go. Padding repeats a sample at places that several blocks of threads compute: sums
// there wait in rows of their own, pad_left of them before a row's samples and pad_right after,
// until fold_padding() adds them in a fixed order.
template <class T>
struct AdjointOut {
  View<T, 2> out;
  RowSizes lengths;
  T* padding;  // or null, where padding repeats nothing
  int64_t blocks, blocks_of_task;

  // The sum at position p of the padded row.
  LAPPED_INLINE void put(const Framing& f, int64_t b, int64_t samples, int64_t p, T sum) const {
    if (p >= 0 && p < out.shape[1])
      out.data[b * out.stride[0] + p * out.stride[1]] = p < samples ? sum : T(0);
    if (!padding || (p >= 0 && p < samples) || p >= samples + f.pad_right) return;
    const int64_t place = p < 0 ? f.pad_left + p : f.pad_left + p - samples;
    padding[b * (f.pad_left + f.pad_right) + place] = sum;
  }
};

// What every frame has at each sample, added up. fill(b, t, frames) makes of the tile's z what
// fft.inverse takes, for frames t and later of the `frames` that row b has.
template <class T, class Fft, class Fill>
LAPPED_INLINE void add_up(const Tile<T>& tile, const Fft& fft, T* carry, const AdjointOut<T>& to,
                          Fill fill) {
  const Framing& f = tile.plan.framing;
  const int64_t tasks = (to.blocks + to.blocks_of_task - 1) / to.blocks_of_task;
  for (int64_t i = blockIdx.x; i < to.out.shape[0] * tasks; i += gridDim.x) {
    const int64_t b = i / tasks, from = (i - b * tasks) * to.blocks_of_task,
                  end = from + to.blocks_of_task, samples = to.lengths.of(b),
                  frames = frame_count(f, samples);
    synthesise(
        tile, fft, carry, frames, from, end < to.blocks ? end : to.blocks,
        [&](int64_t t) { fill(b, t, frames); },
        [&](int64_t, int, int64_t at, T sum) { to.put(f, b, samples, at - f.pad_left, sum); });
  }
}

// Rows of sums for fold_padding, where the padding repeats samples.
template <class T>
AdjointOut<T> adjoint_out(const Cuda& device, const Framing& f, View<T, 2> out, RowSizes lengths);
template <class T>
void fold_padding(const Cuda& device, const Framing& f, const AdjointOut<T>& to);

// start(launch, shape, maker, to) starts a kernel that calls add_up, with work_bytes(shape) of work
// memory beside what that takes.
template <class T, class Start, class Bytes>
void add_up_on(const Cuda& device, const Plan<T>& plan, View<T, 2> out, RowSizes lengths,
               Start start, Bytes work_bytes) {
  const Framing& f = plan.framing;
  AdjointOut<T> to = adjoint_out(device, f, out, lengths);
  const auto bytes = [&](const TileShape& shape) {
    return tile_bytes<T>(shape) + carry_bytes<T>(f) + work_bytes(shape);
  };
  with_transform(device, plan, bytes, [&](TileShape shape, auto maker) {
    to.blocks_of_task = blocks_of_task(device, f, shape, out.shape[0], to.blocks);
    const int64_t tasks = (to.blocks + to.blocks_of_task - 1) / to.blocks_of_task;
    const Launch how = launch_of(device, out.shape[0] * tasks, shape.block_threads(), bytes(shape));
    start(how, shape, maker, to);
  });
  fold_padding(device, f, to);
}
template <class T, class Start>
void add_up_on(const Cuda& device, const Plan<T>& plan, View<T, 2> out, RowSizes lengths,
               Start start) {
  add_up_on(device, plan, out, lengths, start, [](const TileShape&) { return int64_t{0}; });
}

}  // namespace lapped::cuda
