// SPDX-License-Identifier: Apache-2.0
// The names that kernels are written in: CUDA's, or those of the emulator that runs the same
// sources on the CPU (tests/emulator/cuda.h).
#pragma once
#ifdef LAPPED_EMULATED
#include "emulator/cuda.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <type_traits>

// Memory that the threads of a block share, of the size that the launch gives.
#define LAPPED_SHARED_MEMORY(name) extern __shared__ __align__(16) unsigned char name[]

namespace lapped::cuda {

template <class... Parameters>
void start(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, size_t shared,
           cudaStream_t stream, std::type_identity_t<Parameters>... arguments) {
  kernel<<<blocks, threads, shared, stream>>>(arguments...);
}

}  // namespace lapped::cuda
#endif

#define LAPPED_INLINE __device__ __forceinline__
