// SPDX-License-Identifier: Apache-2.0
// THE list of frame lengths with kernels of their own, in single precision: n_fft, frames of a
// tile, threads of a frame, radices of the transform of n_fft / 2 points. Every other length takes
// the general transform.
#pragma once

#define LAPPED_FIXED_SIZES(X) \
  X(400, 8, 20, 10, 5, 4)     \
  X(512, 16, 16, 16, 16)      \
  X(1024, 8, 64, 8, 8, 8)     \
  X(1600, 4, 100, 8, 10, 10)  \
  X(1920, 4, 120, 8, 10, 12)  \
  X(2048, 4, 64, 16, 8, 8)    \
  X(4096, 4, 128, 16, 16, 8)
