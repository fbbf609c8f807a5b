// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/istft.cc: the least-squares inverse.
#include "cuda/synthesis.cuh"

namespace lapped {
namespace cuda {
namespace {

template <class T>
struct Inversion {
  View<const Cx<T>, 3> spectrum;
  RowSizes frames, samples;
  View<T, 2> out;
  int64_t blocks, blocks_of_task;

  LAPPED_INLINE const Cx<T>* frame(int64_t b, int64_t t) const {
    return spectrum.data + b * spectrum.stride[0] + t * spectrum.stride[2];
  }
};

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    istft_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Inversion<T> job) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const carry = pieces.take<T>(2 * carried_length(plan.framing));
  const auto fft = maker(plan);
  const Items own = items_of(shape, job.spectrum.stride[1] == 1 && job.spectrum.stride[2] != 1);
  const int64_t tasks = (job.blocks + job.blocks_of_task - 1) / job.blocks_of_task;
  for (int64_t i = blockIdx.x; i < job.out.shape[0] * tasks; i += gridDim.x) {
    const int64_t b = i / tasks, from = (i - b * tasks) * job.blocks_of_task,
                  end = from + job.blocks_of_task, frames = job.frames.of(b),
                  valid = job.samples.of(b);
    T* const out = job.out.data + b * job.out.stride[0];
    synthesise(
        tile, fft, carry, frames, from, end < job.blocks ? end : job.blocks,
        [&](int64_t t) {
          if (t + own.frame >= frames) return;
          PairWalk<const Cx<T>> bins(job.frame(b, t + own.frame), job.spectrum.stride[1], plan.n,
                                     own);
#pragma unroll 4
          for (int p = own.first; p < pair_count(plan); p += own.step, bins.next())
            put_bins(plan, fft, tile.frame(own.frame), p, *bins.low,
                     both_bins(plan, p) ? *bins.high : Cx<T>{0, 0});
        },
        [&](int64_t block, int r, int64_t place, T sum) {
          const int64_t at = place - plan.framing.pad_left;
          if (at < 0 || at >= job.out.shape[1]) return;
          out[at * job.out.stride[1]] =
              at < valid ? sum * inverse_envelope(plan, block, r, frames) : T(0);
        });
  }
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::istft(const Cuda& device, const StftPlan& plan,
                          View<const Complex<T>, 3> spectrum, const int64_t* frames,
                          const int64_t* samples, View<T, 2> out) {
  using namespace cuda;
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Framing& f = tables.framing;
  const int64_t rows = out.shape[0], blocks = blocks_to_cover(f, out.shape[1]);
  Inversion<T> job{retyped(spectrum),
                   row_sizes(device, spectrum.shape[2], frames, rows),
                   row_sizes(device, out.shape[1], samples, rows),
                   out,
                   blocks,
                   0};
  const auto bytes = [&](const TileShape& shape) {
    return tile_bytes<T>(shape) + carry_bytes<T>(f);
  };
  with_transform(device, tables, bytes, [&](TileShape shape, auto maker) {
    job.blocks_of_task = blocks_of_task(device, f, shape, rows, blocks);
    const int64_t tasks = (blocks + job.blocks_of_task - 1) / job.blocks_of_task;
    const Launch how = launch_of(device, rows * tasks, shape.block_threads(), bytes(shape));
    launch_tiles(device, how, istft_kernel<T, decltype(maker)>, tables, shape, maker, job);
  });
}

#define LAPPED_INSTANTIATE(T)                                                                 \
  template void Backend<Cuda>::istft(const Cuda&, const StftPlan&, View<const Complex<T>, 3>, \
                                     const int64_t*, const int64_t*, View<T, 2>);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
