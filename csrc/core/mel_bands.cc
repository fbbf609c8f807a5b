// SPDX-License-Identifier: Apache-2.0
#include "core/mel_bands.h"

namespace lapped {
namespace {

double sum_of(const double* v, int64_t count, int64_t stride) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += v[i * stride];
  return sum;
}

// The run from the first to the last non-zero of v, its values times `factor` appended to `weights`.
Band run_of(const double* v, int64_t count, int64_t stride, double factor, std::vector<double>& weights) {
  int64_t first = 0, last = count;
  while (first < count && v[first * stride] == 0) ++first;
  while (last > first && v[(last - 1) * stride] == 0) --last;
  const Band band{static_cast<int32_t>(first), static_cast<int32_t>(last - first), static_cast<int64_t>(weights.size())};
  for (int64_t i = first; i < last; ++i) weights.push_back(v[i * stride] * factor);
  return band;
}

double inverse(double sum) { return sum > 0 ? 1 / sum : 0; }

}  // namespace

MelBands::MelBands(const double* filters, int64_t bands, int64_t bins) : bin_count_(bins) {
  for (int64_t m = 0; m < bands; ++m) {
    bands_.push_back(run_of(filters + m * bins, bins, 1, 1, weights_));
    inverse_sum_.push_back(inverse(sum_of(filters + m * bins, bins, 1)));
  }
  for (int64_t k = 0; k < bins; ++k)
    columns_.push_back(run_of(filters + k, bands, bins, inverse(sum_of(filters + k, bands, bins)), shares_));
  weights32_.assign(weights_.begin(), weights_.end());
  shares32_.assign(shares_.begin(), shares_.end());
  inverse_sum32_.assign(inverse_sum_.begin(), inverse_sum_.end());
}

template <>
BandView<float> MelBands::view<float>() const {
  return {static_cast<int64_t>(bands_.size()), bin_count_, bands_.data(), weights32_.data(), columns_.data(), shares32_.data(), inverse_sum32_.data()};
}

template <>
BandView<double> MelBands::view<double>() const {
  return {static_cast<int64_t>(bands_.size()), bin_count_, bands_.data(), weights_.data(), columns_.data(), shares_.data(), inverse_sum_.data()};
}

}  // namespace lapped
