// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/istft_adjoint.cc: spectra of what each sample is after the division by the windows
// over it.
#include "cuda/synthesis.cuh"

namespace lapped {
namespace cuda {
namespace {

// out[b, i] = signal[b, i] / sum of squared windows, 0 past a row's samples. Once a sample: in the
// transform every frame over it would divide again.
template <class T>
__global__ void divide_kernel(Plan<T> plan, View<const T, 2> signal, RowSizes frames,
                              RowSizes samples, T* out) {
  const int64_t width = signal.shape[1], total = signal.shape[0] * width;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < total;
       i += int64_t{gridDim.x} * blockDim.x) {
    const int64_t b = i / width, at = i - b * width, p = at + plan.framing.pad_left,
                  block = p / plan.framing.hop;
    const int r = static_cast<int>(p - block * plan.framing.hop);
    out[i] = at < samples.of(b) ? signal.data[b * signal.stride[0] + at * signal.stride[1]] *
                                      inverse_envelope(plan, block, r, frames.of(b))
                                : T(0);
  }
}

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    istft_adjoint_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
                         RowSizes frames, View<Cx<T>, 3> out) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  const auto fft = maker(plan);
  const auto& [data, size, stride] = out;
  const int64_t width = size[2], tiles = (width + shape.frames - 1) / shape.frames;
  const bool along_bins = stride[1] == 1 && stride[2] != 1;
  for (int64_t i = blockIdx.x; i < size[0] * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames, count = frames.of(b);
    analyse(tile, fft, batch.row(b), t, count);
    each_item(shape, pair_count(plan), along_bins, [&](int f, int p) {
      if (t + f >= width) return;
      Cx<T>* const frame = data + b * stride[0] + (t + f) * stride[2];
      BinsOfPair<T> x = bins_of(plan, fft, tile.frame(f), p);
      if (p == 0) x.low.im = 0;
      const T factor = (p == 0 ? T(1) : T(2)) / static_cast<T>(plan.framing.n_fft);
      frame[p * stride[1]] = scaled(x.low, factor);
      if (x.both) frame[(plan.n - p) * stride[1]] = scaled(x.high, factor);
    });
    __syncthreads();
  }
}

template <class T>
View<Cx<T>, 3> retyped(const View<Complex<T>, 3>& v) {
  return {reinterpret_cast<Cx<T>*>(v.data),
          {v.shape[0], v.shape[1], v.shape[2]},
          {v.stride[0], v.stride[1], v.stride[2]}};
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::istft_adjoint(const Cuda& device, const StftPlan& plan, View<const T, 2> signal,
                                  const int64_t* frames, const int64_t* samples,
                                  View<Complex<T>, 3> out) {
  using namespace cuda;
  const int64_t rows = out.shape[0], length = signal.shape[1];
  const RowSizes own_frames = row_sizes(device, out.shape[2], frames, rows),
                 own_samples = row_sizes(device, length, samples, rows);
  Plan<T> tables = plan_on<T>(device, plan);
  tables.framing.pad_mode = PadMode::kConstant;  // nothing was made of what lies outside
  T* const divided = allocate<T>(device, rows * length);
  launch(device, divide_kernel<T>, blocks_for(rows * length), kThreads, 0, tables, signal,
         own_frames, own_samples, divided);
  const Batch batch{divided, kSampleType<T>, length, 1, own_samples};
  with_transform(device, tables, tile_bytes<T>, [&](TileShape shape, auto maker) {
    launch_tiles(device,
                 launch_of(device, tiles_of(shape, rows, out.shape[2]), shape.block_threads(),
                           tile_bytes<T>(shape)),
                 istft_adjoint_kernel<T, decltype(maker)>, tables, shape, maker, batch, own_frames,
                 retyped(out));
  });
}

#define LAPPED_INSTANTIATE(T)                                                                \
  template void Backend<Cuda>::istft_adjoint(const Cuda&, const StftPlan&, View<const T, 2>, \
                                             const int64_t*, const int64_t*, View<Complex<T>, 3>);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
