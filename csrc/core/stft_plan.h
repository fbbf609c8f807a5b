// SPDX-License-Identifier: Apache-2.0
// Everything a transform needs that depends on its parameters alone: made once, read by all
// kernels.
#pragma once
#include <cstdint>
#include <vector>

#include "core/bin_pairs.h"
#include "core/frames.h"
#include "core/kept.h"

namespace lapped {

// Real transforms of even length run as complex ones of half the length; odd lengths as complex
// with zero imaginary part.
template <class T>
struct StftView {
  Framing framing;
  FftView<T> fft;
  bool half_length;
  int64_t bins;
  const T* analysis_window;   // n_fft; halved where half_length (the untangling sums two terms)
  const T* synthesis_window;  // n_fft; divided by the transform's gain
  const BinPair<T>* pairs;    // half_length: in the order in which they are visited
  // 1 / sum of squared windows of a block (0 where nothing covers), by place in the block.
  const T* inverse_envelope;     // hop: blocks covered by all their frames
  const T* head_envelope;        // block b < frame_blocks - 1
  const T* tail_envelope;        // block frames + b
  const double* squared_window;  // n_fft
  double envelope_floor;         // sums at or below count as uncovered
};

template <class T>
class StftTables {
 public:
  StftTables(const Framing& framing, const std::vector<double>& window, int64_t lanes,
             Radices radices);
  const StftView<T>& view() const { return view_; }

 private:
  void make_windows(const std::vector<double>& window);
  void make_pairs(int64_t lanes);
  void make_envelopes();

  FftTables<T> fft_;
  StftView<T> view_{};
  std::vector<T> analysis_window_, synthesis_window_, inverse_envelope_, head_envelope_,
      tail_envelope_;
  std::vector<BinPair<T>> pairs_;
  std::vector<double> squared_window_;
};

// Sum of squared windows at place `row` of a block, over the frames at distance first .. last
// (blocks back).
double envelope(const Framing& f, const double* squared_window, int64_t row, int64_t first,
                int64_t last);

// What a transform is, and the tables that back ends have made of it.
class StftPlan {
 public:
  StftPlan(const Framing& framing, std::vector<double> window);
  const Framing& framing() const { return framing_; }
  const std::vector<double>& window() const { return window_; }
  int64_t bins() const { return framing_.n_fft / 2 + 1; }
  const Kept& kept() const { return kept_; }

 private:
  Framing framing_;
  std::vector<double> window_;
  Kept kept_;
};

}  // namespace lapped
