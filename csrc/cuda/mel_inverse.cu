// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/mel_inverse.cc, which has the formulas: magnitudes from mel bands by Newton's steps.
#include "cuda/bands.cuh"
#include "cuda/compressor.cuh"

namespace lapped {
namespace cuda {
namespace {

constexpr TileShape kWide{32, 8, 0}, kNarrow{8, 32, 0};  // narrow where wide exceeds shared memory

// A tile of frames side by side: arrays are [bin or band][frame].
template <class T>
struct Estimate {
  const Bank<T>& bank;
  TileShape shape;
  T* bins;   // u
  T* bands;  // B
  T* gains;  // 1 + d, and one above the last band that no bin feels
  T* parts;  // a segment's sums of u s, u s' and u s s', for its bands' shares s and s'

  LAPPED_INLINE Estimate(const Bank<T>& own, TileShape of, Pieces pieces)
      : bank(own),
        shape(of),
        bins(pieces.take<T>(int64_t{bank.bins} * of.frames)),
        bands(pieces.take<T>(int64_t{bank.bands} * of.frames)),
        gains(pieces.take<T>(int64_t{bank.bands + 1} * of.frames)),
        parts(pieces.take<T>(3 * int64_t{bank.bands} * of.frames)) {}

  static int64_t bytes(const Bank<T>& bank, int frames) {
    const auto piece = [&](int64_t rows) { return aligned(rows * frames * int64_t{sizeof(T)}); };
    return piece(bank.bins) + piece(bank.bands) + piece(bank.bands + 1) + piece(3 * bank.bands);
  }

  LAPPED_INLINE T& gain(int f, int m) const { return gains[m * shape.frames + f]; }
  LAPPED_INLINE T& lower(int f, int m) const { return parts[3 * m * shape.frames + f]; }
  LAPPED_INLINE T& upper(int f, int m) const { return parts[(3 * m + 1) * shape.frames + f]; }
  LAPPED_INLINE T& both(int f, int m) const { return parts[(3 * m + 2) * shape.frames + f]; }

  LAPPED_INLINE T stepped(int f, int k, T own, T above) const {
    constexpr T least = static_cast<T>(kLeastGain);
    const T mean = above + (own - above) * bank.shares[k].lower;
    return bins[k * shape.frames + f] * (mean < least ? least : mean);
  }

  // u_k <- update(f, k, gain, gain above) for all bins in bands, and the gains of the new u.
  template <class Update>
  LAPPED_INLINE void pass(Update update) const {
    each_item(shape, bank.bands, false, [&](int f, int m) {
      const T own = gain(f, m), above = gain(f, m + 1);
      T low = 0, high = 0, shared = 0;
      for (int k = bank.starts[m]; k < bank.starts[m + 1]; ++k) {
        const T u = update(f, k, own, above), part = u * bank.shares[k].lower;
        bins[k * shape.frames + f] = u;
        low += part;
        high += u * bank.shares[k].upper;
        shared += part * bank.shares[k].upper;
      }
      lower(f, m) = low;
      upper(f, m) = high;
      both(f, m) = shared;
    });
    __syncthreads();
    solve();
  }

 private:
  // Two threads a frame eliminate from both ends to the middle, and substitute back.
  LAPPED_INLINE void solve() const {
    const Items own = items_of(shape, false);
    const bool mine = own.first < 2, down = own.first == 1;
    const int f = own.frame, half = bank.bands / 2;
    if (mine) eliminate(f, down, half);
    __syncthreads();
    const T delta = mine ? delta_at_middle(f, down, half) : T(0);
    __syncthreads();
    if (mine) substitute(f, down, half, delta);
    __syncthreads();
  }

  // Rows below half upwards, or the others downwards: d_m = gain - lower * (the d ahead), where
  // lower takes the place of a sum that no other row reads.
  LAPPED_INLINE void eliminate(int f, bool down, int half) const {
    const int last = bank.bands - 1, count = down ? bank.bands - half : half;
    T delta = 0, ahead = 0;
    for (int i = 0; i < count; ++i) {
      const int m = down ? last - i : i;
      const T below = m > 0 ? both(f, m - 1) : T(0), above = both(f, m);
      const T sum = lower(f, m) + (m > 0 ? upper(f, m - 1) : T(0));
      const T missing = sum <= kTiny<T> ? T(0) : bands[m * shape.frames + f] - sum;
      const T least = sum * static_cast<T>(kRidge) + kTiny<T>, behind = down ? above : below;
      const T rest = sum - above - below + least - behind * ahead;
      const T inverse = T(1) / (rest < least ? least : rest);
      delta = (missing - behind * delta) * inverse;
      ahead = (down ? below : above) * inverse;
      gain(f, m) = delta;
      lower(f, m) = ahead;
    }
  }

  // d of the row of a half that is next to the other.
  LAPPED_INLINE T delta_at_middle(int f, bool down, int half) const {
    const T delta = half > 0 ? gain(f, half - 1) : T(0),
            ahead = half > 0 ? lower(f, half - 1) : T(0);
    const T other = gain(f, half), other_ahead = lower(f, half);
    const T own = down ? other - other_ahead * delta : delta - ahead * other;
    return own / (1 - ahead * other_ahead);
  }

  LAPPED_INLINE void substitute(int f, bool down, int half, T delta) const {
    const int step = down ? 1 : -1, end = down ? bank.bands : -1;
    int m = down ? half : half - 1;
    if (m == end) return;
    gain(f, m) = 1 + delta;
    for (m += step; m != end; m += step) {
      delta = gain(f, m) - lower(f, m) * delta;
      gain(f, m) = 1 + delta;
    }
  }
};

// u after all steps but the last, and the gains of the last.
template <class T>
LAPPED_INLINE void solve_tile(const Estimate<T>& s, int64_t iterations) {
  s.pass([&](int, int k, T own, T above) {
    const BinWeights<T> share = s.bank.shares[k];
    return (own * share.lower + above * share.upper) * s.bank.sums[k].sum;
  });
  for (int64_t i = 1; i < iterations; ++i)
    s.pass([&](int f, int k, T own, T above) { return s.stepped(f, k, own, above); });
}

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
      s.gain(f, m) = m < bank.bands ? band * bank.inverse_sum[m] : T(0);
    });
    __syncthreads();
    solve_tile(s, iterations);
    each_item(shape, bank.bins, along_bins, [&](int f, int k) {
      if (t + f >= width) return;
      T& to = out.data[b * out.stride[0] + k * out.stride[1] + (t + f) * out.stride[2]];
      const int m = bank.lower_band[k];
      to = 0;
      if (t + f >= count || m < 0) return;
      const T u = iterations > 0 ? s.stepped(f, k, s.gain(f, m), s.gain(f, m + 1))
                                 : s.bins[k * shape.frames + f];
      to = root(u * bank.sums[k].inverse);
    });
    __syncthreads();
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
