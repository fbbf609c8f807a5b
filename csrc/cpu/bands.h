// SPDX-License-Identifier: Apache-2.0
// Products with a filter bank, one frame a lane. See core/mel_bands.h for the segments.
#pragma once
#include "core/mel_bands.h"
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

// done(sum over bins of a band's weights times values) for each band in turn.
template <class T, class Done>
LAPPED_INLINE void project_bins(const BandView<T>& bank, const Vec<T>* values, Done done) {
  const int32_t* start = bank.starts;
  const int32_t* const last = start + bank.band_count;
  const Vec<T>* value = values + *start;
  const BinWeights<T>* weights = bank.weights + *start;
  Vec<T> given{};  // what the segment before gives to this band
  while (start != last) {
    Vec<T> sum = given;
    given = Vec<T>{};
    for (const Vec<T>* const end = values + *++start; value != end; ++value, ++weights) {
      const Vec<T> v = kept(*value);
      sum += v * weights->lower;
      given += v * weights->upper;
    }
    done(sum);
  }
}

}  // namespace
}  // namespace lapped::cpu
