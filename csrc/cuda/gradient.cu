// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/gradient.cc: gradients of weighted sums of powers of the spectrum, in one pass. The
// spectrum of the signal is made again, weighted, and goes back to samples.
#include "cuda/adjoint.cuh"

namespace lapped {
namespace cuda {
namespace {

// (|bin|^2 + eps)^(exponent / 2), of which the gradient is.
template <class T>
struct BinPower {
  T exponent, eps;

  // Its derivative by the bin, over the bin: exponent s^(exponent / 2 - 1); 0 where s is 0.
  LAPPED_INLINE T slope(Cx<T> bin) const {
    const T s = squared(bin, eps);
    if (exponent == T(2)) return T(2);
    if (s < kTiny<T>) return T(0);
    if (exponent == T(1)) return rsqrt(s);
    return exponent * std::pow(s, exponent / 2 - 1);
  }
};

// Weights as given for bins.
template <class T>
struct OfBins {
  View<const T, 3> given;

  LAPPED_INLINE T at(int64_t b, int k, int64_t t) const {
    return given.data[b * given.stride[0] + k * given.stride[1] + t * given.stride[2]];
  }
};

// Weights given for the bands of a bank.
template <class T>
struct OfBands {
  View<const T, 3> given;
  Bank<T> bank;

  LAPPED_INLINE T at(int64_t b, int k, int64_t t) const {
    const int m = bank.lower_band[k];
    if (m < 0) return 0;
    const T* const band =
        given.data + b * given.stride[0] + m * given.stride[1] + t * given.stride[2];
    const T lower = bank.weights[k].lower * *band;
    return m + 1 < bank.bands ? lower + bank.weights[k].upper * band[given.stride[1]] : lower;
  }
};

template <class T, class Maker, class Weights>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    gradient_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
                    BinPower<T> power, Weights weights, AdjointOut<T> to) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const carry = pieces.take<T>(2 * carried_length(plan.framing));
  const auto fft = maker(plan);
  const bool along_bins = weights.given.stride[1] == 1 && weights.given.stride[2] != 1;
  add_up(tile, fft, carry, to, [&](int64_t b, int64_t t, int64_t frames) {
    analyse(tile, fft, batch.row(b), t, frames);
    each_item(shape, pair_count(plan), along_bins, [&](int f, int p) {
      if (t + f >= frames) return;
      const auto weighted = [&](Cx<T> bin, int k) {
        return scaled(bin, weights.at(b, k, t + f) * power.slope(bin) * adjoint_factor(plan, p));
      };
      BinsOfPair<T> x = bins_of(plan, fft, tile.frame(f), p);
      x.low = weighted(x.low, p);
      if (x.both) x.high = weighted(x.high, plan.n - p);
      put_bins(plan, fft, tile.frame(f), p, x.low, x.high);
    });
  });
}

template <class T, class Weights>
void run(const Cuda& device, const StftPlan& plan, const Signals& x, const int64_t* lengths,
         const Weights& weights, View<T, 2> out, double exponent, double eps) {
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Batch batch = batch_of(device, x, lengths);
  const BinPower<T> power{static_cast<T>(exponent), static_cast<T>(eps)};
  add_up_on(device, tables, out, batch.lengths,
            [&](const Launch& how, TileShape shape, auto maker, const AdjointOut<T>& to) {
              launch_tiles(device, how, gradient_kernel<T, decltype(maker), Weights>, tables, shape,
                           maker, batch, power, weights, to);
            });
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::power_gradient(const Cuda& device, const StftPlan& plan, const Signals& x,
                                   const int64_t* lengths, View<const T, 3> weights, View<T, 2> out,
                                   double exponent, double eps) {
  cuda::run(device, plan, x, lengths, cuda::OfBins<T>{weights}, out, exponent, eps);
}

template <>
template <class T>
void Backend<Cuda>::mel_gradient(const Cuda& device, const StftPlan& plan, const MelBands& bands,
                                 const Signals& x, const int64_t* lengths, View<const T, 3> weights,
                                 View<T, 2> out, double exponent, double eps) {
  const cuda::OfBands<T> of_bands{weights, cuda::bank_on<T>(device, bands)};
  cuda::run(device, plan, x, lengths, of_bands, out, exponent, eps);
}

#define LAPPED_INSTANTIATE(T)                                                                 \
  template void Backend<Cuda>::power_gradient(const Cuda&, const StftPlan&, const Signals&,   \
                                              const int64_t*, View<const T, 3>, View<T, 2>,   \
                                              double, double);                                \
  template void Backend<Cuda>::mel_gradient(const Cuda&, const StftPlan&, const MelBands&,    \
                                            const Signals&, const int64_t*, View<const T, 3>, \
                                            View<T, 2>, double, double);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
