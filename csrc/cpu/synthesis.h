// SPDX-License-Identifier: Apache-2.0
// From spectra to samples: inverse transforms, windows, overlap-add, division by the window
// envelope.
//
// Block b (hop samples) is the sum over q of samples [q hop, (q+1) hop) of frame b - q. A vector of
// frames completes `lanes` blocks and leaves something for those after them. Vectors begin at
// multiples of `lanes` wherever a task or a thread begins, so the order of additions is always the
// same.
#pragma once
#include "cpu/analysis.h"

namespace lapped::cpu {
namespace {

template <class T>
FrameSums<T> take_sums(const StftView<T>& plan, Carver& carver) {
  return {carver.take<T>(span_length<T>(plan.framing)),
          carver.take<T>(carried_length(plan.framing))};
}

template <class T>
struct SynthesisScratch {
  Cvec<T>* z;
  FrameSums<T> sums;
  T* envelope;  // one block's, for signals of few frames
  SynthesisScratch(const StftView<T>& plan, Carver& carver)
      : z(carver.take<Cvec<T>>(fft_work_length(plan.fft))),
        sums(take_sums(plan, carver)),
        envelope(carver.take<T>(block_rows(plan.framing))) {}
};

// z <- what finish_inverse turns into frames t and later of a row of a spectrum, bin k being
// map(k, X_k); `bins` has room for those of one vector.
template <class T, class Map>
LAPPED_INLINE void from_spectrum(const StftView<T>& plan, const View<const Complex<T>, 3>& spectrum,
                                 int64_t row, int64_t t, int64_t frames, Cvec<T>* bins, Cvec<T>* z,
                                 Map map) {
  const auto& [data, shape, stride] = spectrum;
  const Complex<T>* const own = data + row * stride[0];
  const int64_t bin_stride = stride[1];
  if (stride[2] == 1 && frames - t >= kLanes<T>) {
    from_bins(plan, z, [&](int64_t k) LAPPED_LAMBDA {
      return map(k, load_streamed(own + k * bin_stride + t));
    });
  } else {
    read_lanes(own, plan.bins, bin_stride, stride[2], t, frames - t, bins);
    from_bins(plan, z, [&](int64_t k) LAPPED_LAMBDA { return map(k, bins[k]); });
  }
}

template <class T>
int64_t block_count(const StftView<T>& plan, int64_t frames) {
  return frames ? frames + frame_blocks(plan.framing) - 1 : 0;
}

// 1 / sum of squared windows over block b of a signal of `frames` frames.
template <class T>
const T* inverse_envelope(const StftView<T>& plan, int64_t b, int64_t frames, T* work) {
  const Framing& f = plan.framing;
  const int64_t rows = block_rows(f), overlap = frame_blocks(f) - 1;
  if (frames >= overlap) {
    if (b >= frames) return plan.tail_envelope + (b - frames) * rows;
    return b < overlap ? plan.head_envelope + b * rows : plan.inverse_envelope;
  }
  for (int64_t r = 0; r < rows; ++r) {
    const double sum =
        envelope(f, plan.squared_window, r, larger(0, b - frames + 1), smaller(overlap, b));
    work[r] = sum > plan.envelope_floor ? static_cast<T>(1 / sum) : T(0);
  }
  return work;
}

// The first frame, at a multiple of lanes, of those that reach into block `from`.
template <class T>
int64_t first_vector(const StftView<T>& plan, int64_t from) {
  return larger(0, from - frame_blocks(plan.framing) + 1) / kLanes<T> * kLanes<T>;
}

// What synthesis writes without a copy: nothing.
struct Nowhere {
  std::nullptr_t operator()(int64_t) const { return nullptr; }
};

// consume(b, sums, envelope) for those of blocks [from, to) of a signal of `frames` frames that
// frames t .. t + lanes - 1 complete: what a block's samples add up to and what that has to be
// multiplied by. Or, where place(t) has room for so many blocks, all of them multiplied and in it.
// inverse(t, z) makes of z what finish_inverse takes. Vectors of frames come in order, each with
// the `sums` of the one before, the first with those that LAPPED_ISA::clear made.
template <class T, class Inverse, class Consume, class Place = Nowhere>
LAPPED_INLINE void synthesise_vector(const StftView<T>& plan, int64_t frames, int64_t t,
                                     int64_t from, int64_t to, const SynthesisScratch<T>& s,
                                     const FrameSums<T>& sums, Inverse inverse, Consume consume,
                                     Place place = {}) {
  constexpr int W = kLanes<T>;
  const int64_t rows = block_rows(plan.framing), count = larger(0, smaller(frames - t, W));
  if (count > 0) inverse(t, s.z);
  T* const z = reinterpret_cast<T*>(s.z);
  const bool inner = t >= frame_blocks(plan.framing) - 1 && count == W;  // one envelope for all
  if (inner && t >= from && t + W <= to)
    if (T* const whole = place(t); whole && LAPPED_ISA::completes_blocks(plan))
      return LAPPED_ISA::finish_inverse(plan, z, count,
                                        {whole, sums.carried, plan.inverse_envelope});
  LAPPED_ISA::finish_inverse(plan, z, count, sums);
  for (int64_t b = larger(t, from); b < smaller(t + W, to); ++b)
    consume(b, sums.blocks + (b - t) * rows, inverse_envelope(plan, b, frames, s.envelope));
}

// The same for all of blocks [from, to). Frames before `from` that reach into it are computed
// again.
template <class T, class Inverse, class Consume, class Place = Nowhere>
LAPPED_INLINE void synthesise(const StftView<T>& plan, int64_t frames, int64_t from, int64_t to,
                              const SynthesisScratch<T>& s, Inverse inverse, Consume consume,
                              Place place = {}) {
  if (from >= to) return;
  LAPPED_ISA::clear(plan, s.sums);
  for (int64_t t = first_vector(plan, from); t < to; t += kLanes<T>)
    synthesise_vector(plan, frames, t, from, to, s, s.sums, inverse, consume, place);
}

// Calls f(place, count, skip) for the part of a block of `rows` samples starting at signal position
// p that lies in [0, samples): count samples from place on, the block's own from `skip` on.
template <class F>
LAPPED_INLINE void clipped(int64_t p, int64_t rows, int64_t samples, F f) {
  const int64_t skip = larger(0, -p), end = smaller(rows, samples - p);
  if (end > skip) f(p + skip, end - skip, skip);
}

// Blocks a task of synthesis must have, a multiple of lanes, for frames computed twice at its start
// to be few.
template <class T>
int64_t least_blocks(const StftView<T>& plan) {
  const int64_t least = larger(kTaskFrames, 8 * (frame_blocks(plan.framing) - 1));
  return (least + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

// Blocks a task should do, of `blocks` in each of `rows` signals: two tasks for every thread.
template <class T>
int64_t task_blocks(const StftView<T>& plan, int64_t rows, int64_t blocks) {
  const int threads = thread_count();
  const int64_t tasks = threads == 1 ? 1 : larger(1, 2 * threads / larger(rows, 1)),
                vectors = (blocks + tasks * kLanes<T> - 1) / (tasks * kLanes<T>);
  return larger(least_blocks(plan), vectors * kLanes<T>);
}

// One row's samples, written block by block; what no block covers becomes zero.
template <class T>
struct SignalOut {
  const Framing& framing;
  T* data;
  int64_t stride, samples;

  void zero(int64_t from, int64_t to) const {
    for (int64_t i = larger(0, from); i < smaller(to, samples); ++i) data[i * stride] = T(0);
  }
  // Sample i of block b becomes value(i).
  template <class Value>
  LAPPED_INLINE void block(int64_t b, Value value) const {
    const int64_t p = b * framing.hop - framing.pad_left, rows = block_rows(framing);
    clipped(p, rows, samples, [&](int64_t at, int64_t count, int64_t skip) {
      T* __restrict to = data + at * stride;
      if (stride == 1)
        for (int64_t i = 0; i < count; ++i) to[i] = value(skip + i);
      else
        for (int64_t i = 0; i < count; ++i) to[i * stride] = value(skip + i);
    });
    zero(p + rows, p + framing.hop);
  }
  // Where blocks b .. b + count - 1 lie, whole and one after the other, or null.
  T* whole(int64_t b, int64_t count) const {
    const int64_t p = b * framing.hop - framing.pad_left;
    return stride == 1 && p >= 0 && p + count * framing.hop <= samples ? data + p : nullptr;
  }
};

inline int64_t blocks_to_cover(const Framing& f, int64_t samples) {
  return (samples + f.pad_left + f.hop - 1) / f.hop;
}

// f(row, from, to, out, scratch) for ranges of the `blocks` blocks of every row, cut to the first
// needed(row) of them. `out` has the row's own samples; what no range covers becomes zero.
template <class T, class Needed, class F>
LAPPED_INLINE bool each_range(const StftView<T>& plan, View<T, 2> out, const int64_t* samples,
                              int64_t blocks, Needed needed, size_t scratch_bytes, F f) {
  const Framing& framing = plan.framing;
  const int64_t length = out.shape[1], per_task = task_blocks(plan, out.shape[0], blocks),
                tasks = (blocks + per_task - 1) / per_task;
  return parallel_for(out.shape[0] * tasks, scratch_bytes, [&](int64_t task, std::byte* memory) {
    const int64_t row = task / tasks, from = task % tasks * per_task,
                  to = larger(from, smaller(from + per_task, needed(row))),
                  valid = samples ? samples[row] : length;
    T* const data = out.data + row * out.stride[0];
    f(row, from, to, SignalOut<T>{framing, data, out.stride[1], valid}, memory);
    const int64_t begin = from * framing.hop - framing.pad_left,
                  end = task % tasks == tasks - 1 ? length : begin + per_task * framing.hop,
                  done = begin + (to - from) * framing.hop;
    SignalOut<T>{framing, data, out.stride[1], length}.zero(smaller(done, larger(valid, begin)),
                                                            end);
  });
}

}  // namespace
}  // namespace lapped::cpu
