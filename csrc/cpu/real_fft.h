// SPDX-License-Identifier: Apache-2.0
// Spectra of real frames out of complex transforms. Even n_fft: element i of the half-length
// transform is sample 2i + i sample 2i+1, and with E = Z_k + conj Z_(n-k), D = Z_k - conj Z_(n-k),
// w = exp(-2 pi i k / n_fft):   X_k = (E - i w D) / 2,   X_(n-k) = conj(E + i w D) / 2. The halves
// are folded into the windows (core/stft_plan.h).
#pragma once
#include "cpu/fft.h"

namespace lapped::cpu {
namespace {

// X_k and X_(n-k), or Z_k and Z_(n-k).
template <class T>
struct Pair {
  Cvec<T> low, high;
};

// e + t and conj(e - t), whose imaginary part is not negated but subtracted the other way round.
template <class T>
LAPPED_INLINE Pair<T> sum_and_conjugate_difference(Cvec<T> e, Cvec<T> t) {
  return {e + t, {e.re - t.re, t.im - e.im}};
}

template <class T>
LAPPED_INLINE Pair<T> untangle(Cvec<T> a, Cvec<T> b, Vec<T> wr, Vec<T> wi) {
  return sum_and_conjugate_difference(a + conj(b),
                                      quarter_turn<false>(times<false>(a - conj(b), wr, wi)));
}

template <class T>
LAPPED_INLINE Pair<T> tangle(Cvec<T> a, Cvec<T> b, Vec<T> wr, Vec<T> wi) {
  return sum_and_conjugate_difference(a + conj(b),
                                      quarter_turn<true>(times<true>(a - conj(b), wr, wi)));
}

template <class T>
LAPPED_INLINE Cvec<T>& element(Cvec<T>* z, int32_t offset) {
  return *reinterpret_cast<Cvec<T>*>(reinterpret_cast<T*>(z) + offset);
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
void start_inverse(const FftView<T>& fft, Cvec<T>* z) {
  for (int64_t s = 0; s < fft_parts(fft); ++s)
    LAPPED_ISA::start_inverse(fft, s, reinterpret_cast<T*>(z));
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

// emit(k, X_k) for every bin of the frames, once.
template <class T, class Emit>
LAPPED_INLINE void each_bin(const StftView<T>& plan, const Frames<T>& frames, Cvec<T>* z,
                            Emit emit) {
  const int32_t* at = plan.fft.position;
  LAPPED_ISA::start_forward(plan, frames, reinterpret_cast<T*>(z));
  if (!plan.half_length) {
    finish_forward(plan.fft, z);
    for (int64_t k = 0; k < plan.bins; ++k) emit(k, z[at[k]]);
    return;
  }
  const int64_t n = plan.fft.n;
  const BinPair<T>* pair = plan.pairs;
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
        const Pair<T> x = untangle(element(z, pair->low), element(z, pair->high), splat(pair->re),
                                   splat(pair->im));
        ++pair;
        emit(k, x.low);
        emit(n - k, x.high);
      },
      [&]() LAPPED_LAMBDA { emit(n / 2, scaled(conj(z[at[n / 2]]), splat(T(2)))); },
      [](int64_t, int64_t) {});
}

// z <- what finish_inverse turns into the frames whose spectrum is get(k); imaginary parts of bin 0
// and n_fft / 2 do not count.
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
    return start_inverse(plan.fft, z);
  }
  const BinPair<T>* pair = plan.pairs;
  each_part(
      plan.fft,
      [&](int64_t s, int64_t) LAPPED_LAMBDA {
        if (s > 0) return;
        const Vec<T> first = get(0).re, last = get(n).re;
        z[0] = Cvec<T>{first + last, first - last};
      },
      [&](int64_t k) LAPPED_LAMBDA {
        const Pair<T> values = tangle(get(k), get(n - k), splat(pair->re), splat(pair->im));
        element(z, pair->low) = values.low;
        element(z, pair->high) = values.high;
        ++pair;
      },
      [&]() LAPPED_LAMBDA { z[at[n / 2]] = scaled(conj(get(n / 2)), splat(T(2))); },
      [&](int64_t s, int64_t partner) LAPPED_LAMBDA { start_inverse(plan.fft, s, partner, z); });
}

// The same for f(k, X_k), X being the spectrum of the given frames.
template <class T, class F>
LAPPED_INLINE void map_bins(const StftView<T>& plan, const Frames<T>& frames, Cvec<T>* z, F f) {
  const int32_t* at = plan.fft.position;
  const int64_t n = plan.fft.n;
  LAPPED_ISA::start_forward(plan, frames, reinterpret_cast<T*>(z));
  if (!plan.half_length) {
    finish_forward(plan.fft, z);
    z[at[0]] = Cvec<T>{f(0, z[at[0]]).re, Vec<T>{}};
    for (int64_t k = 1; k < plan.bins; ++k) {
      z[at[k]] = f(k, z[at[k]]);
      z[at[n - k]] = conj(z[at[k]]);
    }
    return start_inverse(plan.fft, z);
  }
  const BinPair<T>* pair = plan.pairs;
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
        const Vec<T> wr = splat(pair->re), wi = splat(pair->im);
        Cvec<T>&at_low = element(z, pair->low), &at_high = element(z, pair->high);
        ++pair;
        const Pair<T> x = untangle(at_low, at_high, wr, wi);
        const Cvec<T> low = f(k, x.low), high = f(n - k, x.high);  // in the order of each_visit
        const Pair<T> values = tangle(low, high, wr, wi);
        at_low = values.low;
        at_high = values.high;
      },
      [&]() LAPPED_LAMBDA {
        z[at[n / 2]] = scaled(conj(f(n / 2, scaled(conj(z[at[n / 2]]), splat(T(2))))), splat(T(2)));
      },
      [&](int64_t s, int64_t partner) LAPPED_LAMBDA { start_inverse(plan.fft, s, partner, z); });
}

}  // namespace
}  // namespace lapped::cpu
