// SPDX-License-Identifier: Apache-2.0
// Devices as the host code of kernels sees them: what they allow, memory, and how kernels start.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "backend.h"
#include "cuda/runtime.h"

namespace lapped::cuda {

struct Limits {
  int multiprocessors;
  int64_t shared_bytes;  // that a block may ask for
};
const Limits& limits(int device);

// Throws std::runtime_error that says what failed and CUDA's reason; std::bad_alloc for memory.
void check(cudaError_t status, const char* what);

// Makes a device the current one for as long as it lives.
class Current {
 public:
  explicit Current(int device);
  ~Current();
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

 private:
  int before_ = 0;
};

// Tables in a device's memory, written once: while a stream of this thread is captured, too.
class DeviceMemory {
 public:
  DeviceMemory(int device, size_t bytes);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;
  void fill(const void* bytes);
  unsigned char* data() const { return static_cast<unsigned char*>(data_); }

 private:
  int device_;
  size_t bytes_;
  void* data_ = nullptr;
};

template <class T>
T* allocate(const Cuda& device, int64_t count) {
  return static_cast<T*>(device.allocate(static_cast<size_t>(count > 0 ? count : 1) * sizeof(T)));
}

// Starts `blocks` blocks, or fewer that take several turns: kernels loop over their work in steps
// of gridDim.
template <class... Parameters>
void launch(const Cuda& device, void (*kernel)(Parameters...), int64_t blocks, int threads,
            int64_t shared, std::type_identity_t<Parameters>... arguments) {
  constexpr int64_t kMostBlocks = 1 << 30, kSharedByDefault = 48 << 10;
  if (blocks == 0) return;
  const Current current(device.index);
  if (shared > kSharedByDefault)
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared)),
          "asking for shared memory");
  start(kernel, static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks),
        static_cast<unsigned>(threads), static_cast<size_t>(shared),
        static_cast<cudaStream_t>(device.stream), arguments...);
  check(cudaGetLastError(), "starting a kernel");
}

constexpr int kThreads = 256;  // of a block that works element by element

inline int64_t blocks_for(int64_t elements) { return (elements + kThreads - 1) / kThreads; }

}  // namespace lapped::cuda
