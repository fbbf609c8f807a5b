// SPDX-License-Identifier: Apache-2.0
// DFTs of 2 to 16 points on registers: A_k = sum_q a_q exp(-+ 2 pi i k q / R), straight-line so
// that nothing spills for lack of unrolling. Of any complex type C that has re, im, +, -,
// difference (-, too), its Scalar (what a part can be multiplied by) and quarter_turn<Inverse>. The
// includer defines LAPPED_INLINE.
//
// Points come from in(Index<q>) and go to out(Index<k>, A_k), all after the last has come; those of
// even R as they are needed and known, because a processor that looks ahead a hundred instructions
// does the sums of some beside the products that precede or follow others. Of k, k + 2, k + 4, ...
// the highest goes out last.
#pragma once
#include <type_traits>
#include <utility>

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

template <int I>
struct Index {
  static constexpr int value = I;
};

// How differences are worked out: by the unit that adds, or by `difference`.
enum class By { kSums, kProducts };
template <By unit, class C>
LAPPED_INLINE C minus(C a, C b) {
  if constexpr (unit == By::kProducts)
    return difference(a, b);
  else
    return a - b;
}

// Four points, their first differences as given.
template <bool Inverse, By first, class C>
LAPPED_INLINE void four(C& a0, C& a1, C& a2, C& a3) {
  const C s02 = a0 + a2, d02 = minus<first>(a0, a2), s13 = a1 + a3,
          d13 = quarter_turn<Inverse>(minus<first>(a1, a3));
  a0 = s02 + s13;
  a1 = d02 + d13;
  a2 = s02 - s13;
  a3 = d02 - d13;
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

// exp(-+ 2 pi i K / 16) a, for the products of 1, 2 and 3
template <bool Inverse, int K, class C>
LAPPED_INLINE C sixteenth_turns(C a) {
  if constexpr (K == 0) return a;
  if constexpr (K == 2) return eighth_turn<Inverse>(a);
  if constexpr (K == 4) return quarter_turn<Inverse>(a);
  if constexpr (K == 6) return quarter_turn<Inverse>(eighth_turn<Inverse>(a));
  using T = typename C::Scalar;
  constexpr T cosine = T(0.92387953251128675613), sine = T(0.38268343236508977173);
  constexpr T sign = K == 9 ? T(-1) : T(1), c = sign * (K == 3 ? sine : cosine),
              s = (Inverse ? -sign : sign) * (K == 3 ? cosine : sine);
  return {a.re * c + a.im * s, a.im * c - a.re * s};
}

template <class In>
using PointOf = std::decay_t<decltype(std::declval<In>()(Index<0>{}))>;

// Odd R: with s_q = a_q + a_(R-q), d_q = a_q - a_(R-q):  A_k = a_0 + sum_q s_q cos(2 pi k q / R) -+
// i sum_q d_q sin(2 pi k q / R).
template <int R>
struct Butterfly {
  static_assert(R % 2 == 1);
  static constexpr int H = R / 2;

  template <bool Inverse, class In, class Out>
  static LAPPED_INLINE void run(In in, Out out) {
    points<Inverse>(in, out, std::make_integer_sequence<int, R>{});
  }
  template <bool Inverse, class In, class Out, int... K>
  static LAPPED_INLINE void points(In in, Out out, std::integer_sequence<int, K...>) {
    PointOf<In> a[R] = {in(Index<K>{})...};
    transform<Inverse>(a);
    (out(Index<K>{}, a[K]), ...);
  }
  template <bool Inverse, class C>
  static LAPPED_INLINE void transform(C (&a)[R]) {
    using T = typename C::Scalar;
    constexpr Roots<R> roots{};
    C s[H], d[H], total = a[0];
    LAPPED_UNROLL
    for (int q = 0; q < H; ++q) {
      s[q] = a[q + 1] + a[R - 1 - q];
      d[q] = a[q + 1] - a[R - 1 - q];
      total = total + s[q];
    }
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
      a[k] = even + turned;
      a[R - k] = even - turned;
    }
    a[0] = total;
  }
};

template <>
struct Butterfly<2> {
  template <bool Inverse, class In, class Out>
  static LAPPED_INLINE void run(In in, Out out) {
    const auto a = in(Index<0>{}), b = in(Index<1>{});
    out(Index<0>{}, a + b);
    out(Index<1>{}, a - b);
  }
};

