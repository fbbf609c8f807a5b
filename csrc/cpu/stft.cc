// SPDX-License-Identifier: Apache-2.0
// Short-time Fourier transform: complex, magnitude and power spectra.
#include "cpu/analysis.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// out[row, k, t] = elements that put(tile_row, X) writes, E wide, in tiles of [bins][frames].
template <class E, class T, class Put>
bool transform(const StftView<T>& plan, const Signals& x, const int64_t* lengths, View<E, 3> out,
               Put put) {
  const int64_t tile = tile_frames(plan.bins, sizeof(E), kLanes<T>, plan.tiling.chunk_frames);
  Carver size(nullptr);
  AnalysisScratch<T> unused(plan, size);
  size.take<E>(plan.bins * tile);
  const auto count = [&](int64_t row) {
    return frame_count(plan.framing, lengths ? lengths[row] : x.samples);
  };
  return each_task(x.batch, out.shape[2], size.used(), count,
                   [&](int64_t row, int64_t first, int64_t valid, int64_t last, std::byte* memory) {
                     Carver carver(memory);
                     AnalysisScratch<T> scratch(plan, carver);
                     E* const elements = carver.take<E>(plan.bins * tile);
                     E* const destination = out.data + row * out.stride[0];
                     analyse(
                         plan, row_of(x, row, lengths), first, valid, scratch, tile,
                         [&](const T* y, int64_t at) {
                           each_bin(plan, y, scratch.z, [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
                             put(elements + k * tile + at, bin);
                           });
                         },
                         [&](int64_t t, int64_t frames) {
                           write_tile(elements, tile, frames, destination, plan.bins, out.stride[1],
                                      out.stride[2], t);
                         });
                     write_zeros(last - valid, destination, plan.bins, out.stride[1], out.stride[2],
                                 valid);
                   });
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
    store(to, square_root(squared(bin) + eps));
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
