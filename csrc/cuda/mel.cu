// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/mel.cc: window, FFT, power, sparse bands and logarithm in one pass over the audio;
// and the projection of given magnitudes.
#include "cuda/bands.cuh"
#include "cuda/compressor.cuh"
#include "cuda/peaks.cuh"

namespace lapped {
namespace cuda {
namespace {

constexpr TileShape kProjection{32, 8, 0};  // a warp reads neighbouring frames of one bin
constexpr int kLimited = 64;                // frames whose range a block limits at a time

// Where bands go: out[b, m, t], and the peaks that a limited range needs.
template <class T>
struct BandsOut {
  View<T, 3> out;
  Compressor<T> compress;
  Key<T>* peaks;  // one a row, or one for all
  bool one_peak;

  LAPPED_INLINE bool along_bands() const { return out.stride[1] == 1 && out.stride[2] != 1; }
  LAPPED_INLINE Key<T>* peak_of(int64_t b) const { return peaks + (one_peak ? 0 : b); }
  LAPPED_INLINE T& at(int64_t b, int64_t m, int64_t t) const {
    return out.data[b * out.stride[0] + m * out.stride[1] + t * out.stride[2]];
  }
  // Stores the sum of band m of frame t, or 0 where the row has no such frame.
  LAPPED_INLINE void put(int64_t b, int64_t m, int64_t t, T sum, bool own,
                         BlockPeak<T>& peak) const {
    if (t >= out.shape[2]) return;
    const T level = compress(sum);
    if (own && compress.limited) peak.see(level);
    at(b, m, t) = own ? level : T(0);
  }
};

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    mel_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Batch batch,
               int64_t rows, Bank<T> bank, MagnitudePower<T> raise, T eps, BandsOut<T> to) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const parts = pieces.take<T>(parts_count(bank, shape.frames));
  BlockPeak<T> peak{pieces.take<Key<T>>(1)};
  const auto fft = maker(plan);
  const int64_t width = to.out.shape[2], tiles = (width + shape.frames - 1) / shape.frames;
  for (int64_t i = blockIdx.x; i < rows * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames;
    const Row row = batch.row(b);
    const int64_t count = frame_count(plan.framing, row.samples);
    analyse(tile, fft, row, t, count);
    put_reals(tile, fft, [&](int, Cx<T> bin) { return raise(squared(bin, eps)); });
    __syncthreads();
    const auto power = [&](int f, int k, int) { return real_at(plan, fft, tile.frame(f), k); };
    project_tile(bank, shape, parts, to.along_bands(), power,
                 [&](int f, int m, T sum) { to.put(b, m, t + f, sum, t + f < count, peak); });
    if (to.compress.limited) peak.publish(to.peak_of(b));
  }
}

template <class T>
__global__ void project_kernel(WorkMemory work, TileShape shape, View<const T, 3> magnitude,
                               RowSizes frames, Bank<T> bank, MagnitudePower<T> raise,
                               BandsOut<T> to) {
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work);
  T* const parts = pieces.take<T>(parts_count(bank, shape.frames));
  BlockPeak<T> peak{pieces.take<Key<T>>(1)};
  const int64_t width = to.out.shape[2], tiles = (width + shape.frames - 1) / shape.frames;
  for (int64_t i = blockIdx.x; i < magnitude.shape[0] * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames, count = frames.of(b);
    const T* const row = magnitude.data + b * magnitude.stride[0];
    const auto power = [&](int f, int k, int) {
      return t + f >= count
                 ? T(0)
                 : raise.of_magnitude(row[k * magnitude.stride[1] + (t + f) * magnitude.stride[2]]);
    };
    project_tile(bank, shape, parts, to.along_bands(), power,
                 [&](int f, int m, T sum) { to.put(b, m, t + f, sum, t + f < count, peak); });
    if (to.compress.limited) peak.publish(to.peak_of(b));
    __syncthreads();
  }
}

