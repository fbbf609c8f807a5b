// SPDX-License-Identifier: Apache-2.0
// Vectors of `lanes` values and the few operations kernels need, on compiler vector types: one
// source for every width. Included once per instruction set; everything is internal, so that no
// wide code can be shared by the linker.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#ifndef LAPPED_VECTOR_BYTES
#error "compile with -DLAPPED_ISA=<name> -DLAPPED_VECTOR_BYTES=<bytes>"
#endif
#define LAPPED_INLINE inline __attribute__((always_inline))
#define LAPPED_LAMBDA __attribute__((always_inline))

namespace lapped::cpu {
namespace {

template <class T>
struct Simd;

template <>
struct Simd<float> {
  typedef float V __attribute__((vector_size(LAPPED_VECTOR_BYTES)));
  typedef float Unaligned __attribute__((vector_size(LAPPED_VECTOR_BYTES), aligned(4)));
  typedef int32_t I __attribute__((vector_size(LAPPED_VECTOR_BYTES)));
  typedef uint32_t U __attribute__((vector_size(LAPPED_VECTOR_BYTES)));
  using Int = int32_t;
  static constexpr int lanes = LAPPED_VECTOR_BYTES / 4;
  static constexpr int mantissa_bits = 23;
};

template <>
struct Simd<double> {
  typedef double V __attribute__((vector_size(LAPPED_VECTOR_BYTES)));
  typedef double Unaligned __attribute__((vector_size(LAPPED_VECTOR_BYTES), aligned(8)));
  typedef int64_t I __attribute__((vector_size(LAPPED_VECTOR_BYTES)));
  typedef uint64_t U __attribute__((vector_size(LAPPED_VECTOR_BYTES)));
  using Int = int64_t;
  static constexpr int lanes = LAPPED_VECTOR_BYTES / 8;
  static constexpr int mantissa_bits = 52;
};

template <class T>
using Vec = typename Simd<T>::V;
template <class T>
using IntVec = typename Simd<T>::I;
template <class T>
constexpr int kLanes = Simd<T>::lanes;

template <class T>
LAPPED_INLINE Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename Simd<T>::Unaligned*>(p);
}
template <class T>
LAPPED_INLINE void store(T* p, Vec<T> v) {
  *reinterpret_cast<typename Simd<T>::Unaligned*>(p) = v;
}
template <class T>
LAPPED_INLINE Vec<T> splat(T s) {
  return s - Vec<T>{};
}
// The same value, in a register: compilers would rather load what is used twice from memory twice.
template <class V>
LAPPED_INLINE V kept(V v) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  asm("" : "+v"(v));
#elif LAPPED_VECTOR_BYTES == 32 && defined(__AVX__)
  asm("" : "+x"(v));
#elif LAPPED_VECTOR_BYTES == 16 && defined(__SSE2__)
  asm("" : "+x"(v));
#endif
  return v;
}
// A complex vector as it lies in the work array: real parts, then imaginary parts. Copied part by
// part, because compilers copy a struct of two vectors through the stack in pieces, which stalls on
// every load.
template <class T>
struct Cvec {
  using Scalar = T;
  Vec<T> re, im;
  Cvec() = default;
  LAPPED_INLINE Cvec(Vec<T> real, Vec<T> imaginary) : re(real), im(imaginary) {}
  LAPPED_INLINE Cvec(const Cvec& other) : re(other.re), im(other.im) {}
  LAPPED_INLINE Cvec& operator=(const Cvec& other) {
    re = other.re;
    im = other.im;
    return *this;
  }
};

