// SPDX-License-Identifier: Apache-2.0
// The way back through a transform: frames add up without division by the window envelope, and what
// falls into the padding belongs to the samples that the padding repeats.
#pragma once
#include "cpu/synthesis.h"

namespace lapped::cpu {
namespace {

// Factors of a spectrum's bins on the way back. The inverse transform counts every bin but the
// first and last twice, where the adjoint counts each once; synthesis windows are divided by n_fft.
template <class T>
struct AdjointFactors {
  int64_t n_fft;
  explicit AdjointFactors(const StftView<T>& plan) : n_fft(plan.framing.n_fft) {}
  LAPPED_INLINE T at(int64_t k) const {
    return static_cast<T>(n_fft) * (k == 0 || 2 * k == n_fft ? T(1) : T(0.5));
  }
};

// Sums at the places of one row's padding: pad_left of them before its samples, pad_right after.
template <class T>
struct PaddingSums {
  const Framing& framing;
  T* data;
  int64_t samples;

  void block(int64_t b, const T* sums) const {
    const int64_t p = b * framing.hop - framing.pad_left, rows = block_rows(framing);
    for (int64_t i = 0; i < smaller(rows, -p); ++i) data[p + framing.pad_left + i] = sums[i];
    const int64_t end = smaller(rows, samples + framing.pad_right - p);
    for (int64_t i = larger(0, samples - p); i < end; ++i)
      data[framing.pad_left + p + i - samples] = sums[i];
  }
  void add_to(T* out, int64_t stride) const {
    for (int64_t i = 0; i < framing.pad_left + framing.pad_right; ++i) {
      const int64_t p =
          i < framing.pad_left ? i - framing.pad_left : samples + i - framing.pad_left;
      const int64_t at = source_index(framing.pad_mode, p, samples);
      if (at >= 0) out[at * stride] += data[i];
    }
  }
};

// out[row, i] = the sum of what the row's frames, padding included, have at sample i.
// inverse(row, t, scratch, z) makes of z what finish_inverse takes, for frames t .. t + lanes - 1;
// make(carver) takes its scratch.
template <class T, class Make, class Inverse>
LAPPED_INLINE bool add_up(const StftView<T>& plan, View<T, 2> out, const int64_t* lengths,
                          Make make, Inverse inverse) {
  const Framing& f = plan.framing;
  const int64_t rows = out.shape[0], length = out.shape[1], edges = f.pad_left + f.pad_right;
  const Buffer memory(static_cast<size_t>(rows * edges + 1) * sizeof(T));
  T* const padding = reinterpret_cast<T*>(memory.data());
  if (!padding) return false;
  __builtin_memset(padding, 0, static_cast<size_t>(rows * edges) * sizeof(T));
  const auto samples = [&](int64_t row) { return lengths ? lengths[row] : length; };
  const auto needed = [&](int64_t row) { return block_count(plan, frame_count(f, samples(row))); };
  Carver size(nullptr);
  SynthesisScratch<T> unused(plan, size);
  make(size);
  const bool done = each_range(
      plan, out, lengths,
      larger(blocks_to_cover(f, length), block_count(plan, frame_count(f, length))), needed,
      size.used(),
      [&](int64_t row, int64_t from, int64_t to, const SignalOut<T>& signal, std::byte* block) {
        Carver carver(block);
        const SynthesisScratch<T> s(plan, carver);
        auto own = make(carver);
        const PaddingSums<T> rest{f, padding + row * edges, signal.samples};
        synthesise(
            plan, frame_count(f, signal.samples), from, to, s,
            [&](int64_t t, Cvec<T>* z) { inverse(row, t, own, z); },
            [&](int64_t b, const T* __restrict sums, const T*) {
              signal.block(b, [&](int64_t i) LAPPED_LAMBDA { return sums[i]; });
              rest.block(b, sums);
            });
      });
  return done && parallel_for(rows, 1, [&](int64_t row, std::byte*) {
           const PaddingSums<T> rest{f, padding + row * edges, samples(row)};
           rest.add_to(out.data + row * out.stride[0], out.stride[1]);
         });
}

}  // namespace
}  // namespace lapped::cpu
