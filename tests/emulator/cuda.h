// SPDX-License-Identifier: Apache-2.0
// CUDA's names for a plain C++ compiler: runs the kernels of csrc/cuda on the CPU, for tests only.
//
// Blocks run one after the other; the threads of a block are fibers that change at barriers, in the
// order that LAPPED_EMULATOR_ORDER names (forward, reverse, shuffled). LAPPED_EMULATOR_BLOCKS is
// the most blocks that are started: kernels must do with fewer than they asked for. Shared memory
// is NaN when a block starts. LAPPED_EMULATOR_SKIP=<file>:<line> makes that barrier do nothing:
// results must then change, or the barrier is not needed. Device memory is host memory; streams do
// nothing.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __syncthreads() ::lapped::emulator::barrier(__FILE__, __LINE__)
#define __syncwarp() ::lapped::emulator::warp_barrier(__FILE__, __LINE__)
#define LAPPED_SHARED_MEMORY(name) unsigned char* const name = ::lapped::emulator::shared_memory()

namespace lapped::emulator {

struct Index {
  unsigned x;
};

void barrier(const char* file, int line);
void warp_barrier(const char* file, int line);
unsigned char* shared_memory();
void run(unsigned blocks, unsigned threads, size_t shared, const std::function<void()>& body);

extern Index thread, block, block_size, grid_size;

}  // namespace lapped::emulator

#define threadIdx ::lapped::emulator::thread
#define blockIdx ::lapped::emulator::block
#define blockDim ::lapped::emulator::block_size
#define gridDim ::lapped::emulator::grid_size

namespace lapped::cuda {

template <class... Parameters>
void start(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, size_t shared, void*,
           std::type_identity_t<Parameters>... arguments) {
  emulator::run(blocks, threads, shared, [&] { kernel(arguments...); });
}

}  // namespace lapped::cuda

// --- device functions ---

struct float2 {
  float x, y;
};
struct double2 {
  double x, y;
};
struct __half {
  _Float16 value;
};
struct __nv_bfloat16 {
  uint16_t bits;
};
inline float __half2float(__half v) { return static_cast<float>(v.value); }
inline float __bfloat162float(__nv_bfloat16 v) {
  const uint32_t bits = uint32_t{v.bits} << 16;
  float f;
  std::memcpy(&f, &bits, sizeof f);
  return f;
}
inline float rsqrt(float v) { return 1 / std::sqrt(v); }
inline double rsqrt(double v) { return 1 / std::sqrt(v); }
inline void sincospi(float turns, float* s, float* c) {
  *s = static_cast<float>(std::sin(M_PI * turns));
  *c = static_cast<float>(std::cos(M_PI * turns));
}
inline void sincospi(double turns, double* s, double* c) {
  *s = std::sin(M_PI * turns);
  *c = std::cos(M_PI * turns);
}
inline uint32_t __umulhi(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(uint64_t{a} * b >> 32);
}
template <class T>
T __ldg(const T* p) {
  return *p;
}
template <class T>
T atomicMax(T* p, T v) {
  const T old = *p;
  if (v > old) *p = v;
  return old;
}
inline int __float_as_int(float v) {
  int bits;
  std::memcpy(&bits, &v, sizeof v);
  return bits;
}
inline float __int_as_float(int bits) {
  float v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}
inline long long __double_as_longlong(double v) {
  long long bits;
  std::memcpy(&bits, &v, sizeof v);
  return bits;
}
inline double __longlong_as_double(long long bits) {
  double v;
  std::memcpy(&v, &bits, sizeof v);
  return v;
}

// --- the part of the runtime that csrc/cuda uses ---

using cudaStream_t = void*;
enum cudaError_t {
  cudaSuccess,
  cudaErrorMemoryAllocation = 2,
  cudaErrorNoKernelImageForDevice = 209
};
enum { cudaMemcpyHostToDevice, cudaStreamNonBlocking };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount,
  cudaDevAttrMaxSharedMemoryPerBlockOptin,
  cudaDevAttrComputeCapabilityMajor,
  cudaDevAttrComputeCapabilityMinor
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };
enum cudaStreamCaptureMode { cudaStreamCaptureModeRelaxed };

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t) { return "emulated"; }
inline cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int* version) { return *version = 1, cudaSuccess; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int) {
  *value = which == cudaDevAttrMultiProcessorCount ? 2 : 227 << 10;
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel, cudaFuncAttribute, int) {
  return cudaSuccess;
}
inline cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode*) {
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, int) {
  return *stream = nullptr, cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaMalloc(void** p, size_t bytes) {
  return (*p = std::malloc(bytes)) ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFree(void* p) { return std::free(p), cudaSuccess; }
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, int, cudaStream_t) {
  return std::memcpy(to, from, bytes), cudaSuccess;
}