// Levels of the rows' own frames become features. `lengths` counts samples where `framed`, else
// frames.
template <class T>
__global__ void limit_kernel(BandsOut<T> to, RowSizes lengths, bool framed, Framing framing) {
  const int bands = static_cast<int>(to.out.shape[1]);
  const int64_t width = to.out.shape[2], tiles = (width + kLimited - 1) / kLimited;
  for (int64_t i = blockIdx.x; i < to.out.shape[0] * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, begin = (i - b * tiles) * kLimited;
    const int64_t count = framed ? frame_count(framing, lengths.of(b)) : lengths.of(b);
    const T peak = Ordered<T>::value(*to.peak_of(b));
    for (int j = static_cast<int>(threadIdx.x); j < bands * kLimited; j += kThreads) {
      const int m = to.along_bands() ? j % bands : j / kLimited,
                t = to.along_bands() ? j / bands : j % kLimited;
      if (begin + t < count) {
        T& level = to.at(b, m, begin + t);
        level = to.compress.limit(level, peak);
      }
    }
  }
}

template <class T>
BandsOut<T> bands_out(const Cuda& device, View<T, 3> out, const Compression& compression) {
  BandsOut<T> to{out, Compressor<T>(compression), nullptr, compression.whole_batch};
  if (!to.compress.limited) return to;
  const int64_t peaks = to.one_peak ? 1 : out.shape[0];
  to.peaks = allocate<Key<T>>(device, peaks);
  fill(device, to.peaks, peaks, Ordered<T>::key(-kInfinity<T>));
  return to;
}

template <class T>
void limit_range(const Cuda& device, const BandsOut<T>& to, RowSizes lengths, bool framed,
                 const Framing& framing) {
  if (!to.compress.limited) return;
  const int64_t tiles = (to.out.shape[2] + kLimited - 1) / kLimited;
  launch(device, limit_kernel<T>, to.out.shape[0] * tiles, kThreads, 0, to, lengths, framed,
         framing);
}

template <class T>
int64_t band_bytes(const Bank<T>& bank, int frames) {
  return aligned(parts_count(bank, frames) * int64_t{sizeof(T)}) + aligned(sizeof(Key<T>));
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::mel(const Cuda& device, const StftPlan& plan, const MelBands& bands,
                        const Signals& x, const int64_t* lengths, View<T, 3> out,
                        const MelOptions& options) {
  using namespace cuda;
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Bank<T>& bank = bank_on<T>(device, bands);
  const BandsOut<T> to = bands_out(device, out, options.compression);
  const Batch batch = batch_of(device, x, lengths);
  const MagnitudePower<T> raise{static_cast<T>(options.exponent)};
  const auto bytes = [&](const TileShape& shape) {
    return tile_bytes<T>(shape) + band_bytes(bank, shape.frames);
  };
  with_transform(device, tables, bytes, [&](TileShape shape, auto maker) {
    const Launch how = launch_of(device, tiles_of(shape, x.batch, out.shape[2]),
                                 shape.block_threads(), bytes(shape));
    launch_tiles(device, how, mel_kernel<T, decltype(maker)>, tables, shape, maker, batch, x.batch,
                 bank, raise, static_cast<T>(options.magnitude_eps), to);
  });
  limit_range(device, to, batch.lengths, true, tables.framing);
}

template <>
template <class T>
void Backend<Cuda>::project(const Cuda& device, const MelBands& bands, View<const T, 3> magnitude,
                            const int64_t* frames, View<T, 3> out, const MelOptions& options) {
  using namespace cuda;
  const Bank<T>& bank = bank_on<T>(device, bands);
  const BandsOut<T> to = bands_out(device, out, options.compression);
  const RowSizes own = row_sizes(device, out.shape[2], frames, out.shape[0]);
  const MagnitudePower<T> raise{static_cast<T>(options.exponent)};
  const Launch how = launch_of(device, tiles_of(kProjection, out.shape[0], out.shape[2]),
                               kProjection.block_threads(), band_bytes(bank, kProjection.frames));
  launch_tiles(device, how, project_kernel<T>, kProjection, magnitude, own, bank, raise, to);
  limit_range(device, to, own, false, Framing{});
}

#define LAPPED_INSTANTIATE(T)                                                                     \
  template void Backend<Cuda>::mel(const Cuda&, const StftPlan&, const MelBands&, const Signals&, \
                                   const int64_t*, View<T, 3>, const MelOptions&);                \
  template void Backend<Cuda>::project(const Cuda&, const MelBands&, View<const T, 3>,            \
                                       const int64_t*, View<T, 3>, const MelOptions&);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
