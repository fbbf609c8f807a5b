// SPDX-License-Identifier: Apache-2.0
#include "cpu/fft.h"

#include "core/butterflies.h"
#include "cpu/block_tiles.h"
#include "cpu/processor.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// Blocks below this size are taken through all their remaining stages at once, while they lie in
// the first-level cache.
constexpr int64_t kFftBlockBytes = 16 << 10;

// --- one stage over `blocks` consecutive blocks ---

// A point of a butterfly of R, loaded once although it is used twice, where registers hold them
// all; before a product because that takes another operand from memory.
template <int R, class T>
LAPPED_INLINE Cvec<T> loaded(const Cvec<T>& point, bool before_product) {
  constexpr bool few = kRadices == Radices::kFour && R <= 5;
  if (few || (before_product && kRadices == Radices::kSixteen))
    return {kept<Vec<T>>(point.re), kept<Vec<T>>(point.im)};
  return point;
}

// Points j + r m of a block, z being its point j, w the row j of its twiddles: what follows the
// sums of a forward butterfly, and what precedes those of an inverse one.
template <int R, class T>
struct TurnedOut {
  Cvec<T>* z;
  int64_t m;
  Factors<T> factors;
  template <int K>
  LAPPED_INLINE void operator()(Index<K>, Cvec<T> x) const {
    z[K * m] = K == 0 ? x : factors.template times<false>(x, K - 1);
  }
};
template <int R, class T>
struct TurnedIn {
  const Cvec<T>* z;
  int64_t m;
  Factors<T> factors;
  template <int Q>
  LAPPED_INLINE Cvec<T> operator()(Index<Q>) const {
    const Cvec<T> x = loaded<R>(z[Q * m], true);
    return Q == 0 ? x : factors.template times<true>(x, Q - 1);
  }
};

// A function of its own: what one radix needs of registers is no other's concern.
#define LAPPED_OWN __attribute__((noinline))

template <int R, class T>
LAPPED_OWN void forward_stage(const FftStage& stage, const T* twiddles, Cvec<T>* z,
                              int64_t blocks) {
  const int64_t m = stage.sub_length;
  for (int64_t b = 0; b < blocks; ++b, z += R * m) {
    const T* w = twiddles + stage.twiddle;
    for (int64_t j = 0; j < m; ++j, w += 2 * (R - 1)) {
      Cvec<T>* const own = z + j;
      Butterfly<R>::template run<false>([=](auto q) LAPPED_LAMBDA { return own[q.value * m]; },
                                        TurnedOut<R, T>{own, m, Factors<T>(w)});
    }
  }
}

template <int R, class T>
LAPPED_OWN void inverse_stage(const FftStage& stage, const T* twiddles, Cvec<T>* z,
                              int64_t blocks) {
  const int64_t m = stage.sub_length;
  for (int64_t b = 0; b < blocks; ++b, z += R * m) {
    const T* w = twiddles + stage.twiddle;
    for (int64_t j = 0; j < m; ++j, w += 2 * (R - 1)) {
      Cvec<T>* const own = z + j;
      Butterfly<R>::template run<true>(TurnedIn<R, T>{own, m, Factors<T>(w)},
                                       [=](auto k, Cvec<T> x)
                                           LAPPED_LAMBDA { own[k.value * m] = x; });
    }
  }
}

// The last stage has no twiddles and its points lie side by side.
template <int R, bool Inverse, class T>
LAPPED_OWN void innermost_stage(Cvec<T>* z, int64_t blocks) {
  for (int64_t b = 0; b < blocks; ++b, z += R) {
    const auto in = [=](auto q) LAPPED_LAMBDA { return loaded<R>(z[q.value], false); };
    const auto out = [=](auto k, Cvec<T> x) LAPPED_LAMBDA { z[k.value] = x; };
    if constexpr (R == 8)  // no twiddles keep the unit of products busy
      Butterfly<8>::run<Inverse, By::kProducts>(in, out);
    else
      Butterfly<R>::template run<Inverse>(in, out);
  }
}

// --- all stages ---

template <bool Inverse, class T>
void run_stage(const FftView<T>& fft, int s, Cvec<T>* z, int64_t blocks) {
  const FftStage& stage = fft.stages[s];
  if constexpr (kRadices == Radices::kSixteen)
    if (stage.radix == 16) return innermost_stage<16, Inverse>(z, blocks);
  with_radix(stage.radix, [&](auto radix) {
    constexpr int R = decltype(radix)::value;
    if (stage.sub_length == 1)
      innermost_stage<R, Inverse>(z, blocks);
    else if constexpr (Inverse)
      inverse_stage<R>(stage, fft.twiddles, z, blocks);
    else
      forward_stage<R>(stage, fft.twiddles, z, blocks);
  });
}

