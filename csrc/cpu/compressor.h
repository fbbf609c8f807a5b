// SPDX-License-Identifier: Apache-2.0
// The epilogue of mel kernels: powers of magnitudes, logarithm, scale. See core/options.h.
#pragma once
#include "core/options.h"
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

// v^p of non-negative v.
template <class T>
LAPPED_INLINE Vec<T> raised(Vec<T> v, T p) {
  const Vec<T> r = exponential<T>(natural_log<T>(v) * p);
  return v < kTiny<T> ? splat(T(0)) : r;
}

// magnitude^exponent from squared magnitudes.
template <class T>
struct MagnitudePower {
  T exponent;
  LAPPED_INLINE Vec<T> operator()(Vec<T> square) const {
    if (exponent == T(2)) return square;
    if (exponent == T(1)) return square_root(square);
    return raised<T>(square, exponent / T(2));
  }
  LAPPED_INLINE Vec<T> of_magnitude(Vec<T> v) const {
    if (exponent == T(2)) return v * v;
    if (exponent == T(1)) return v;
    return raised<T>(v, exponent);
  }
};

// NaN passes through every step.
template <class T>
class Compressor {
 public:
  explicit Compressor(const Compression& c)
      : enabled_(c.enabled),
        one_plus_(c.one_plus),
        add_(c.floor_mode == Floor::kAdd),
        limited_(c.limited),
        floor_(static_cast<T>(c.floor)),
        factor_(static_cast<T>(c.factor)),
        dynamic_range_(static_cast<T>(c.dynamic_range)),
        scale_(static_cast<T>(c.scale)),
        shift_(static_cast<T>(c.shift)) {}

  // values[i * stride] of one vector each. With a limited range: the logarithm alone; limit() does
  // the rest once the peak is known.
  void operator()(T* values, int64_t count, int64_t stride) const {
    if (!enabled_) return;
    if (one_plus_)
      return each(values, count, stride, [](Vec<T> v) LAPPED_LAMBDA { return log_one_plus(v); });
    const T floor = floor_;
    if (add_)
      return each(values, count, stride,
                  [floor](Vec<T> v) LAPPED_LAMBDA { return natural_log<T>(v + floor); });
    if (floor < kTiny<T>)
      return each(values, count, stride, [floor](Vec<T> v) LAPPED_LAMBDA {
        return natural_log<T>(v < floor ? splat(floor) : v);
      });
    each(values, count, stride, [floor](Vec<T> v) LAPPED_LAMBDA {
      return log_of_positive<T>(v < floor ? splat(floor) : v);
    });
  }
  T limit(T level, T peak) const {
    const T floor = peak - dynamic_range_;
    return scale_ * ((level < floor ? floor : level) + shift_);
  }
  bool limited() const { return enabled_ && limited_; }

 private:
  template <class Log>
  LAPPED_INLINE void each(T* values, int64_t count, int64_t stride, Log log) const {
    const T factor = limited_ ? factor_ : scale_ * factor_,
            offset = limited_ ? T(0) : scale_ * shift_;
    for (int64_t i = 0; i < count; ++i)
      store(values + i * stride, factor * log(load(values + i * stride)) + offset);
  }

  // ln(1 + v) = ln(u) v / (u - 1) with u the rounded 1 + v: exact also where v is tiny.
  static LAPPED_INLINE Vec<T> log_one_plus(Vec<T> v) {
    const Vec<T> u = v + T(1), d = u - T(1);
    const Vec<T> level = natural_log<T>(u) * (v / d);
    return d == T(0) ? v : v == T(__builtin_inf()) ? v : level;
  }

  bool enabled_, one_plus_, add_, limited_;
  T floor_, factor_, dynamic_range_, scale_, shift_;
};

}  // namespace
}  // namespace lapped::cpu
