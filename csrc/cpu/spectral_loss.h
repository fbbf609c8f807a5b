// SPDX-License-Identifier: Apache-2.0
// The values that spectral losses compare, frame by frame, and sums over their differences.
#pragma once
#include "cpu/analysis.h"
#include "cpu/bands.h"
#include "cpu/functions.h"
#include "cpu/kernels.h"

namespace lapped::cpu {
namespace {

// Squared gains of bins.
struct NoGains {
  template <class V>
  LAPPED_INLINE V times(V v, int64_t) const {
    return v;
  }
};

template <class T>
struct GivenGains {
  const T* squares;
  LAPPED_INLINE Vec<T> times(Vec<T> v, int64_t k) const { return v * squares[k]; }
};

// f(gains), so that a loop need not ask at every bin whether there are any.
template <class T, class F>
LAPPED_INLINE auto with_gains(const ValueView<T>& values, F f) {
  if (values.gains) return f(GivenGains<T>{values.gains});
  return f(NoGains{});
}

// v = sqrt(max(|gain X|^2, floor)) and its inverse, from the same operations wherever they are
// made: equal signals have equal values to the last bit.
template <class T>
struct Clamped {
  Vec<T> square, inverse;
  template <class Gains>
  LAPPED_INLINE Clamped(Cvec<T> bin, int64_t k, Gains gains, T floor) {
    const Vec<T> s = kept(gains.times(kept(squared(bin)), k));
    square = s < floor ? splat(floor) : s;  // NaN stays
    inverse = over_square_root(splat(T(1)), square);
  }
  LAPPED_INLINE Vec<T> value() const { return kept(square * inverse); }
  // The derivative of v by X, over X; 0 where the floor holds.
  template <class Gains>
  LAPPED_INLINE Vec<T> slope(int64_t k, Gains gains, T floor) const {
    return square <= floor ? Vec<T>{} : gains.times(inverse, k);
  }
};

template <class T>
struct ValueScratch {
  AnalysisScratch<T> analysis;
  Vec<T>* magnitudes;  // of bins, where values are bands
  T* sums;             // kLossSums x kTaskFrames
  ValueScratch(const StftView<T>& plan, const ValueView<T>& values, Carver& carver)
      : analysis(plan, carver),
        magnitudes(carver.take<Vec<T>>(values.bank ? plan.bins : 0)),
        sums(carver.take<T>(kLossSums * kTaskFrames)) {}
};

// emit(i, v) for each value of the frames, once.
template <class T, class Emit>
LAPPED_INLINE void each_value(const StftView<T>& plan, const ValueView<T>& values,
                              const Frames<T>& frames, const ValueScratch<T>& s, Emit emit) {
  const T floor = values.floor;
  with_gains(values, [&](auto gains) LAPPED_LAMBDA {
    if (!values.bank)
      return each_bin(plan, frames, s.analysis.z, [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
        emit(k, Clamped<T>(bin, k, gains, floor).value());
      });
    each_bin(plan, frames, s.analysis.z, [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
      s.magnitudes[k] = Clamped<T>(bin, k, gains, floor).value();
    });
    int64_t m = 0;
    project_bins(*values.bank, s.magnitudes, [&](Vec<T> sum) LAPPED_LAMBDA { emit(m++, sum); });
  });
}

// Where the values of frames t .. t + lanes - 1 begin; they are kValueFrames apart.
template <class V>
LAPPED_INLINE auto* values_from(const View<V, 4>& values, int64_t row, int64_t t) {
  return values.data + row * values.stride[0] + t / kValueFrames * values.stride[1] +
         t % kValueFrames;
}

template <class T>
LAPPED_INLINE Vec<T> log_ratio(Vec<T> v, Vec<T> t) {
  return t < kTiny<T> ? Vec<T>{} : log_of_positive<T>(v / t);
}

// Values whose sums are made together: rounding grows with their number, not with n_fft, and the
// products of AbsoluteLogs stay below 2^64.
constexpr int kRun = 64;

// Sums of (ln v - ln t)^2 over a run of pairs.
template <class T>
class SquaredLogs {
 public:
  LAPPED_INLINE void add(Vec<T> v, Vec<T> t) {
    const Vec<T> difference = log_ratio<T>(v, t);
    sum_ += difference * difference;
  }
  LAPPED_INLINE Vec<T> take() {
    const Vec<T> sum = sum_;
    sum_ = Vec<T>{};
    return sum;
  }

 private:
  Vec<T> sum_{};
};

// Sums of |ln v - ln t| over a run of pairs, at the price of one logarithm: exponents add up and
// mantissas in [1, 2) multiply, those of the larger and of the smaller numbers.
template <class T>
class AbsoluteLogs {
 public:
  LAPPED_INLINE void add(Vec<T> v, Vec<T> t) {
    const Bits a = (Bits)(v > t ? v : t), b = (Bits)(v > t ? t : v);
    exponents_ += (IntVec<T>)(a >> kBits) - (IntVec<T>)(b >> kBits);
    larger_ *= mantissa(a);
    smaller_ *= mantissa(b);
  }
  LAPPED_INLINE Vec<T> take() {
    const Vec<T> sum = __builtin_convertvector(exponents_, Vec<T>) * T(0.693147180559945309417) +
                       log_of_positive<T>(larger_ / smaller_);
    exponents_ = IntVec<T>{};
    larger_ = smaller_ = splat(T(1));
    return sum;
  }

 private:
  using Bits = typename Simd<T>::U;
  static constexpr int kBits = Simd<T>::mantissa_bits;

  static LAPPED_INLINE Vec<T> mantissa(Bits v) {
    constexpr auto fraction = (std::make_unsigned_t<typename Simd<T>::Int>(1) << kBits) - 1;
    return (Vec<T>)((v & fraction) | (Bits)splat(T(1)));
  }

  IntVec<T> exponents_{};
  Vec<T> larger_ = splat(T(1)), smaller_ = splat(T(1));
};

// The sums of core/spectral_loss.h over the values of one vector of frames.
template <class T, class Logs>
class Comparison {
 public:
  LAPPED_INLINE void add(Vec<T> v, Vec<T> t) {
    const Vec<T> d = v - t;
    squares_ += d * d;
    reference_ += t * t;
    absolute_ += d < T(0) ? -d : d;
    logs_.add(v, t);
    if (--left_ == 0) settle();
  }
  // To sums[i], `stride` apart.
  void write(T* sums, int64_t stride) {
    settle();
    const Vec<T> nan = totals_[2] * T(0);  // where a value is no number
    for (int i = 0; i < kLossSums; ++i) store(sums + i * stride, totals_[i] + nan);
  }

 private:
  LAPPED_INLINE void settle() {
    totals_[0] += squares_;
    totals_[1] += reference_;
    totals_[2] += absolute_;
    totals_[3] += logs_.take();
    squares_ = reference_ = absolute_ = Vec<T>{};
    left_ = kRun;
  }

  Logs logs_;
  Vec<T> squares_{}, reference_{}, absolute_{}, totals_[kLossSums] = {};
  int left_ = kRun;
};

}  // namespace
}  // namespace lapped::cpu
