// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/random_phase.h: the phases of core/random.h.
#pragma once
#include "core/random.h"
#include "cuda/complex.cuh"

namespace lapped::cuda {

// Unit phasor of one bin of one frame.
template <class T>
LAPPED_INLINE Cx<T> random_phasor(uint64_t seed, uint32_t bin, int64_t frame) {
  const auto t = static_cast<uint64_t>(frame);
  uint32_t c0 = bin / kPhasesPerCounter, c1 = static_cast<uint32_t>(t),
           c2 = static_cast<uint32_t>(t >> 32), c3 = 0, key0 = static_cast<uint32_t>(seed),
           key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < Philox::kRounds; ++round) {
    const uint32_t high0 = __umulhi(c0, Philox::kMultiply0), low0 = c0 * Philox::kMultiply0,
                   high1 = __umulhi(c2, Philox::kMultiply1), low1 = c2 * Philox::kMultiply1;
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 += Philox::kWeyl0;
    key1 += Philox::kWeyl1;
  }
  const int place = static_cast<int>(bin % kPhasesPerCounter);
  const uint32_t bits = place == 0 ? c0 : place == 1 ? c1 : place == 2 ? c2 : c3;
  Cx<T> phasor;
  sincospi(T(2) * static_cast<T>(turns(bits)), &phasor.im, &phasor.re);
  return phasor;
}

}  // namespace lapped::cuda
