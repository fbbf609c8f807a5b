// SPDX-License-Identifier: Apache-2.0
// Between the samples of frames in a signal and the lanes of the work array: windows, and
// transposes of lanes x lanes tiles, which need no second copy of the signal.
#pragma once
#include "cpu/fft.h"

namespace lapped::cpu {
namespace {

// Places `stride` apart for each lane. Of any four, addresses are a base and a multiple that the
// processor's addressing has.
template <class P>
struct LanePointers {
  P base;
  int64_t one, three;
  LAPPED_INLINE LanePointers(P first, int64_t stride)
      : base(first), one(stride), three(3 * stride) {}
  LAPPED_INLINE P operator[](int l) const {
    const P four = base + (l / 4) * 4 * one;
    return l % 4 == 3 ? four + three : four + (l % 4) * one;
  }
};

// f(l, place + l * stride) for l < Count, four addresses at a time: the compiler would work them
// all out before a loop and, having no room for them, put vectors on the stack. Returns the place
// after.
template <int Count, class P, class F>
LAPPED_INLINE P each_place(P place, int64_t stride, F f) {
  const int64_t three = 3 * stride;
#pragma GCC unroll 16
  for (int l = 0; l < Count; l += 4) {
    f(l, place);
    if (l + 1 < Count) f(l + 1, place + stride);
    if (l + 2 < Count) f(l + 2, place + 2 * stride);
    if (l + 3 < Count) f(l + 3, place + three);
    place += 4 * stride;
    asm("" : "+r"(place));
  }
  return place;
}

// Samples s .. s + lanes - 1 of each frame, windowed: to[i] = sample s + i of all frames.
template <class T>
LAPPED_INLINE void read_tile(const StftView<T>& plan, const Frames<T>& frames, int64_t s,
                             Vec<T>* to) {
  constexpr int W = kLanes<T>;
  const Vec<T> window = load(plan.analysis_window + s);
  Vec<T> v[W];
  each_place<W>(frames.samples + s, frames.stride,
                [&](int l, const T* from) LAPPED_LAMBDA { v[l] = load(from) * window; });
  transpose<T>(v);
#pragma GCC unroll 16
  for (int i = 0; i < W; ++i) to[i] = v[i];
}

// Samples from .. to of a tile that begins at s, where not all lanes or samples count.
template <class T>
__attribute__((noinline)) void add_samples(const StftView<T>& plan, Vec<T>* tile, int64_t s,
                                           int64_t from, int64_t to, int64_t count, T* sums) {
  transpose<T>(tile);
  const T* const window = plan.synthesis_window + s;
  const int64_t stride = block_rows(plan.framing);
  for (int64_t l = 0; l < count; ++l)
    for (int64_t i = from; i < to; ++i) sums[l * stride + s + i] += tile[l][i] * window[i];
}

// The reverse of read_tile: samples s .. s + lanes - 1 of `count` frames, the first `skip` of them
// done, added to the sums of blocks.
template <class T>
LAPPED_INLINE void add_tile(const StftView<T>& plan, Vec<T>* v, int64_t s, int64_t skip,
                            int64_t count, T* sums) {
  constexpr int W = kLanes<T>;
  if (skip > 0 || count < W) return add_samples(plan, v, s, skip, W, count, sums);
  const LanePointers to(sums + s, block_rows(plan.framing));
  const Vec<T> window = load(plan.synthesis_window + s);
  transpose<T>(v);
#pragma GCC unroll 16
  for (int l = 0; l < W; ++l) {
    T* const p = to[l];
    store(p, load(p) + v[l] * window);
  }
}

// Windowed samples, all at once, in natural order.
template <class T>
void read_frames(const StftView<T>& plan, const Frames<T>& frames, Cvec<T>* z) {
  constexpr int W = kLanes<T>;
  const int64_t n = plan.framing.n_fft;
  const auto element = [&](int64_t s) -> Vec<T>& {
    return plan.half_length ? reinterpret_cast<Vec<T>*>(z)[s] : z[s].re;
  };
  for (int64_t s = 0; s < n; s += W) {
    Vec<T> v[W];
    const int64_t at = s + W <= n ? s : n - W;
    if (at >= 0)
      read_tile(plan, frames, at, v);
    else
      for (int64_t i = 0; i < n; ++i)
        for (int l = 0; l < W; ++l)
          v[i][l] = frames.samples[l * frames.stride + i] * plan.analysis_window[i];
    const int64_t first = at < 0 ? 0 : at;
    for (int64_t i = first; i < n && i < first + W; ++i) element(i) = v[i - first];
  }
  if (!plan.half_length)
    for (int64_t i = 0; i < n; ++i) z[i].im = Vec<T>{};
}

template <class T>
void add_frames(const StftView<T>& plan, const Cvec<T>* z, int64_t frames, T* sums) {
  constexpr int W = kLanes<T>;
  const int64_t n = plan.framing.n_fft;
  for (int64_t s = 0; s < n; s += W) {
    Vec<T> v[W] = {};
    const int64_t count = n - s < W ? n - s : W;
    for (int64_t i = 0; i < count; ++i)
      v[i] = plan.half_length ? reinterpret_cast<const Vec<T>*>(z)[s + i] : z[s + i].re;
    if (count == W)
      add_tile(plan, v, s, 0, frames, sums);
    else
      add_samples(plan, v, s, 0, count, frames, sums);
  }
}

}  // namespace
}  // namespace lapped::cpu
