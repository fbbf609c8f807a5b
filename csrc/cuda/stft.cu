// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/stft.cc: complex, magnitude and power spectra.
#include "cuda/analysis.cuh"

namespace lapped {
namespace cuda {
namespace {

enum class Kind { kComplex, kMagnitude, kPower };

// out[row, k, t], complex or real.
template <class T>
struct SpectrumOut {
  void* data;
  int64_t row, bin, frame;  // strides
  Kind kind;
  T eps;

  // 0 for a frame past the row's own.
  LAPPED_INLINE void put(int64_t at, Cx<T> x, bool own) const {
    if (kind == Kind::kComplex)
      static_cast<Cx<T>*>(data)[at] = own ? x : Cx<T>{0, 0};
    else if (kind == Kind::kPower)
      static_cast<T*>(data)[at] = own ? squared(x) : T(0);
    else
      static_cast<T*>(data)[at] = own ? std::sqrt(squared(x, eps)) : T(0);
  }
};

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads)
    spectrum_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
                    int64_t rows, int64_t width, SpectrumOut<T> out) {
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  const auto fft = maker(plan);
  const int64_t tiles = (width + shape.frames - 1) / shape.frames;
  for (int64_t i = blockIdx.x; i < rows * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames;
    const Row row = batch.row(b);
    const int64_t count = frame_count(plan.framing, row.samples);
    analyse(tile, fft, row, t, count);
    each_item(tile.shape, pair_count(plan), out.bin == 1 && out.frame != 1, [&](int f, int p) {
      if (t + f >= width) return;
      const int64_t at = b * out.row + (t + f) * out.frame;
      const BinsOfPair<T> x = bins_of(plan, fft, tile.frame(f), p);
      out.put(at + p * out.bin, x.low, t + f < count);
      if (x.both) out.put(at + (plan.n - p) * out.bin, x.high, t + f < count);
    });
    __syncthreads();
  }
}

template <class T>
void run(const Cuda& device, const StftPlan& plan, const Signals& x, const int64_t* lengths,
         int64_t width, const SpectrumOut<T>& out) {
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Batch batch = batch_of(device, x, lengths);
  with_transform(tables, [&](TileShape shape, auto maker) {
    launch_tiles(device,
                 launch_of(device, tiles_of(shape, x.batch, width), shape.block_threads(),
                           tile_bytes<T>(shape)),
                 spectrum_kernel<T, decltype(maker)>, tables, shape, maker, batch, x.batch, width,
                 out);
  });
}

template <class T, class E>
SpectrumOut<T> spectrum_out(const View<E, 3>& out, Kind kind, double eps = 0) {
  return {out.data, out.stride[0], out.stride[1], out.stride[2], kind, static_cast<T>(eps)};
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::stft(const Cuda& device, const StftPlan& plan, const Signals& x,
                         const int64_t* lengths, View<Complex<T>, 3> out) {
  const auto to = cuda::spectrum_out<T>(out, cuda::Kind::kComplex);
  cuda::run(device, plan, x, lengths, out.shape[2], to);
}

template <>
template <class T>
void Backend<Cuda>::magnitude(const Cuda& device, const StftPlan& plan, const Signals& x,
                              const int64_t* lengths, View<T, 3> out, double eps) {
  const auto to = cuda::spectrum_out<T>(out, cuda::Kind::kMagnitude, eps);
  cuda::run(device, plan, x, lengths, out.shape[2], to);
}

template <>
template <class T>
void Backend<Cuda>::power(const Cuda& device, const StftPlan& plan, const Signals& x,
                          const int64_t* lengths, View<T, 3> out) {
  const auto to = cuda::spectrum_out<T>(out, cuda::Kind::kPower);
  cuda::run(device, plan, x, lengths, out.shape[2], to);
}

#define LAPPED_INSTANTIATE(T)                                                                      \
  template void Backend<Cuda>::stft(const Cuda&, const StftPlan&, const Signals&, const int64_t*,  \
                                    View<Complex<T>, 3>);                                          \
  template void Backend<Cuda>::magnitude(const Cuda&, const StftPlan&, const Signals&,             \
                                         const int64_t*, View<T, 3>, double);                      \
  template void Backend<Cuda>::power(const Cuda&, const StftPlan&, const Signals&, const int64_t*, \
                                     View<T, 3>);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
