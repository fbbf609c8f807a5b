// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/synthesis.h: from spectra to samples.
//
// Block b (hop samples) is the sum over q of samples [q hop, (q+1) hop) of frame b - q. A tile of
// frames adds to a ring of sums; what its first `frames` blocks then hold is complete. Every sum
// takes its frames in their order from 0 on, so that its bits do not depend on where a range of
// blocks begins.
#pragma once
#include "cuda/analysis.cuh"

namespace lapped::cuda {

// Sums of the samples that a tile of frames reaches.
constexpr int64_t ring_length(const Framing& f, int frames) {
  return (frames - 1) * block_rows(f) + f.n_fft;
}

template <class T>
int64_t ring_bytes(const Framing& f, const TileShape& shape) {
  return aligned(ring_length(f, shape.frames) * int64_t{sizeof(T)});
}

// Blocks that a block of threads completes, of `blocks` in each of `rows` signals: whole tiles, as
// few as keep the device busy, but enough that frames computed twice stay few.
inline int64_t blocks_of_task(const Cuda& device, const Framing& f, const TileShape& shape,
                              int64_t rows, int64_t blocks) {
  constexpr int64_t kTasksEach = 8;
  const int64_t tasks = limits(device.index).multiprocessors * kTasksEach,
                least = 2 * (frame_blocks(f) - 1), fair = (rows * blocks + tasks - 1) / tasks,
                wanted = fair > least ? fair : least;
  return (wanted / shape.frames + 1) * shape.frames;
}

constexpr int64_t blocks_to_cover(const Framing& f, int64_t samples) {
  return (samples + f.pad_left + f.hop - 1) / f.hop;
}

// 1 / sum of squared windows at place r of block b of a signal of `frames` frames; 0 where none
// reaches.
template <class T>
LAPPED_INLINE T inverse_envelope(const Plan<T>& plan, int64_t b, int r, int64_t frames) {
  const Framing& f = plan.framing;
  const int64_t rows = block_rows(f), overlap = frame_blocks(f) - 1;
  if (r >= rows || b >= frames + overlap || frames == 0) return 0;
  if (frames >= overlap) {
    if (b >= frames) return plan.tail_envelope[(b - frames) * rows + r];
    return b < overlap ? plan.head_envelope[b * rows + r] : plan.inverse_envelope[r];
  }
  double sum = 0;
  const int64_t last = b < overlap ? b : overlap;
  for (int64_t q = b < frames ? 0 : b - frames + 1; q <= last && q * f.hop + r < f.n_fft; ++q)
    sum += plan.squared_window[q * f.hop + r];
  return sum > plan.envelope_floor ? static_cast<T>(1 / sum) : T(0);
}

// Sample s of an inverse transform.
template <class T, class Fft>
LAPPED_INLINE T sample_of(const Plan<T>& plan, const Fft& fft, const Cx<T>* z, int s) {
  if (!Fft::kEven && !plan.half_length) return z[fft.placed(s)].re;
  const Cx<T> pair = z[fft.placed(s / 2)];
  return s % 2 ? pair.im : pair.re;
}

// ring[base + i] += samples of the tile's first `count` frames.
template <class T, class Fft>
LAPPED_INLINE void add_frames(const Tile<T>& tile, const Fft& fft, int count, T* ring, int base) {
  const Plan<T>& plan = tile.plan;
  const int n_fft = static_cast<int>(plan.framing.n_fft),
            rows = static_cast<int>(block_rows(plan.framing)),
            length = static_cast<int>(ring_length(plan.framing, tile.shape.frames));
  for (int i = threadIdx.x; i < length; i += blockDim.x) {
    T& sum = ring[base + i < length ? base + i : base + i - length];
    for (int f = i < n_fft ? 0 : (i - n_fft) / rows + 1; f < count && f * rows <= i; ++f)
      sum +=
          sample_of(plan, fft, tile.frame(f), i - f * rows) * plan.synthesis_window[i - f * rows];
  }
}

// consume(b, r, sum) for every sample r < hop of blocks [from, to) of a signal of `frames` frames.
// fill(t) makes of the tile's z what fft.inverse takes, for frames t and later of those.
template <class T, class Fft, class Fill, class Consume>
LAPPED_INLINE void synthesise(const Tile<T>& tile, const Fft& fft, T* ring, int64_t frames,
                              int64_t from, int64_t to, Fill fill, Consume consume) {
  const Framing& framing = tile.plan.framing;
  const int width = tile.shape.frames, rows = static_cast<int>(block_rows(framing)),
            hop = static_cast<int>(framing.hop),
            length = static_cast<int>(ring_length(framing, width)), f = threadIdx.x / fft.threads,
            g = threadIdx.x - f * fft.threads;
  const int64_t reach = from - frame_blocks(framing) + 1;
  __syncthreads();  // of the range before
  for (int i = threadIdx.x; i < length; i += blockDim.x) ring[i] = 0;
  int base = 0;
  for (int64_t t = reach < 0 ? 0 : reach; t < to; t += width) {
    if (t < frames) {
      fill(t);
      fft.inverse(tile.frame(f), g);
      add_frames(tile, fft, static_cast<int>(frames - t < width ? frames - t : width), ring, base);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < width * hop; i += blockDim.x) {
      const int block = i / hop, r = i - block * hop, at = base + block * rows + r;
      T* const sum = r < rows ? ring + (at < length ? at : at - length) : nullptr;
      if (t + block >= from && t + block < to) consume(t + block, r, sum ? *sum : T(0));
      if (sum) *sum = 0;
    }
    base += width * rows;
    if (base >= length) base -= length;
  }
}

}  // namespace lapped::cuda
