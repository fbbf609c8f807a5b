// SPDX-License-Identifier: Apache-2.0
// Twin of the spectra in cpu/griffin_lim.cc: what an iteration, or its start, makes of the bins of
// a tile.
#pragma once
#include "cuda/bands.cuh"
#include "cuda/compressor.cuh"
#include "cuda/random_phase.cuh"
#include "cuda/spectral_convergence.cuh"

namespace lapped::cuda {

// What a call is about, and how its blocks are cut into tasks.
template <class T>
struct Job {
  Magnitudes<T> magnitudes;
  RowSizes frames;
  int64_t rows, blocks, blocks_of_task;
  View<const Cx<T>, 3> phase;  // for PhaseStart::kGiven
  PhaseStart start;
  uint64_t seed;
  T momentum, step;
  const Progress* progress;  // or null
};

// Mel bands that the iteration holds its own magnitudes to.
template <class T>
struct MelTarget {
  Bank<T> bank;
  View<const T, 3> mel;
  T exponent;
  T* ratios;  // of a block: a band's target over its sum, and one 0 above the last
  T* parts;
};

template <class T>
LAPPED_INLINE Cx<T> start_phase(const Job<T>& job, int64_t b, int k, int64_t t) {
  if (job.start == PhaseStart::kZeros) return {1, 0};
  if (job.start == PhaseStart::kRandom)
    return random_phasor<T>(job.seed, static_cast<uint32_t>(k), t);
  const auto& [data, shape, stride] = job.phase;
  return with_magnitude(data[b * stride[0] + k * stride[1] + t * stride[2]], T(1));
}

// z <- the given magnitudes with the phases that start the iteration.
template <class T, class Fft>
LAPPED_INLINE void start_spectra(const Tile<T>& tile, const Fft& fft, const Job<T>& job, int64_t b,
                                 int64_t t, int64_t count) {
  const Plan<T>& plan = tile.plan;
  const T scale = job.magnitudes.scale(b);
  each_item(tile.shape, pair_count(plan), false, [&](int f, int p) {
    if (t + f >= count) return;
    const auto bin = [&](int k) {
      return scaled(start_phase(job, b, k, t + f), job.magnitudes.at(b, k, t + f, scale));
    };
    const bool pair = plan.half_length && p != plan.n - p;
    put_bins(plan, fft, tile.frame(f), p, bin(p), pair ? bin(plan.n - p) : Cx<T>{0, 0});
  });
}

// z <- the same phases with the given magnitudes.
template <class T, class Fft>
LAPPED_INLINE void take_magnitudes(const Tile<T>& tile, const Fft& fft, const Job<T>& job,
                                   int64_t b, int64_t t, int64_t count) {
  const Plan<T>& plan = tile.plan;
  const T scale = job.magnitudes.scale(b);
  const Items own = items_of(tile.shape, false);
  if (t + own.frame >= count) return;
  const View<const T, 3>& view = job.magnitudes.view;
  PairWalk<const T> given(view.data + b * view.stride[0] + (t + own.frame) * view.stride[2],
                          view.stride[1], plan.n, own);
  Cx<T>* const z = tile.frame(own.frame);
#pragma unroll 4
  for (int p = own.first; p < pair_count(plan); p += own.step, given.next()) {
    const BinsOfPair<T> x = bins_of(plan, fft, z, p);
    put_bins(plan, fft, z, p, with_magnitude(x.low, *given.low * scale),
             x.both ? with_magnitude(x.high, *given.high * scale) : Cx<T>{0, 0});
  }
}

// Bins of one frame where they stand in the place of the transform: those of 0 and n_fft / 2, which
// are real, share the first element.
template <class T, class Fft>
struct FrameBins {
  const Plan<T>& plan;
  const Fft& fft;
  Cx<T>* z;

  LAPPED_INLINE Cx<T> get(int k) const {
    if (plan.half_length && k == 0) return {z[fft.at(0)].re, T(0)};
    if (plan.half_length && k == plan.n) return {z[fft.at(0)].im, T(0)};
    return z[fft.at(k)];
  }
  LAPPED_INLINE void put(int p, const BinsOfPair<T>& x) const {
    z[fft.at(p)] = plan.half_length && p == 0 ? Cx<T>{x.low.re, x.high.re} : x.low;
    if (x.both && p > 0) z[fft.at(plan.n - p)] = x.high;
  }
};

// z <- the same phases with the magnitudes |x| that one step of multiplicative
// expectation-maximisation makes of their own: |x|^exponent g. No bin may fall below a hundredth of
// the given magnitudes, or it would stay at zero; bins in no band become 0.
template <class T, class Fft>
LAPPED_INLINE void hold_to_mel(const Tile<T>& tile, const Fft& fft, const Job<T>& job,
                               const MelTarget<T>& target, int64_t b, int64_t t, int64_t count) {
  const Plan<T>& plan = tile.plan;
  const Bank<T>& bank = target.bank;
  const int frames = tile.shape.frames;
  const T scale = job.magnitudes.scale(b), mel_scale = std::pow(scale, target.exponent);
  const MagnitudePower<T> raise{target.exponent}, root{T(2) / target.exponent};
  const auto bins = [&](int f) { return FrameBins<T, Fft>{plan, fft, tile.frame(f)}; };
  const auto power = [&](int f, int k) {
    if (t + f >= count) return T(0);
    const T least = job.magnitudes.at(b, k, t + f, scale) * T(0.01), lowest = least * least,
            own = squared(bins(f).get(k));
    return raise(own < lowest ? lowest : own);
  };
  const auto held = [&](int f, int k, Cx<T> x) {
    const int m = bank.lower_band[k];
    if (m < 0) return Cx<T>{0, 0};
    const T gain = target.ratios[m * frames + f] * bank.shares[k].lower +
                   target.ratios[(m + 1) * frames + f] * bank.shares[k].upper;
    return with_magnitude(x, root(power(f, k) * gain));
  };
  each_item(tile.shape, pair_count(plan), false,
            [&](int f, int p) { bins(f).put(p, bins_of(plan, fft, tile.frame(f), p)); });
  if (static_cast<int>(threadIdx.x) < frames) target.ratios[bank.bands * frames + threadIdx.x] = 0;
  __syncthreads();
  const auto of_segment = [&](int f, int k, int) { return power(f, k); };
  project_tile(bank, tile.shape, target.parts, false, of_segment, [&](int f, int m, T sum) {
    const auto& [data, shape, stride] = target.mel;
    const bool silent = t + f >= count || sum <= kTiny<T>;
    target.ratios[m * frames + f] =
        silent ? T(0) : data[b * stride[0] + m * stride[1] + (t + f) * stride[2]] * mel_scale / sum;
  });
  __syncthreads();
  each_item(tile.shape, pair_count(plan), false, [&](int f, int p) {
    if (t + f >= count) return;
    const bool pair = plan.half_length && p != plan.n - p;
    const Cx<T> low = held(f, p, bins(f).get(p)),
                high = pair ? held(f, plan.n - p, bins(f).get(plan.n - p)) : Cx<T>{0, 0};
    put_bins(plan, fft, tile.frame(f), p, low, high);
  });
}

}  // namespace lapped::cuda
