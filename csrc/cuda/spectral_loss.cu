// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/spectral_loss.cc: values that losses compare, sums over their differences, and the
// gradient of weighted sums. core/spectral_loss.h has the layout of values.
#include "cuda/adjoint.cuh"
#include "cuda/bands.cuh"

namespace lapped {
namespace cuda {
namespace {

// SpectralValues on the device; no bands where values are bins, no gains where they are 1.
template <class T>
struct Values {
  Bank<T> bank;
  const T* squared_gains;
  T floor;

  LAPPED_INLINE T gain(int k) const { return squared_gains ? squared_gains[k] : T(1); }
  LAPPED_INLINE T clamped(int k, Cx<T> bin) const {
    const T s = squared(bin) * gain(k);
    return s < floor ? floor : s;  // NaN stays
  }
};

template <class T>
Values<T> values_on(const Cuda& device, const SpectralValues& v) {
  return {v.bank ? bank_on<T>(device, *v.bank) : Bank<T>{},
          v.gains ? squared_gains_on<T>(device, *v.gains) : nullptr, static_cast<T>(v.floor)};
}

// Value i of frame t of row b.
template <class V>
LAPPED_INLINE V& value_at(const View<V, 4>& values, int64_t b, int i, int64_t t) {
  return values.data[b * values.stride[0] + t / kValueFrames * values.stride[1] + i * kValueFrames +
                     t % kValueFrames];
}

// emit(f, i, v) for all values of a tile's frames; a thread sees one frame only. `parts` is room
// for bands. Begins and ends as analyse() leaves the tile, without a barrier.
template <class T, class Fft, class Emit>
LAPPED_INLINE void each_value(const Tile<T>& tile, const Fft& fft, const Values<T>& values,
                              T* parts, Emit emit) {
  const Plan<T>& plan = tile.plan;
  const auto root = [&](int k, Cx<T> bin) { return std::sqrt(values.clamped(k, bin)); };
  if (values.bank.bands == 0) {
    each_item(tile.shape, pair_count(plan), false, [&](int f, int p) {
      const BinsOfPair<T> x = bins_of(plan, fft, tile.frame(f), p);
      emit(f, p, root(p, x.low));
      if (x.both) emit(f, plan.n - p, root(plan.n - p, x.high));
    });
    return;
  }
  put_reals(tile, fft, root);
  __syncthreads();
  project_tile(
      values.bank, tile.shape, parts, false,
      [&](int f, int k, int) { return real_at(plan, fft, tile.frame(f), k); }, emit);
}

// --- values

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    values_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
                  int64_t rows, Values<T> values, View<T, 4> out) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const parts = pieces.take<T>(parts_count(values.bank, shape.frames));
  const auto fft = maker(plan);
  const int64_t width = out.shape[1] * kValueFrames,
                tiles = (width + shape.frames - 1) / shape.frames;
  for (int64_t i = blockIdx.x; i < rows * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames;
    const Row row = batch.row(b);
    const int64_t count = frame_count(plan.framing, row.samples);
    analyse(tile, fft, row, t, count);
    each_value(tile, fft, values, parts, [&](int f, int k, T v) {
      if (t + f < width) value_at(out, b, k, t + f) = t + f < count ? v : T(0);
    });
    __syncthreads();
  }
}

// --- sums

struct LossSums {
  double sum[kLossSums];

  LAPPED_INLINE void add(const LossSums& other) {
    for (int i = 0; i < kLossSums; ++i) sum[i] += other.sum[i];
  }
  template <class T>
  LAPPED_INLINE void compare(T v, T t, bool squared_logs) {
    const T d = v - t, log = t < kTiny<T> ? T(0) : std::log(v / t);
    sum[0] += static_cast<double>(d * d);
    sum[1] += static_cast<double>(t * t + d * T(0));  // no number where v is none
    sum[2] += static_cast<double>(std::fabs(d));
    sum[3] += static_cast<double>(squared_logs ? log * log : std::fabs(log));
  }
};

// of_frames[b * width + t]: each thread over its own values, then over a frame's threads in order.
template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    compare_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
                   int64_t rows, int64_t width, Values<T> values, View<const T, 4> target,
                   bool squared_logs, LossSums* of_frames) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const parts = pieces.take<T>(parts_count(values.bank, shape.frames));
  LossSums* const of_threads = pieces.take<LossSums>(shape.frames * shape.threads);
  const auto fft = maker(plan);
  const int64_t tiles = (width + shape.frames - 1) / shape.frames;
  for (int64_t i = blockIdx.x; i < rows * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames;
    const Row row = batch.row(b);
    const int64_t count = frame_count(plan.framing, row.samples);
    if (t >= count) continue;
    analyse(tile, fft, row, t, count);
    LossSums own{};
    each_value(tile, fft, values, parts, [&](int f, int k, T v) {
      if (t + f < count) own.compare(v, value_at(target, b, k, t + f), squared_logs);
    });
    of_threads[threadIdx.x] = own;
    __syncthreads();
    const int f = threadIdx.x;
    if (f < shape.frames && t + f < count) {
      LossSums sum{};
      for (int g = 0; g < shape.threads; ++g) sum.add(of_threads[g * shape.frames + f]);
      of_frames[b * width + t + f] = sum;
    }
  }
}

