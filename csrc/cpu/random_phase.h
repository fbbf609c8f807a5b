// SPDX-License-Identifier: Apache-2.0
// The phases of core/random.h for `lanes` consecutive frames at once.
#pragma once
#include "core/random.h"
#include "cpu/functions.h"

namespace lapped::cpu {
namespace {

typedef uint64_t Words64 __attribute__((vector_size(LAPPED_VECTOR_BYTES)));
using Words = Simd<float>::U;

struct WideProduct {
  Words high, low;
};

// Both halves of a * b, element by element: the even ones of `a`, and the odd ones.
LAPPED_INLINE WideProduct multiply_wide(Words a, uint32_t b) {
  constexpr uint64_t low_half = 0xffffffff;
  const Words64 even = ((Words64)a & low_half) * uint64_t{b},
                odd = ((Words64)a >> 32) * uint64_t{b};
  return {(Words)((even >> 32) | (odd & ~low_half)), (Words)((even & low_half) | (odd << 32))};
}

// phases[i] = unit phasors of bin 4 block + i in frames frame .. frame + lanes - 1.
template <class T>
void random_phasors(uint64_t seed, uint32_t block, int64_t frame,
                    Cvec<T> (&phasors)[kPhasesPerCounter]) {
  constexpr int W = kLanes<T>;
  Words c[4] = {Words{} + block, Words{}, Words{}, Words{}};
  for (int l = 0; l < W; ++l) {
    const uint64_t t = static_cast<uint64_t>(frame + l);
    c[1][l] = static_cast<uint32_t>(t);
    c[2][l] = static_cast<uint32_t>(t >> 32);
  }
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < Philox::kRounds;
       ++round, key0 += Philox::kWeyl0, key1 += Philox::kWeyl1) {
    const WideProduct p0 = multiply_wide(c[0], Philox::kMultiply0),
                      p1 = multiply_wide(c[2], Philox::kMultiply1);
    c[0] = p1.high ^ c[1] ^ key0;
    c[1] = p1.low;
    c[2] = p0.high ^ c[3] ^ key1;
    c[3] = p0.low;
  }
  for (int i = 0; i < kPhasesPerCounter; ++i) {
    Vec<T> u;
    for (int l = 0; l < W; ++l) u[l] = turns(c[i][l]);
    phasors[i] = unit_phasor<T>(u);
  }
}

}  // namespace
}  // namespace lapped::cpu
