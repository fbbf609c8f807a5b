// SPDX-License-Identifier: Apache-2.0
// Samples in the layout frames are read from: y[place in hop][hop number], so that a sample of
// `lanes` consecutive frames is one load. Each sample of the signal is moved once, however much the
// frames overlap.
#pragma once
#include "core/stft_plan.h"
#include "core/view.h"
#include "cpu/scratch.h"
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

// One row of a batch, cut to its own length.
struct Signal {
  const void* data;
  SampleType type;
  int64_t samples;
  int64_t stride;
};

template <class T>
constexpr SampleType kSampleType = sizeof(T) == 4 ? SampleType::kFloat32 : SampleType::kFloat64;

template <class T>
Signal signal_of(const T* samples, int64_t count) {
  return {samples, kSampleType<T>, count, 1};
}

inline Signal row_of(const Signals& x, int64_t row, const int64_t* lengths) {
  const int64_t size = x.type == SampleType::kFloat64 ? 8 : x.type == SampleType::kInt16 ? 2 : 4;
  return {static_cast<const char*>(x.data) + row * x.batch_stride * size, x.type,
          lengths ? lengths[row] : x.samples, x.sample_stride};
}

template <class S>
constexpr double kFullScale = 1.0;
template <>
constexpr double kFullScale<int16_t> = 0x1p15;
template <>
constexpr double kFullScale<int32_t> = 0x1p31;

// out[i] = padded signal at position p + i, positions before 0 and from samples on being padding.
template <class T, class S>
void read_padded(const Framing& f, const S* x, int64_t samples, int64_t stride, int64_t p,
                 int64_t count, T* out) {
  constexpr T scale = T(1 / kFullScale<S>);
  const int64_t end = samples + f.pad_right;
  for (int64_t i = 0; i < count;) {
    const int64_t at = p + i;
    if (at >= 0 && at < samples) {
      const int64_t run = samples - at < count - i ? samples - at : count - i;
      const S* from = x + at * stride;
      if (stride == 1)
        for (int64_t j = 0; j < run; ++j) out[i + j] = static_cast<T>(from[j]) * scale;
      else
        for (int64_t j = 0; j < run; ++j) out[i + j] = static_cast<T>(from[j * stride]) * scale;
      i += run;
    } else {
      const int64_t from = at < end ? source_index(f.pad_mode, at, samples) : -1;
      out[i++] = from < 0 ? T(0) : static_cast<T>(x[from * stride]) * scale;
    }
  }
}

template <class T>
void read_padded(const Framing& f, const Signal& x, int64_t p, int64_t count, T* out) {
  switch (x.type) {
    case SampleType::kFloat32:
      return read_padded(f, static_cast<const float*>(x.data), x.samples, x.stride, p, count, out);
    case SampleType::kFloat64:
      return read_padded(f, static_cast<const double*>(x.data), x.samples, x.stride, p, count, out);
    case SampleType::kInt16:
      return read_padded(f, static_cast<const int16_t*>(x.data), x.samples, x.stride, p, count,
                         out);
    case SampleType::kInt32:
      return read_padded(f, static_cast<const int32_t*>(x.data), x.samples, x.stride, p, count,
                         out);
  }
}

// y[r * row_stride + b] = from[b * pitch + r] for b < blocks (a multiple of lanes), r < rows.
template <class T>
void transpose_blocks(const T* from, int64_t pitch, int64_t blocks, int64_t rows, T* y,
                      int64_t row_stride) {
  constexpr int W = kLanes<T>;
  if (rows < W) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t b = 0; b < blocks; ++b) y[r * row_stride + b] = from[b * pitch + r];
    return;
  }
  for (int64_t b = 0; b < blocks; b += W) {
    for (int64_t r = 0; r < rows; r += W) {
      const int64_t at = r + W <= rows ? r : rows - W;  // the last tile overlaps the one before
      Vec<T> v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) v[i] = load(from + (b + i) * pitch + at);
      transpose<T>(v);
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) store(y + (at + i) * row_stride + b, v[i]);
    }
  }
}

// Work memory for the samples of one chunk of frames.
template <class T>
struct SampleBlock {
  T* span;  // padded samples, block after block, where they cannot be read in place
  T* y;

  SampleBlock(const StftView<T>& plan, Carver& carver)
      : span(carver.take<T>(plan.tiling.row_stride * block_rows(plan.framing))),
        y(carver.take<T>(plan.tiling.row_stride * block_rows(plan.framing))) {}

  // Samples of `frames` frames from `first` on (first a multiple of lanes, frames at most a chunk).
  void fill(const StftView<T>& plan, const Signal& x, int64_t first, int64_t frames) {
    const Framing& f = plan.framing;
    constexpr int W = kLanes<T>;
    const int64_t rows = block_rows(f);
    const int64_t vectors = (frames + W - 1) / W * W;  // idle lanes read too
    const int64_t blocks = (vectors + frame_blocks(f) - 1 + W - 1) / W * W;
    const int64_t p = first * f.hop - f.pad_left;
    const bool in_place = x.stride == 1 && x.type == kSampleType<T> && p >= 0 &&
                          p + (blocks - 1) * f.hop + rows <= x.samples;
    if (in_place)
      return transpose_blocks(static_cast<const T*>(x.data) + p, f.hop, blocks, rows, y,
                              plan.tiling.row_stride);
    if (rows == f.hop)
      read_padded(f, x, p, blocks * rows, span);
    else
      for (int64_t b = 0; b < blocks; ++b) read_padded(f, x, p + b * f.hop, rows, span + b * rows);
    transpose_blocks(span, rows, blocks, rows, y, plan.tiling.row_stride);
  }
};

}  // namespace
}  // namespace lapped::cpu
