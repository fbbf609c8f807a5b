// SPDX-License-Identifier: Apache-2.0
#include "cpu/probes.h"

#include "cpu/analysis.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// Chains that do not wait for each other: enough for two units of latency four, and with the two
// factors they fill sixteen registers.
constexpr int kChains = 14;

template <class T>
int64_t multiply_add(int64_t repeats) {
  volatile T half = T(0.5);  // unknown to the compiler; x / 2 + 1 / 2 goes to 1
  const Vec<T> a = splat<T>(half), b = splat<T>(half);
  Vec<T> x[kChains];
#pragma GCC unroll 16
  for (int i = 0; i < kChains; ++i) x[i] = splat(T(i));  // equal chains would be merged into one
  for (int64_t r = 0; r < repeats; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) x[i] = x[i] * a + b;
  }
#pragma GCC unroll 16
  for (int i = 1; i < kChains; ++i) x[0] = x[0] + x[i];
  half = x[0][0];  // somebody reads it
  return repeats * kChains * kLanes<T> * 2;
}

template <class T>
void copy(View<const T, 1> from, View<T, 1> to, int64_t repeats) {
  constexpr int W = kLanes<T>;
  const int64_t count = to.shape[0];
  for (int64_t r = 0; r < repeats; ++r) {
    int64_t i = 0;
    for (; i + 4 * W <= count; i += 4 * W) {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) store(to.data + i + v * W, load(from.data + i + v * W));
      asm volatile("" ::: "memory");  // or the compiler calls memcpy
    }
    for (; i < count; ++i) to.data[i] = from.data[i];
  }
}

// Calls once(frames, z, bins) `repeats` times: frames, work array and room for the bins.
template <class T, class F>
int64_t in_cache(const StftView<T>& plan, int64_t repeats, F once) {
  Carver size(nullptr);
  AnalysisScratch<T> unused(plan, size);
  size.take<Vec<T>>(plan.bins);
  const Buffer memory(size.used());
  if (!memory.data()) return 0;
  Carver carver(memory.data());
  AnalysisScratch<T> scratch(plan, carver);
  Vec<T>* const bins = carver.take<Vec<T>>(plan.bins);
  for (int64_t i = 0; i < span_length<T>(plan.framing); ++i) scratch.span[i] = T(i % 7 - 3);
  const Frames<T> frames{scratch.span, block_rows(plan.framing)};
  for (int64_t r = 0; r < repeats; ++r) once(frames, scratch.z, bins);
  return repeats * kLanes<T>;
}

template <class T>
int64_t stages(const StftView<T>& plan, int64_t repeats) {
  return in_cache(plan, repeats, [&](const Frames<T>& frames, Cvec<T>* z, Vec<T>*) {
    start_forward(plan, frames, reinterpret_cast<T*>(z));
    cpu::finish_forward(plan.fft, z);
  });
}

template <class T>
int64_t bins(const StftView<T>& plan, int64_t repeats) {
  return in_cache(plan, repeats, [&](const Frames<T>& frames, Cvec<T>* z, Vec<T>* x) {
    each_bin(plan, frames, z, [=](int64_t k, Cvec<T> bin) LAPPED_LAMBDA { x[k] = squared(bin); });
  });
}

template <class T>
constexpr Probes<T> kProbes = {multiply_add<T>, copy<T>, stages<T>, bins<T>};

}  // namespace

template <class T>
const Probes<T>& probes() {
  return kProbes<T>;
}
template const Probes<float>& probes();
template const Probes<double>& probes();

}  // namespace lapped::cpu::LAPPED_ISA
