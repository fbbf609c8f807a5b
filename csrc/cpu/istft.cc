// SPDX-License-Identifier: Apache-2.0
// Inverse short-time Fourier transform: the signal whose transform is nearest in the least-squares
// sense (Griffin and Lim 1984).
#include "cpu/entry.h"
#include "cpu/synthesis.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

template <class T>
struct InverseScratch {
  SynthesisScratch<T> synthesis;
  Cvec<T>* bins;
  InverseScratch(const StftView<T>& plan, Carver& carver)
      : synthesis(plan, carver), bins(carver.take<Cvec<T>>(plan.bins)) {}
};

}  // namespace

template <class T>
bool istft(const StftView<T>& plan, View<const Complex<T>, 3> spectrum, const int64_t* frames,
           const int64_t* samples, View<T, 2> out) {
  const Framing& f = plan.framing;
  const auto count = [&](int64_t row) { return frames ? frames[row] : spectrum.shape[2]; };
  const auto needed = [&](int64_t row) {
    return smaller(block_count(plan, count(row)),
                   blocks_to_cover(f, samples ? samples[row] : out.shape[1]));
  };
  Carver size(nullptr);
  InverseScratch<T> unused(plan, size);
  return each_range(
      plan, out, samples, blocks_to_cover(f, out.shape[1]), needed, size.used(),
      [&](int64_t row, int64_t from, int64_t to, const SignalOut<T>& signal, std::byte* memory) {
        Carver carver(memory);
        const InverseScratch<T> s(plan, carver);
        synthesise(
            plan, count(row), from, to, s.synthesis,
            [&](int64_t t, Cvec<T>* z) {
              from_spectrum(plan, spectrum, row, t, count(row), s.bins, z,
                            [](int64_t, Cvec<T> bin) LAPPED_LAMBDA { return bin; });
            },
            [&](int64_t b, const T* __restrict sums, const T* __restrict envelope) {
              signal.block(b, [&](int64_t i) LAPPED_LAMBDA { return sums[i] * envelope[i]; });
            },
            [&](int64_t t) { return signal.whole(t, kLanes<T>); });
      });
}

template bool istft(const StftView<float>&, View<const Complex<float>, 3>, const int64_t*,
                    const int64_t*, View<float, 2>);
template bool istft(const StftView<double>&, View<const Complex<double>, 3>, const int64_t*,
                    const int64_t*, View<double, 2>);

}  // namespace lapped::cpu::LAPPED_ISA