template <class T>
LAPPED_INLINE Cvec<T> operator+(Cvec<T> a, Cvec<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
LAPPED_INLINE Cvec<T> operator-(Cvec<T> a, Cvec<T> b) {
  return {a.re - b.re, a.im - b.im};
}
// a - b, exactly, by the unit that multiplies: some processors have others for sums alone, and
// butterflies have more of these.
template <class T>
LAPPED_INLINE Cvec<T> difference(Cvec<T> a, Cvec<T> b) {
#if LAPPED_VECTOR_BYTES == 64
  const Vec<T> one = kept(splat(T(1)));
  return {a.re * one - b.re, a.im * one - b.im};
#else
  return a - b;
#endif
}
template <class T>
LAPPED_INLINE Cvec<T> scaled(Cvec<T> a, Vec<T> s) {
  return {a.re * s, a.im * s};
}
template <class T>
LAPPED_INLINE Cvec<T> conj(Cvec<T> a) {
  return {a.re, -a.im};
}
// a * (wr + i wi), or a * conj(...)
template <bool Conjugate, class T>
LAPPED_INLINE Cvec<T> times(Cvec<T> a, Vec<T> wr, Vec<T> wi) {
  if constexpr (Conjugate)
    return {a.re * wr + a.im * wi, a.im * wr - a.re * wi};
  else
    return {a.re * wr - a.im * wi, a.im * wr + a.re * wi};
}
// a * (-i) forward, a * i inverse
template <bool Inverse, class T>
LAPPED_INLINE Cvec<T> quarter_turn(Cvec<T> a) {
  if constexpr (Inverse)
    return {-a.im, a.re};
  else
    return {a.im, -a.re};
}

// --- elementary functions ---

LAPPED_INLINE Vec<float> square_root(Vec<float> v) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (Vec<float>)_mm512_sqrt_ps((__m512)v);
#elif LAPPED_VECTOR_BYTES == 32 && defined(__AVX__)
  return (Vec<float>)_mm256_sqrt_ps((__m256)v);
#elif LAPPED_VECTOR_BYTES == 16 && defined(__SSE2__)
  return (Vec<float>)_mm_sqrt_ps((__m128)v);
#else
  for (int l = 0; l < kLanes<float>; ++l) v[l] = __builtin_sqrtf(v[l]);
  return v;
#endif
}

LAPPED_INLINE Vec<double> square_root(Vec<double> v) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (Vec<double>)_mm512_sqrt_pd((__m512d)v);
#elif LAPPED_VECTOR_BYTES == 32 && defined(__AVX__)
  return (Vec<double>)_mm256_sqrt_pd((__m256d)v);
#elif LAPPED_VECTOR_BYTES == 16 && defined(__SSE2__)
  return (Vec<double>)_mm_sqrt_pd((__m128d)v);
#else
  for (int l = 0; l < kLanes<double>; ++l) v[l] = __builtin_sqrt(v[l]);
  return v;
#endif
}

// The larger, NaN where v is: a comparison and a choice of it would be two instructions.
LAPPED_INLINE Vec<float> at_least(Vec<float> v, Vec<float> least) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (Vec<float>)_mm512_max_ps((__m512)least, (__m512)v);
#elif LAPPED_VECTOR_BYTES == 32 && defined(__AVX__)
  return (Vec<float>)_mm256_max_ps((__m256)least, (__m256)v);
#elif LAPPED_VECTOR_BYTES == 16 && defined(__SSE2__)
  return (Vec<float>)_mm_max_ps((__m128)least, (__m128)v);
#else
  return v < least ? least : v;
#endif
}
LAPPED_INLINE Vec<double> at_least(Vec<double> v, Vec<double> least) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (Vec<double>)_mm512_max_pd((__m512d)least, (__m512d)v);
#elif LAPPED_VECTOR_BYTES == 32 && defined(__AVX__)
  return (Vec<double>)_mm256_max_pd((__m256d)least, (__m256d)v);
#elif LAPPED_VECTOR_BYTES == 16 && defined(__SSE2__)
  return (Vec<double>)_mm_max_pd((__m128d)least, (__m128d)v);
#else
  return v < least ? least : v;
#endif
}

// a / sqrt(v) for normal v > 0. Float: the hardware's estimate (12 bits or more) and one Newton
// step, relative error < 3e-7; a is multiplied in while the step is worked out.
LAPPED_INLINE Vec<double> over_square_root(Vec<double> a, Vec<double> v) {
  return a / square_root(v);
}
LAPPED_INLINE Vec<float> over_square_root(Vec<float> a, Vec<float> v) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  const Vec<float> estimate = (Vec<float>)_mm512_rsqrt14_ps((__m512)v);
#elif LAPPED_VECTOR_BYTES == 32 && defined(__AVX__)
  const Vec<float> estimate = (Vec<float>)_mm256_rsqrt_ps((__m256)v);
