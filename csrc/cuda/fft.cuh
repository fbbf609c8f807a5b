// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/fft.cc: complex transforms of frames that lie side by side in a block's work memory,
// `threads` threads to a frame. Two kinds with one interface:
//   Registers                  what a thread holds between load and forward
//   load(registers, z, g, get) takes elements get(i), i = 0 .. n - 1; load_slowly does so with less
//                              code, and needs a barrier before forward
//   forward(registers, z, g)   spectrum, element k at z[at(k)]
//   inverse(z, g)              from a spectrum there, unscaled, element i at z[placed(i)]
// forward ends behind a barrier; inverse starts and ends with one.
#pragma once
#include "core/fft_plan.h"
#include "cuda/dft.cuh"

namespace lapped::cuda {

// --- any length: the stages of core/fft_plan.h, in place ---

template <class T>
struct GeneralFft {
  using Real = T;
  struct Registers {};
  static constexpr bool kEven = false;  // whether frames are known to be of even length
  const FftView<T>* plan;               // in device memory
  int threads;

  __device__ int at(int k) const { return plan->position[k]; }
  __device__ int placed(int i) const { return i; }

  template <class Get>
  __device__ void load(Registers&, Cx<T>* z, int g, Get get) const {
    const int n = static_cast<int>(plan->n);
    for (int i = g; i < n; i += threads) z[i] = get(i);
  }
  template <class Get>
  __device__ void load_slowly(Registers& own, Cx<T>* z, int g, Get get) const {
    load(own, z, g, get);
  }
  __device__ void forward(Registers&, Cx<T>* z, int g) const { transform<false>(z, g); }
  __device__ void inverse(Cx<T>* z, int g) const { transform<true>(z, g); }

 private:
  template <bool Inverse>
  __device__ void transform(Cx<T>* z, int g) const {
    __syncthreads();
    if (plan->padded)
      chirp_transform<Inverse>(z, g);
    else
      stages<Inverse>(*plan, z, g);
  }

  template <bool Inverse>
  __device__ void stages(const FftView<T>& fft, Cx<T>* z, int g) const {
    for (int i = 0; i < fft.stage_count; ++i) {
      const FftStage& s = fft.stages[Inverse ? fft.stage_count - 1 - i : i];
      const auto* twiddles = reinterpret_cast<const Cx<T>*>(fft.twiddles + s.twiddle);
      with_radix(s.radix, [&](auto radix) {
        stage<decltype(radix)::value, Inverse>(static_cast<int>(fft.n),
                                               static_cast<int>(s.sub_length), twiddles, z, g);
      });
      __syncthreads();
    }
  }

  // Points j + r m of each block of R m elements, with row j of the twiddles.
  template <int R, bool Inverse>
  __device__ void stage(int n, int m, const Cx<T>* twiddles, Cx<T>* z, int g) const {
    for (int i = g; i < n / R; i += threads) {
      const int block = i / m, j = i - block * m;
      Cx<T>* const points = z + block * R * m + j;
      const Cx<T>* const w = twiddles + j * (R - 1);
      Cx<T> a[R];
      each_constant<R>([&](auto r) {
        a[r] = points[r * m];
        if constexpr (Inverse && r > 0) a[r] = times<true>(a[r], w[r - 1]);
      });
      butterfly<Inverse>(a);
      each_constant<R>([&](auto r) {
        if constexpr (!Inverse && r > 0) a[r] = times<false>(a[r], w[r - 1]);
        points[r * m] = a[r];
      });
    }
  }

  // Bluestein: X_k = c_k sum_j (x_j c_j) conj(c_(k-j)), c_j = exp(-i pi j^2 / n); everything
  // conjugate for the inverse.
  template <bool Inverse>
  __device__ void chirp_transform(Cx<T>* z, int g) const {
    const int n = static_cast<int>(plan->n), padded = static_cast<int>(plan->padded);
    const auto* chirp = reinterpret_cast<const Cx<T>*>(plan->chirp);
    const auto* filter = reinterpret_cast<const Cx<T>*>(plan->chirp_spectrum);
    for (int i = g; i < padded; i += threads)
      z[i] = i < n ? times<Inverse>(z[i], chirp[i]) : Cx<T>{0, 0};
    __syncthreads();
    stages<false>(*plan->convolution, z, g);
    for (int i = g; i < padded; i += threads) z[i] = times<Inverse>(z[i], filter[i]);
    __syncthreads();
    stages<true>(*plan->convolution, z, g);
    for (int i = g; i < n; i += threads) z[i] = times<Inverse>(z[i], chirp[i]);
    __syncthreads();
  }
};

// --- a length known to the compiler: butterflies of many points in registers ---
//
// Stage s takes R_s points M_s apart, M_s = n / (R_0 ... R_s): element (r_0, ..., r_s-1, j) of the
// work array lies at r_0 M_0 + r_1 M_1 + ... + j, and a stage writes where it has read. The last
// one leaves the spectrum in natural order. In between, a place is skipped after every R_last
// elements, so that threads which read neighbouring blocks meet different banks.

template <class T, int Threads, int... Radices>
struct FixedFft {
  using Real = T;
  static constexpr bool kEven = true;
  static constexpr int kStages = sizeof...(Radices);
  static constexpr int kRadix[kStages] = {Radices...};
  static constexpr int n = (Radices * ...);
  static constexpr int threads = Threads;
  static constexpr int kPad = kRadix[kStages - 1];

