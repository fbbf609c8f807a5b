// SPDX-License-Identifier: Apache-2.0
// Sizes of the rows of a batch, as kernels read them.
#pragma once
#include "cuda/launch.h"

namespace lapped::cuda {

// One number for all rows, or one for each in device memory.
struct RowSizes {
  int64_t all;
  const int64_t* each;

  LAPPED_INLINE int64_t of(int64_t row) const { return each ? each[row] : all; }
};

// `each` (null, or one number a row in host memory) for kernels. The numbers travel as arguments of
// a kernel, which may be captured, and need no host memory afterwards.
RowSizes row_sizes(const Cuda& device, int64_t all, const int64_t* each, int64_t rows);

}  // namespace lapped::cuda
