// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/adjoint.h, where it adds sums at padding to the samples that the padding repeats.
#include "cuda/adjoint.cuh"

namespace lapped::cuda {
namespace {

// Places first, first + step, ... < end of a row's sums at padding.
struct Images {
  int64_t first, end, step;
};

// Where padding of n samples lies a multiple of `period` away from position `at`.
struct Padded {
  Framing f;
  int64_t n;

  LAPPED_INLINE Images left(int64_t at, int64_t period) const {
    return {modulo(at + f.pad_left, period), f.pad_left, period};
  }
  LAPPED_INLINE Images right(int64_t at, int64_t period) const {
    return {f.pad_left + modulo(at - n, period), f.pad_left + f.pad_right, period};
  }
};

// f(images) for the places in padding where source_index is i: repetitions of the sample and, where
// padding mirrors, of its mirror image.
template <class F>
LAPPED_INLINE void each_images(const Padded& padded, int64_t i, F f) {
  const int64_t n = padded.n;
  const auto both = [&](int64_t at, int64_t period) {
    f(padded.left(at, period));
    f(padded.right(at, period));
  };
  switch (padded.f.pad_mode) {
    case PadMode::kConstant:
      return;
    case PadMode::kReplicate:
      if (i == 0) f(padded.left(0, 1));
      if (i == n - 1) f(padded.right(0, 1));
      return;
    case PadMode::kReflect:
      if (n == 1) return both(0, 1);
      both(i, 2 * n - 2);
      if (i > 0 && i < n - 1) both(-i, 2 * n - 2);  // an edge is its own mirror image
      return;
    case PadMode::kSymmetric:
      both(i, 2 * n);
      both(-1 - i, 2 * n);
      return;
    case PadMode::kCircular:
      return both(i, n);
  }
}

// Samples at each end of a row that padding may repeat.
constexpr int64_t end_samples(const Framing& f) {
  return 1 + (f.pad_left > f.pad_right ? f.pad_left : f.pad_right);
}

// A thread adds all that one sample gets.
template <class T>
__global__ void fold_kernel(Framing framing, AdjointOut<T> to) {
  const int64_t ends = end_samples(framing), edges = framing.pad_left + framing.pad_right,
                total = to.out.shape[0] * 2 * ends;
  for (int64_t j = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; j < total;
       j += int64_t{gridDim.x} * blockDim.x) {
    const int64_t b = j / (2 * ends), place = j - b * 2 * ends, n = to.lengths.of(b),
                  i = n <= 2 * ends || place < ends ? place : n - 2 * ends + place;
    if (i >= n) continue;
    const T* const sums = to.padding + b * edges;
    T repeated = 0;
    each_images(Padded{framing, n}, i, [&](Images images) {
      for (int64_t at = images.first; at < images.end; at += images.step) repeated += sums[at];
    });
    to.out.data[b * to.out.stride[0] + i * to.out.stride[1]] += repeated;
  }
}

}  // namespace

template <class T>
AdjointOut<T> adjoint_out(const Cuda& device, const Framing& f, View<T, 2> out, RowSizes lengths) {
  const int64_t edges = f.pad_left + f.pad_right;
  const bool repeats = edges > 0 && f.pad_mode != PadMode::kConstant;
  const int64_t reach = out.shape[1] + (repeats ? f.pad_right : 0);
  return {out, lengths, repeats ? allocate<T>(device, out.shape[0] * edges) : nullptr,
          out.shape[1] ? blocks_to_cover(f, reach) : 0, 0};
}

template <class T>
void fold_padding(const Cuda& device, const Framing& f, const AdjointOut<T>& to) {
  if (!to.padding || to.blocks == 0) return;
  launch(device, fold_kernel<T>, blocks_for(to.out.shape[0] * 2 * end_samples(f)), kThreads, 0, f,
         to);
}

#define LAPPED_INSTANTIATE(T)                                                            \
  template AdjointOut<T> adjoint_out(const Cuda&, const Framing&, View<T, 2>, RowSizes); \
  template void fold_padding(const Cuda&, const Framing&, const AdjointOut<T>&);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped::cuda