// Stages s and later over one block of `length` elements, depth first until the block fits the
// cache.
template <bool Inverse, class T>
void run_stages(const FftView<T>& fft, int s, Cvec<T>* z, int64_t length) {
  if (s == fft.stage_count) return;
  const int64_t sub = fft.stages[s].sub_length;
  if (length * static_cast<int64_t>(sizeof(Cvec<T>)) > kFftBlockBytes && sub > 1) {
    if (!Inverse) run_stage<false>(fft, s, z, 1);
    for (int64_t at = 0; at < length; at += sub) run_stages<Inverse>(fft, s + 1, z + at, sub);
    if (Inverse) run_stage<true>(fft, s, z, 1);
    return;
  }
  if (!Inverse)
    for (int i = s; i < fft.stage_count; ++i)
      run_stage<false>(fft, i, z, length / (fft.stages[i].sub_length * fft.stages[i].radix));
  else
    for (int i = fft.stage_count - 1; i >= s; --i)
      run_stage<true>(fft, i, z, length / (fft.stages[i].sub_length * fft.stages[i].radix));
}

// Bluestein: X_k = c_k sum_j (x_j c_j) conj(c_(k-j)), c_j = exp(-i pi j^2 / n); everything
// conjugate for the inverse.
template <bool Inverse, class T>
void chirp_transform(const FftView<T>& fft, Cvec<T>* z) {
  const T* c = fft.chirp;
  const T* h = fft.chirp_spectrum;
  for (int64_t j = 0; j < fft.n; ++j)
    z[j] = times<Inverse>(z[j], splat(c[2 * j]), splat(c[2 * j + 1]));
  for (int64_t j = fft.n; j < fft.padded; ++j) z[j] = Cvec<T>{};
  run_stages<false>(*fft.convolution, 0, z, fft.padded);
  for (int64_t j = 0; j < fft.padded; ++j)
    z[j] = times<Inverse>(z[j], splat(h[2 * j]), splat(h[2 * j + 1]));
  run_stages<true>(*fft.convolution, 0, z, fft.padded);
  for (int64_t j = 0; j < fft.n; ++j)
    z[j] = times<Inverse>(z[j], splat(c[2 * j]), splat(c[2 * j + 1]));
}

// --- between samples and elements: cpu/frame_tiles.h ---

// Elements a tile of samples makes.
template <class T>
constexpr int kTileElements = kLanes<T> / 2;

// each(j, tile of elements j .. j + kTileElements - 1, how many of them an earlier tile held).
template <class T, class Each>
LAPPED_INLINE void each_tile(int64_t m, Each each) {
  constexpr int H = kTileElements<T>;
  for (int64_t j = 0; j < m; j += H) {
    const int64_t at = j + H <= m ? j : m - H;
    each(at, j - at);
  }
}

template <int R, class T>
void first_stage(const StftView<T>& plan, const Frames<T>& frames, Cvec<T>* z) {
  constexpr int H = kTileElements<T>;
  const FftStage& stage = plan.fft.stages[0];
  const int64_t m = stage.sub_length, stride = part_stride(plan.fft);
  Cvec<T> legs[R][H];
  each_tile<T>(m, [&](int64_t j, int64_t) LAPPED_LAMBDA {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
      read_tile(plan, frames, 2 * (j + r * m), reinterpret_cast<Vec<T>*>(legs[r]));
    const T* w = plan.fft.twiddles + stage.twiddle + j * 2 * (R - 1);
    for (int i = 0; i < H; ++i, w += 2 * (R - 1))
      Butterfly<R>::template run<false>([&](auto q) LAPPED_LAMBDA { return legs[q.value][i]; },
                                        TurnedOut<R, T>{z + j + i, stride, Factors<T>(w)});
  });
}

template <int R, class T>
void last_stage(const StftView<T>& plan, const Cvec<T>* z, int64_t count, T* sums) {
  constexpr int H = kTileElements<T>;
  const FftStage& stage = plan.fft.stages[0];
  const int64_t m = stage.sub_length, stride = part_stride(plan.fft);
  Cvec<T> legs[R][H];
  each_tile<T>(m, [&](int64_t j, int64_t skip) LAPPED_LAMBDA {
    const T* w = plan.fft.twiddles + stage.twiddle + j * 2 * (R - 1);
    for (int i = 0; i < H; ++i, w += 2 * (R - 1))
      Butterfly<R>::template run<true>(TurnedIn<R, T>{z + j + i, stride, Factors<T>(w)},
                                       [&](auto k, Cvec<T> x)
                                           LAPPED_LAMBDA { legs[k.value][i] = x; });
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
      add_tile(plan, reinterpret_cast<Vec<T>*>(legs[r]), 2 * (j + r * m), 2 * skip, count, sums);
  });
}

