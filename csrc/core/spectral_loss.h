// SPDX-License-Identifier: Apache-2.0
// What a spectral loss compares, and how its values lie in memory.
#pragma once
#include <cstdint>
#include <type_traits>
#include <vector>

#include "core/kept.h"
#include "core/mel_bands.h"

namespace lapped {

// Values of a row are laid out [frames / 16][value][frames % 16]: a vector of frames is a run in
// memory whatever the instruction set.
constexpr int64_t kValueFrames = 16;

static constexpr int64_t value_blocks(int64_t frames) {
  return (frames + kValueFrames - 1) / kValueFrames;
}

// Sums over the values v of a row and those of its target t, in this order: (v - t)^2, t^2, |v - t|
// and |ln v - ln t| or its square. Values that are 0 in both differ by nothing.
constexpr int64_t kLossSums = 4;

// Squared gain of every bin: what a filter in front of the transform would do.
class BinGains {
 public:
  explicit BinGains(const std::vector<double>& gains) {
    for (const double g : gains) double_.push_back(g * g);
    float_.assign(double_.begin(), double_.end());
  }
  int64_t bin_count() const { return static_cast<int64_t>(double_.size()); }
  template <class T>
  const T* squares() const {
    if constexpr (std::is_same_v<T, float>)
      return float_.data();
    else
      return double_.data();
  }
  const Kept& kept() const { return kept_; }

 private:
  std::vector<double> double_;
  std::vector<float> float_;
  Kept kept_;
};

// Values are sqrt(max(|gain X|^2, floor)) of the bins, or what the filters of a bank make of them.
struct SpectralValues {
  const MelBands* bank;   // or null
  const BinGains* gains;  // or null
  double floor;           // above 0
  int64_t count(int64_t bins) const { return bank ? bank->band_count() : bins; }
};

}  // namespace lapped
