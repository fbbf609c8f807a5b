// SPDX-License-Identifier: Apache-2.0
// What a call asks for beside its plan.
#pragma once
#include <cstdint>

namespace lapped {

enum class Floor : int { kClamp, kAdd };

// y = scale * (max(factor * ln(floored v), peak - dynamic_range) + shift).
struct Compression {
  bool enabled;
  bool one_plus;  // ln(1 + v), no floor
  Floor floor_mode;
  double floor;
  double factor;     // 1 for ln, 1 / ln 10 for log10, 20 / (exponent ln 10) for decibels
  bool limited;      // whether dynamic_range applies
  bool whole_batch;  // the peak is the batch's, not the example's
  double dynamic_range;
  double scale, shift;
};

struct MelOptions {
  double exponent;       // of the magnitude
  double magnitude_eps;  // added to its square
  Compression compression;
};

enum class PhaseStart : int { kRandom, kZeros, kGiven };

struct GriffinLimOptions {
  int64_t iterations;
  double momentum, step;
  PhaseStart start;
  uint64_t seed;
  double tolerance;     // 0: never stop early
  double* convergence;  // batch x iterations, decibels; or null
};

}  // namespace lapped
