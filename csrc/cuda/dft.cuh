// SPDX-License-Identifier: Apache-2.0
// DFTs on registers of the lengths that core/butterflies.h has, and of their products.
#pragma once
#include "core/butterflies.h"
#include "cuda/complex.cuh"

namespace lapped::cuda {

// cos and sin of 2 pi k / n for 0 <= k < n, by Taylor's series around the nearest quarter turn.
struct Turn {
  double cos, sin;
};
constexpr Turn turn(int k, int n) {
  const int quarter = (8 * k / n + 1) / 2;
  const double x = 2 * 3.14159265358979323846 * (4.0 * k - 1.0 * quarter * n) / (4.0 * n);
  double c = 0, s = 0, term = 1;
  for (int i = 0; i < 24; i += 2) {
    c += term;
    term *= x / (i + 1);
    s += term;
    term *= -x / (i + 2);
  }
  switch (quarter % 4) {
    case 0:
      return {c, s};
    case 1:
      return {-s, c};
    case 2:
      return {-c, -s};
    default:
      return {s, -c};
  }
}

template <int K, int N>
constexpr Turn kTurn = turn(K, N);

// a exp(-+ 2 pi i K / N)
template <bool Inverse, int K, int N, class T>
LAPPED_INLINE Cx<T> turned(Cx<T> a) {
  if constexpr (K % N == 0) return a;
  return times<!Inverse>(a, Cx<T>{T(kTurn<K % N, N>.cos), T(kTurn<K % N, N>.sin)});
}

// The larger factor of a length without a butterfly of its own; the other comes first.
constexpr int second_factor(int n) {
  switch (n) {
    case 10:
    case 20:
    case 40:
      return 5;
    case 12:
    case 16:
    case 32:
      return 4;
    default:
      return 1;
  }
}

// a[k] <- sum_q a[q] exp(-+ 2 pi i k q / R). With R = A B, q = B p + b and k = j + A l: DFTs of A
// points over p, turns by j b / R, DFTs of B points over b.
template <bool Inverse, int R, class T>
LAPPED_INLINE void dft(Cx<T> (&a)[R]) {
  constexpr int B = second_factor(R), A = R / B;
  if constexpr (B == 1) {
    butterfly<Inverse>(a);
  } else {
    each_constant<B>([&](auto b) {
      Cx<T> points[A];
      each_constant<A>([&](auto p) { points[p] = a[B * p + b]; });
      dft<Inverse, A>(points);
      each_constant<A>([&](auto j) { a[B * j + b] = turned<Inverse, j * b, R>(points[j]); });
    });
    Cx<T> out[R];
    each_constant<A>([&](auto j) {
      Cx<T> points[B];
      each_constant<B>([&](auto b) { points[b] = a[B * j + b]; });
      dft<Inverse, B>(points);
      each_constant<B>([&](auto l) { out[j + A * l] = points[l]; });
    });
    each_constant<R>([&](auto k) { a[k] = out[k]; });
  }
}

}  // namespace lapped::cuda