#elif LAPPED_VECTOR_BYTES == 16 && defined(__SSE2__)
  const Vec<float> estimate = (Vec<float>)_mm_rsqrt_ps((__m128)v);
#else
  const Vec<float> estimate = 1.0f / square_root(v);
#endif
  return a * estimate * (1.5f - 0.5f * v * estimate * estimate);
}

// Smallest normal number and the like, by type.
template <class T>
constexpr T kTiny = sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308);

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

// --- moving values between lanes ---

template <class T, int... I>
LAPPED_INLINE Vec<T> shuffle(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(a, b, I...);
}
// A permutation given by a constexpr function of the lane.
template <class T, class F, int... I>
constexpr auto lane_map(F, std::integer_sequence<int, I...>) {
  return std::integer_sequence<int, F::at(I)...>{};
}
template <class F, class T>
LAPPED_INLINE Vec<T> permute(Vec<T> a, Vec<T> b) {
  return shuffle<T>(a, b, lane_map<T>(F{}, std::make_integer_sequence<int, kLanes<T>>{}));
}

template <class T, int Half>
struct Interleave {
  static constexpr int at(int l) { return Half * kLanes<T> / 2 + l / 2 + (l % 2) * kLanes<T>; }
};
template <class T, int Odd>
struct Deinterleave {
  static constexpr int at(int l) { return 2 * l + Odd; }
};
// re, im of lanes -> lanes of (re, im) pairs in memory, and back.
template <class T>
LAPPED_INLINE void store_complex(T* p, Cvec<T> v) {
  store(p, permute<Interleave<T, 0>, T>(v.re, v.im));
  store(p + kLanes<T>, permute<Interleave<T, 1>, T>(v.re, v.im));
}
template <class T>
LAPPED_INLINE Cvec<T> deinterleave(Vec<T> a, Vec<T> b) {
  return {permute<Deinterleave<T, 0>, T>(a, b), permute<Deinterleave<T, 1>, T>(a, b)};
}
template <class T>
LAPPED_INLINE Cvec<T> load_complex(const T* p) {
  return deinterleave<T>(load(p), load(p + kLanes<T>));
}

// Transpose by stages. Within 16 bytes: unpack blocks of Width; between them: exchange blocks of
// Width elements.
template <class T, int Width, int High>
struct Exchange {
  static constexpr int per16 = 16 / sizeof(T);
  static constexpr int at(int l) {
    if constexpr (Width < per16) {  // unpack: alternate runs of Width from a's and b's half of each
                                    // 16 bytes
      const int base = l / per16 * per16, i = l % per16;
      const int run = i / (2 * Width), in = i % (2 * Width);
      const int from = base + High * per16 / 2 + run * Width + in % Width;
      return in < Width ? from : from + kLanes<T>;
    } else {  // block exchange: [a even, b even] or [a odd, b odd] blocks of Width
      const int pair = l / (2 * Width), in = l % (2 * Width);
      const int from = pair * 2 * Width + High * Width + in % Width;
      return in < Width ? from : from + kLanes<T>;
    }
  }
};
template <class T, int Rows, int Width = 1>
LAPPED_INLINE void transpose_stage(Vec<T>* v) {
  if constexpr (Width < Rows) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      if (i & Width) continue;
      const Vec<T> a = v[i], b = v[i + Width];
      v[i] = permute<Exchange<T, Width, 0>, T>(a, b);
      v[i + Width] = permute<Exchange<T, Width, 1>, T>(a, b);
    }
    transpose_stage<T, Rows, 2 * Width>(v);
  }
}
// Every square of Rows x Rows of `Rows` rows; of all rows v[i][l] -> v[l][i]. The unpack stages
// leave the two middle rows of each four swapped where 16 bytes hold four values.
template <class T, int Rows = kLanes<T>>
LAPPED_INLINE void transpose(Vec<T>* v) {
  transpose_stage<T, Rows>(v);
  if constexpr (sizeof(T) == 4) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; i += 4) {
      const Vec<T> middle = v[i + 1];
      v[i + 1] = v[i + 2];
      v[i + 2] = middle;
    }
  }
}

}  // namespace
}  // namespace lapped::cpu
