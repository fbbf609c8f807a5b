// SPDX-License-Identifier: Apache-2.0
// The adjoint of the least-squares inverse: the transform of the signal over its window envelope.
#include "cpu/entry.h"
#include "cpu/spectra.h"
#include "cpu/synthesis.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// The signal over its envelope, as the frames that it was made of see it; zeros around it.
template <class T>
struct Divided {
  const StftView<T>& plan;
  Framing zeros_around;
  explicit Divided(const StftView<T>& p) : plan(p), zeros_around(p.framing) {
    zeros_around.pad_mode = PadMode::kConstant;
  }

  Frames<T> frames(const Signal& x, int64_t count, int64_t t, T* span, T* envelope) const {
    const Frames<T> copy = copied_frames(zeros_around, x, t, span);
    const int64_t rows = block_rows(plan.framing), length = span_length<T>(plan.framing);
    for (int64_t b = 0; b * rows < length; ++b) {
      T* const to = span + b * rows;
      const int64_t own = smaller(rows, length - b * rows);
      const T* const factor = t + b < block_count(plan, count)
                                  ? inverse_envelope(plan, t + b, count, envelope)
                                  : nullptr;
      for (int64_t r = 0; r < own; ++r) to[r] = factor ? to[r] * factor[r] : T(0);
    }
    return copy;
  }
};

}  // namespace

template <class T>
bool istft_adjoint(const StftView<T>& plan, View<const T, 2> signal, const int64_t* frames,
                   const int64_t* samples, View<Complex<T>, 3> out) {
  const int64_t n_fft = plan.framing.n_fft;
  const T edge = T(1) / static_cast<T>(n_fft), inner = T(2) / static_cast<T>(n_fft);
  const Divided<T> divided(plan);
  const Signals x{signal.data,     kSampleType<T>,   signal.shape[0],
                  signal.shape[1], signal.stride[0], signal.stride[1]};
  const auto count = [&](int64_t row) { return frames ? frames[row] : out.shape[2]; };
  const auto make = [&](Carver& carver) { return carver.take<T>(block_rows(plan.framing)); };
  const auto read = [&](int64_t row, int64_t t, T* span, T* envelope) {
    return divided.frames(row_of(x, row, samples), count(row), t, span, envelope);
  };
  return write_spectra(
      plan, out, count, make, read, [=](Complex<T>* to, int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
        const bool at_edge = k == 0 || 2 * k == n_fft;
        if (at_edge) bin.im = Vec<T>{};
        store_complex(reinterpret_cast<T*>(to), scaled(bin, splat(at_edge ? edge : inner)));
      });
}

template bool istft_adjoint(const StftView<float>&, View<const float, 2>, const int64_t*,
                            const int64_t*, View<Complex<float>, 3>);
template bool istft_adjoint(const StftView<double>&, View<const double, 2>, const int64_t*,
                            const int64_t*, View<Complex<double>, 3>);

}  // namespace lapped::cpu::LAPPED_ISA
