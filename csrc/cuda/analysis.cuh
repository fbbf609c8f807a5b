// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/analysis.h and cpu/real_fft.h: from samples to the spectra of a tile, and how the
// threads of a block share its bins. core/stft_plan.h and cpu/real_fft.h have the formulas.
#pragma once
#include "cuda/rows.h"
#include "cuda/samples.cuh"
#include "cuda/tile.cuh"

namespace lapped::cuda {

// A batch of signals on the device.
struct Batch {
  const void* data;
  SampleType type;
  int64_t batch_stride, sample_stride;
  RowSizes lengths;

  LAPPED_INLINE Row row(int64_t b) const {
    return {data, type, b * batch_stride, lengths.of(b), sample_stride};
  }
};

inline Batch batch_of(const Cuda& device, const Signals& x, const int64_t* lengths) {
  return {x.data, x.type, x.batch_stride, x.sample_stride,
          row_sizes(device, x.samples, lengths, x.batch)};
}

// A tile of frames in a block's work memory.
template <class T>
struct Tile {
  const Plan<T>& plan;
  TileShape shape;
  Cx<T>* z;

  LAPPED_INLINE Cx<T>* frame(int f) const { return z + f * shape.z_stride; }
};

// Element i of the transform of one frame, from its windowed samples.
template <class T, class Fft, class Sample>
LAPPED_INLINE Cx<T> element_of(const Plan<T>& plan, int i, Sample sample) {
  if (!Fft::kEven && !plan.half_length) return {sample(i) * table(plan.analysis_window + i), T(0)};
  const Cx<T> w = table(reinterpret_cast<const Cx<T>*>(plan.analysis_window) + i);
  return {sample(2 * i) * w.re, sample(2 * i + 1) * w.im};
}

// Whether two samples at a time can be loaded as one complex number.
template <class T, class Fft, class S>
LAPPED_INLINE bool paired(const S* from) {
  if constexpr (Fft::kEven && std::is_same_v<S, T>)
    return reinterpret_cast<uintptr_t>(from) % sizeof(Cx<T>) == 0;
  return false;
}

// z <- spectra of frames t .. t + frames - 1 of the row, those from `count` on being 0. Begins
// where all threads are done with z, ends behind a barrier.
template <class T, class Fft>
LAPPED_INLINE void analyse(const Tile<T>& tile, const Fft& fft, const Row& x, int64_t t,
                           int64_t count) {
  const Plan<T>& plan = tile.plan;
  const Framing& framing = plan.framing;
  const int f = threadIdx.x / fft.threads, g = threadIdx.x - f * fft.threads;
  Cx<T>* const z = tile.frame(f);
  typename Fft::Registers registers;
  const int64_t first = t * framing.hop - framing.pad_left, p = first + f * framing.hop,
                last = first + (tile.shape.frames - 1) * framing.hop;
  if (t + tile.shape.frames <= count && first >= 0 && last + framing.n_fft <= x.samples &&
      x.stride == 1) {
    with_samples(x.type, x.data, [&](auto* data) {
      const auto* const from = data + x.offset + p;
      if (paired<T, Fft>(from)) {
        const auto* const pairs = reinterpret_cast<const Cx<T>*>(from);
        fft.load(registers, z, g, [&](int i) {
          const Cx<T> w = table(reinterpret_cast<const Cx<T>*>(plan.analysis_window) + i);
          return Cx<T>{pairs[i].re * w.re, pairs[i].im * w.im};
        });
      } else {
        fft.load(registers, z, g, [&](int i) {
          return element_of<T, Fft>(plan, i, [&](int s) { return real_of<T>(from[s]); });
        });
      }
    });
  } else {
    fft.load_slowly(registers, z, g, [&](int i) {
      return element_of<T, Fft>(plan, i, [&](int s) {
        return t + f < count ? padded_sample<T>(framing, x, p + s) : T(0);
      });
    });
    __syncthreads();
  }
  fft.forward(registers, z, g);
}

// Elements that hold bins p and n - p; one item of work for a thread.
template <class T>
LAPPED_INLINE int pair_count(const Plan<T>& plan) {
  return plan.half_length ? plan.n / 2 + 1 : plan.bins;
}

// The items of a thread, where the threads of a block share those of all frames of a tile: every
// step-th one of a frame. Neighbouring threads have neighbouring frames, or neighbouring items
// where `along_items`.
struct Items {
  int frame, first, step;
};

LAPPED_INLINE Items items_of(const TileShape& shape, bool along_items) {
  const int thread = static_cast<int>(threadIdx.x), by_threads = thread / shape.threads,
            by_frames = thread / shape.frames;
  if (along_items) return {by_threads, thread - by_threads * shape.threads, shape.threads};
  return {thread - by_frames * shape.frames, by_frames, shape.threads};
}

// f(frame, item) for all frames of a tile and all items.
template <class F>
LAPPED_INLINE void each_item(const TileShape& shape, int items, bool along_items, F f) {
  const Items own = items_of(shape, along_items);
  for (int i = own.first; i < items; i += own.step) f(own.frame, i);
}

// Goes along with the items of a thread that are pairs of bins: where bins p and n - p of its frame
// lie, `stride` elements from bin to bin.
template <class E>
struct PairWalk {
  E *low, *high;
  int64_t step;

  LAPPED_INLINE PairWalk(E* frame, int64_t stride, int n, const Items& own)
      : low(frame + own.first * stride),
        high(frame + (n - own.first) * stride),
        step(own.step * stride) {}
  LAPPED_INLINE void next() { low += step, high -= step; }
};

// Bins p and n - p of one frame; only the first counts where they are one, or n_fft is odd.
template <class T>
struct BinsOfPair {
  Cx<T> low, high;
  bool both;
};

template <class T>
LAPPED_INLINE bool both_bins(const Plan<T>& plan, int p) {
  return plan.half_length && p != plan.n - p;
}

// The elements of the first pair are one, and so are those of the last where n is even: the formula
// holds for all of them, so that the threads of a warp need not part.
template <class T, class Fft>
LAPPED_INLINE BinsOfPair<T> bins_of(const Plan<T>& plan, const Fft& fft, const Cx<T>* z, int p) {
  if (!plan.half_length) return {z[fft.at(p)], {}, false};
  const Cx<T> a = z[fft.at(p)], b = z[fft.at(p == 0 ? 0 : plan.n - p)], e = a + conj(b),
              t = quarter_turn<false>(times<false>(a - conj(b), table(plan.untangling + p)));
  BinsOfPair<T> x{e + t, conj(e - t), both_bins(plan, p)};
  if (p == 0) x.low.im = x.high.im = 0;
  return x;
}

// z <- elements whose inverse transform is the frame with these bins; imaginary parts of bin 0 and
// n_fft / 2 do not count, and `high` does not where there is no second bin.
template <class T, class Fft>
LAPPED_INLINE void put_bins(const Plan<T>& plan, const Fft& fft, Cx<T>* z, int p, Cx<T> low,
                            Cx<T> high) {
  if (p == 0) low.im = high.im = 0;
  if (!plan.half_length) {
    z[fft.at(p)] = low;
    if (p > 0) z[fft.at(plan.n - p)] = conj(low);
    return;
  }
  const bool both = both_bins(plan, p);
  if (!both) high = low;
  const Cx<T> e = low + conj(high),
              t = quarter_turn<true>(times<true>(low - conj(high), table(plan.untangling + p)));
  z[fft.at(p)] = e + t;
  if (both && p > 0) z[fft.at(plan.n - p)] = conj(e - t);
}

}  // namespace lapped::cuda
