// SPDX-License-Identifier: Apache-2.0
// The phases of core/random.h for `lanes` consecutive frames at once.
#pragma once
#include "core/random.h"
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

// phases[i] = unit phasors of bin 4 block + i in frames frame .. frame + lanes - 1.
template <class T>
void random_phasors(uint64_t seed, uint32_t block, int64_t frame,
                    Cvec<T> (&phasors)[kPhasesPerCounter]) {
  constexpr int W = kLanes<T>;
  uint32_t c[4][W];
  for (int l = 0; l < W; ++l) {
    const uint64_t t = static_cast<uint64_t>(frame + l);
    c[0][l] = block;
    c[1][l] = static_cast<uint32_t>(t);
    c[2][l] = static_cast<uint32_t>(t >> 32);
    c[3][l] = 0;
  }
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < Philox::kRounds;
       ++round, key0 += Philox::kWeyl0, key1 += Philox::kWeyl1)
    for (int l = 0; l < W; ++l) {
      const uint64_t p0 = uint64_t{Philox::kMultiply0} * c[0][l],
                     p1 = uint64_t{Philox::kMultiply1} * c[2][l];
      const uint32_t high1 = static_cast<uint32_t>(p1 >> 32) ^ c[1][l] ^ key0,
                     high0 = static_cast<uint32_t>(p0 >> 32) ^ c[3][l] ^ key1;
      c[0][l] = high1;
      c[1][l] = static_cast<uint32_t>(p1);
      c[2][l] = high0;
      c[3][l] = static_cast<uint32_t>(p0);
    }
  for (int i = 0; i < kPhasesPerCounter; ++i) {
    Vec<T> u;
    for (int l = 0; l < W; ++l) u[l] = turns(c[i][l]);
    phasors[i] = unit_phasor<T>(u);
  }
}

}  // namespace
}  // namespace lapped::cpu
