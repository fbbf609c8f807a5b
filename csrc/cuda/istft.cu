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

  LAPPED_INLINE Cx<T> bin(int64_t b, int64_t k, int64_t t) const {
    return spectrum.data[b * spectrum.stride[0] + k * spectrum.stride[1] + t * spectrum.stride[2]];
  }
};

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads)
    istft_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Inversion<T> job) {
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const ring = pieces.take<T>(ring_length(plan.framing, shape.frames));
  const auto fft = maker(plan);
  const bool along_bins = job.spectrum.stride[1] == 1 && job.spectrum.stride[2] != 1;
  const int64_t tasks = (job.blocks + job.blocks_of_task - 1) / job.blocks_of_task;
  for (int64_t i = blockIdx.x; i < job.out.shape[0] * tasks; i += gridDim.x) {
    const int64_t b = i / tasks, from = (i - b * tasks) * job.blocks_of_task,
                  end = from + job.blocks_of_task, frames = job.frames.of(b),
                  valid = job.samples.of(b);
    T* const out = job.out.data + b * job.out.stride[0];
    synthesise(
        tile, fft, ring, frames, from, end < job.blocks ? end : job.blocks,
        [&](int64_t t) {
          each_item(shape, pair_count(plan), along_bins, [&](int f, int p) {
            if (t + f >= frames) return;
            const bool pair = plan.half_length && p != plan.n - p;
            put_bins(plan, fft, tile.frame(f), p, job.bin(b, p, t + f),
                     pair ? job.bin(b, plan.n - p, t + f) : Cx<T>{0, 0});
          });
        },
        [&](int64_t block, int r, T sum) {
          const int64_t at = block * plan.framing.hop + r - plan.framing.pad_left;
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
  with_transform(tables, [&](TileShape shape, auto maker) {
    job.blocks_of_task = blocks_of_task(device, f, shape, rows, blocks);
    const int64_t tasks = (blocks + job.blocks_of_task - 1) / job.blocks_of_task;
    const Launch how = launch_of(device, rows * tasks, shape.block_threads(),
                                 tile_bytes<T>(shape) + ring_bytes<T>(f, shape));
    launch_tiles(device, how, istft_kernel<T, decltype(maker)>, tables, shape, maker, job);
  });
}

#define LAPPED_INSTANTIATE(T)                                                                 \
  template void Backend<Cuda>::istft(const Cuda&, const StftPlan&, View<const Complex<T>, 3>, \
                                     const int64_t*, const int64_t*, View<T, 2>);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
