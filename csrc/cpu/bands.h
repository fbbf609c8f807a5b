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

// The transpose: to[k] = sum over bands of a bin's weights times bands; bands has room for one
// more.
template <class T>
LAPPED_INLINE void spread_bands(const BandView<T>& bank, Vec<T>* bands, Vec<T>* to) {
  bands[bank.band_count] = Vec<T>{};
  const int32_t first = bank.starts[0], end = bank.starts[bank.band_count];
  for (int64_t k = 0; k < first; ++k) to[k] = Vec<T>{};
  for (int64_t m = 0; m < bank.band_count; ++m)
    for (int32_t k = bank.starts[m]; k < bank.starts[m + 1]; ++k)
      to[k] = bands[m] * bank.weights[k].lower + bands[m + 1] * bank.weights[k].upper;
  for (int64_t k = end; k < bank.bin_count; ++k) to[k] = Vec<T>{};
}

}  // namespace
}  // namespace lapped::cpu
