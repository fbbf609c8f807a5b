// SPDX-License-Identifier: Apache-2.0
// A filter bank as each band's run of non-zero weights: 98 % of the dense matrix is zeros.
#pragma once
#include <cstdint>
#include <vector>

namespace lapped {

// The non-zero run of a row or column.
struct Band {
  int32_t first, count;
  int64_t weight;  // offset of `count` weights
};

// What kernels read: rows of the matrix by band, and its columns by bin.
template <class T>
struct BandView {
  int64_t band_count, bin_count;
  const Band* bands;      // runs of bins
  const T* weights;
  const Band* columns;    // runs of bands
  const T* shares;        // a bin's weights divided by their sum over bands
  const T* inverse_sum;   // per band: 1 / sum of its weights, 0 for an empty band
};

class MelBands {
 public:
  // filters: bands x bins, row-major.
  MelBands(const double* filters, int64_t bands, int64_t bins);
  template <class T>
  BandView<T> view() const;

 private:
  int64_t bin_count_;
  std::vector<Band> bands_, columns_;
  std::vector<double> weights_, shares_, inverse_sum_;
  std::vector<float> weights32_, shares32_, inverse_sum32_;
};

}  // namespace lapped
