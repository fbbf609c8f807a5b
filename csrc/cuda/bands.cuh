// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/bands.h: products with a filter bank, a segment of bins to a thread.
#pragma once
#include "cuda/analysis.cuh"

namespace lapped::cuda {

// z <- real numbers of(k, X_k): that of bin k in the real part of its element, that of bin n in the
// imaginary part of the first.
template <class T, class Fft, class F>
LAPPED_INLINE void put_reals(const Tile<T>& tile, const Fft& fft, F of) {
  const Plan<T>& plan = tile.plan;
  each_item(tile.shape, pair_count(plan), false, [&](int f, int p) {
    Cx<T>* const z = tile.frame(f);
    const BinsOfPair<T> x = bins_of(plan, fft, z, p);
    z[fft.at(p)].re = of(p, x.low);
    if (!x.both) return;
    (p == 0 ? z[fft.at(0)].im : z[fft.at(plan.n - p)].re) = of(plan.n - p, x.high);
  });
}

template <class T, class Fft>
LAPPED_INLINE T real_at(const Plan<T>& plan, const Fft& fft, const Cx<T>* z, int k) {
  return plan.half_length && k == plan.n ? z[fft.at(0)].im : z[fft.at(k)].re;
}

// Elements of `parts`: what each segment gives to its lower and to its upper band.
template <class T>
constexpr int64_t parts_count(const Bank<T>& bank, int frames) {
  return 2 * int64_t{bank.bands} * frames;
}

// done(f, m, sum over bins of band m's weights times value(f, k, segment)) for all frames and
// bands. Begins where value can be asked of any thread, ends without a barrier.
template <class T, class Value, class Done>
LAPPED_INLINE void project_tile(const Bank<T>& bank, const TileShape& shape, T* parts,
                                bool along_bands, Value value, Done done) {
  const int frames = shape.frames;
  each_item(shape, bank.bands, false, [&](int f, int m) {
    T lower = 0, upper = 0;
    for (int k = bank.starts[m]; k < bank.starts[m + 1]; ++k) {
      const T v = value(f, k, m);
      lower += v * bank.weights[k].lower;
      upper += v * bank.weights[k].upper;
    }
    parts[2 * m * frames + f] = lower;
    parts[(2 * m + 1) * frames + f] = upper;
  });
  __syncthreads();
  each_item(shape, bank.bands, along_bands, [&](int f, int m) {
    const T from_below = m > 0 ? parts[(2 * m - 1) * frames + f] : T(0);
    done(f, m, from_below + parts[2 * m * frames + f]);
  });
}

}  // namespace lapped::cuda