// --- the same where frames share their samples: cpu/block_tiles.h ---

// Fewer legs a sample cost less when each turns its own samples into lanes, where that is cheap.
template <int R, int K>
bool worth_sharing() {
  return R >= 3 * K || shuffles_share_one_unit();
}

template <int R, int K, class T>
void first_shared_stage(const StftView<T>& plan, const Frames<T>& frames, Cvec<T>* z) {
  constexpr int H = kTileElements<T>;
  const FftStage& stage = plan.fft.stages[0];
  const int64_t m = stage.sub_length, stride = part_stride(plan.fft);
  BlockTile<T> tiles[K];
  const T* w = plan.fft.twiddles + stage.twiddle;
  for (int64_t j = 0; j < m; j += H) {
    each_constant<K>([&](auto k) LAPPED_LAMBDA {
      tiles[k].template read<legs_from<R, K>(k)>(frames, 2 * (j + k * m));
    });
    for (int i = 0; i < H; ++i, w += 2 * (R - 1)) {
      const LanePointers window(plan.analysis_window + 2 * (j + i), 2 * m);
      Butterfly<R>::template run<false>(
          [&](auto q) LAPPED_LAMBDA {
            constexpr int r = decltype(q)::value;
            const BlockTile<T>& tile = tiles[r % K];
            const T* const factor = window[r];  // products not fused with sums: see difference()
            return Cvec<T>(kept<Vec<T>>(tile.template sample<r / K>(2 * i) * splat(factor[0])),
                           kept<Vec<T>>(tile.template sample<r / K>(2 * i + 1) * splat(factor[1])));
          },
          TurnedOut<R, T>{z + j + i, stride, Factors<T>(w)});
    }
  }
}

template <int R, int K, class T>
void last_shared_stage(const StftView<T>& plan, const Cvec<T>* z, const FrameSums<T>& sums) {
  constexpr int W = kLanes<T>, H = kTileElements<T>;
  const FftStage& stage = plan.fft.stages[0];
  const int64_t m = stage.sub_length, stride = part_stride(plan.fft), hop = 2 * K * m;
  Vec<T> tiles[K][W];
  const T* w = plan.fft.twiddles + stage.twiddle;
  for (int64_t j = 0; j < m; j += H) {
    for (int i = 0; i < H; ++i, w += 2 * (R - 1)) {
      const LanePointers window(plan.synthesis_window + 2 * (j + i), 2 * m);
      Cvec<T> a[R];
      const auto add_up = [&](auto k) LAPPED_LAMBDA {
        constexpr int legs = legs_from<R, K>(k);
        T* const carried = sums.carried + 2 * (j + i + k * m) * kFramesBeyond;
        const auto factor = [&](auto q) LAPPED_LAMBDA { return window[q * K + k]; };
        tiles[k][2 * i] = overlapped<legs>(
            [&](auto q) LAPPED_LAMBDA { return a[q * K + k].re * splat(factor(q)[0]); }, carried);
        tiles[k][2 * i + 1] = overlapped<legs>(
            [&](auto q) LAPPED_LAMBDA { return a[q * K + k].im * splat(factor(q)[1]); },
            carried + kFramesBeyond);
      };
      Butterfly<R>::template run<true>(
          TurnedIn<R, T>{z + j + i, stride, Factors<T>(w)}, [&](auto r, Cvec<T> x) LAPPED_LAMBDA {
            a[r.value] = x;
            if constexpr (r.value + K >= R)  // all legs that add up are there
              add_up(std::integral_constant<int, r.value % K>{});
          });
    }
#pragma GCC unroll 4
    for (int k = 0; k < K; ++k) {
      const int64_t at = 2 * (j + k * m);
      write_blocks<T>(tiles[k], sums.blocks + at, hop, sums.factor ? sums.factor + at : nullptr);
    }
  }
}

// The blocks that nothing but earlier frames reaches.
template <class T>
void take_carried(int64_t hop, const FrameSums<T>& sums) {
  for (int64_t i = 0; i < hop; ++i)
    for (int64_t l = 0; l < kLanes<T>; ++l)
      sums.blocks[l * hop + i] = l < kFramesBeyond ? sums.carried[i * kFramesBeyond + l] : T(0);
  __builtin_memset(sums.carried, 0, static_cast<size_t>(hop * kFramesBeyond) * sizeof(T));
}

