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
// The first `count` lanes from memory, the others 0, whatever lies beyond them.
template <class T>
LAPPED_INLINE Vec<T> load_first(const T* p, int64_t count) {
  const int64_t lanes = count < 0 ? 0 : count < kLanes<T> ? count : kLanes<T>;
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  const auto mask = static_cast<__mmask16>((1u << lanes) - 1);
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_maskz_loadu_ps(mask, p);
  else
    return (Vec<T>)_mm512_maskz_loadu_pd(static_cast<__mmask8>(mask), p);
#else
  Vec<T> v{};
  for (int64_t l = 0; l < lanes; ++l) v[l] = p[l];
  return v;
#endif
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
// Complex factors in memory, each part of which is used twice: through two pointers that the
// compiler has to take for different ones where instructions broadcast an operand from memory for
// nothing. A register with the part in all lanes would cost a shuffle.
template <class T>
struct Factors {
  const T* first;
  const T* second;
  LAPPED_INLINE explicit Factors(const T* factors) : first(factors), second(factors) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
    asm("" : "+r"(second));
#endif
  }
  // a times factor i, or its conjugate.
  template <bool Conjugate>
  LAPPED_INLINE Cvec<T> times(Cvec<T> a, int64_t i) const {
    const Vec<T> re = splat(first[2 * i]), im = splat(first[2 * i + 1]), re2 = splat(second[2 * i]),
                 im2 = splat(second[2 * i + 1]);
    if constexpr (Conjugate)
      return {a.re * re + a.im * im, a.im * re2 - a.re * im2};
    else
      return {a.re * re - a.im * im, a.im * re2 + a.re * im2};
  }
};
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
