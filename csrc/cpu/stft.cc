// SPDX-License-Identifier: Apache-2.0
// Short-time Fourier transform: complex, magnitude and power spectra.
#include "cpu/analysis.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// One row of the result. Frames go through tiles of [bins][frames]; whole tiles of a single vector,
// where frames lie side by side, straight out.
template <class E, class T>
struct Rows {
  const StftView<T>& plan;
  View<E, 3> out;
  E* data;
  E* tile;
  int64_t tile_frames;

  bool straight(int64_t frames) const {
    return tile_frames == kLanes<T> && frames >= kLanes<T> && out.stride[2] == 1;
  }
  void flush(int64_t t, int64_t frames) const {
    if (!straight(frames))
      write_tile(tile, tile_frames, frames, data, plan.bins, out.stride[1], out.stride[2], t);
  }
};

// A vector that fills cache lines by itself gains nothing from a tile.
template <class E, class T>
int64_t frames_of_tile(const StftView<T>& plan, const View<E, 3>& out) {
  constexpr int64_t cache_line = 64;
  if (out.stride[2] == 1 && kLanes<T> * sizeof(E) >= cache_line) return kLanes<T>;
  return tile_frames(plan.bins, sizeof(E), kLanes<T>);
}

// out[row, k, t] = elements that put(to, X) writes, E wide.
template <class E, class T, class Put>
bool transform(const StftView<T>& plan, const Signals& x, const int64_t* lengths, View<E, 3> out,
               Put put) {
  const int64_t tile = frames_of_tile<E>(plan, out);
  Carver size(nullptr);
  AnalysisScratch<T> unused(plan, size);
  size.take<E>(plan.bins * tile);
  const auto count = [&](int64_t row) {
    return frame_count(plan.framing, lengths ? lengths[row] : x.samples);
  };
  const auto task = [&](int64_t row, int64_t first, int64_t valid, int64_t last,
                        std::byte* memory) {
    Carver carver(memory);
    AnalysisScratch<T> scratch(plan, carver);
    const Rows<E, T> rows{plan, out, out.data + row * out.stride[0],
                          carver.take<E>(plan.bins * tile), tile};
    analyse(
        plan, row_of(x, row, lengths), first, valid, scratch, tile,
        [&](const Frames<T>& frames, int64_t t, int64_t at) {
          const bool straight = rows.straight(valid - t);
          E* const to = straight ? rows.data + t : rows.tile + at;
          const int64_t stride = straight ? out.stride[1] : tile;
          each_bin(plan, frames, scratch.z,
                   [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA { put(to + k * stride, bin); });
        },
        [&](int64_t t, int64_t frames) { rows.flush(t, frames); });
    write_zeros(last - valid, rows.data, plan.bins, out.stride[1], out.stride[2], valid);
  };
  return each_task(x.batch, out.shape[2], size.used(), count, task);
}

}  // namespace

template <class T>
bool stft(const StftView<T>& plan, const Signals& x, const int64_t* lengths,
          View<Complex<T>, 3> out) {
  return transform<Complex<T>>(plan, x, lengths, out,
                               [](Complex<T>* to, Cvec<T> bin)
                                   LAPPED_LAMBDA { store_complex(reinterpret_cast<T*>(to), bin); });
}

template <class T>
bool magnitude(const StftView<T>& plan, const Signals& x, const int64_t* lengths, View<T, 3> out,
               T eps) {
  return transform<T>(plan, x, lengths, out, [eps](T* to, Cvec<T> bin) LAPPED_LAMBDA {
    store(to, square_root(squared(bin, eps)));
  });
}

template <class T>
bool power(const StftView<T>& plan, const Signals& x, const int64_t* lengths, View<T, 3> out) {
  return transform<T>(plan, x, lengths, out,
                      [](T* to, Cvec<T> bin) LAPPED_LAMBDA { store(to, squared(bin)); });
}

template bool stft(const StftView<float>&, const Signals&, const int64_t*, View<Complex<float>, 3>);
template bool stft(const StftView<double>&, const Signals&, const int64_t*,
                   View<Complex<double>, 3>);
template bool magnitude(const StftView<float>&, const Signals&, const int64_t*, View<float, 3>,
                        float);
template bool magnitude(const StftView<double>&, const Signals&, const int64_t*, View<double, 3>,
                        double);
template bool power(const StftView<float>&, const Signals&, const int64_t*, View<float, 3>);
template bool power(const StftView<double>&, const Signals&, const int64_t*, View<double, 3>);

}  // namespace lapped::cpu::LAPPED_ISA
