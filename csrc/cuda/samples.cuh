// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/samples.h: samples as kernels read them, of any type, padded.
#pragma once
#include "core/frames.h"
#include "cuda/complex.cuh"

namespace lapped::cuda {

template <class T>
LAPPED_INLINE T real_of(float v) {
  return static_cast<T>(v);
}
template <class T>
LAPPED_INLINE T real_of(double v) {
  return static_cast<T>(v);
}
template <class T>
LAPPED_INLINE T real_of(int16_t v) {
  return static_cast<T>(v) * T(0x1p-15);
}
template <class T>
LAPPED_INLINE T real_of(int32_t v) {
  return static_cast<T>(v) * T(0x1p-31);
}
template <class T>
LAPPED_INLINE T real_of(__half v) {
  return static_cast<T>(__half2float(v));
}
template <class T>
LAPPED_INLINE T real_of(__nv_bfloat16 v) {
  return static_cast<T>(__bfloat162float(v));
}

template <class T>
constexpr SampleType kSampleType = sizeof(T) == 4 ? SampleType::kFloat32 : SampleType::kFloat64;

// f(p) with `data` as a pointer to its type.
template <class F>
LAPPED_INLINE void with_samples(SampleType type, const void* data, F f) {
  switch (type) {
    case SampleType::kFloat32:
      return f(static_cast<const float*>(data));
    case SampleType::kFloat64:
      return f(static_cast<const double*>(data));
    case SampleType::kInt16:
      return f(static_cast<const int16_t*>(data));
    case SampleType::kInt32:
      return f(static_cast<const int32_t*>(data));
    case SampleType::kFloat16:
      return f(static_cast<const __half*>(data));
    case SampleType::kBfloat16:
      return f(static_cast<const __nv_bfloat16*>(data));
  }
}

// One row of a batch, cut to its own length.
struct Row {
  const void* data;
  SampleType type;
  int64_t offset;  // of the row, in samples
  int64_t samples, stride;
};

// Sample at position p of the padded row.
template <class T>
LAPPED_INLINE T padded_sample(const Framing& f, const Row& x, int64_t p) {
  if (p >= x.samples + f.pad_right) return 0;
  const int64_t i = source_index(f.pad_mode, p, x.samples);
  if (i < 0) return 0;
  T value = 0;
  with_samples(x.type, x.data,
               [&](auto* data) { value = real_of<T>(data[x.offset + i * x.stride]); });
  return value;
}

}  // namespace lapped::cuda
