// SPDX-License-Identifier: Apache-2.0
// Logarithm, exponential, sine and cosine of vectors.
#pragma once
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

// ln(1 + f) for f in [sqrt(1/2) - 1, sqrt(2) - 1].
// Float: f - f^2 / 2 + f^3 P(f), P the Chebyshev fit of degree 7, relative error 2e-8. Double: 2
// artanh(s), s = f / (2 + f), by its series.
LAPPED_INLINE Vec<float> log_one_plus_small(Vec<float> f) {
  Vec<float> p = f * -0.0790274377239f + 0.126223198492f;
  p = p * f - 0.129981837637f;
  p = p * f + 0.142144959239f;
  p = p * f - 0.166412814631f;
  p = p * f + 0.200010450942f;
  p = p * f - 0.250003064226f;
  p = p * f + 0.333333307282f;
  const Vec<float> square = f * f;
  return f + square * (f * p - 0.5f);
}
LAPPED_INLINE Vec<double> log_one_plus_small(Vec<double> f) {
  constexpr int terms = 11;  // s^22 / 23 < half an ulp for |s| < 0.172
  const Vec<double> s = f / (f + 2.0), z = s * s;
  Vec<double> series = splat(1.0 / (2 * terms + 1));
  for (int i = terms - 1; i >= 1; --i) series = series * z + 1.0 / (2 * i + 1);
  return s * 2.0 + s * 2.0 * z * series;
}

// ln v of normal v > 0, inf or NaN: v = m 2^e with m in [sqrt(1/2), sqrt 2).
template <class T>
LAPPED_INLINE Vec<T> log_of_positive(Vec<T> v) {
  constexpr int bits = Simd<T>::mantissa_bits;
  using Word = std::make_unsigned_t<typename Simd<T>::Int>;
  constexpr Word half_root =
      static_cast<Word>(sizeof(T) == 4 ? 0x3f3504f3 : 0x3fe6a09e667f3bcd);  // sqrt(1/2)
  constexpr T largest = sizeof(T) == 4 ? T(3.40282347e+38) : T(1.7976931348623157e+308);
  constexpr T ln2_high = sizeof(T) == 4 ? T(0.693359375) : T(0.693147180369123816490);
  constexpr T ln2_low = T(0.693147180559945309417232121458L - static_cast<long double>(ln2_high));
  // Unsigned, because the bits of a negative v overflow; its logarithm is not used.
  using Bits = typename Simd<T>::U;
  const Bits raw = (Bits)v, above = raw - half_root;
  const IntVec<T> exponent = (IntVec<T>)above >> bits;
  const Vec<T> m = (Vec<T>)(raw - ((Bits)exponent << bits));
  const Vec<T> e = __builtin_convertvector(exponent, Vec<T>);
  const Vec<T> r = e * ln2_high + (log_one_plus_small(m - T(1)) + e * ln2_low);
  return v <= largest ? r : v + r;  // inf and NaN stay
}

#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
// The same by a table of sixteen c in a register: v = m 2^e with m in [3/4, 3/2), f = m / c - 1 in
// [-1/32, 1/16], ln v = e ln 2 + ln c + f + f^2 P(f), P the Chebyshev fit of degree 3, relative
// error 7e-9. c is 1 around 1, where ln v goes to 0; the others are those of their neighbours whose
// logarithms are nearest to float's.
template <>
LAPPED_INLINE Vec<float> log_of_positive<float>(Vec<float> v) {
  const Vec<float> inverse{1.0f,         0.914179265f, 0.864982545f, 0.820661068f,
                           0.780449152f, 0.744031608f, 0.711086273f, 0.681020498f,
                           1.3061446f,   1.25516284f,  1.20758951f,  1.16362619f,
                           1.12307632f,  1.08439147f,  1.04952693f,  1.0f},
      ln{0.0f,          0.0897285938f,  0.145045951f,   0.197645083f,  0.247885689f, 0.295671761f,
         0.340961516f,  0.384162873f,   -0.267079741f,  -0.227265313f, -0.18862623f, -0.151541159f,
         -0.116071634f, -0.0810189769f, -0.0483395196f, 0.0f};
  const __m512 x = (__m512)v;
  const __m512 m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan);
  const Vec<float> e = (Vec<float>)_mm512_getexp_ps(x) - (Vec<float>)_mm512_getexp_ps(m);
  const __m512i sixteenth = _mm512_srli_epi32((__m512i)v, Simd<float>::mantissa_bits - 4);
  const auto entry = [&](Vec<float> table) LAPPED_LAMBDA {
    return (Vec<float>)_mm512_permutexvar_ps(sixteenth, (__m512)table);
  };
  const Vec<float> f = (Vec<float>)m * entry(inverse) - 1.0f;
  const Vec<float> p = ((0.190285116f * f - 0.2501266f) * f + 0.333341718f) * f - 0.49999997f;
  return e * 0.693147181f + (entry(ln) + (f * f * p + f));
}
#endif

