// SPDX-License-Identifier: Apache-2.0
// Frames over a padded signal: how many there are, and which sample stands at a padded position.
// Everything is static: each instruction set compiles its own copy, and the linker must not share
// one.
#pragma once
#include <cstdint>

namespace lapped {

enum class PadMode : int { kConstant, kReflect, kReplicate, kSymmetric, kCircular };

struct Framing {
  int64_t n_fft;
  int64_t hop;
  int64_t pad_left;
  int64_t pad_right;
  PadMode pad_mode;
};

static constexpr int64_t frame_count(const Framing& f, int64_t samples) {
  const int64_t padded = samples + f.pad_left + f.pad_right;
  return padded < f.n_fft ? 0 : 1 + (padded - f.n_fft) / f.hop;
}

// The number of samples nearest to `samples` that has exactly `frames` frames.
static constexpr int64_t samples_within(const Framing& f, int64_t frames, int64_t samples) {
  if (frames == 0) return 0;
  const int64_t shortest = (frames - 1) * f.hop + f.n_fft - f.pad_left - f.pad_right,
                least = shortest > 0 ? shortest : 0, most = least + f.hop - 1;
  return samples < least ? least : samples > most ? most : samples;
}

// Hops that one frame touches: frame t covers blocks t .. t + frame_blocks - 1 of `hop` samples.
static constexpr int64_t frame_blocks(const Framing& f) { return (f.n_fft + f.hop - 1) / f.hop; }

// Samples of a block that any frame reads: hop, or n_fft where frames leave gaps.
static constexpr int64_t block_rows(const Framing& f) { return f.hop < f.n_fft ? f.hop : f.n_fft; }

static constexpr int64_t modulo(int64_t i, int64_t n) { return (i % n + n) % n; }

// Index of the sample that padding puts at position i of a signal of n samples; -1 stands for 0.
// Reflect, symmetric and circular repeat with period 2n-2, 2n and n: short signals bounce as often
// as needed.
static constexpr int64_t source_index(PadMode mode, int64_t i, int64_t n) {
  if (i >= 0 && i < n) return i;
  if (n == 0) return -1;
  switch (mode) {
    case PadMode::kConstant:
      return -1;
    case PadMode::kReplicate:
      return i < 0 ? 0 : n - 1;
    case PadMode::kReflect: {
      if (n == 1) return 0;
      if (i > -n && i < 2 * n - 1) return i < 0 ? -i : 2 * n - 2 - i;  // one bounce, no division
      const int64_t j = modulo(i, 2 * n - 2);
      return j < n ? j : 2 * n - 2 - j;
    }
    case PadMode::kSymmetric: {
      const int64_t j = modulo(i, 2 * n);
      return j < n ? j : 2 * n - 1 - j;
    }
    case PadMode::kCircular:
      return modulo(i, n);
  }
  return -1;
}

}  // namespace lapped