// One block a row.
__global__ void total_kernel(const LossSums* of_frames, int64_t width, Framing framing,
                             RowSizes lengths, View<double, 2> out) {
  LAPPED_SHARED_MEMORY(shared);
  LossSums* const of_threads = reinterpret_cast<LossSums*>(shared);
  for (int64_t b = blockIdx.x; b < out.shape[0]; b += gridDim.x) {
    LossSums own{};
    const int64_t count = frame_count(framing, lengths.of(b));
    for (int64_t t = threadIdx.x; t < count; t += blockDim.x) own.add(of_frames[b * width + t]);
    of_threads[threadIdx.x] = own;
    __syncthreads();
    if (threadIdx.x == 0) {
      LossSums sum{};
      for (unsigned i = 0; i < blockDim.x; ++i) sum.add(of_threads[i]);
      for (int i = 0; i < kLossSums; ++i)
        out.data[b * out.stride[0] + i * out.stride[1]] = sum.sum[i];
    }
    __syncthreads();
  }
}

// --- gradients

// Derivative of a row's weighted sums by a value v of target t; a difference of 0 has slope 0.
template <class T>
struct Slope {
  View<const double, 2> factors;
  bool squared_logs;

  LAPPED_INLINE T factor(int64_t b, int i) const {
    return static_cast<T>(factors.data[b * factors.stride[0] + i * factors.stride[1]]);
  }
  LAPPED_INLINE T at(int64_t b, T v, T t) const {
    const T d = v - t, inverse = v < kTiny<T> ? T(0) : T(1) / v,
            sign = d > T(0)   ? T(1)
                   : d < T(0) ? T(-1)
                              : d;
    const T log = squared_logs ? T(2) * (t < kTiny<T> ? T(0) : std::log(v / t)) : sign;
    return T(2) * factor(b, 0) * d + factor(b, 2) * sign + factor(b, 3) * log * inverse;
  }
};

// What the gradient of bands takes beside the tile.
template <class T>
struct BandWork {
  T *magnitudes, *parts, *slopes;  // of bins, segments and bands, frames side by side
  LAPPED_INLINE BandWork(Pieces& pieces, const Plan<T>& plan, const Bank<T>& bank, int frames)
      : magnitudes(pieces.take<T>(bank.bands ? plan.bins * frames : 0)),
        parts(pieces.take<T>(parts_count(bank, frames))),
        slopes(pieces.take<T>(bank.bands * frames)) {}
};

template <class T>
int64_t band_work_bytes(int bins, const Bank<T>& bank, int frames) {
  const int64_t size = sizeof(T);
  return aligned(bank.bands ? bins * frames * size : 0) +
         aligned(parts_count(bank, frames) * size) + aligned(bank.bands * frames * size);
}

// Slopes of the bands of frames t and later of row b; ends behind a barrier.
template <class T, class Fft>
LAPPED_INLINE void band_slopes(const Tile<T>& tile, const Fft& fft, const Values<T>& values,
                               const Slope<T>& slope, const View<const T, 4>& target,
                               const BandWork<T>& s, int64_t b, int64_t t, int64_t count) {
  const Plan<T>& plan = tile.plan;
  const int frames = tile.shape.frames;
  each_item(tile.shape, pair_count(plan), false, [&](int f, int p) {
    const BinsOfPair<T> x = bins_of(plan, fft, tile.frame(f), p);
    s.magnitudes[p * frames + f] = std::sqrt(values.clamped(p, x.low));
    if (!x.both) return;
    const int mirror = plan.n - p;
    s.magnitudes[mirror * frames + f] = std::sqrt(values.clamped(mirror, x.high));
  });
  __syncthreads();
  project_tile(
      values.bank, tile.shape, s.parts, false,
      [&](int f, int k, int) { return s.magnitudes[k * frames + f]; },
      [&](int f, int m, T v) {
        s.slopes[m * frames + f] =
            t + f < count ? slope.at(b, v, value_at(target, b, m, t + f)) : T(0);
      });
  __syncthreads();
}

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    loss_gradient_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
                         Values<T> values, View<const T, 4> target, Slope<T> slope,
                         AdjointOut<T> to) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const carry = pieces.take<T>(2 * carried_length(plan.framing));
  const BandWork<T> s(pieces, plan, values.bank, shape.frames);
  const Bank<T>& bank = values.bank;
  const auto fft = maker(plan);
  add_up(tile, fft, carry, to, [&](int64_t b, int64_t t, int64_t frames) {
    analyse(tile, fft, batch.row(b), t, frames);
    if (bank.bands) band_slopes(tile, fft, values, slope, target, s, b, t, frames);
    // Derivative of the sums by the magnitude of bin k of frame t + f.
    const auto by_magnitude = [&](int k, int f, T magnitude) {
      if (!bank.bands) return slope.at(b, magnitude, value_at(target, b, k, t + f));
      const int m = bank.lower_band[k];
      if (m < 0) return T(0);
      const T lower = bank.weights[k].lower * s.slopes[m * shape.frames + f];
      return m + 1 < bank.bands
                 ? lower + bank.weights[k].upper * s.slopes[(m + 1) * shape.frames + f]
                 : lower;
    };
    each_item(shape, pair_count(plan), false, [&](int f, int p) {
      if (t + f >= frames) return;
      const auto weighted = [&](Cx<T> bin, int k) {
        const T square = values.clamped(k, bin);
        if (square <= values.floor) return Cx<T>{0, 0};
        const T magnitude = std::sqrt(square);
        return scaled(bin, by_magnitude(k, f, magnitude) * values.gain(k) / magnitude *
                               adjoint_factor(plan, p));
      };
      BinsOfPair<T> x = bins_of(plan, fft, tile.frame(f), p);
      x.low = weighted(x.low, p);
      if (x.both) x.high = weighted(x.high, plan.n - p);
      put_bins(plan, fft, tile.frame(f), p, x.low, x.high);
    });
  });
}

