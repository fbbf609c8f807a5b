// SPDX-License-Identifier: Apache-2.0
// Twin of the scaling in cpu/packed.h: a power of two for each row that brings its largest
// magnitude to [1, 2), so that squares of quiet spectra stay normal and scaling the input scales
// the output.
#pragma once
#include "cuda/peaks.cuh"
#include "cuda/rows.h"

namespace lapped::cuda {

template <class T>
__global__ void peak_kernel(View<const T, 3> magnitude, RowSizes frames, int64_t slices,
                            Key<T>* peaks) {
  LAPPED_SHARED_MEMORY(shared);
  BlockPeak<T> peak{reinterpret_cast<Key<T>*>(shared)};
  const int64_t bins = magnitude.shape[1];
  for (int64_t i = blockIdx.x; i < magnitude.shape[0] * slices; i += gridDim.x) {
    const int64_t b = i / slices, slice = i - b * slices, count = frames.of(b);
    for (int64_t j = slice * blockDim.x + threadIdx.x; j < bins * count; j += slices * blockDim.x) {
      const T v = magnitude.data[b * magnitude.stride[0] + j / count * magnitude.stride[1] +
                                 j % count * magnitude.stride[2]];
      if (v > 0 && v < kInfinity<T>) peak.see(v);
    }
    peak.publish(peaks + b);
  }
}

template <class T>
struct Scales {
  T* scale;
  T* inverse;
};

template <class T>
__global__ void scale_kernel(const Key<T>* peaks, int64_t rows, Scales<T> out) {
  constexpr int largest = sizeof(T) == 4 ? 126 : 1022;  // beyond, the inverse is denormal
  for (int64_t b = threadIdx.x; b < rows; b += blockDim.x) {
    const T peak = Ordered<T>::value(peaks[b]);
    const int own = peak >= kTiny<T> ? std::ilogb(peak) : 0,
              exponent = own < largest ? own : largest;
    out.scale[b] = std::ldexp(T(1), exponent);
    out.inverse[b] = std::ldexp(T(1), -exponent);
  }
}

template <class T>
Scales<T> scales_of(const Cuda& device, View<const T, 3> magnitude, RowSizes frames) {
  constexpr int64_t kSlices = 16;
  const int64_t rows = magnitude.shape[0];
  Key<T>* const peaks = allocate<Key<T>>(device, rows);
  const Scales<T> scales{allocate<T>(device, rows), allocate<T>(device, rows)};
  fill(device, peaks, rows, Ordered<T>::key(T(0)));
  launch(device, peak_kernel<T>, rows * kSlices, kThreads, int64_t{sizeof(Key<T>)}, magnitude,
         frames, kSlices, peaks);
  launch(device, scale_kernel<T>, 1, kThreads, 0, static_cast<const Key<T>*>(peaks), rows, scales);
  return scales;
}

}  // namespace lapped::cuda
