// SPDX-License-Identifier: Apache-2.0
// Frames that share their samples: a hop is a whole number of legs of the outermost stage, n_fft /
// radix samples each. Then leg r of one frame has the samples of leg r - legs of the next. Static,
// as core/frames.h says.
#pragma once
#include <cstdint>

#include "core/frames.h"

namespace lapped {

constexpr int kSharingBytes = 64;  // narrower vectors transpose for less than they move lanes
constexpr int kFramesBeyond = 4;   // a vector's own, whose samples its legs may reach

static constexpr bool legs_are_shared(int radix, int64_t legs_per_hop) {
  return radix <= 8 && radix != 7 && legs_per_hop < radix &&
         (legs_per_hop == 1 || legs_per_hop == 2 || legs_per_hop == 4) &&
         (radix - 1) / legs_per_hop <= kFramesBeyond;
}

// Whether frames in `lanes` lanes share samples at a radix: each leg has to be whole tiles of
// `lanes` samples.
template <class T>
static constexpr bool frames_share(const Framing& f, int radix, int64_t lanes) {
  const int64_t leg = f.n_fft / radix;
  return lanes * static_cast<int64_t>(sizeof(T)) == kSharingBytes &&
         f.n_fft % (radix * lanes) == 0 && f.hop % leg == 0 && legs_are_shared(radix, f.hop / leg);
}

}  // namespace lapped
