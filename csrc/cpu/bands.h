// SPDX-License-Identifier: Apache-2.0
// Products with a filter bank, one frame a lane.
#pragma once
#include "core/mel_bands.h"
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

// sum of weights times values over a run; two sums, because additions wait for each other.
template <class T>
LAPPED_INLINE Vec<T> run_product(const Band& run, const T* weights, const Vec<T>* values) {
  const T* w = weights + run.weight;
  const Vec<T>* v = values + run.first;
  Vec<T> even{}, odd{};
  int32_t i = 0;
  for (; i + 2 <= run.count; i += 2) {
    even += v[i] * w[i];
    odd += v[i + 1] * w[i + 1];
  }
  if (i < run.count) even += v[i] * w[i];
  return even + odd;
}

}  // namespace
}  // namespace lapped::cpu
