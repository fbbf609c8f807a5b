// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: the same phase for (seed, bin, frame) on every device, whatever the
// order. Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011.
#pragma once
#include <cstdint>

namespace lapped {

struct Philox {
  static constexpr int kRounds = 10;
  static constexpr uint32_t kMultiply0 = 0xD2511F53u, kMultiply1 = 0xCD9E8D57u;
  static constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
};

// One counter gives the phases of four neighbouring bins (block = bin / 4) of one frame.
constexpr int kPhasesPerCounter = 4;

// Turns of a phase in [0, 1): 24 bits, exact in float and double alike.
constexpr float turns(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }

}  // namespace lapped
