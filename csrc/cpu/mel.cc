// SPDX-License-Identifier: Apache-2.0
// Mel spectra: window, FFT, power, sparse bands and logarithm in one pass over the audio; and the
// projection of given magnitudes.
#include "cpu/analysis.h"
#include "cpu/bands.h"
#include "cpu/compressor.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

template <class T>
constexpr T kNoPeak = T(-__builtin_inf());

// Work memory after the spectra: powers of `lanes` frames by bin, and a tile of bands.
template <class T>
struct BandTile {
  Vec<T>* powers;  // bins
  T* values;       // bands x frames
  int64_t frames;  // of a full tile
  BandTile(const BandView<T>& bank, int64_t tile, Carver& carver)
      : powers(carver.take<Vec<T>>(bank.bin_count)),
        values(carver.take<T>(bank.band_count * tile)),
        frames(tile) {}
};

// Powers of the frames by bin.
template <class T>
void raise_lanes(const StftView<T>& plan, const MelOptions& options, const Frames<T>& frames,
                 Cvec<T>* z, Vec<T>* powers) {
  const T eps = static_cast<T>(options.magnitude_eps);
  with_exponent(static_cast<T>(options.exponent), [&](auto raise) LAPPED_LAMBDA {
    each_bin(plan, frames, z,
             [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA { powers[k] = raise(squared(bin, eps)); });
  });
}

template <class T>
void project_lanes(const BandView<T>& bank, const Compressor<T>& compressor,
                   const BandTile<T>& tile, int64_t at) {
  compressor.with([&](auto compress) LAPPED_LAMBDA {
    T* to = tile.values + at;
    const int64_t stride = tile.frames;
    project_bins(bank, tile.powers, [&, stride](Vec<T> sum) LAPPED_LAMBDA {
      store(to, compress(sum));
      to += stride;
    });
  });
}

// NaN is nobody's peak.
template <class T>
T tile_peak(const BandView<T>& bank, const BandTile<T>& tile, int64_t frames, T peak) {
  constexpr int W = kLanes<T>;
  Vec<T> peaks = splat(peak);
  for (int64_t m = 0; m < bank.band_count; ++m) {
    const T* const row = tile.values + m * tile.frames;
    int64_t t = 0;
    for (; t + W <= frames; t += W) {
      const Vec<T> v = load(row + t);
      peaks = v > peaks ? v : peaks;
    }
    for (; t < frames; ++t) peak = row[t] > peak ? row[t] : peak;
  }
  for (int l = 0; l < W; ++l) peak = peaks[l] > peak ? peaks[l] : peak;
  return peak;
}

// Peaks that the tasks of the first pass saw, and the second pass that needs them.
template <class T>
class Peaks {
 public:
  Peaks(int64_t batch, int64_t frames)
      : per_row_((frames + kTaskFrames - 1) / kTaskFrames),
        batch_(batch),
        memory_(static_cast<size_t>(batch * per_row_ + 1) * sizeof(T)),
        values_(reinterpret_cast<T*>(memory_.data())) {}
  bool ok() const { return values_; }
  T& of_task(int64_t row, int64_t first_frame) const {
    return values_[row * per_row_ + first_frame / kTaskFrames];
  }
  T of(int64_t row, bool whole_batch) const {
    T peak = kNoPeak<T>;
    const int64_t from = whole_batch ? 0 : row, to = whole_batch ? batch_ : row + 1;
    for (int64_t i = from * per_row_; i < to * per_row_; ++i)
      peak = values_[i] > peak ? values_[i] : peak;
    return peak;
  }

 private:
  int64_t per_row_, batch_;
  Buffer memory_;
  T* values_;
};

template <class T, class Count>
bool limit_range(const Compressor<T>& compress, const Peaks<T>& peaks, bool whole_batch,
                 View<T, 3> out, Count count) {
  const int inner = out.stride[2] <= out.stride[1] ? 2 : 1, outer = 3 - inner;
  return each_task(out.shape[0], out.shape[2], 1, count,
                   [&](int64_t row, int64_t first, int64_t valid, int64_t, std::byte*) {
                     const T peak = peaks.of(row, whole_batch);
                     T* const values = out.data + row * out.stride[0] + first * out.stride[2];
                     int64_t shape[3] = {1, out.shape[1], valid - first};
                     for (int64_t i = 0; i < shape[outer]; ++i)
                       compress.limit(values + i * out.stride[outer], shape[inner],
                                      out.stride[inner], peak);
                   });
}

}  // namespace

