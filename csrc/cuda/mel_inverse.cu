// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/mel_inverse.cc, which has the formulas: magnitudes from mel bands by multiplicative
// expectation-maximisation. The iteration is over u_k = x_k sum_m a_mk.
#include "cuda/bands.cuh"
#include "cuda/compressor.cuh"

namespace lapped {
namespace cuda {
namespace {

constexpr TileShape kWide{32, 8, 0}, kNarrow{8, 32, 0};  // narrow where wide exceeds shared memory

template <class T>
constexpr T kLargestRatio = T(8);

// A tile of frames side by side: arrays are [bin or band][frame].
template <class T>
struct Estimate {
  const Bank<T>& bank;
  TileShape shape;
  T* bins;    // u
  T* bands;   // B
  T* ratios;  // r, and one 0 above the last band
  T* parts;   // what segments give to their bands

  LAPPED_INLINE Estimate(const Bank<T>& own, TileShape of, Pieces pieces)
      : bank(own),
        shape(of),
        bins(pieces.take<T>(int64_t{bank.bins} * of.frames)),
        bands(pieces.take<T>(int64_t{bank.bands} * of.frames)),
        ratios(pieces.take<T>(int64_t{bank.bands + 1} * of.frames)),
        parts(pieces.take<T>(parts_count(bank, of.frames))) {}

  static int64_t bytes(const Bank<T>& bank, int frames) {
    const auto piece = [&](int64_t rows) { return aligned(rows * frames * int64_t{sizeof(T)}); };
    return piece(bank.bins) + piece(bank.bands) + piece(bank.bands + 1) + piece(2 * bank.bands);
  }

  // u_k <- update(k, u_k, ratio, ratio above) for all bins in bands, and the ratios of the new u.
  template <class Update>
  LAPPED_INLINE void pass(Update update) const {
    const auto value = [&](int f, int k, int m) {
      T& u = bins[k * shape.frames + f];
      u = update(k, u, ratios[m * shape.frames + f], ratios[(m + 1) * shape.frames + f]);
      return u;
    };
    const auto weigh = [&](int f, int m, T sum) {
      const T quotient = bands[m * shape.frames + f] / sum;
      ratios[m * shape.frames + f] = sum <= kTiny<T>               ? T(0)
                                     : quotient > kLargestRatio<T> ? kLargestRatio<T>
                                                                   : quotient;
    };
    project_shares(value, weigh);
    __syncthreads();
  }

 private:
  // project_tile with a bin's shares in the place of its weights.
  template <class Value, class Done>
  LAPPED_INLINE void project_shares(Value value, Done done) const {
    Bank<T> by_share = bank;
    by_share.weights = bank.shares;
    project_tile(by_share, shape, parts, false, value, done);
  }
};

template <class T>
__global__ void mel_inverse_kernel(WorkMemory work, TileShape shape, Bank<T> bank,
                                   View<const T, 3> mel, RowSizes frames, View<T, 3> out,
                                   MagnitudePower<T> root, int64_t iterations) {
  LAPPED_SHARED_MEMORY(shared);
  const Estimate<T> s(bank, shape, Pieces(shared, work));
  const int64_t width = out.shape[2], tiles = (width + shape.frames - 1) / shape.frames;
  const bool along_bins = out.stride[1] == 1 && out.stride[2] != 1;
  for (int64_t i = blockIdx.x; i < out.shape[0] * tiles; i += gridDim.x) {
    const int64_t b = i / tiles, t = (i - b * tiles) * shape.frames, count = frames.of(b);
    each_item(shape, bank.bands + 1, false, [&](int f, int m) {
      const bool own = m < bank.bands && t + f < count;
      const T band =
          own ? mel.data[b * mel.stride[0] + m * mel.stride[1] + (t + f) * mel.stride[2]] : T(0);
      if (m < bank.bands) s.bands[m * shape.frames + f] = band;
      s.ratios[m * shape.frames + f] = m < bank.bands ? band * bank.inverse_sum[m] : T(0);
    });
    __syncthreads();
    s.pass([&](int k, T, T ratio, T above) {
      return (ratio * bank.shares[k].lower + above * bank.shares[k].upper) * bank.sums[k].sum;
    });
    for (int64_t step = 0; step < iterations; ++step)
      s.pass([&](int k, T u, T ratio, T above) {
        const T g = above + (ratio - above) * bank.shares[k].lower;
        return u * (g * (g + 1) * T(0.5));
      });
    each_item(shape, bank.bins, along_bins, [&](int f, int k) {
      if (t + f >= width) return;
      const bool covered = t + f < count && bank.lower_band[k] >= 0;
      out.data[b * out.stride[0] + k * out.stride[1] + (t + f) * out.stride[2]] =
          covered ? root(s.bins[k * shape.frames + f] * bank.sums[k].inverse) : T(0);
    });
  }
}

template <class T>
__global__ void decompress_kernel(View<const T, 3> features, View<T, 3> out,
                                  Compressor<T> compressor) {
  const int64_t bands = out.shape[1], width = out.shape[2], total = out.shape[0] * bands * width;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < total;
       i += int64_t{gridDim.x} * blockDim.x) {
    const int64_t t = i % width, m = i / width % bands, b = i / width / bands;
    const auto at = [&](const int64_t (&stride)[3]) {
      return b * stride[0] + m * stride[1] + t * stride[2];
    };
    out.data[at(out.stride)] = compressor.undone(features.data[at(features.stride)]);
  }
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::mel_inverse(const Cuda& device, const MelBands& bands, View<const T, 3> mel,
                                const int64_t* frames, View<T, 3> out, double exponent,
                                int64_t iterations) {
  using namespace cuda;
  const Bank<T>& bank = bank_on<T>(device, bands);
  const bool fits = Estimate<T>::bytes(bank, kWide.frames) <= limits(device.index).shared_bytes / 2;
  const TileShape shape = fits ? kWide : kNarrow;
  const Launch how = launch_of(device, tiles_of(shape, out.shape[0], out.shape[2]),
                               shape.block_threads(), Estimate<T>::bytes(bank, shape.frames));
  launch_tiles(device, how, mel_inverse_kernel<T>, shape, bank, mel,
               row_sizes(device, out.shape[2], frames, out.shape[0]), out,
               MagnitudePower<T>{static_cast<T>(2 / exponent)}, iterations);
}

template <>
template <class T>
void Backend<Cuda>::decompress(const Cuda& device, View<const T, 3> features, View<T, 3> out,
                               const Compression& compression) {
  using namespace cuda;
  const int64_t total = out.shape[0] * out.shape[1] * out.shape[2];
  launch(device, decompress_kernel<T>, blocks_for(total), kThreads, 0, features, out,
         Compressor<T>(compression));
}

#define LAPPED_INSTANTIATE(T)                                                              \
  template void Backend<Cuda>::mel_inverse(const Cuda&, const MelBands&, View<const T, 3>, \
                                           const int64_t*, View<T, 3>, double, int64_t);   \
  template void Backend<Cuda>::decompress(const Cuda&, View<const T, 3>, View<T, 3>,       \
                                          const Compression&);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
