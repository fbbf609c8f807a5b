// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/synthesis.h: from spectra to samples.
//
// Block b (hop samples) is the sum over q of samples [q hop, (q+1) hop) of frame b - q. A tile of
// frames completes its first `frames` blocks; what it gives to later ones is carried over to the
// next tile. Every sum takes its frames in their order from 0 on, so that its bits do not depend on
// where a range of blocks begins.
#pragma once
#include "cuda/analysis.cuh"

namespace lapped::cuda {

// Sums that are carried from a tile to the next; work memory holds those that come and those that
// go.
constexpr int64_t carried_length(const Framing& f) { return f.n_fft - block_rows(f); }

template <class T>
int64_t carry_bytes(const Framing& f) {
  return aligned(2 * carried_length(f) * int64_t{sizeof(T)});
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

// Samples s, and s + 1 where E is complex, of an inverse transform.
template <class E, class T, class Fft>
LAPPED_INLINE E samples_of(const Plan<T>& plan, const Fft& fft, const Cx<T>* z, int s) {
  if constexpr (sizeof(E) > sizeof(T)) {
    return z[fft.placed(s / 2)];
  } else {
    if (!Fft::kEven && !plan.half_length) return z[fft.placed(s)].re;
    const Cx<T> pair = z[fft.placed(s / 2)];
    return s % 2 ? pair.im : pair.re;
  }
}

template <class T>
LAPPED_INLINE T add_product(T sum, T a, T b) {
  return sum + a * b;
}
template <class T>
LAPPED_INLINE Cx<T> add_product(Cx<T> sum, Cx<T> a, Cx<T> b) {
  return {sum.re + a.re * b.re, sum.im + a.im * b.im};
}

// consume(q, r, sum) for place r of each of the tile's own blocks q; `going` <- what its first
// `count` frames give to later ones. `coming` is what the tile before gave, or null. E is a sample,
// or two neighbours as one complex number.
template <class E, class T, class Fft, class Consume>
LAPPED_INLINE void add_frames(const Tile<T>& tile, const Fft& fft, int count, const T* coming,
                              T* going, Consume consume) {
  constexpr int kEach = sizeof(E) / sizeof(T);
  const Plan<T>& plan = tile.plan;
  const int n_fft = static_cast<int>(plan.framing.n_fft),
            rows = static_cast<int>(block_rows(plan.framing)), carried = n_fft - rows,
            step = static_cast<int>(blockDim.x) * kEach, blocks = step / rows,
            rest = step - blocks * rows;
  int i = static_cast<int>(threadIdx.x) * kEach, q = i / rows, r = i - q * rows;
  while (i < tile.shape.frames * rows + carried) {
    E sum{};
    if (coming && i < carried) sum = *reinterpret_cast<const E*>(coming + i);
    int s = r, f = q;
    while (f > 0 && s + rows < n_fft) s += rows, --f;  // to the first frame that reaches here
    const Cx<T>* z = tile.frame(f);
#pragma unroll 4
    for (; f <= q && f < count; ++f, s -= rows, z += tile.shape.z_stride)
      sum = add_product(sum, samples_of<E>(plan, fft, z, s),
                        table(reinterpret_cast<const E*>(plan.synthesis_window + s)));
    if (q < tile.shape.frames)
      consume(q, r, sum);
    else
      *reinterpret_cast<E*>(going + i - tile.shape.frames * rows) = sum;
    i += step, q += blocks, r += rest;
    if (r >= rows) r -= rows, ++q;
  }
}

// consume(b, r, at, sum) for every sample r < hop of blocks [from, to) of a signal of `frames`
// frames; `at` is its place in the padded signal. fill(t) makes of the tile's z what fft.inverse
// takes, for frames t and later of those.
template <class T, class Fft, class Fill, class Consume>
LAPPED_INLINE void synthesise(const Tile<T>& tile, const Fft& fft, T* carry, int64_t frames,
                              int64_t from, int64_t to, Fill fill, Consume consume) {
  const Framing& framing = tile.plan.framing;
  const int width = tile.shape.frames, rows = static_cast<int>(block_rows(framing)),
            hop = static_cast<int>(framing.hop),
            carried = static_cast<int>(carried_length(framing)),
            f = static_cast<int>(threadIdx.x) / fft.threads,
            g = static_cast<int>(threadIdx.x) - f * fft.threads;
  const int64_t reach = from - frame_blocks(framing) + 1;
  T *coming = nullptr, *going = carry;
  for (int64_t t = reach < 0 ? 0 : reach; t < to; t += width) {
    const int64_t left = t < frames ? frames - t : 0;
    if (left > 0) {
      fill(t);
      fft.inverse(tile.frame(f), g);
    }
    const int count = static_cast<int>(left < width ? left : width);
    const auto give = [&](int q, int r, T sum) {
      if (t + q >= from && t + q < to) consume(t + q, r, t * hop + (q * hop + r), sum);
    };
    if (Fft::kEven && rows % 2 == 0)
      add_frames<Cx<T>>(tile, fft, count, coming, going, [&](int q, int r, Cx<T> sums) {
        give(q, r, sums.re);
        give(q, r + 1, sums.im);
      });
    else
      add_frames<T>(tile, fft, count, coming, going, give);
    for (int i = threadIdx.x; i < width * (hop - rows); i += blockDim.x)  // gaps between frames
      give(i / (hop - rows), rows + i % (hop - rows), T(0));
    __syncthreads();
    coming = going;
    going = going == carry ? carry + carried : carry;
  }
}

}  // namespace lapped::cuda
