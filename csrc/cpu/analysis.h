// SPDX-License-Identifier: Apache-2.0
// From samples to spectra: how a batch is cut into tasks, a task into tiles of the result, a tile
// into vectors of frames.
#pragma once
#include "cpu/parallel.h"
#include "cpu/real_fft.h"
#include "cpu/samples.h"
#include "cpu/scratch.h"
#include "cpu/tile.h"

namespace lapped::cpu {
namespace {

constexpr int64_t kTaskFrames = 64;        // a multiple of every two vectors; some 30 us of work,
constexpr int64_t kTasksWorthAThread = 2;  // of which a thread should get more than waking it costs

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// Calls f(row, first, valid, last, scratch): frames [first, valid) are the row's own, [valid, last)
// are past its end. count(row) is the row's number of frames.
template <class Count, class F>
bool each_task(int64_t batch, int64_t frames, size_t scratch_bytes, Count count, F f) {
  const int64_t per_row = (frames + kTaskFrames - 1) / kTaskFrames;
  return parallel_for(
      batch * per_row, scratch_bytes,
      [&](int64_t task, std::byte* scratch) {
        const int64_t row = task / per_row, first = task % per_row * kTaskFrames;
        const int64_t last = smaller(first + kTaskFrames, frames);
        f(row, first, larger(first, smaller(last, count(row))), last, scratch);
      },
      kTasksWorthAThread);
}

template <class T>
struct AnalysisScratch {
  T* span;
  Cvec<T>* z;
  AnalysisScratch(const StftView<T>& plan, Carver& carver)
      : span(carver.take<T>(span_length<T>(plan.framing))),
        z(carver.take<Cvec<T>>(fft_work_length(plan.fft))) {}
};

// For frames [first, last) of a signal: each(frames, t, i) for frames t .. t + lanes - 1, the i-th
// and later of their tile; then flush(t, count) when a tile's frames t .. t + count - 1 are done.
template <class T, class Each, class Flush>
LAPPED_INLINE void analyse(const StftView<T>& plan, const Signal& x, int64_t first, int64_t last,
                           AnalysisScratch<T>& scratch, int64_t tile, Each each, Flush flush) {
  for (int64_t t0 = first; t0 < last; t0 += tile) {
    const int64_t tile_end = smaller(t0 + tile, last);
    for (int64_t t = t0; t < tile_end; t += kLanes<T>)
      each(frames_at(plan.framing, x, t, scratch.span), t, t - t0);
    flush(t0, tile_end - t0);
  }
}

template <class T>
LAPPED_INLINE Vec<T> squared(Cvec<T> x) {
  return x.re * x.re + x.im * x.im;
}
template <class T>
LAPPED_INLINE Vec<T> squared(Cvec<T> x, T plus) {
  return x.re * x.re + (x.im * x.im + plus);
}

}  // namespace
}  // namespace lapped::cpu
