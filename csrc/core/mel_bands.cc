// SPDX-License-Identifier: Apache-2.0
#include "core/mel_bands.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace lapped {

MelBands::MelBands(const double* filters, int64_t bands, int64_t bins)
    : band_count_(bands), bin_count_(bins) {
  find_segments(filters);
  fill(filters, float_);
  fill(filters, double_);
}

// lower_band_[k] is the lower of the (at most two) bands of bin k, never falling with k; starts_
// are the first bins by lower band.
void MelBands::find_segments(const double* filters) {
  starts_.assign(band_count_ + 1, 0);
  lower_band_.assign(bin_count_, 0);
  int32_t lower = -1, end = 0;
  for (int64_t k = 0; k < bin_count_; ++k) {
    int32_t first = -1, last = -1;
    for (int32_t m = 0; m < band_count_; ++m)
      if (filters[m * bin_count_ + k] != 0) {
        if (first < 0) first = m;
        last = m;
      }
    if (first < 0) {
      lower_band_[k] = std::max(lower, 0);
      continue;
    }
    const int32_t own = last > first     ? first
                        : first <= lower ? lower
                                         : first;  // a band alone may be the upper one
    if (last - first > 1 || own < lower || last > own + 1)
      throw std::invalid_argument(
          "filters: bin " + std::to_string(k) +
          " must lie in at most two neighbouring bands, in the order of the bins");
    for (int32_t m = lower + 1; m <= own; ++m) starts_[m] = static_cast<int32_t>(k);
    lower = own;
    lower_band_[k] = own;
    end = static_cast<int32_t>(k) + 1;
  }
  for (int32_t m = lower + 1; m <= band_count_; ++m) starts_[m] = end;
}

template <class T>
void MelBands::fill(const double* filters, Tables<T>& tables) const {
  const auto weight = [&](int64_t m, int64_t k) {
    return m < band_count_ ? filters[m * bin_count_ + k] : 0.0;
  };
  for (int64_t k = 0; k < bin_count_; ++k) {
    const double lower = weight(lower_band_[k], k), upper = weight(lower_band_[k] + 1, k),
                 sum = lower + upper;
    tables.weights.push_back({static_cast<T>(lower), static_cast<T>(upper)});
    tables.sums.push_back({static_cast<T>(sum), static_cast<T>(sum > 0 ? 1 / sum : 0)});
    tables.shares.push_back(
        {static_cast<T>(sum > 0 ? lower / sum : 0), static_cast<T>(sum > 0 ? upper / sum : 0)});
  }
  for (int64_t m = 0; m < band_count_; ++m) {
    double sum = 0;
    for (int64_t k = 0; k < bin_count_; ++k) sum += weight(m, k);
    tables.inverse_sum.push_back(static_cast<T>(sum > 0 ? 1 / sum : 0));
  }
}

template <class T>
BandView<T> MelBands::view_of(const Tables<T>& t) const {
  return {band_count_,   bin_count_,      starts_.data(),      t.weights.data(),
          t.sums.data(), t.shares.data(), t.inverse_sum.data()};
}

template <>
BandView<float> MelBands::view<float>() const {
  return view_of(float_);
}

template <>
BandView<double> MelBands::view<double>() const {
  return view_of(double_);
}

}  // namespace lapped
