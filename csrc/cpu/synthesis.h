// SPDX-License-Identifier: Apache-2.0
// From spectra to samples: inverse transforms, windows, overlap-add, division by the window
// envelope.
//
// Block b (hop samples) is the sum over q of samples [q hop, (q+1) hop) of frame b - q. Lanes are
// consecutive frames, so the sum runs along a diagonal: t_q[b] = v_q[b] + t_(q+1)[b - 1], one shift
// by a lane each, the lane before the first coming from the previous vector of frames. The order of
// additions is that of the frames, wherever a vector, a task or a thread begins.
#pragma once
#include "cpu/analysis.h"

namespace lapped::cpu {
namespace {

template <class T>
struct SynthesisScratch {
  Cvec<T>* z;
  Vec<T>* carry;  // rows x (blocks - 1): t_q of the previous vector of frames, q >= 1
  Vec<T>* sums;   // rows: blocks b .. b + lanes - 1 by place in the hop
  T* blocks;      // lanes x rows: the same, samples side by side
  T* envelopes;   // lanes x rows: for signals of few frames

  SynthesisScratch(const StftView<T>& plan, Carver& carver)
      : z(carver.take<Cvec<T>>(fft_work_length(plan.fft))),
        carry(carver.take<Vec<T>>(block_rows(plan.framing) * (frame_blocks(plan.framing) - 1))),
        sums(carver.take<Vec<T>>(block_rows(plan.framing))),
        blocks(carver.take<T>(kLanes<T> * block_rows(plan.framing))),
        envelopes(carver.take<T>(kLanes<T> * block_rows(plan.framing))) {}
};

template <class T>
int64_t block_count(const StftView<T>& plan, int64_t frames) {
  return frames ? frames + frame_blocks(plan.framing) - 1 : 0;
}

// Rows [from, to) of blocks completed by the frames whose samples are z; each is the sum of `count`
// frames' rows (Count: the same, known early).
template <int Count, class T>
void overlap_rows(const StftView<T>& plan, const SynthesisScratch<T>& s, int64_t from, int64_t to,
                  int64_t count) {
  const int64_t hop = plan.framing.hop, overlap = frame_blocks(plan.framing) - 1,
                step = plan.half_length ? 1 : 2;
  const int64_t blocks = Count ? Count : count;
  for (int64_t r = from; r < to; ++r) {
    const Vec<T>* v = reinterpret_cast<const Vec<T>*>(s.z) + step * ((blocks - 1) * hop + r);
    const T* w = plan.synthesis_window + (blocks - 1) * hop + r;
    Vec<T>* carry = s.carry + r * overlap;
    Vec<T> t = *v * *w;
#pragma GCC unroll 8
    for (int64_t q = blocks - 2; q >= 0; --q) {
      v -= step * hop;
      w -= hop;
      const Vec<T> previous = carry[q];
      carry[q] = t;
      t = *v * *w + shift_in<T>(previous, t);
    }
    s.sums[r] = t;
  }
}

template <class T>
void overlap_rows(const StftView<T>& plan, const SynthesisScratch<T>& s, int64_t from, int64_t to,
                  int64_t count) {
  switch (count) {
    case 1:
      return overlap_rows<1>(plan, s, from, to, count);
    case 2:
      return overlap_rows<2>(plan, s, from, to, count);
    case 3:
      return overlap_rows<3>(plan, s, from, to, count);
    case 4:
      return overlap_rows<4>(plan, s, from, to, count);
    case 8:
      return overlap_rows<8>(plan, s, from, to, count);
    default:
      return overlap_rows<0>(plan, s, from, to, count);
  }
}

template <class T>
void overlap_add(const StftView<T>& plan, const SynthesisScratch<T>& s) {
  const Framing& f = plan.framing;
  const int64_t overlap = frame_blocks(f) - 1,
                full_rows =
                    f.n_fft - overlap * f.hop;  // rows that the last block of a frame reaches
  overlap_rows(plan, s, 0, full_rows, overlap + 1);
  overlap_rows(plan, s, full_rows, block_rows(f), overlap);
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

// consume(b, samples) for blocks [from, to) out of the `lanes` blocks from `base` on in sums:
// `rows` samples each.
template <class T, class Consume>
LAPPED_INLINE void emit_blocks(const StftView<T>& plan, const SynthesisScratch<T>& s, int64_t base,
                               int64_t from, int64_t to, int64_t frames, Consume consume) {
  constexpr int W = kLanes<T>;
  const int64_t rows = block_rows(plan.framing);
  const T* envelope[W];
  for (int l = 0; l < W; ++l)
    envelope[l] = inverse_envelope(plan, smaller(base + l, to - 1), frames, s.envelopes + l * rows);
  if (rows >= W) {
    for (int64_t r = 0; r < rows; r += W) {
      const int64_t at = r + W <= rows ? r : rows - W;
      Vec<T> v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) v[i] = s.sums[at + i];
      transpose<T>(v);
#pragma GCC unroll 16
      for (int l = 0; l < W; ++l) store(s.blocks + l * rows + at, v[l] * load(envelope[l] + at));
    }
  } else {
    for (int64_t r = 0; r < rows; ++r)
      for (int l = 0; l < W; ++l) s.blocks[l * rows + r] = s.sums[r][l] * envelope[l][r];
  }
  for (int64_t b = larger(base, from); b < smaller(base + W, to); ++b)
    consume(b, s.blocks + (b - base) * rows);
}

// Frames that do not exist add nothing, not even what a NaN next to them makes of zeros.
template <class T>
void silence_lanes(Cvec<T>* z, int64_t n, int64_t lanes) {
  IntVec<T> idle;
  for (int l = 0; l < kLanes<T>; ++l) idle[l] = l < lanes ? 0 : -1;
  for (int64_t i = 0; i < n; ++i)
    z[i] = Cvec<T>{select<T>(idle, Vec<T>{}, z[i].re), select<T>(idle, Vec<T>{}, z[i].im)};
}

// Blocks [from, to) of a signal of `frames` frames. inverse(t, z) sets z to the inverse transforms
// of frames t .. t + lanes - 1, lanes from `frames` on being zero; consume(b, samples) takes a
// block. Frames before `from` that reach into it are computed again.
template <class T, class Inverse, class Consume>
LAPPED_INLINE void synthesise(const StftView<T>& plan, int64_t frames, int64_t from, int64_t to,
                              const SynthesisScratch<T>& s, Inverse inverse, Consume consume) {
  constexpr int W = kLanes<T>;
  const int64_t overlap = frame_blocks(plan.framing) - 1, rows = block_rows(plan.framing);
  if (from >= to) return;
  for (int64_t i = 0; i < rows * overlap; ++i) s.carry[i] = Vec<T>{};
  for (int64_t t = larger(0, from - overlap) / W * W; t < to; t += W) {
    if (t < frames) {
      inverse(t, s.z);
      if (frames - t < W) silence_lanes(s.z, plan.fft.n, frames - t);
    } else {
      for (int64_t i = 0; i < plan.fft.n; ++i) s.z[i] = Cvec<T>{};
    }
    overlap_add(plan, s);
    if (t + W > from) emit_blocks(plan, s, t, from, to, frames, consume);
  }
}

// Calls f(place, count, values) for the part of a block of `rows` samples starting at signal
// position p that lies in [0, samples).
template <class T, class F>
LAPPED_INLINE void clipped(int64_t p, int64_t rows, int64_t samples, const T* values, F f) {
  const int64_t skip = larger(0, -p), end = smaller(rows, samples - p);
  if (end > skip) f(p + skip, end - skip, values + skip);
}

// Blocks a task of synthesis should do: enough that frames computed twice at its start are few.
template <class T>
int64_t task_blocks(const StftView<T>& plan) {
  const int64_t several = 8 * (frame_blocks(plan.framing) - 1);
  return larger(kTaskFrames, (several + kLanes<T> - 1) / kLanes<T> * kLanes<T>);
}

}  // namespace
}  // namespace lapped::cpu
