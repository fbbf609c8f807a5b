// SPDX-License-Identifier: Apache-2.0
// Frames that share their samples (core/shared_legs.h). Samples become lanes once for all legs that
// read them, a lane further on for each hop; and on the way back legs add up, a lane further on for
// each hop, before lanes become samples.
#pragma once
#include "core/shared_legs.h"
#include "cpu/frame_tiles.h"
#include "cpu/tile.h"

namespace lapped::cpu {
namespace {

// --- lanes ---

// Lanes Q, Q + 1, ... of a, then the first of b.
template <class T, int Q>
struct From {
  static constexpr int at(int l) { return Q + l; }
};
template <int Q, class T>
LAPPED_INLINE Vec<T> lanes_from(Vec<T> a, Vec<T> b) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  return (Vec<T>)_mm512_alignr_epi32((__m512i)b, (__m512i)a, Q * sizeof(T) / 4);
#else
  return permute<From<T, Q>, T>(a, b);
#endif
}
// Lanes 0, 1, ... one higher, the lowest 0.
template <class T>
LAPPED_INLINE Vec<T> raised(Vec<T> v) {
  return lanes_from<kLanes<T> - 1, T>(Vec<T>{}, v);
}

// Four values as a vector's lowest lanes, the others 0; and back.
template <class T>
LAPPED_INLINE Vec<T> load_four(const T* p) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vec<T>)_mm512_zextps128_ps512(_mm_loadu_ps(p));
  else
    return (Vec<T>)_mm512_zextpd256_pd512(_mm256_loadu_pd(p));
#else
  Vec<T> v{};
  __builtin_memcpy(&v, p, 4 * sizeof(T));
  return v;
#endif
}
template <class T>
LAPPED_INLINE void store_four(T* p, Vec<T> v) {
#if LAPPED_VECTOR_BYTES == 64 && defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    _mm_storeu_ps(p, _mm512_castps512_ps128((__m512)v));
  else
    _mm256_storeu_pd(p, _mm512_castpd512_pd256((__m512d)v));
#else
  __builtin_memcpy(p, &v, 4 * sizeof(T));
#endif
}

// --- legs ---

// Legs k, k + K, ... of R.
template <int R, int K>
constexpr int legs_from(int k) {
  return (R - k + K - 1) / K;
}

// f(integral constant i) for i < N.
template <int N, class F>
LAPPED_INLINE void each_constant(F f) {
  [&]<int... I>(std::integer_sequence<int, I...>) LAPPED_LAMBDA {
    (f(std::integral_constant<int, I>{}), ...);
  }(std::make_integer_sequence<int, N>{});
}

// Calls f(radix R, legs a hop K) where frames share their samples.
template <class T, class F>
LAPPED_INLINE bool with_shared_legs(const StftView<T>& plan, F f) {
  if constexpr (LAPPED_VECTOR_BYTES == kSharingBytes) {
    const int first = plan.fft.stages[0].radix;
    if (!frames_share<T>(plan.framing, first, kLanes<T>)) return false;
    const int64_t legs_per_hop = plan.framing.hop / (plan.framing.n_fft / first);
    with_radix(first, [&](auto radix) LAPPED_LAMBDA {
      const auto with = [&](auto legs) LAPPED_LAMBDA {
        if constexpr (legs_are_shared(radix, legs))
          if (legs == legs_per_hop) f(radix, legs);
      };
      with(std::integral_constant<int, 1>{});
      with(std::integral_constant<int, 2>{});
      with(std::integral_constant<int, 4>{});
    });
    return true;
  }
  return false;
}

// `lanes` samples of the blocks of a vector of frames and of the few that follow.
template <class T>
struct BlockTile {
  Vec<T> own[kLanes<T>], beyond[kFramesBeyond];

  // Those that `Legs` legs read, from sample s of the first block on.
  template <int Legs>
  LAPPED_INLINE void read(const Frames<T>& frames, int64_t s) {
    constexpr int W = kLanes<T>;
    Vec<T> v[W], next[kFramesBeyond]{};
    const T* const after =
        each_place<W>(frames.samples + s, frames.stride,
                      [&](int l, const T* from) LAPPED_LAMBDA { v[l] = load(from); });
    transpose<T>(v);
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) own[i] = v[i];
    if constexpr (Legs > 1) {
      each_place<Legs - 1>(after, frames.stride,
                           [&](int l, const T* from) LAPPED_LAMBDA { next[l] = load(from); });
      transpose<T, kFramesBeyond>(next);
#pragma GCC unroll 4
      for (int l = 0; l < kFramesBeyond; ++l) beyond[l] = next[l];
    }
  }

  // Sample i of the block that comes Q after each frame's first.
  template <int Q>
  LAPPED_INLINE Vec<T> sample(int i) const {
    if constexpr (Q == 0) return own[i];
    const T* const next = reinterpret_cast<const T*>(beyond + i % kFramesBeyond);
    return lanes_from<Q, T>(own[i], load_four(next + i / kFramesBeyond * kFramesBeyond));
  }
};

// The sum of leg(q) for q < Legs, each q lanes further on, and what earlier frames carried here;
// what goes beyond the last lane is carried on.
template <int Legs, class T, class Leg>
LAPPED_INLINE Vec<T> overlapped(Leg leg, T* carried) {
  Vec<T> sum = leg(std::integral_constant<int, Legs - 1>{}), leaving{};
  if constexpr (Legs == 1) return sum;
  each_constant<Legs - 1>([&](auto i) LAPPED_LAMBDA {
    leaving = lanes_from<kLanes<T> - 1, T>(sum, leaving);
    sum = leg(std::integral_constant<int, Legs - 2 - i>{}) + raised<T>(sum);
  });
  sum += load_four(carried);
  store_four(carried, leaving);
  return sum;
}

// Lanes from `count` on are no frames.
template <class T>
void clear_lanes(const FftView<T>& fft, int64_t count, Cvec<T>* z) {
  T* const values = reinterpret_cast<T*>(z);
  for (int64_t i = 0; i < 2 * fft_work_length(fft); ++i)
    for (int64_t l = count; l < kLanes<T>; ++l) values[i * kLanes<T> + l] = T(0);
}

// `lanes` complete samples of the same number of blocks, a block each stride, times `factor`, if
// any.
template <class T>
LAPPED_INLINE void write_blocks(Vec<T>* tile, T* samples, int64_t stride, const T* factor) {
  constexpr int W = kLanes<T>;
  transpose<T>(tile);
  if (!factor)
    return void(
        each_place<W>(samples, stride, [&](int l, T* to) LAPPED_LAMBDA { store(to, tile[l]); }));
  const Vec<T> scale = load(factor);
  each_place<W>(samples, stride, [&](int l, T* to) LAPPED_LAMBDA {
    store(to, tile[l] * scale);
    fetch<Use::kWrite, kFirstLevel>(to + W, W);
  });
}

}  // namespace
}  // namespace lapped::cpu
