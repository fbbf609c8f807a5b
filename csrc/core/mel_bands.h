// SPDX-License-Identifier: Apache-2.0
// A bank of triangular filters as kernels read it: 98 % of the dense matrix is zeros, and a bin
// lies in at most two neighbouring bands.
#pragma once
#include <cstdint>
#include <vector>

#include "core/kept.h"

namespace lapped {

// Mel inversion (cpu/mel_inverse.cc has the formulas): the least factor of a step, and what a row
// of its matrix gets for bands that disagree.
constexpr double kLeastGain = 0.1, kRidge = 0.01;

// A bin's weights in the lower and the upper band of its segment.
template <class T>
struct BinWeights {
  T lower, upper;
};

// Sum of a bin's weights over all bands and its inverse, 0 for a bin in no band.
template <class T>
struct BinSum {
  T sum, inverse;
};

// Segment m, the bins of bands m and m + 1 that no earlier segment holds, is [starts[m], starts[m +
// 1]): each bin is read once and feeds both bands.
template <class T>
struct BandView {
  int64_t band_count, bin_count;
  const int32_t* starts;         // band_count + 1; bins outside all segments are in no band
  const BinWeights<T>* weights;  // bin_count
  const BinSum<T>* sums;         // bin_count
  const BinWeights<T>* shares;   // weights over their sum: how a bin is divided among its bands
  const T* inverse_sum;          // per band: 1 / sum of its weights, 0 for an empty band
};

class MelBands {
 public:
  // filters: bands x bins, row-major. Throws std::invalid_argument where a bin lies in bands that
  // are not neighbours.
  MelBands(const double* filters, int64_t bands, int64_t bins);
  template <class T>
  BandView<T> view() const;
  int64_t band_count() const { return band_count_; }
  int64_t bin_count() const { return bin_count_; }
  const Kept& kept() const { return kept_; }

 private:
  template <class T>
  struct Tables {
    std::vector<BinWeights<T>> weights, shares;
    std::vector<BinSum<T>> sums;
    std::vector<T> inverse_sum;
  };
  template <class T>
  BandView<T> view_of(const Tables<T>& tables) const;
  template <class T>
  void fill(const double* filters, Tables<T>& tables) const;
  void find_segments(const double* filters);

  int64_t band_count_, bin_count_;
  std::vector<int32_t> starts_, lower_band_;
  Tables<float> float_;
  Tables<double> double_;
  Kept kept_;
};

}  // namespace lapped