  static constexpr int radix(int s) { return kRadix[s]; }
  static constexpr int sub(int s) {  // M_s
    int m = n;
    for (int i = 0; i <= s; ++i) m /= kRadix[i];
    return m;
  }
  // Where the twiddles of stage s begin in their table: (R_s - 1) rows of M_s, but for the last.
  static constexpr int twiddle_offset(int s) {
    int at = 0;
    for (int i = 0; i < s; ++i) at += (kRadix[i] - 1) * sub(i);
    return at;
  }
  static constexpr int kTwiddles = twiddle_offset(kStages - 1);
  static constexpr int kPlaces = n + n / kPad;

  static constexpr int kFirst = (n / kRadix[0] + Threads - 1) / Threads;  // butterflies a thread
  struct Registers {
    Cx<T> points[kFirst][kRadix[0]];
  };
  const Cx<T>* twiddles;

  __device__ int at(int k) const { return k; }
  __device__ int placed(int i) const { return i + i / kPad; }

  template <class Get>
  __device__ void load(Registers& own, Cx<T>*, int g, Get get) const {
    constexpr int R = radix(0), M = sub(0);
    each_constant<kFirst>([&](auto b) {
      const int j = g + b * Threads;
      if (M % Threads == 0 || j < M)
        each_constant<R>([&](auto r) { own.points[b][r] = get(j + r * M); });
    });
  }
  template <class Get>
  __device__ void load_slowly(Registers& own, Cx<T>* z, int g, Get get) const {
    for (int j = g; j < sub(0); j += Threads)
      for (int i = j; i < n; i += sub(0)) z[i] = get(i);
    load(own, z, g, [&](int i) { return z[i]; });
  }

  __device__ void forward(Registers& own, Cx<T>* z, int g) const {
    constexpr int R = radix(0), M = sub(0);
    each_constant<kFirst>([&](auto b) {
      const int j = g + b * Threads;
      if (M % Threads == 0 || j < M) {
        dft<false, R>(own.points[b]);
        each_constant<R>(
            [&](auto r) { z[place<0>(j, r)] = twiddled<false, 0, r>(own.points[b][r], j); });
      }
    });
    settle();
    each_constant<kStages - 1>([&](auto s) { stage<s + 1, false>(z, g); });
  }

  __device__ void inverse(Cx<T>* z, int g) const {
    __syncthreads();
    each_constant<kStages>([&](auto s) { stage<kStages - 1 - s, true>(z, g); });
  }

 private:
  template <bool Inverse, int S, int Row>
  __device__ Cx<T> twiddled(Cx<T> a, int j) const {
    if constexpr (Row == 0 || S == kStages - 1) return a;
    return times<Inverse>(a, table(twiddles + twiddle_offset(S) + (Row - 1) * sub(S) + j));
  }

  // Orders what the threads of one frame write before what they read: others need not wait where a
  // warp holds the whole frame.
  static __device__ void settle() {
    if constexpr (32 % Threads == 0)
      __syncwarp();
    else
      __syncthreads();
  }

  // Where point r of butterfly i of stage S lies among the elements. `r` is a constant, and all of
  // a butterfly's places are constants away from the first.
  template <int S>
  __device__ int place(int i, int r) const {
    constexpr int R = radix(S), M = sub(S);
    static_assert(M % kPad == 0 || (M == 1 && R == kPad));
    const int block = i / M;
    return placed(block * (R * M) + (i - block * M)) + r * M + (M > 1 ? r * (M / kPad) : 0);
  }

  // Bin r of butterfly i of the last stage: the digits of i are those of the bin from below.
  __device__ int bin(int i, int r) const {
    int k = 0, rest = i;
    each_constant<kStages - 1>([&](auto s) {
      constexpr int digit = radix(kStages - 2 - s);
      k = k * digit + rest % digit;
      rest /= digit;
    });
    return k + r * (n / radix(kStages - 1));
  }

  template <int S, bool Inverse>
  __device__ void stage(Cx<T>* z, int g) const {
    constexpr int R = radix(S), M = sub(S), kCount = n / R, kOwn = (kCount + Threads - 1) / Threads;
    constexpr bool kMoves = S == kStages - 1;  // reads and writes different places
    Cx<T> a[kOwn][R];
    each_constant<kOwn>([&](auto b) {
      const int i = g + b * Threads;
      if (kCount % Threads == 0 || i < kCount)
        each_constant<R>([&](auto r) {
          a[b][r] = z[kMoves && Inverse ? bin(i, r) : place<S>(i, r)];
          if constexpr (Inverse) a[b][r] = twiddled<true, S, r>(a[b][r], i % M);
        });
    });
    if constexpr (kMoves) settle();
    each_constant<kOwn>([&](auto b) {
      const int i = g + b * Threads;
      if (kCount % Threads == 0 || i < kCount) {
        dft<Inverse, R>(a[b]);
        each_constant<R>([&](auto r) {
          if constexpr (!Inverse) a[b][r] = twiddled<false, S, r>(a[b][r], i % M);
          z[kMoves && !Inverse ? bin(i, r) : place<S>(i, r)] = a[b][r];
        });
      }
    });
    if constexpr (S == (Inverse ? 0 : kStages - 1))
      __syncthreads();
    else
      settle();
  }
};

}  // namespace lapped::cuda