template <class T>
int64_t parts_bytes(const Values<T>& values, const TileShape& shape) {
  return aligned(parts_count(values.bank, shape.frames) * int64_t{sizeof(T)});
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::spectral_values(const Cuda& device, const StftPlan& plan,
                                    const SpectralValues& of, const Signals& x,
                                    const int64_t* lengths, View<T, 4> out) {
  using namespace cuda;
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Values<T> values = values_on<T>(device, of);
  const Batch batch = batch_of(device, x, lengths);
  const auto bytes = [&](const TileShape& shape) {
    return tile_bytes<T>(shape) + parts_bytes(values, shape);
  };
  with_transform(device, tables, bytes, [&](TileShape shape, auto maker) {
    const int64_t tiles = tiles_of(shape, x.batch, out.shape[1] * kValueFrames);
    const Launch how = launch_of(device, tiles, shape.block_threads(), bytes(shape));
    launch_tiles(device, how, values_kernel<T, decltype(maker)>, tables, shape, maker, batch,
                 x.batch, values, out);
  });
}

template <>
template <class T>
void Backend<Cuda>::spectral_loss(const Cuda& device, const StftPlan& plan,
                                  const SpectralValues& of, const Signals& x,
                                  const int64_t* lengths, View<const T, 4> target,
                                  View<double, 2> out, bool squared_logs) {
  using namespace cuda;
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Values<T> values = values_on<T>(device, of);
  const Batch batch = batch_of(device, x, lengths);
  const int64_t width = frame_count(plan.framing(), x.samples);
  LossSums* const of_frames = allocate<LossSums>(device, x.batch * width);
  const auto bytes = [&](const TileShape& shape) {
    return tile_bytes<T>(shape) + parts_bytes(values, shape) +
           aligned(shape.block_threads() * int64_t{sizeof(LossSums)});
  };
  with_transform(device, tables, bytes, [&](TileShape shape, auto maker) {
    const Launch how =
        launch_of(device, tiles_of(shape, x.batch, width), shape.block_threads(), bytes(shape));
    launch_tiles(device, how, compare_kernel<T, decltype(maker)>, tables, shape, maker, batch,
                 x.batch, width, values, target, squared_logs, of_frames);
  });
  launch(device, total_kernel, x.batch, kThreads, kThreads * int64_t{sizeof(LossSums)}, of_frames,
         width, plan.framing(), batch.lengths, out);
}

template <>
template <class T>
void Backend<Cuda>::spectral_loss_gradient(const Cuda& device, const StftPlan& plan,
                                           const SpectralValues& of, const Signals& x,
                                           const int64_t* lengths, View<const T, 4> target,
                                           View<const double, 2> factors, View<T, 2> out,
                                           bool squared_logs) {
  using namespace cuda;
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Values<T> values = values_on<T>(device, of);
  const Batch batch = batch_of(device, x, lengths);
  const Slope<T> slope{factors, squared_logs};
  add_up_on(
      device, tables, out, batch.lengths,
      [&](const Launch& how, TileShape shape, auto maker, const AdjointOut<T>& to) {
        launch_tiles(device, how, loss_gradient_kernel<T, decltype(maker)>, tables, shape, maker,
                     batch, values, target, slope, to);
      },
      [&](const TileShape& shape) {
        return band_work_bytes(tables.bins, values.bank, shape.frames);
      });
}

#define LAPPED_INSTANTIATE(T)                                                                     \
  template void Backend<Cuda>::spectral_values(const Cuda&, const StftPlan&,                      \
                                               const SpectralValues&, const Signals&,             \
                                               const int64_t*, View<T, 4>);                       \
  template void Backend<Cuda>::spectral_loss(const Cuda&, const StftPlan&, const SpectralValues&, \
                                             const Signals&, const int64_t*, View<const T, 4>,    \
                                             View<double, 2>, bool);                              \
  template void Backend<Cuda>::spectral_loss_gradient(                                            \
      const Cuda&, const StftPlan&, const SpectralValues&, const Signals&, const int64_t*,        \
      View<const T, 4>, View<const double, 2>, View<T, 2>, bool);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
