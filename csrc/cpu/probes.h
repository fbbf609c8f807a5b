// SPDX-License-Identifier: Apache-2.0
// What the machine can do at most, with the instructions of one set: the floors under every time
// that the benchmark takes. Each does its work `repeats` times; the caller holds the clock.
#pragma once
#include <cstdint>

#include "core/stft_plan.h"
#include "core/view.h"

namespace lapped::cpu {

template <class T>
struct Probes {
  // Multiplies and adds in registers alone. Returns the number of both.
  int64_t (*multiply_add)(int64_t repeats);
  // Vector loads and stores, as kernels move data. Lengths are equal, strides 1.
  void (*copy)(View<const T, 1> from, View<T, 1> to, int64_t repeats);
  // Real transforms of one vector of windowed frames that never leaves the cache: the stages of the
  // complex transform, or those and the untangling into bins. Returns the number of
  // frames, 0 when work memory could not be had.
  int64_t (*stages)(const StftView<T>&, int64_t repeats);
  int64_t (*bins)(const StftView<T>&, int64_t repeats);
};

}  // namespace lapped::cpu
