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
  if (!Fft::kEven && !plan.half_length) return {sample(i) * plan.analysis_window[i], T(0)};
  const Cx<T> w = reinterpret_cast<const Cx<T>*>(plan.analysis_window)[i];
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
          const Cx<T> w = reinterpret_cast<const Cx<T>*>(plan.analysis_window)[i];
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

// f(frame, item) for all frames of a tile and all items, shared among the threads of the block:
// neighbouring threads take neighbouring frames, or neighbouring items where `along_items`.
template <class F>
LAPPED_INLINE void each_item(const TileShape& shape, int items, bool along_items, F f) {
  const int by = along_items ? shape.threads : shape.frames, outer = threadIdx.x / by,
            inner = threadIdx.x - outer * by;
  for (int i = along_items ? inner : outer; i < items; i += shape.threads)
    f(along_items ? outer : inner, i);
}

// Bins p and n - p of one frame; only the first counts where they are one, or n_fft is odd.
template <class T>
struct BinsOfPair {
  Cx<T> low, high;
  bool both;
};

template <class T, class Fft>
LAPPED_INLINE BinsOfPair<T> bins_of(const Plan<T>& plan, const Fft& fft, const Cx<T>* z, int p) {
  if (!plan.half_length) return {z[fft.at(p)], {}, false};
  const int mirror = plan.n - p;
  const Cx<T> a = z[fft.at(p)];
  if (p == 0) return {{(a.re + a.im) * 2, T(0)}, {(a.re - a.im) * 2, T(0)}, true};
  if (p == mirror) return {scaled(conj(a), T(2)), {}, false};
  const Cx<T> b = z[fft.at(mirror)];
  const Cx<T> e = a + conj(b),
              t = quarter_turn<false>(times<false>(a - conj(b), plan.untangling[p]));
  return {e + t, conj(e - t), true};
}

// z <- elements whose inverse transform is the frame with these bins; imaginary parts of bin 0 and
// n_fft / 2 do not count.
template <class T, class Fft>
LAPPED_INLINE void put_bins(const Plan<T>& plan, const Fft& fft, Cx<T>* z, int p, Cx<T> low,
                            Cx<T> high) {
  const int mirror = plan.n - p;
  if (!plan.half_length) {
    if (p == 0) low.im = 0;
    z[fft.at(p)] = low;
    if (p > 0) z[fft.at(mirror)] = conj(low);
  } else if (p == 0) {
    z[fft.at(0)] = {low.re + high.re, low.re - high.re};
  } else if (p == mirror) {
    z[fft.at(p)] = scaled(conj(low), T(2));
  } else {
    const Cx<T> e = low + conj(high),
                t = quarter_turn<true>(times<true>(low - conj(high), plan.untangling[p]));
    z[fft.at(p)] = e + t;
    z[fft.at(mirror)] = conj(e - t);
  }
}

}  // namespace lapped::cuda
