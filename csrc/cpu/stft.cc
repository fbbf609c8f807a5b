// SPDX-License-Identifier: Apache-2.0
// Short-time Fourier transform: complex, magnitude and power spectra.
#include "cpu/entry.h"
#include "cpu/spectra.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// out[row, k, t] = elements that put(to, k, X) writes, X being the spectra of the signals' frames.
template <class E, class T, class Put>
bool transform(const StftView<T>& plan, const Signals& x, const int64_t* lengths, View<E, 3> out,
               Put put) {
  const auto count = [&](int64_t row) {
    return frame_count(plan.framing, lengths ? lengths[row] : x.samples);
  };
  const auto read = [&](int64_t row, int64_t t, T* span, std::nullptr_t) {
    return frames_at(plan.framing, row_of(x, row, lengths), t, span);
  };
  return write_spectra(plan, out, count, [](Carver&) { return nullptr; }, read, put);
}

}  // namespace

template <class T>
bool stft(const StftView<T>& plan, const Signals& x, const int64_t* lengths,
          View<Complex<T>, 3> out) {
  return transform<Complex<T>>(plan, x, lengths, out,
                               [](Complex<T>* to, int64_t, Cvec<T> bin)
                                   LAPPED_LAMBDA { store_complex(reinterpret_cast<T*>(to), bin); });
}

template <class T>
bool magnitude(const StftView<T>& plan, const Signals& x, const int64_t* lengths, View<T, 3> out,
               T eps) {
  return transform<T>(plan, x, lengths, out, [eps](T* to, int64_t, Cvec<T> bin) LAPPED_LAMBDA {
    store(to, square_root(squared(bin, eps)));
  });
}

template <class T>
bool power(const StftView<T>& plan, const Signals& x, const int64_t* lengths, View<T, 3> out) {
  return transform<T>(plan, x, lengths, out,
                      [](T* to, int64_t, Cvec<T> bin) LAPPED_LAMBDA { store(to, squared(bin)); });
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
