// SPDX-License-Identifier: Apache-2.0
// The epilogue of mel kernels: powers of magnitudes, logarithm, scale. See core/options.h.
#pragma once
#include "core/options.h"
#include "cpu/functions.h"

namespace lapped::cpu {
namespace {

// v^p of non-negative v.
template <class T>
LAPPED_INLINE Vec<T> raised(Vec<T> v, T p) {
  const Vec<T> r = exponential<T>(natural_log<T>(v) * p);
  return v < kTiny<T> ? splat(T(0)) : r;
}

// magnitude^exponent from squared magnitudes. Fixed: the exponent where it is known early, else 0.
template <class T, int Fixed = 0>
struct MagnitudePower {
  T exponent;
  LAPPED_INLINE Vec<T> operator()(Vec<T> square) const {
    if (Fixed == 2 || (!Fixed && exponent == T(2))) return square;
    if (Fixed == 1 || (!Fixed && exponent == T(1))) return square_root(square);
    return raised<T>(square, exponent / T(2));
  }
  LAPPED_INLINE Vec<T> of_magnitude(Vec<T> v) const {
    if (exponent == T(2)) return v * v;
    if (exponent == T(1)) return v;
    return raised<T>(v, exponent);
  }
};

// f(MagnitudePower), so that a loop need not ask for the exponent at every bin.
template <class T, class F>
LAPPED_INLINE auto with_exponent(T exponent, F f) {
  if (exponent == T(2)) return f(MagnitudePower<T, 2>{exponent});
  if (exponent == T(1)) return f(MagnitudePower<T, 1>{exponent});
  return f(MagnitudePower<T>{exponent});
}

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

  // f(compress) with the function of one vector that is asked for. With a limited range: the
  // logarithm alone; limit() does the rest once the peak is known.
  template <class F>
  LAPPED_INLINE void with(F f) const {
    if (!enabled_) return f([](Vec<T> v) LAPPED_LAMBDA { return v; });
    const T floor = floor_, factor = limited_ ? factor_ : scale_ * factor_,
            offset = limited_ ? T(0) : scale_ * shift_;
    const auto scaled_log = [=](auto log) LAPPED_LAMBDA {
      f([=](Vec<T> v) LAPPED_LAMBDA { return factor * log(v) + offset; });
    };
    if (one_plus_) return scaled_log([](Vec<T> v) LAPPED_LAMBDA { return log_one_plus(v); });
    if (add_) return scaled_log([=](Vec<T> v) LAPPED_LAMBDA { return natural_log<T>(v + floor); });
    const auto floored = [=](Vec<T> v) LAPPED_LAMBDA { return v < floor ? splat(floor) : v; };
    if (floor < kTiny<T>)
      return scaled_log([=](Vec<T> v) LAPPED_LAMBDA { return natural_log<T>(floored(v)); });
    scaled_log([=](Vec<T> v) LAPPED_LAMBDA { return log_of_positive<T>(floored(v)); });
  }
  // What a limited range still needs: values are logarithms, `stride` apart.
  void limit(T* values, int64_t count, int64_t stride, T peak) const {
    const T floor = peak - dynamic_range_, scale = scale_, shift = shift_;
    const auto limited = [=](auto v, auto least)
                             LAPPED_LAMBDA { return scale * ((v < least ? least : v) + shift); };
    int64_t i = 0;
    if (stride == 1)
      for (; i + kLanes<T> <= count; i += kLanes<T>)
        store<T>(values + i, limited(load(values + i), splat(floor)));
    for (; i < count; ++i) values[i * stride] = limited(values[i * stride], floor);
  }
  bool limited() const { return enabled_ && limited_; }

 private:
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
