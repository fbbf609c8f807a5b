// SPDX-License-Identifier: Apache-2.0
// DFTs of 2 to 16 points on registers: a[k] <- sum_q a[q] exp(-+ 2 pi i k q / R), straight-line so
// that nothing spills for lack of unrolling. Of any complex type C that has re, im, +, -,
// difference (-, too), its Scalar (what a part can be multiplied by) and quarter_turn<Inverse>. The
// includer defines LAPPED_INLINE.
#pragma once
#include <type_traits>

#if defined(__CUDACC__)
#define LAPPED_UNROLL _Pragma("unroll")
#else
#define LAPPED_UNROLL _Pragma("GCC unroll 16")
#endif

namespace lapped {
namespace {

template <int R>
struct Roots;  // cos and sin of 2 pi k / R, k = 0 .. R - 1; a copy in each function, as CUDA asks
#define LAPPED_ROOTS(R, COS, SIN) \
  template <>                     \
  struct Roots<R> {               \
    double cos[R] = COS;          \
    double sin[R] = SIN;          \
  };
#define LAPPED_LIST(...) {__VA_ARGS__}
LAPPED_ROOTS(3, LAPPED_LIST(1.0, -0.5, -0.5),
             LAPPED_LIST(0.0, 0.86602540378443864676, -0.86602540378443864676))
LAPPED_ROOTS(5,
             LAPPED_LIST(1.0, 0.3090169943749474241, -0.8090169943749474241, -0.8090169943749474241,
                         0.3090169943749474241),
             LAPPED_LIST(0.0, 0.95105651629515357212, 0.58778525229247312917,
                         -0.58778525229247312917, -0.95105651629515357212))
LAPPED_ROOTS(7,
             LAPPED_LIST(1.0, 0.62348980185873353053, -0.22252093395631440429,
                         -0.90096886790241912624, -0.90096886790241912624, -0.22252093395631440429,
                         0.62348980185873353053),
             LAPPED_LIST(0.0, 0.78183148246802980871, 0.97492791218182360702,
                         0.43388373911755812048, -0.43388373911755812048, -0.97492791218182360702,
                         -0.78183148246802980871))
LAPPED_ROOTS(11,
             LAPPED_LIST(1.0, 0.84125353283118116886, 0.41541501300188642553,
                         -0.14231483827328514044, -0.65486073394528506406, -0.95949297361449738989,
                         -0.95949297361449738989, -0.65486073394528506406, -0.14231483827328514044,
                         0.41541501300188642553, 0.84125353283118116886),
             LAPPED_LIST(0.0, 0.54064081745559758211, 0.90963199535451837141,
                         0.98982144188093273238, 0.75574957435425828377, 0.28173255684142969771,
                         -0.28173255684142969771, -0.75574957435425828377, -0.98982144188093273238,
                         -0.90963199535451837141, -0.54064081745559758211))
LAPPED_ROOTS(13,
             LAPPED_LIST(1.0, 0.8854560256532098959, 0.56806474673115580251, 0.12053668025532305335,
                         -0.35460488704253562597, -0.74851074817110109863, -0.97094181742605202716,
                         -0.97094181742605202716, -0.74851074817110109863, -0.35460488704253562597,
                         0.12053668025532305335, 0.56806474673115580251, 0.8854560256532098959),
             LAPPED_LIST(0.0, 0.46472317204376854566, 0.82298386589365639458, 0.9927088740980539928,
                         0.93501624268541482344, 0.66312265824079520238, 0.23931566428755776715,
                         -0.23931566428755776715, -0.66312265824079520238, -0.93501624268541482344,
                         -0.9927088740980539928, -0.82298386589365639458, -0.46472317204376854566))
#undef LAPPED_LIST
#undef LAPPED_ROOTS

template <bool Inverse, class C>
LAPPED_INLINE void butterfly(C (&a)[2]) {
  const C t = a[1];
  a[1] = a[0] - t;
  a[0] = a[0] + t;
}

// Fused: its first differences are `difference`.
template <bool Inverse, bool Fused = false, class C>
LAPPED_INLINE void butterfly4(C& a0, C& a1, C& a2, C& a3) {
  const C s02 = a0 + a2, d02 = Fused ? difference(a0, a2) : a0 - a2, s13 = a1 + a3,
          d13 = quarter_turn<Inverse>(Fused ? difference(a1, a3) : a1 - a3);
  a0 = s02 + s13;
  a1 = d02 + d13;
  a2 = s02 - s13;
  a3 = d02 - d13;
}

template <bool Inverse, class C>
LAPPED_INLINE void butterfly(C (&a)[4]) {
  butterfly4<Inverse>(a[0], a[1], a[2], a[3]);
}

// exp(-+ i pi / 4) a and exp(-+ 3 i pi / 4) a
template <bool Inverse, class C>
LAPPED_INLINE C eighth_turn(C a) {
  constexpr auto h = typename C::Scalar(0.70710678118654752440);
  if constexpr (Inverse)
    return {(a.re - a.im) * h, (a.re + a.im) * h};
  else
    return {(a.re + a.im) * h, (a.im - a.re) * h};
}

template <bool Inverse, class C>
LAPPED_INLINE void butterfly(C (&a)[8]) {
  C e0 = a[0] + a[4], e1 = a[1] + a[5], e2 = a[2] + a[6], e3 = a[3] + a[7];
  C o0 = difference(a[0], a[4]), o1 = eighth_turn<Inverse>(difference(a[1], a[5])),
    o2 = quarter_turn<Inverse>(difference(a[2], a[6])),
    o3 = quarter_turn<Inverse>(eighth_turn<Inverse>(difference(a[3], a[7])));
  butterfly4<Inverse>(e0, e1, e2, e3);
  butterfly4<Inverse>(o0, o1, o2, o3);
  a[0] = e0, a[2] = e1, a[4] = e2, a[6] = e3;
  a[1] = o0, a[3] = o1, a[5] = o2, a[7] = o3;
}

// exp(-+ 2 pi i K / 16) a, for the products of 1, 2 and 3
template <bool Inverse, int K, class C>
LAPPED_INLINE C sixteenth_turns(C a) {
  if constexpr (K == 2) return eighth_turn<Inverse>(a);
  if constexpr (K == 4) return quarter_turn<Inverse>(a);
  if constexpr (K == 6) return quarter_turn<Inverse>(eighth_turn<Inverse>(a));
  using T = typename C::Scalar;
  constexpr T cosine = T(0.92387953251128675613), sine = T(0.38268343236508977173);
  constexpr T sign = K == 9 ? T(-1) : T(1), c = sign * (K == 3 ? sine : cosine),
              s = (Inverse ? -sign : sign) * (K == 3 ? cosine : sine);
  return {a.re * c + a.im * s, a.im * c - a.re * s};
}

// Points q + 4 p over p, then over q.
template <bool Inverse, class C>
LAPPED_INLINE void butterfly(C (&a)[16]) {
  LAPPED_UNROLL
  for (int q = 0; q < 4; ++q) butterfly4<Inverse, true>(a[q], a[q + 4], a[q + 8], a[q + 12]);
  a[5] = sixteenth_turns<Inverse, 1>(a[5]);
  a[6] = sixteenth_turns<Inverse, 2>(a[6]);
  a[7] = sixteenth_turns<Inverse, 3>(a[7]);
  a[9] = sixteenth_turns<Inverse, 2>(a[9]);
  a[10] = sixteenth_turns<Inverse, 4>(a[10]);
  a[11] = sixteenth_turns<Inverse, 6>(a[11]);
  a[13] = sixteenth_turns<Inverse, 3>(a[13]);
  a[14] = sixteenth_turns<Inverse, 6>(a[14]);
  a[15] = sixteenth_turns<Inverse, 9>(a[15]);
  C out[16];
  LAPPED_UNROLL
  for (int k = 0; k < 4; ++k) {
    butterfly4<Inverse, true>(a[4 * k], a[4 * k + 1], a[4 * k + 2], a[4 * k + 3]);
    LAPPED_UNROLL
    for (int i = 0; i < 4; ++i) out[k + 4 * i] = a[4 * k + i];
  }
  LAPPED_UNROLL
  for (int k = 0; k < 16; ++k) a[k] = out[k];
}

// Odd R: with s_q = a_q + a_(R-q), d_q = a_q - a_(R-q):  a_k = a_0 + sum_q s_q cos(2 pi k q / R) -+
// i sum_q d_q sin(2 pi k q / R).
template <bool Inverse, class C, int R>
LAPPED_INLINE void butterfly(C (&a)[R]) {
  static_assert(R % 2 == 1);
  using T = typename C::Scalar;
  constexpr int H = R / 2;
  constexpr Roots<R> roots{};
  C s[H], d[H], total = a[0];
  LAPPED_UNROLL
  for (int q = 0; q < H; ++q) {
    s[q] = a[q + 1] + a[R - 1 - q];
    d[q] = a[q + 1] - a[R - 1 - q];
    total = total + s[q];
  }
  C out[R];
  LAPPED_UNROLL
  for (int k = 1; k <= H; ++k) {
    C even = a[0], odd{};
    LAPPED_UNROLL
    for (int q = 0; q < H; ++q) {
      const T c = T(roots.cos[k * (q + 1) % R]), w = T(roots.sin[k * (q + 1) % R]);
      even = {even.re + s[q].re * c, even.im + s[q].im * c};
      odd = q == 0 ? C{d[q].re * w, d[q].im * w} : C{odd.re + d[q].re * w, odd.im + d[q].im * w};
    }
    const C turned = quarter_turn<Inverse>(odd);
    out[k] = even + turned;
    out[R - k] = even - turned;
  }
  a[0] = total;
  LAPPED_UNROLL
  for (int k = 1; k < R; ++k) a[k] = out[k];
}

// The one place where a radix known at run time becomes a template argument.
template <class F>
LAPPED_INLINE void with_radix(int radix, F f) {
  switch (radix) {
    case 2:
      return f(std::integral_constant<int, 2>{});
    case 3:
      return f(std::integral_constant<int, 3>{});
    case 4:
      return f(std::integral_constant<int, 4>{});
    case 5:
      return f(std::integral_constant<int, 5>{});
    case 7:
      return f(std::integral_constant<int, 7>{});
    case 8:
      return f(std::integral_constant<int, 8>{});
    case 11:
      return f(std::integral_constant<int, 11>{});
    case 13:
      return f(std::integral_constant<int, 13>{});
    default:
      __builtin_unreachable();
  }
}

#undef LAPPED_UNROLL

}  // namespace
}  // namespace lapped
