// SPDX-License-Identifier: Apache-2.0
// Largest values, found by many blocks: floating-point numbers as integers of the same order, whose
// atomic maximum does not depend on who comes first.
#pragma once
#include <bit>

#include "cuda/complex.cuh"
#include "cuda/launch.h"

namespace lapped::cuda {

template <class T>
struct Ordered;

template <>
struct Ordered<float> {
  using Key = int;
  static constexpr Key key(float v) {  // of the host, too
    const int bits = std::bit_cast<int>(v);
    return bits < 0 ? bits ^ 0x7fffffff : bits;
  }
  static LAPPED_INLINE float value(Key k) { return __int_as_float(k < 0 ? k ^ 0x7fffffff : k); }
};

template <>
struct Ordered<double> {
  using Key = long long;
  static constexpr Key key(double v) {
    const long long bits = std::bit_cast<long long>(v);
    return bits < 0 ? bits ^ 0x7fffffffffffffffLL : bits;
  }
  static LAPPED_INLINE double value(Key k) {
    return __longlong_as_double(k < 0 ? k ^ 0x7fffffffffffffffLL : k);
  }
};

template <class T>
using Key = typename Ordered<T>::Key;

// The largest of what the threads of a block have seen; NaN is nobody's peak.
template <class T>
struct BlockPeak {
  Key<T>* shared;  // one for the block
  Key<T> own = Ordered<T>::key(-kInfinity<T>);

  LAPPED_INLINE void see(T v) {
    if (v == v && Ordered<T>::key(v) > own) own = Ordered<T>::key(v);
  }
  // Raises *to to it. All threads call it.
  LAPPED_INLINE void publish(Key<T>* to) {
    if (threadIdx.x == 0) *shared = Ordered<T>::key(-kInfinity<T>);
    __syncthreads();
    atomicMax(shared, own);
    __syncthreads();
    if (threadIdx.x == 0) atomicMax(to, *shared);
    own = Ordered<T>::key(-kInfinity<T>);
  }
};

template <class E>
__global__ void fill_kernel(E* out, int64_t count, E value) {
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * blockDim.x)
    out[i] = value;
}

template <class E>
void fill(const Cuda& device, E* out, int64_t count, E value) {
  launch(device, fill_kernel<E>, blocks_for(count), kThreads, 0, out, count, value);
}

}  // namespace lapped::cuda