template <>
struct Butterfly<4> {
  template <bool Inverse, class In, class Out>
  static LAPPED_INLINE void run(In in, Out out) {
    auto a0 = in(Index<0>{}), a2 = in(Index<2>{}), a1 = in(Index<1>{}), a3 = in(Index<3>{});
    four<Inverse, By::kSums>(a0, a1, a2, a3);
    out(Index<0>{}, a0);
    out(Index<1>{}, a1);
    out(Index<2>{}, a2);
    out(Index<3>{}, a3);
  }
};

template <>
struct Butterfly<8> {
  // inner: of the two transforms of four.
  template <bool Inverse, By inner = By::kSums, class In, class Out>
  static LAPPED_INLINE void run(In in, Out out) {
    using C = PointOf<In>;
    const C a0 = in(Index<0>{}), a4 = in(Index<4>{});
    C e0 = a0 + a4, o0 = difference(a0, a4);
    const C a2 = in(Index<2>{}), a6 = in(Index<6>{});
    C e2 = a2 + a6, o2 = quarter_turn<Inverse>(difference(a2, a6));
    const C a1 = in(Index<1>{}), a5 = in(Index<5>{});
    C e1 = a1 + a5, o1 = eighth_turn<Inverse>(difference(a1, a5));
    const C a3 = in(Index<3>{}), a7 = in(Index<7>{});
    C e3 = a3 + a7, o3 = quarter_turn<Inverse>(eighth_turn<Inverse>(difference(a3, a7)));
    four<Inverse, inner>(e0, e1, e2, e3);
    out(Index<0>{}, e0);
    out(Index<2>{}, e1);
    out(Index<4>{}, e2);
    out(Index<6>{}, e3);
    four<Inverse, inner>(o0, o1, o2, o3);
    out(Index<1>{}, o0);
    out(Index<3>{}, o1);
    out(Index<5>{}, o2);
    out(Index<7>{}, o3);
  }
};

// Points q + 4 p over p, then over q.
template <>
struct Butterfly<16> {
  template <bool Inverse, class In, class Out>
  static LAPPED_INLINE void run(In in, Out out) {
    PointOf<In> a[16];
    over_p<Inverse, 0>(in, a);
    over_p<Inverse, 1>(in, a);
    over_p<Inverse, 2>(in, a);
    over_p<Inverse, 3>(in, a);
    over_q<Inverse, 0>(a, out);
    over_q<Inverse, 1>(a, out);
    over_q<Inverse, 2>(a, out);
    over_q<Inverse, 3>(a, out);
  }
  template <bool Inverse, int Q, class In, class C>
  static LAPPED_INLINE void over_p(In in, C (&a)[16]) {
    C a0 = in(Index<Q>{}), a1 = in(Index<Q + 4>{}), a2 = in(Index<Q + 8>{}),
      a3 = in(Index<Q + 12>{});
    four<Inverse, By::kProducts>(a0, a1, a2, a3);
    a[Q] = a0;
    a[Q + 4] = sixteenth_turns<Inverse, Q>(a1);
    a[Q + 8] = sixteenth_turns<Inverse, 2 * Q>(a2);
    a[Q + 12] = sixteenth_turns<Inverse, 3 * Q>(a3);
  }
  template <bool Inverse, int K, class C, class Out>
  static LAPPED_INLINE void over_q(C (&a)[16], Out out) {
    four<Inverse, By::kProducts>(a[4 * K], a[4 * K + 1], a[4 * K + 2], a[4 * K + 3]);
    out(Index<K>{}, a[4 * K]);
    out(Index<K + 4>{}, a[4 * K + 1]);
    out(Index<K + 8>{}, a[4 * K + 2]);
    out(Index<K + 12>{}, a[4 * K + 3]);
  }
};

// The same in place.
template <class C>
struct PointsOf {
  C* a;
  template <int K>
  LAPPED_INLINE C operator()(Index<K>) const {
    return a[K];
  }
  template <int K>
  LAPPED_INLINE void operator()(Index<K>, C value) const {
    a[K] = value;
  }
};
template <bool Inverse, class C, int R>
LAPPED_INLINE void butterfly(C (&a)[R]) {
  Butterfly<R>::template run<Inverse>(PointsOf<C>{a}, PointsOf<C>{a});
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
