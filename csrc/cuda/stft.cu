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
};

// What becomes of a bin.
template <Kind K, class T>
struct Stored {
  using Type = T;
  static LAPPED_INLINE T of(Cx<T> bin, T eps) {
    return K == Kind::kPower ? squared(bin) : std::sqrt(squared(bin, eps));
  }
};
template <class T>
struct Stored<Kind::kComplex, T> {
  using Type = Cx<T>;
  static LAPPED_INLINE Cx<T> of(Cx<T> bin, T) { return bin; }
};

// Stores what the tile holds of frames t and later of row b, which has `count` frames.
template <Kind K, class T, class Fft>
LAPPED_INLINE void store(const Tile<T>& tile, const Fft& fft, const SpectrumOut<T>& out, int64_t b,
                         int64_t t, int64_t count, int64_t width) {
  using E = typename Stored<K, T>::Type;
  const Plan<T>& plan = tile.plan;
  const Items own = items_of(tile.shape, out.bin == 1 && out.frame != 1);
  const int64_t frame = t + own.frame;
  if (frame >= width) return;
  const bool has = frame < count;  // else 0
  const Cx<T>* const z = tile.frame(own.frame);
  PairWalk<E> to(static_cast<E*>(out.data) + b * out.row + frame * out.frame, out.bin, plan.n, own);
#pragma unroll 4
  for (int p = own.first; p < pair_count(plan); p += own.step, to.next()) {
    const BinsOfPair<T> x = bins_of(plan, fft, z, p);
    *to.low = has ? Stored<K, T>::of(x.low, out.eps) : E{};
    if (x.both) *to.high = has ? Stored<K, T>::of(x.high, out.eps) : E{};
  }
}

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    spectrum_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
                    int64_t rows, int64_t width, SpectrumOut<T> out) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  const auto fft = maker(plan);
  const int64_t tiles = (width + shape.frames - 1) / shape.frames;
  for (int64_t i = blockIdx.x; i < rows * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames;
    const Row row = batch.row(b);
    const int64_t count = frame_count(plan.framing, row.samples);
    analyse(tile, fft, row, t, count);
    if (out.kind == Kind::kComplex)
      store<Kind::kComplex>(tile, fft, out, b, t, count, width);
    else if (out.kind == Kind::kPower)
      store<Kind::kPower>(tile, fft, out, b, t, count, width);
    else
      store<Kind::kMagnitude>(tile, fft, out, b, t, count, width);
    __syncthreads();
  }
}

template <class T>
void run(const Cuda& device, const StftPlan& plan, const Signals& x, const int64_t* lengths,
         int64_t width, const SpectrumOut<T>& out) {
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Batch batch = batch_of(device, x, lengths);
  with_transform(device, tables, tile_bytes<T>, [&](TileShape shape, auto maker) {
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