template <class T>
bool mel(const StftView<T>& plan, const BandView<T>& bank, const Signals& x, const int64_t* lengths,
         View<T, 3> out, const MelOptions& options) {
  const Compressor<T> compress(options.compression);
  const int64_t tile_size = tile_frames(bank.band_count, sizeof(T), kLanes<T>);
  const auto count = [&](int64_t row) {
    return frame_count(plan.framing, lengths ? lengths[row] : x.samples);
  };
  const Peaks<T> peaks(x.batch, out.shape[2]);
  if (!peaks.ok()) return false;
  Carver size(nullptr);
  AnalysisScratch<T> unused(plan, size);
  BandTile<T> unused_tile(bank, tile_size, size);
  const bool done =
      each_task(x.batch, out.shape[2], size.used(), count,
                [&](int64_t row, int64_t first, int64_t valid, int64_t last, std::byte* memory) {
                  Carver carver(memory);
                  AnalysisScratch<T> scratch(plan, carver);
                  const BandTile<T> tile(bank, tile_size, carver);
                  T* const destination = out.data + row * out.stride[0];
                  T peak = kNoPeak<T>;
                  analyse(
                      plan, row_of(x, row, lengths), first, valid, scratch, tile_size,
                      [&](const Frames<T>& frames, int64_t, int64_t at) {
                        raise_lanes(plan, options, frames, scratch.z, tile.powers);
                        project_lanes(bank, compress, tile, at);
                      },
                      [&](int64_t t, int64_t ready) {
                        if (compress.limited()) peak = tile_peak(bank, tile, ready, peak);
                        write_tile(tile.values, tile.frames, ready, destination, bank.band_count,
                                   out.stride[1], out.stride[2], t);
                      });
                  peaks.of_task(row, first) = peak;
                  write_zeros(last - valid, destination, bank.band_count, out.stride[1],
                              out.stride[2], valid);
                });
  return done && (!compress.limited() ||
                  limit_range(compress, peaks, options.compression.whole_batch, out, count));
}

template <class T>
bool project(const BandView<T>& bank, View<const T, 3> magnitude, const int64_t* frames,
             View<T, 3> out, const MelOptions& options) {
  const Compressor<T> compress(options.compression);
  const MagnitudePower<T> raise{static_cast<T>(options.exponent)};
  const auto count = [&](int64_t row) { return frames ? frames[row] : magnitude.shape[2]; };
  const Peaks<T> peaks(magnitude.shape[0], out.shape[2]);
  if (!peaks.ok()) return false;
  constexpr int W = kLanes<T>;
  const int64_t tile_size = tile_frames(bank.band_count, sizeof(T), W);
  Carver size(nullptr);
  BandTile<T> unused_tile(bank, tile_size, size);
  const bool done =
      each_task(magnitude.shape[0], out.shape[2], size.used(), count,
                [&](int64_t row, int64_t first, int64_t valid, int64_t last, std::byte* memory) {
                  Carver carver(memory);
                  const BandTile<T> tile(bank, tile_size, carver);
                  const T* const source = magnitude.data + row * magnitude.stride[0];
                  T* const destination = out.data + row * out.stride[0];
                  T peak = kNoPeak<T>;
                  for (int64_t t0 = first; t0 < valid; t0 += tile_size) {
                    const int64_t tile_end = smaller(t0 + tile_size, valid);
                    for (int64_t t = t0; t < tile_end; t += W) {
                      read_lanes(source, bank.bin_count, magnitude.stride[1], magnitude.stride[2],
                                 t, tile_end - t, tile.powers);
                      for (int64_t k = 0; k < bank.bin_count; ++k)
                        tile.powers[k] = raise.of_magnitude(tile.powers[k]);
                      project_lanes(bank, compress, tile, t - t0);
                    }
                    if (compress.limited()) peak = tile_peak(bank, tile, tile_end - t0, peak);
                    write_tile(tile.values, tile.frames, tile_end - t0, destination,
                               bank.band_count, out.stride[1], out.stride[2], t0);
                  }
                  peaks.of_task(row, first) = peak;
                  write_zeros(last - valid, destination, bank.band_count, out.stride[1],
                              out.stride[2], valid);
                });
  return done && (!compress.limited() ||
                  limit_range(compress, peaks, options.compression.whole_batch, out, count));
}

template bool mel(const StftView<float>&, const BandView<float>&, const Signals&, const int64_t*,
                  View<float, 3>, const MelOptions&);
template bool mel(const StftView<double>&, const BandView<double>&, const Signals&, const int64_t*,
                  View<double, 3>, const MelOptions&);
template bool project(const BandView<float>&, View<const float, 3>, const int64_t*, View<float, 3>,
                      const MelOptions&);
template bool project(const BandView<double>&, View<const double, 3>, const int64_t*,
                      View<double, 3>, const MelOptions&);

}  // namespace lapped::cpu::LAPPED_ISA
