// SPDX-License-Identifier: Apache-2.0
// Spectra on their way out: tiles of [bins][frames] in whatever layout the result has.
#pragma once
#include "cpu/analysis.h"

namespace lapped::cpu {
namespace {

// out[row, k, t] = elements that put(to, k, X) writes, E wide, X being the spectra of the frames
// that read(row, t, span, scratch) gives; 0 from frame count(row) on. make(carver) takes the
// reader's scratch.
template <class E, class T, class Count, class Make, class Read, class Put>
LAPPED_INLINE bool write_spectra(const StftView<T>& plan, View<E, 3> out, Count count, Make make,
                                 Read read, Put put) {
  constexpr int W = kLanes<T>;
  const int64_t tile = Outgoing<E>::frames_of_tile(out, W);
  Carver size(nullptr);
  AnalysisScratch<T> unused(plan, size);
  size.take<E>(plan.bins * tile);
  make(size);
  const auto task = [&](int64_t row, int64_t first, int64_t valid, int64_t last,
                        std::byte* memory) {
    Carver carver(memory);
    AnalysisScratch<T> scratch(plan, carver);
    const Outgoing<E> outgoing{out, out.data + row * out.stride[0],
                               carver.take<E>(plan.bins * tile), tile, W};
    const auto own = make(carver);
    outgoing.write(first, valid, [&](int64_t t, const Destination<E>& destination) {
      each_bin(plan, read(row, t, scratch.span, own), scratch.z,
               [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
                 E* const place = destination.row(k);
                 put(place, k, bin);
                 destination.fetch_next(place);
               });
    });
    write_zeros(last - valid, outgoing.data, plan.bins, out.stride[1], out.stride[2], valid);
  };
  return each_task(out.shape[0], out.shape[2], size.used(), count, task);
}

}  // namespace
}  // namespace lapped::cpu
