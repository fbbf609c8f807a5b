// SPDX-License-Identifier: Apache-2.0
// How far the magnitudes of a signal are from given ones.
#pragma once
#include "cpu/analysis.h"
#include "cpu/packed.h"

namespace lapped::cpu {
namespace {

struct Squares {
  double error = 0, reference = 0;
};

inline double decibels(const Squares& s) {
  constexpr double infinity = __builtin_inf();
  if (s.error == 0) return -infinity;
  return s.reference == 0 ? infinity : 10 * __builtin_log10(s.error / s.reference);
}

// Sums over bins and frames of (|X| - S)^2 and S^2; per frame first, then in the order of the
// frames whatever the tasks.
template <class T>
bool error_of(const StftView<T>& plan, const PackedMagnitude<T>& packed, int64_t frames,
              const Signal& x, Squares& result) {
  constexpr int W = kLanes<T>;
  const Buffer memory(static_cast<size_t>(larger(1, (frames + W) * 2)) * sizeof(double));
  auto* const error = reinterpret_cast<double*>(memory.data());
  if (!error) return false;
  double* const reference = error + frames + W;
  Carver size(nullptr);
  AnalysisScratch<T> unused(plan, size);
  const auto count = [&](int64_t) { return frames; };
  const bool complete = each_task(
      1, frames, size.used(), count,
      [&](int64_t, int64_t first, int64_t last, int64_t, std::byte* scratch_memory) {
        Carver carver(scratch_memory);
        AnalysisScratch<T> scratch(plan, carver);
        analyse(
            plan, x, first, last, scratch, kTaskFrames,
            [&](const Frames<T>& own, int64_t t, int64_t) {
              const Vec<T>* magnitude = packed.frames_from(t);
              Vec<T> e{}, s{};
              each_bin(plan, own, scratch.z, [&](int64_t, Cvec<T> bin) LAPPED_LAMBDA {
                const Vec<T> target = *magnitude++, d = square_root(squared(bin)) - target;
                e += d * d;
                s += target * target;
              });
              for (int l = 0; l < W; ++l) {
                error[t + l] = e[l];
                reference[t + l] = s[l];
              }
            },
            [](int64_t, int64_t) {});
      });
  for (int64_t t = 0; t < frames; ++t) {
    result.error += error[t];
    result.reference += reference[t];
  }
  return complete;
}

}  // namespace
}  // namespace lapped::cpu
