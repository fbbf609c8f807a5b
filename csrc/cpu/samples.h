// SPDX-License-Identifier: Apache-2.0
// Frames as kernels read them: where they lie in the signal itself, or in a copy where that is
// padded, of another type or not contiguous.
#pragma once
#include "core/view.h"
#include "cpu/fft.h"

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
    } else if (at >= end) {
      for (; i < count; ++i) out[i] = T(0);
    } else {
      const int64_t from = source_index(f.pad_mode, at, samples);
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
    case SampleType::kFloat16:
    case SampleType::kBfloat16:
      __builtin_unreachable();  // converted before they come here
  }
}

// Samples a copy of `lanes` frames takes. Frames that leave gaps lie side by side in it.
template <class T>
int64_t span_length(const Framing& f) {
  return (kLanes<T> - 1) * block_rows(f) + f.n_fft;
}

// A copy of frames t .. t + lanes - 1 in span.
template <class T>
Frames<T> copied_frames(const Framing& f, const Signal& x, int64_t t, T* span) {
  const int64_t p = t * f.hop - f.pad_left;
  if (f.hop < f.n_fft)
    read_padded(f, x, p, span_length<T>(f), span);
  else
    for (int64_t l = 0; l < kLanes<T>; ++l)
      read_padded(f, x, p + l * f.hop, f.n_fft, span + l * f.n_fft);
  return {span, block_rows(f)};
}

// Frames t .. t + lanes - 1; span is room for their copy.
template <class T>
Frames<T> frames_at(const Framing& f, const Signal& x, int64_t t, T* span) {
  const int64_t p = t * f.hop - f.pad_left;
  const bool in_place = x.stride == 1 && x.type == kSampleType<T> && p >= 0 &&
                        p + (kLanes<T> - 1) * f.hop + f.n_fft <= x.samples;
  if (in_place) return {static_cast<const T*>(x.data) + p, f.hop};
  return copied_frames(f, x, t, span);
}

}  // namespace
}  // namespace lapped::cpu
