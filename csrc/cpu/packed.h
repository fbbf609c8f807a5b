// SPDX-License-Identifier: Apache-2.0
// Spectra of one row as iterations read them again and again: one vector of frames after the other.
#pragma once
#include "cpu/real_fft.h"
#include "cpu/scratch.h"
#include "cpu/tile.h"

namespace lapped::cpu {
namespace {

template <class T>
int64_t vectors_of(int64_t frames) {
  return (frames + kLanes<T> - 1) / kLanes<T>;
}

enum class Scaling { kNone, kUnitPeak };

// Magnitudes of one row as the iteration reads them: [vector of frames][bin, in the order of
// each_visit][lane], zero in idle lanes. kUnitPeak scales by a power of two so that the largest
// lies in [1, 2): squares of quiet spectra stay normal, and scaling the input scales the output
// exactly.
template <class T>
class PackedMagnitude {
 public:
  PackedMagnitude(const StftView<T>& plan, const T* magnitude, int64_t bin_stride,
                  int64_t frame_stride, int64_t frames, Scaling scaling)
      : bins_(plan.bins),
        vectors_(vectors_of<T>(frames)),
        memory_(static_cast<size_t>((vectors_ + 1) * bins_) * sizeof(Vec<T>)),
        data_(reinterpret_cast<Vec<T>*>(memory_.data())) {
    if (!data_) return;
    Vec<T>* const by_bin = data_ + vectors_ * bins_;
    for (int64_t g = 0; g < vectors_; ++g) {
      read_lanes(magnitude, bins_, bin_stride, frame_stride, g * kLanes<T>, frames - g * kLanes<T>,
                 by_bin);
      Vec<T>* to = data_ + g * bins_;
      each_visit(plan, [&](int64_t k) { *to++ = by_bin[k]; });
    }
    if (scaling == Scaling::kUnitPeak) normalise();
  }
  bool ok() const { return data_; }
  const Vec<T>* frames_from(int64_t t) const { return data_ + t / kLanes<T> * bins_; }
  T scale() const { return scale_; }  // original = scale * packed

 private:
  void normalise() {
    constexpr T infinity = __builtin_inf();
    Vec<T> peaks{};
    for (int64_t i = 0; i < vectors_ * bins_; ++i)
      peaks = data_[i] > peaks && data_[i] < infinity ? data_[i] : peaks;
    T peak = 0;
    for (int l = 0; l < kLanes<T>; ++l) peak = peaks[l] > peak ? peaks[l] : peak;
    if (!(peak >= kTiny<T>)) return;
    constexpr int largest = sizeof(T) == 4 ? 126 : 1022;  // beyond, the inverse is denormal
    const int own = __builtin_ilogb(static_cast<double>(peak)),
              exponent = own < largest ? own : largest;
    scale_ = static_cast<T>(__builtin_ldexp(1.0, exponent));
    const T inverse = static_cast<T>(__builtin_ldexp(1.0, -exponent));
    for (int64_t i = 0; i < vectors_ * bins_; ++i) data_[i] = data_[i] * inverse;
  }

  int64_t bins_, vectors_;
  Buffer memory_;  // and room for one vector of frames by bin
  Vec<T>* data_;
  T scale_ = 1;
};

// Bands of one row times `factor`: [vector of frames][band][lane], zero in idle lanes.
template <class T>
class PackedBands {
 public:
  PackedBands(const T* mel, int64_t bands, int64_t band_stride, int64_t frame_stride,
              int64_t frames, T factor)
      : bands_(bands),
        memory_(static_cast<size_t>(vectors_of<T>(frames) * bands + 1) * sizeof(Vec<T>)),
        data_(reinterpret_cast<Vec<T>*>(memory_.data())) {
    if (!data_) return;
    for (int64_t t = 0; t < frames; t += kLanes<T>) {
      Vec<T>* const to = data_ + t / kLanes<T> * bands;
      read_lanes(mel, bands, band_stride, frame_stride, t, frames - t, to);
      for (int64_t m = 0; m < bands; ++m) to[m] = to[m] * factor;
    }
  }
  bool ok() const { return data_; }
  const Vec<T>* frames_from(int64_t t) const { return data_ + t / kLanes<T> * bands_; }

 private:
  int64_t bands_;
  Buffer memory_;
  Vec<T>* data_;
};

}  // namespace
}  // namespace lapped::cpu