template <class T>
void add_to_blocks(const StftView<T>& plan, Cvec<T>* z, int64_t count, T* sums) {
  const FftView<T>& fft = plan.fft;
  if (plan.fft.tiled)
    return with_radix(fft.stages[0].radix, [&](auto radix) {
      last_stage<decltype(radix)::value>(plan, z, count, sums);
    });
  if (fft.padded)
    chirp_transform<true>(fft, z);
  else if (fft.stage_count > 0)
    run_stage<true>(fft, 0, z, 1);
  add_frames(plan, z, count, sums);
}

}  // namespace

template <class T>
void start_forward(const StftView<T>& plan, const Frames<T>& frames, T* work) {
  auto* const z = reinterpret_cast<Cvec<T>*>(work);
  const FftView<T>& fft = plan.fft;
  if (plan.fft.tiled) {
    bool done = false;
    with_shared_legs(plan, [&](auto radix, auto legs) {
      constexpr int R = decltype(radix)::value, K = decltype(legs)::value;
      done = worth_sharing<R, K>();
      if (done) first_shared_stage<R, K>(plan, frames, z);
    });
    if (done) return;
    return with_radix(fft.stages[0].radix,
                      [&](auto radix) { first_stage<decltype(radix)::value>(plan, frames, z); });
  }
  read_frames(plan, frames, z);
  if (fft.padded)
    chirp_transform<false>(fft, z);
  else if (fft.stage_count > 0)
    run_stage<false>(fft, 0, z, 1);
}

template <class T>
void finish_forward(const FftView<T>& fft, int64_t part, T* work) {
  if (fft.padded || fft.stage_count < 2) return;
  const int64_t length = fft.stages[0].sub_length;
  run_stages<false>(fft, 1, reinterpret_cast<Cvec<T>*>(work) + part * part_stride(fft), length);
}

template <class T>
void start_inverse(const FftView<T>& fft, int64_t part, T* work) {
  if (fft.padded || fft.stage_count < 2) return;
  const int64_t length = fft.stages[0].sub_length;
  run_stages<true>(fft, 1, reinterpret_cast<Cvec<T>*>(work) + part * part_stride(fft), length);
}

template <class T>
void finish_inverse(const StftView<T>& plan, T* work, int64_t count, const FrameSums<T>& sums) {
  auto* const z = reinterpret_cast<Cvec<T>*>(work);
  const int64_t rows = block_rows(plan.framing), done = kLanes<T> * rows,
                kept = plan.framing.n_fft - rows;
  const auto add_shared = [&](auto radix, auto legs) {
    if (count == 0) return take_carried(rows, sums);
    if (count < kLanes<T>) clear_lanes(plan.fft, count, z);
    last_shared_stage<decltype(radix)::value, decltype(legs)::value>(plan, z, sums);
  };
  if (plan.fft.tiled && with_shared_legs(plan, add_shared)) return;
  __builtin_memmove(sums.blocks, sums.blocks + done, static_cast<size_t>(kept) * sizeof(T));
  __builtin_memset(sums.blocks + kept, 0, static_cast<size_t>(done) * sizeof(T));
  if (count > 0) add_to_blocks(plan, z, count, sums.blocks);
}

template <class T>
bool completes_blocks(const StftView<T>& plan) {
  return plan.fft.tiled && with_shared_legs(plan, [](auto, auto) {});
}

template <class T>
void clear(const StftView<T>& plan, const FrameSums<T>& sums) {
  const int64_t rows = block_rows(plan.framing), kept = plan.framing.n_fft - rows;
  __builtin_memset(sums.blocks + kLanes<T> * rows, 0, static_cast<size_t>(kept) * sizeof(T));
  __builtin_memset(sums.carried, 0, static_cast<size_t>(carried_length(plan.framing)) * sizeof(T));
}

#define LAPPED_INSTANTIATE(T)                                                         \
  template void start_forward(const StftView<T>&, const Frames<T>&, T*);              \
  template void finish_forward(const FftView<T>&, int64_t, T*);                       \
  template void start_inverse(const FftView<T>&, int64_t, T*);                        \
  template void finish_inverse(const StftView<T>&, T*, int64_t, const FrameSums<T>&); \
  template bool completes_blocks(const StftView<T>&);                                 \
  template void clear(const StftView<T>&, const FrameSums<T>&);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped::cpu::LAPPED_ISA
