// SPDX-License-Identifier: Apache-2.0
// Complex numbers and the arithmetic of kernels, in float and double.
#pragma once
#include <cmath>
#include <utility>

#include "core/view.h"
#include "cuda/runtime.h"

namespace lapped::cuda {

// Complex<T> as one load and one store take it.
template <class T>
struct alignas(2 * sizeof(T)) Cx {
  using Scalar = T;
  T re, im;
};

template <class T>
LAPPED_INLINE Cx<T> operator+(Cx<T> a, Cx<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
LAPPED_INLINE Cx<T> operator-(Cx<T> a, Cx<T> b) {
  return {a.re - b.re, a.im - b.im};
}
template <class T>
LAPPED_INLINE Cx<T> difference(Cx<T> a, Cx<T> b) {
  return a - b;
}
template <class T>
LAPPED_INLINE Cx<T> scaled(Cx<T> a, T s) {
  return {a.re * s, a.im * s};
}
template <class T>
LAPPED_INLINE Cx<T> conj(Cx<T> a) {
  return {a.re, -a.im};
}

// a w, or a conj(w)
template <bool Conjugate, class T>
LAPPED_INLINE Cx<T> times(Cx<T> a, Cx<T> w) {
  if constexpr (Conjugate)
    return {a.re * w.re + a.im * w.im, a.im * w.re - a.re * w.im};
  else
    return {a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
}

// -i a forward, i a inverse
template <bool Inverse, class T>
LAPPED_INLINE Cx<T> quarter_turn(Cx<T> a) {
  if constexpr (Inverse)
    return {-a.im, a.re};
  else
    return {a.im, -a.re};
}

// Of a table, which nothing writes while a kernel runs: later loads need not wait for stores.
template <class T>
LAPPED_INLINE T table(const T* at) {
  return __ldg(at);
}
LAPPED_INLINE Cx<float> table(const Cx<float>* at) {
  const float2 v = __ldg(reinterpret_cast<const float2*>(at));
  return {v.x, v.y};
}
LAPPED_INLINE Cx<double> table(const Cx<double>* at) {
  const double2 v = __ldg(reinterpret_cast<const double2*>(at));
  return {v.x, v.y};
}

template <class T>
LAPPED_INLINE T squared(Cx<T> a, T plus = 0) {
  return a.re * a.re + (a.im * a.im + plus);
}

template <class T>
constexpr T kTiny = sizeof(T) == 4 ? T(1.17549435e-38) : T(2.2250738585072014e-308);
template <class T>
constexpr T kInfinity = T(__builtin_inf());

template <class T>
LAPPED_INLINE Cx<T> with_magnitude(Cx<T> x, T magnitude) {  // 0 stays 0
  return scaled(x, magnitude * rsqrt(squared(x, kTiny<T>)));
}

template <int N, class T>
View<const Cx<T>, N> retyped(const View<const Complex<T>, N>& v) {
  View<const Cx<T>, N> out{reinterpret_cast<const Cx<T>*>(v.data), {}, {}};
  for (int i = 0; i < N; ++i) out.shape[i] = v.shape[i], out.stride[i] = v.stride[i];
  return out;
}

// Calls f with 0, ..., N - 1 as constants: arrays indexed by them stay in registers.
template <class F, int... I>
LAPPED_INLINE void each_constant(std::integer_sequence<int, I...>, F f) {
  (f(std::integral_constant<int, I>{}), ...);
}
template <int N, class F>
LAPPED_INLINE void each_constant(F f) {
  each_constant(std::make_integer_sequence<int, N>{}, f);
}

}  // namespace lapped::cuda
