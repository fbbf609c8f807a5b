// SPDX-License-Identifier: Apache-2.0
#include "core/stft_plan.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/shared_legs.h"

namespace lapped {
namespace {

// A window value of 1e-14 of the peak still divides well; round-off of a window's zero (1e-17) must
// not.
constexpr double kUncovered = 1e-28;

// The outermost stage's radix with which frames share their samples, or 0.
template <class T>
int sharing_radix(const Framing& f, int64_t lanes) {
  for (int radix : {8, 5, 4, 3, 2})
    if (frames_share<T>(f, radix, lanes)) return radix;
  return 0;
}

}  // namespace

double envelope(const Framing& f, const double* squared_window, int64_t row, int64_t first,
                int64_t last) {
  double sum = 0;
  for (int64_t q = first; q <= last && q * f.hop + row < f.n_fft; ++q)
    sum += squared_window[q * f.hop + row];
  return sum;
}

template <class T>
StftTables<T>::StftTables(const Framing& framing, const std::vector<double>& window, int64_t lanes,
                          Radices radices)
    : fft_(framing.n_fft % 2 ? framing.n_fft : framing.n_fft / 2, radices,
           sharing_radix<T>(framing, lanes), framing.n_fft % 2 ? 0 : lanes / 2) {
  view_.framing = framing;
  view_.fft = fft_.view();
  view_.half_length = framing.n_fft % 2 == 0;
  view_.bins = framing.n_fft / 2 + 1;
  make_windows(window);
  if (view_.half_length) make_pairs(lanes);
  make_envelopes();
}

template <class T>
void StftTables<T>::make_windows(const std::vector<double>& window) {
  const int64_t n = view_.framing.n_fft;
  const double halved = view_.half_length ? 0.5 : 1.0;
  for (double w : window) {
    analysis_window_.push_back(static_cast<T>(w * halved));
    synthesis_window_.push_back(static_cast<T>(w / static_cast<double>(n)));
    squared_window_.push_back(w * w);
  }
  view_.analysis_window = analysis_window_.data();
  view_.synthesis_window = synthesis_window_.data();
  view_.squared_window = squared_window_.data();
}

template <class T>
void StftTables<T>::make_pairs(int64_t lanes) {
  const FftView<T>& fft = view_.fft;
  const auto place = [&](int64_t k) { return static_cast<int32_t>(fft.position[k] * 2 * lanes); };
  const auto add = [&](int64_t k) {
    const double angle = std::numbers::pi * static_cast<double>(k) / static_cast<double>(fft.n);
    pairs_.push_back({place(k), place(fft.n - k), static_cast<T>(std::cos(angle)),
                      static_cast<T>(-std::sin(angle))});
  };
  each_part(fft, [](int64_t, int64_t) {}, add, [] {}, [](int64_t, int64_t) {});
  view_.pairs = pairs_.data();
}

template <class T>
void StftTables<T>::make_envelopes() {
  const Framing& f = view_.framing;
  const int64_t blocks = frame_blocks(f), rows = block_rows(f);
  const auto row_of = [&](int64_t first, int64_t last, std::vector<T>& out) {
    for (int64_t r = 0; r < rows; ++r) {
      const double sum = envelope(f, squared_window_.data(), r, first, last);
      out.push_back(sum > view_.envelope_floor ? static_cast<T>(1 / sum) : T(0));
    }
  };
  double peak = 0;
  for (int64_t r = 0; r < rows; ++r)
    peak = std::max(peak, envelope(f, squared_window_.data(), r, 0, blocks - 1));
  view_.envelope_floor = peak * kUncovered;
  row_of(0, blocks - 1, inverse_envelope_);
  for (int64_t b = 0; b + 1 < blocks; ++b) row_of(0, b, head_envelope_);
  for (int64_t b = 0; b + 1 < blocks; ++b) row_of(b + 1, blocks - 1, tail_envelope_);
  view_.inverse_envelope = inverse_envelope_.data();
  view_.head_envelope = head_envelope_.data();
  view_.tail_envelope = tail_envelope_.data();
}

StftPlan::StftPlan(const Framing& framing, std::vector<double> window)
    : framing_(framing), window_(std::move(window)) {}

template class StftTables<float>;
template class StftTables<double>;

}  // namespace lapped
