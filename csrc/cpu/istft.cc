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

// One row's output, written block by block; what no block covers becomes zero.
template <class T>
struct Destination {
  const Framing& framing;
  T* data;
  int64_t stride, samples;

  void zero(int64_t from, int64_t to) const {
    for (int64_t i = larger(0, from); i < smaller(to, samples); ++i) data[i * stride] = T(0);
  }
  void block(int64_t b, const T* __restrict sums, const T* __restrict envelope) const {
    const int64_t p = b * framing.hop - framing.pad_left, rows = block_rows(framing);
    clipped(p, rows, samples, [&](int64_t at, int64_t count, int64_t skip) {
      T* __restrict to = data + at * stride;
      if (stride == 1)
        for (int64_t i = 0; i < count; ++i) to[i] = sums[skip + i] * envelope[skip + i];
      else
        for (int64_t i = 0; i < count; ++i) to[i * stride] = sums[skip + i] * envelope[skip + i];
    });
    zero(p + rows, p + framing.hop);
  }
};

}  // namespace

template <class T>
bool istft(const StftView<T>& plan, View<const Complex<T>, 3> spectrum, const int64_t* frames,
           const int64_t* samples, View<T, 2> out) {
  const Framing& f = plan.framing;
  const int64_t length = out.shape[1], blocks = (length + f.pad_left + f.hop - 1) / f.hop,
                per_task = task_blocks(plan, spectrum.shape[0], blocks),
                tasks = (blocks + per_task - 1) / per_task;
  Carver size(nullptr);
  InverseScratch<T> unused(plan, size);
  return parallel_for(spectrum.shape[0] * tasks, size.used(), [&](int64_t task, std::byte* memory) {
    Carver carver(memory);
    const InverseScratch<T> s(plan, carver);
    const int64_t row = task / tasks, from = task % tasks * per_task;
    const int64_t count = frames ? frames[row] : spectrum.shape[2];
    const int64_t valid = samples ? samples[row] : length;
    const int64_t needed =
        smaller(block_count(plan, count), (valid + f.pad_left + f.hop - 1) / f.hop);
    const int64_t to = larger(from, smaller(from + per_task, needed));
    const Complex<T>* const source = spectrum.data + row * spectrum.stride[0];
    const Destination<T> destination{f, out.data + row * out.stride[0], out.stride[1], valid};
    synthesise(
        plan, count, from, to, s.synthesis,
        [&](int64_t t, Cvec<T>* z) {
          read_lanes(source, plan.bins, spectrum.stride[1], spectrum.stride[2], t, count - t,
                     s.bins);
          from_bins(plan, z, [&](int64_t k) LAPPED_LAMBDA { return s.bins[k]; });
        },
        [&](int64_t b, const T* sums, const T* envelope) { destination.block(b, sums, envelope); });
    const Destination<T> rest{f, destination.data, destination.stride, length};
    const int64_t end = task % tasks == tasks - 1 ? length : (from + per_task) * f.hop - f.pad_left;
    rest.zero(smaller(to * f.hop - f.pad_left, larger(valid, from * f.hop - f.pad_left)), end);
  });
}

template bool istft(const StftView<float>&, View<const Complex<float>, 3>, const int64_t*,
                    const int64_t*, View<float, 2>);
template bool istft(const StftView<double>&, View<const Complex<double>, 3>, const int64_t*,
                    const int64_t*, View<double, 2>);

}  // namespace lapped::cpu::LAPPED_ISA
