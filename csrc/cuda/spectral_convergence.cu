// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/spectral_convergence.cc.
#include <vector>

#include "cuda/spectral_convergence.cuh"

namespace lapped {
namespace cuda {
namespace {

// of_frames[b * width + t] = sums over the bins of one frame: each thread over its own bins, then
// over the threads of the frame in their order.
template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    frame_error_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
                       Magnitudes<T> magnitudes, RowSizes frames, const Progress* progress,
                       Squares* of_frames) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  Squares* const of_threads = pieces.take<Squares>(shape.frames * shape.threads);
  const auto fft = maker(plan);
  const int64_t width = magnitudes.view.shape[2], tiles = (width + shape.frames - 1) / shape.frames;
  for (int64_t i = blockIdx.x; i < magnitudes.view.shape[0] * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames, count = frames.of(b);
    if (t >= count || (progress && progress[b].done)) continue;
    analyse(tile, fft, batch.row(b), t, count);
    const T scale = magnitudes.scale(b);
    Squares own{0, 0};
    const auto add = [&](Cx<T> x, T target) {
      const T d = std::sqrt(squared(x)) - target;
      own.error += static_cast<double>(d * d);
      own.reference += static_cast<double>(target * target);
    };
    each_item(shape, pair_count(plan), false, [&](int f, int p) {
      if (t + f >= count) return;
      const BinsOfPair<T> x = bins_of(plan, fft, tile.frame(f), p);
      add(x.low, magnitudes.at(b, p, t + f, scale));
      if (x.both) add(x.high, magnitudes.at(b, plan.n - p, t + f, scale));
    });
    of_threads[threadIdx.x] = own;
    __syncthreads();
    const int f = threadIdx.x;
    if (f < shape.frames && t + f < count) {
      Squares sum{0, 0};
      for (int g = 0; g < shape.threads; ++g) {
        sum.error += of_threads[g * shape.frames + f].error;
        sum.reference += of_threads[g * shape.frames + f].reference;
      }
      of_frames[b * width + t + f] = sum;
    }
  }
}

LAPPED_INLINE double decibels(const Squares& s) {
  if (s.error == 0) return -kInfinity<double>;
  return s.reference == 0 ? kInfinity<double> : 10 * std::log10(s.error / s.reference);
}

LAPPED_INLINE void conclude(const Squares& s, Progress& progress, const Verdict& verdict) {
  const double ratio = s.reference > 0 ? std::sqrt(s.error / s.reference) : 0,
               change = std::fabs(progress.previous - ratio);
  progress.done =
      verdict.tolerance > 0 && !verdict.first && change <= verdict.tolerance * progress.previous;
  progress.previous = ratio;
}

// One block a row.
__global__ void verdict_kernel(const Squares* of_frames, int64_t width, RowSizes frames,
                               int64_t rows, Verdict verdict) {
  LAPPED_SHARED_MEMORY(shared);
  Squares* const of_threads = reinterpret_cast<Squares*>(shared);
  for (int64_t b = blockIdx.x; b < rows; b += gridDim.x) {
    if (verdict.progress && verdict.progress[b].done) continue;
    Squares own{0, 0};
    for (int64_t t = threadIdx.x; t < frames.of(b); t += blockDim.x) {
      own.error += of_frames[b * width + t].error;
      own.reference += of_frames[b * width + t].reference;
    }
    of_threads[threadIdx.x] = own;
    __syncthreads();
    if (threadIdx.x == 0) {
      Squares sum{0, 0};
      for (unsigned i = 0; i < blockDim.x; ++i) {
        sum.error += of_threads[i].error;
        sum.reference += of_threads[i].reference;
      }
      if (verdict.out) verdict.out[b * verdict.stride] = decibels(sum);
      if (verdict.progress) conclude(sum, verdict.progress[b], verdict);
    }
    __syncthreads();
  }
}

}  // namespace

// Work memory of a block of frame_error_kernel.
template <class T>
int64_t judge_bytes(const TileShape& shape) {
  return tile_bytes<T>(shape) + aligned(shape.block_threads() * int64_t{sizeof(Squares)});
}

template <class T>
Judge judge_of(const Cuda& device, const Plan<T>& plan, int64_t rows, int64_t frames) {
  Judge judge{{}, allocate<Squares>(device, rows * frames)};
  with_transform(device, plan, judge_bytes<T>, [&](TileShape shape, auto) {
    judge.frames = launch_of(device, tiles_of(shape, rows, frames), shape.block_threads(),
                             judge_bytes<T>(shape));
  });
  return judge;
}

template <class T>
void judge(const Cuda& device, const Judge& how, const Plan<T>& plan, const Batch& batch,
           const Magnitudes<T>& magnitudes, RowSizes frames, const Verdict& verdict) {
  const int64_t rows = magnitudes.view.shape[0], width = magnitudes.view.shape[2];
  with_transform(device, plan, judge_bytes<T>, [&](TileShape shape, auto maker) {
    launch_tiles(device, how.frames, frame_error_kernel<T, decltype(maker)>, plan, shape, maker,
                 batch, magnitudes, frames, verdict.progress, how.of_frames);
  });
  launch(device, verdict_kernel, rows, kThreads, kThreads * int64_t{sizeof(Squares)}, how.of_frames,
         width, frames, rows, verdict);
}

#define LAPPED_INSTANTIATE(T)                                                  \
  template Judge judge_of(const Cuda&, const Plan<T>&, int64_t, int64_t);      \
  template void judge(const Cuda&, const Judge&, const Plan<T>&, const Batch&, \
                      const Magnitudes<T>&, RowSizes, const Verdict&);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)
#undef LAPPED_INSTANTIATE

}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::spectral_convergence(const Cuda& device, const StftPlan& plan,
                                         View<const T, 3> magnitude, const Signals& x,
                                         const int64_t* lengths, View<double, 1> out) {
  using namespace cuda;
  const int64_t rows = magnitude.shape[0], width = magnitude.shape[2];
  const Batch batch = batch_of(device, x, lengths);
  std::vector<int64_t> counts;
  for (int64_t b = 0; lengths && b < rows; ++b)
    counts.push_back(frame_count(plan.framing(), lengths[b]));
  const RowSizes frames = row_sizes(device, width, lengths ? counts.data() : nullptr, rows);
  const Plan<T>& tables = plan_on<T>(device, plan);
  judge(device, judge_of(device, tables, rows, width), tables, batch,
        Magnitudes<T>{magnitude, nullptr}, frames,
        Verdict{out.data, out.stride[0], nullptr, true, 0});
}

#define LAPPED_INSTANTIATE(T)                                                         \
  template void Backend<Cuda>::spectral_convergence(const Cuda&, const StftPlan&,     \
                                                    View<const T, 3>, const Signals&, \
                                                    const int64_t*, View<double, 1>);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
