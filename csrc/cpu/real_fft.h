// SPDX-License-Identifier: Apache-2.0
// Spectra of real frames out of complex transforms. Even n_fft: element i of the half-length
// transform is sample 2i + i sample 2i+1, and with E = Z_k + conj Z_(n-k), D = Z_k - conj Z_(n-k),
// w = exp(-2 pi i k / n_fft):   X_k = (E - i w D) / 2,   X_(n-k) = conj(E + i w D) / 2. The halves
// are folded into the windows (core/stft_plan.h). Bins k and n - k lie in parts s and -s of the
// transform, which are finished together.
#pragma once
#include "cpu/fft.h"

namespace lapped::cpu {
namespace {

// X_k and X_(n-k), or Z_k and Z_(n-k).
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

// begin(s, partner) and end(s, partner) around pair(k) for each unordered {k, n - k} of parts s and
// partner, and middle() where k = n - k.
template <class T, class Begin, class PairOf, class Middle, class End>
LAPPED_INLINE void each_part(const FftView<T>& fft, Begin begin, PairOf pair, Middle middle,
                             End end) {
  const int64_t parts = fft_parts(fft), n = fft.n;
  for (int64_t s = 0; 2 * s <= parts; ++s) {
    const int64_t partner = (parts - s) % parts;
    if (partner < s) continue;
    begin(s, partner);
    const int64_t last =
        partner == s ? (n - 1) / 2 : n - 1;  // a part that is its own partner holds both of a pair
    for (int64_t k = s ? s : parts; k <= last; k += parts) pair(k);
    if (partner == s && n % 2 == 0 && n > 1 && n / 2 % parts == s) middle();
    end(s, partner);
  }
}

template <class T>
LAPPED_INLINE void finish_forward(const FftView<T>& fft, int64_t s, int64_t partner, Cvec<T>* z) {
  LAPPED_ISA::finish_forward(fft, s, reinterpret_cast<T*>(z));
  if (partner != s) LAPPED_ISA::finish_forward(fft, partner, reinterpret_cast<T*>(z));
}

template <class T>
LAPPED_INLINE void start_inverse(const FftView<T>& fft, int64_t s, int64_t partner, Cvec<T>* z) {
  LAPPED_ISA::start_inverse(fft, s, reinterpret_cast<T*>(z));
  if (partner != s) LAPPED_ISA::start_inverse(fft, partner, reinterpret_cast<T*>(z));
}

// All parts at once, for odd n_fft.
template <class T>
void finish_forward(const FftView<T>& fft, Cvec<T>* z) {
  for (int64_t s = 0; s < fft_parts(fft); ++s)
    LAPPED_ISA::finish_forward(fft, s, reinterpret_cast<T*>(z));
}
template <class T>
void whole_inverse(const FftView<T>& fft, Cvec<T>* z) {
  for (int64_t s = 0; s < fft_parts(fft); ++s)
    LAPPED_ISA::start_inverse(fft, s, reinterpret_cast<T*>(z));
  LAPPED_ISA::finish_inverse(fft, reinterpret_cast<T*>(z));
}

// The order in which each_bin and map_bins take the bins: visit(k), for data that should stream
// past them.
template <class T, class Visit>
void each_visit(const StftView<T>& plan, Visit visit) {
  if (!plan.half_length) {
    for (int64_t k = 0; k < plan.bins; ++k) visit(k);
    return;
  }
  const int64_t n = plan.fft.n;
  const auto ends = [&](int64_t s, int64_t) {
    if (s > 0) return;
    visit(0);
    visit(n);
  };
  const auto both = [&](int64_t k) {
    visit(k);
    visit(n - k);
  };
  each_part(plan.fft, ends, both, [&] { visit(n / 2); }, [](int64_t, int64_t) {});
}

// emit(k, X_k) for every bin of the frames at y, once.
template <class T, class Emit>
LAPPED_INLINE void each_bin(const StftView<T>& plan, const T* y, Cvec<T>* z, Emit emit) {
  const int32_t* at = plan.fft.position;
  LAPPED_ISA::start_forward(plan, y, reinterpret_cast<T*>(z));
  if (!plan.half_length) {
    finish_forward(plan.fft, z);
    for (int64_t k = 0; k < plan.bins; ++k) emit(k, z[at[k]]);
    return;
  }
  const int64_t n = plan.fft.n;
  each_part(
      plan.fft,
      [&](int64_t s, int64_t partner) LAPPED_LAMBDA {
        finish_forward(plan.fft, s, partner, z);
        if (s > 0) return;
        const Cvec<T> first = z[0];
        emit(0, Cvec<T>{(first.re + first.im) * T(2), Vec<T>{}});
        emit(n, Cvec<T>{(first.re - first.im) * T(2), Vec<T>{}});
      },
      [&](int64_t k) LAPPED_LAMBDA {
        const Pair<T> x = untangle(z[at[k]], z[at[n - k]], splat(plan.twiddles[2 * k]),
                                   splat(plan.twiddles[2 * k + 1]));
        emit(k, x.low);
        emit(n - k, x.high);
      },
      [&]() LAPPED_LAMBDA { emit(n / 2, scaled(conj(z[at[n / 2]]), splat(T(2)))); },
      [](int64_t, int64_t) {});
}

// z <- samples of the frames whose spectrum is get(k); imaginary parts of bin 0 and n_fft / 2 do
// not count.
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
    return whole_inverse(plan.fft, z);
  }
  each_part(
      plan.fft,
      [&](int64_t s, int64_t) LAPPED_LAMBDA {
        if (s > 0) return;
        const Vec<T> first = get(0).re, last = get(n).re;
        z[0] = Cvec<T>{first + last, first - last};
      },
      [&](int64_t k) LAPPED_LAMBDA {
        const Pair<T> pair = tangle(get(k), get(n - k), splat(plan.twiddles[2 * k]),
                                    splat(plan.twiddles[2 * k + 1]));
        z[at[k]] = pair.low;
        z[at[n - k]] = pair.high;
      },
      [&]() LAPPED_LAMBDA { z[at[n / 2]] = scaled(conj(get(n / 2)), splat(T(2))); },
      [&](int64_t s, int64_t partner) LAPPED_LAMBDA { start_inverse(plan.fft, s, partner, z); });
  LAPPED_ISA::finish_inverse(plan.fft, reinterpret_cast<T*>(z));
}

