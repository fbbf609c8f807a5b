// SPDX-License-Identifier: Apache-2.0
// Where an array lies: what crosses the seam between bindings and kernels.
#pragma once
#include <cstdint>

namespace lapped {

// Strides count elements and may be zero or negative.
template <class T, int N>
struct View {
  T* data;
  int64_t shape[N];
  int64_t stride[N];
};

template <class T>
struct Complex {
  T re, im;
};
template <class E>
struct PartOf {
  using Type = E;
};
template <class T>
struct PartOf<Complex<T>> {
  using Type = T;
};

// The half types are for devices that convert them as they load.
enum class SampleType : int { kFloat32, kFloat64, kInt16, kInt32, kFloat16, kBfloat16 };

// batch x samples, of any sample type; integers count as fractions of full scale.
struct Signals {
  const void* data;
  SampleType type;
  int64_t batch, samples;
  int64_t batch_stride, sample_stride;
};

}  // namespace lapped
