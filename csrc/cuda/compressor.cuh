// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/compressor.h: powers of magnitudes, logarithm, scale. See core/options.h.
#pragma once
#include "core/options.h"
#include "cuda/complex.cuh"

namespace lapped::cuda {

// magnitude^exponent, from magnitudes or their squares.
template <class T>
struct MagnitudePower {
  T exponent;

  LAPPED_INLINE T operator()(T square) const {
    if (exponent == T(2)) return square;
    if (exponent == T(1)) return std::sqrt(square);
    return raised(square, exponent / 2);
  }
  LAPPED_INLINE T of_magnitude(T v) const {
    if (exponent == T(2)) return v * v;
    if (exponent == T(1)) return v;
    return raised(v, exponent);
  }

 private:
  static LAPPED_INLINE T raised(T v, T p) { return v < kTiny<T> ? T(0) : std::pow(v, p); }
};

// NaN passes through every step.
template <class T>
struct Compressor {
  bool enabled, one_plus, add, limited;
  T floor, factor, dynamic_range, scale, shift;

  explicit Compressor(const Compression& c)
      : enabled(c.enabled),
        one_plus(c.one_plus),
        add(c.floor_mode == Floor::kAdd),
        limited(c.enabled && c.limited),
        floor(static_cast<T>(c.floor)),
        factor(static_cast<T>(c.factor)),
        dynamic_range(static_cast<T>(c.dynamic_range)),
        scale(static_cast<T>(c.scale)),
        shift(static_cast<T>(c.shift)) {}

  // With a limited range: the logarithm alone, limit() does the rest once the peak is known.
  LAPPED_INLINE T operator()(T v) const {
    if (!enabled) return v;
    const T level = one_plus ? std::log1p(v) : std::log(add ? v + floor : v < floor ? floor : v);
    return limited ? factor * level : scale * factor * level + scale * shift;
  }
  LAPPED_INLINE T limit(T level, T peak) const {
    const T least = peak - dynamic_range;
    return scale * ((level < least ? least : level) + shift);
  }
  // The energy that compresses to v.
  LAPPED_INLINE T undone(T v) const {
    const T level = v / scale - shift;
    if (one_plus) return at_least_0(std::expm1(level));
    const T energy = std::exp(level / factor);
    return add ? at_least_0(energy - floor) : energy;
  }

 private:
  static LAPPED_INLINE T at_least_0(T v) { return v < 0 ? T(0) : v; }
};

}  // namespace lapped::cuda
