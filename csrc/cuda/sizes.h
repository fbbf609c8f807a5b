// SPDX-License-Identifier: Apache-2.0
// THE list of frame lengths with kernels of their own, in single precision: n_fft, frames of a
// tile, threads of a frame, radices of the transform of n_fft / 2 points. Every other length takes
// the general transform.
#pragma once

#define LAPPED_FIXED_SIZES(X) \
  X(400, 32, 10, 10, 20)      \
  X(512, 16, 16, 16, 16)      \
  X(1024, 16, 16, 16, 32)     \
  X(1600, 8, 20, 20, 40)      \
  X(1920, 4, 120, 8, 10, 12)  \
  X(2048, 8, 32, 32, 32)      \
  X(4096, 4, 128, 16, 16, 8)
