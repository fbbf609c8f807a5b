// SPDX-License-Identifier: Apache-2.0
// Products with a filter bank, one frame a lane. See core/mel_bands.h for the segments.
#pragma once
#include "core/mel_bands.h"
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

// What a segment's bins give to its two bands.
template <class T>
struct BandSums {
  Vec<T> lower{}, upper{};
  LAPPED_INLINE void add(Vec<T> value, const BinWeights<T>& w) {
    lower += value * w.lower;
    upper += value * w.upper;
  }
};

// done(m, sum over bins of band m's weights times values), bands in order. Two sums a segment,
// because additions wait for each other.
template <class T, class Done>
LAPPED_INLINE void project_bins(const BandView<T>& bank, const Vec<T>* values, Done done) {
  Vec<T> from_below{};  // what segment m - 1 gave to band m
  for (int64_t m = 0; m < bank.band_count; ++m) {
    BandSums<T> even, odd;
    int32_t k = bank.starts[m];
    const int32_t end = bank.starts[m + 1];
    for (; k + 2 <= end; k += 2) {
      even.add(values[k], bank.weights[k]);
      odd.add(values[k + 1], bank.weights[k + 1]);
    }
    if (k < end) even.add(values[k], bank.weights[k]);
    done(m, from_below + (even.lower + odd.lower));
    from_below = even.upper + odd.upper;
  }
}

}  // namespace
}  // namespace lapped::cpu
