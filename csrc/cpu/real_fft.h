// SPDX-License-Identifier: Apache-2.0
// Spectra of real frames out of complex transforms. Even n_fft: element i of the half-length transform is sample 2i + i sample 2i+1, and with
// E = Z_k + conj Z_(n-k), D = Z_k - conj Z_(n-k), w = exp(-2 pi i k / n_fft):   X_k = (E - i w D) / 2,   X_(n-k) = conj(E + i w D) / 2.
// The halves are folded into the windows (core/stft_plan.h).
#pragma once
#include "core/stft_plan.h"
#include "cpu/fft.h"

namespace lapped::cpu {
namespace {

// X_k and X_(n-k) from E and D, or Z_k and Z_(n-k): the same sum and difference with +-i w or its conjugate.
template <class T>
struct Pair {
  Cvec<T> low, high;
};

template <class T>
LAPPED_INLINE Pair<T> untangle(Cvec<T> a, Cvec<T> b, Vec<T> wr, Vec<T> wi) {
  const Cvec<T> e = a + conj(b), t = quarter_turn<false>(times<false>(a - conj(b), wr, wi));
  return {e + t, conj(e - t)};
}

template <class T>
LAPPED_INLINE Pair<T> tangle(Cvec<T> a, Cvec<T> b, Vec<T> wr, Vec<T> wi) {
  const Cvec<T> e = a + conj(b), t = quarter_turn<true>(times<true>(a - conj(b), wr, wi));
  return {e + t, conj(e - t)};
}

// emit(k, X_k) for every bin, once.
template <class T, class Emit>
LAPPED_INLINE void each_bin(const StftView<T>& plan, const Cvec<T>* z, Emit emit) {
  const int32_t* at = plan.fft.position;
  if (!plan.half_length) {
    for (int64_t k = 0; k < plan.bins; ++k) emit(k, z[at[k]]);
    return;
  }
  const int64_t n = plan.fft.n;
  const Cvec<T> first = z[0];
  emit(0, Cvec<T>{(first.re + first.im) * T(2), Vec<T>{}});
  emit(n, Cvec<T>{(first.re - first.im) * T(2), Vec<T>{}});
  for (int64_t k = 1; 2 * k < n; ++k) {
    const Pair<T> x = untangle(z[at[k]], z[at[n - k]], splat(plan.twiddles[2 * k]), splat(plan.twiddles[2 * k + 1]));
    emit(k, x.low);
    emit(n - k, x.high);
  }
  if (n > 1 && n % 2 == 0) emit(n / 2, scaled(conj(z[at[n / 2]]), splat(T(2))));
}

// z <- the transform whose spectrum is get(k); imaginary parts of bin 0 and n_fft / 2 do not count.
template <class T, class Get>
LAPPED_INLINE void from_bins(const StftView<T>& plan, Cvec<T>* z, Get get) {
  const int32_t* at = plan.fft.position;
  const int64_t n = plan.fft.n;
  if (!plan.half_length) {
    z[at[0]] = Cvec<T>{get(0).re, Vec<T>{}};
    for (int64_t k = 1; k < plan.bins; ++k) {
      z[at[k]] = get(k);
      z[at[n - k]] = conj(z[at[k]]);
    }
    return;
  }
  const Vec<T> first = get(0).re, last = get(n).re;
  z[0] = Cvec<T>{first + last, first - last};
  for (int64_t k = 1; 2 * k < n; ++k) {
    const Pair<T> pair = tangle(get(k), get(n - k), splat(plan.twiddles[2 * k]), splat(plan.twiddles[2 * k + 1]));
    z[at[k]] = pair.low;
    z[at[n - k]] = pair.high;
  }
  if (n > 1 && n % 2 == 0) z[at[n / 2]] = scaled(conj(get(n / 2)), splat(T(2)));
}

// z <- the transform of f(k, X_k), where z holds that of X.
template <class T, class F>
LAPPED_INLINE void map_bins(const StftView<T>& plan, Cvec<T>* z, F f) {
  const int32_t* at = plan.fft.position;
  const int64_t n = plan.fft.n;
  if (!plan.half_length) {
    z[at[0]] = Cvec<T>{f(0, z[at[0]]).re, Vec<T>{}};
    for (int64_t k = 1; k < plan.bins; ++k) {
      z[at[k]] = f(k, z[at[k]]);
      z[at[n - k]] = conj(z[at[k]]);
    }
    return;
  }
  const Vec<T> first = f(0, Cvec<T>{(z[0].re + z[0].im) * T(2), Vec<T>{}}).re;
  const Vec<T> last = f(n, Cvec<T>{(z[0].re - z[0].im) * T(2), Vec<T>{}}).re;
  z[0] = Cvec<T>{first + last, first - last};
  for (int64_t k = 1; 2 * k < n; ++k) {
    const Vec<T> wr = splat(plan.twiddles[2 * k]), wi = splat(plan.twiddles[2 * k + 1]);
    const Pair<T> x = untangle(z[at[k]], z[at[n - k]], wr, wi);
    const Pair<T> pair = tangle(f(k, x.low), f(n - k, x.high), wr, wi);
    z[at[k]] = pair.low;
    z[at[n - k]] = pair.high;
  }
  if (n > 1 && n % 2 == 0) {
    const Cvec<T> middle = scaled(conj(z[at[n / 2]]), splat(T(2)));
    z[at[n / 2]] = scaled(conj(f(n / 2, middle)), splat(T(2)));
  }
}

}  // namespace
}  // namespace lapped::cpu
