// SPDX-License-Identifier: Apache-2.0
// No twin: on the CPU the kernels read the caller's own numbers.
#include "cuda/rows.h"

namespace lapped::cuda {
namespace {

constexpr int kChunk = 256;

struct Chunk {
  int64_t values[kChunk];
};

__global__ void write_chunk(Chunk chunk, int64_t count, int64_t* out) {
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) out[i] = chunk.values[i];
}

}  // namespace

RowSizes row_sizes(const Cuda& device, int64_t all, const int64_t* each, int64_t rows) {
  if (!each) return {all, nullptr};
  int64_t* const out = allocate<int64_t>(device, rows);
  for (int64_t from = 0; from < rows; from += kChunk) {
    const int64_t count = rows - from < kChunk ? rows - from : kChunk;
    Chunk chunk{};
    for (int64_t i = 0; i < count; ++i) chunk.values[i] = each[from + i];
    launch(device, write_chunk, 1, kChunk, 0, chunk, count, out + from);
  }
  return {all, out};
}

}  // namespace lapped::cuda