// z <- samples of the frames whose spectrum is f(k, X_k), X being that of the frames at y.
template <class T, class F>
LAPPED_INLINE void map_bins(const StftView<T>& plan, const T* y, Cvec<T>* z, F f) {
  const int32_t* at = plan.fft.position;
  const int64_t n = plan.fft.n;
  LAPPED_ISA::start_forward(plan, y, reinterpret_cast<T*>(z));
  if (!plan.half_length) {
    finish_forward(plan.fft, z);
    z[at[0]] = Cvec<T>{f(0, z[at[0]]).re, Vec<T>{}};
    for (int64_t k = 1; k < plan.bins; ++k) {
      z[at[k]] = f(k, z[at[k]]);
      z[at[n - k]] = conj(z[at[k]]);
    }
    return whole_inverse(plan.fft, z);
  }
  each_part(
      plan.fft,
      [&](int64_t s, int64_t partner) LAPPED_LAMBDA {
        finish_forward(plan.fft, s, partner, z);
        if (s > 0) return;
        const Vec<T> first = f(0, Cvec<T>{(z[0].re + z[0].im) * T(2), Vec<T>{}}).re;
        const Vec<T> last = f(n, Cvec<T>{(z[0].re - z[0].im) * T(2), Vec<T>{}}).re;
        z[0] = Cvec<T>{first + last, first - last};
      },
      [&](int64_t k) LAPPED_LAMBDA {
        const Vec<T> wr = splat(plan.twiddles[2 * k]), wi = splat(plan.twiddles[2 * k + 1]);
        const Pair<T> x = untangle(z[at[k]], z[at[n - k]], wr, wi);
        const Cvec<T> low = f(k, x.low), high = f(n - k, x.high);  // in the order of each_visit
        const Pair<T> pair = tangle(low, high, wr, wi);
        z[at[k]] = pair.low;
        z[at[n - k]] = pair.high;
      },
      [&]() LAPPED_LAMBDA {
        z[at[n / 2]] = scaled(conj(f(n / 2, scaled(conj(z[at[n / 2]]), splat(T(2))))), splat(T(2)));
      },
      [&](int64_t s, int64_t partner) LAPPED_LAMBDA { start_inverse(plan.fft, s, partner, z); });
  LAPPED_ISA::finish_inverse(plan.fft, reinterpret_cast<T*>(z));
}

}  // namespace
}  // namespace lapped::cpu