// ln v of any v: -inf at zero (denormals are zeros here), NaN below.
template <class T>
LAPPED_INLINE Vec<T> natural_log(Vec<T> v) {
  const Vec<T> r = v < kTiny<T> ? splat(T(-__builtin_inf())) : log_of_positive<T>(v);
  return v < T(0) ? splat(T(__builtin_nan(""))) : r;
}

// e^v by v = k ln 2 + r, |r| <= ln 2 / 2, and the series of e^r; saturates to 0 and inf.
template <class T>
LAPPED_INLINE Vec<T> exponential(Vec<T> v) {
  constexpr int bits = Simd<T>::mantissa_bits, bias = sizeof(T) == 4 ? 127 : 1023;
  constexpr int terms = sizeof(T) == 4 ? 7 : 13;
  constexpr T limit = sizeof(T) == 4 ? T(87) : T(708);
  constexpr T ln2_high = sizeof(T) == 4 ? T(0.693359375) : T(0.693147180369123816490);
  constexpr T ln2_low = T(0.693147180559945309417232121458L - static_cast<long double>(ln2_high));
  const Vec<T> x = v > limit ? splat(limit) : v < -limit ? splat(-limit) : v;
  const Vec<T> turns = x * T(1.44269504088896340736);
  const IntVec<T> k =
      __builtin_convertvector(turns + (turns < T(0) ? splat(T(-0.5)) : splat(T(0.5))), IntVec<T>);
  const Vec<T> kf = __builtin_convertvector(k, Vec<T>);
  const Vec<T> r = (x - kf * ln2_high) - kf * ln2_low;
  Vec<T> series = splat(T(1));
  for (int i = terms; i >= 1; --i) series = series * r * (T(1) / T(i)) + T(1);
  const Vec<T> result = series * (Vec<T>)((k + bias) << bits);
  return v > limit ? splat(T(__builtin_inf())) : v < -limit ? splat(T(0)) : v != v ? v : result;
}

// (cos, sin) of 2 pi u for u in [0, 1): u = quarter / 4 + f, |f| <= 1/8, and the two series.
template <class T>
LAPPED_INLINE Cvec<T> unit_phasor(Vec<T> u) {
  constexpr int terms = sizeof(T) == 4 ? 5 : 9;
  const IntVec<T> quarter = __builtin_convertvector(u * T(4) + T(0.5), IntVec<T>);
  const Vec<T> f =
      (u - __builtin_convertvector(quarter, Vec<T>) * T(0.25)) * T(6.28318530717958647692);
  const Vec<T> z = f * f;
  Vec<T> c = splat(T(1)), s = splat(T(1));
  for (int i = terms; i >= 1; --i) {
    c = T(1) - c * z * (T(1) / T((2 * i) * (2 * i - 1)));
    s = T(1) - s * z * (T(1) / T((2 * i) * (2 * i + 1)));
  }
  s = s * f;
  const IntVec<T> odd = (quarter & 1) != 0;
  const Vec<T> a = odd ? s : c, b = odd ? c : s;
  const IntVec<T> negate_cos = ((quarter + 1) & 2) != 0, negate_sin = (quarter & 2) != 0;
  return {negate_cos ? -a : a, negate_sin ? -b : b};
}

}  // namespace
}  // namespace lapped::cpu
