// SPDX-License-Identifier: Apache-2.0
// Spectra on their way out: tiles of [bins][frames] in whatever layout the result has.
#pragma once
#include "cpu/analysis.h"
#include "cpu/processor.h"

namespace lapped::cpu {
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

// Where scattered stores are cheap, a vector of half a cache line gains nothing from a tile.
template <class E, class T>
int64_t frames_of_tile(const StftView<T>& plan, const View<E, 3>& out) {
  constexpr bool wide = kLanes<T> * sizeof(E) >= 32;
  if (wide && out.stride[2] == 1 && scattered_stores_are_cheap()) return kLanes<T>;
  return tile_frames(plan.bins, sizeof(E), kLanes<T>);
}

// out[row, k, t] = elements that put(to, k, X) writes, E wide, X being the spectra of the frames
// that read(row, t, span, scratch) gives; 0 from frame count(row) on. make(carver) takes the
// reader's scratch.
template <class E, class T, class Count, class Make, class Read, class Put>
LAPPED_INLINE bool write_spectra(const StftView<T>& plan, View<E, 3> out, Count count, Make make,
                                 Read read, Put put) {
  const int64_t tile = frames_of_tile<E>(plan, out);
  Carver size(nullptr);
  AnalysisScratch<T> unused(plan, size);
  size.take<E>(plan.bins * tile);
  make(size);
  const auto task = [&](int64_t row, int64_t first, int64_t valid, int64_t last,
                        std::byte* memory) {
    Carver carver(memory);
    AnalysisScratch<T> scratch(plan, carver);
    const Rows<E, T> rows{plan, out, out.data + row * out.stride[0],
                          carver.take<E>(plan.bins * tile), tile};
    const auto own = make(carver);
    each_vector<T>(
        first, valid, tile,
        [&](int64_t t, int64_t at) {
          const bool straight = rows.straight(valid - t);
          E* const to = straight ? rows.data + t : rows.tile + at;
          const int64_t stride = straight ? out.stride[1] : tile;
          each_bin(plan, read(row, t, scratch.span, own), scratch.z,
                   [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
                     E* const place = to + k * stride;
                     put(place, k, bin);
                     if (straight) fetch<Use::kWrite, kSecondLevel>(place + kLanes<T>, kLanes<T>);
                   });
        },
        [&](int64_t t, int64_t ready) { rows.flush(t, ready); });
    write_zeros(last - valid, rows.data, plan.bins, out.stride[1], out.stride[2], valid);
  };
  return each_task(out.shape[0], out.shape[2], size.used(), count, task);
}

}  // namespace
}  // namespace lapped::cpu
