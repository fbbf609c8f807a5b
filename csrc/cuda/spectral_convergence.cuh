// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/spectral_convergence.h and cpu/watch.h: how far the magnitudes of signals are from
// given ones.
#pragma once
#include "cuda/analysis.cuh"

namespace lapped::cuda {

// Given magnitudes, and what kernels see of them: a row times a power of two.
template <class T>
struct Magnitudes {
  View<const T, 3> view;
  const T* inverse_scales;  // one a row, or null for 1

  LAPPED_INLINE T scale(int64_t b) const { return inverse_scales ? inverse_scales[b] : T(1); }
  LAPPED_INLINE T at(int64_t b, int64_t k, int64_t t, T scale) const {
    return view.data[b * view.stride[0] + k * view.stride[1] + t * view.stride[2]] * scale;
  }
};

struct Squares {
  double error, reference;
};

// Iterations' own view of their progress, one a row.
struct Progress {
  double previous;
  int done;  // whether the row iterates no more
};

// What becomes of the sums over a row's frames: decibels at out[b * stride], and with `progress`
// the end of rows whose ratio changed by no more than `tolerance` of itself.
struct Verdict {
  double* out;  // or null
  int64_t stride;
  Progress* progress;  // or null
  bool first;
  double tolerance;
};

// What judging takes beside its arguments; made once for all the iterations of a call.
struct Judge {
  Launch frames;
  Squares* of_frames;
};
template <class T>
Judge judge_of(const Cuda& device, const Plan<T>& plan, int64_t rows, int64_t frames);

// Sums over bins and frames of (|stft(x)| - magnitude)^2 and magnitude^2, per frame first, then in
// the order of the frames.
template <class T>
void judge(const Cuda& device, const Judge& how, const Plan<T>& plan, const Batch& batch,
           const Magnitudes<T>& magnitudes, RowSizes frames, const Verdict& verdict);

}  // namespace lapped::cuda
