// SPDX-License-Identifier: Apache-2.0
// What differs between processors of one instruction set, where it decides which of two ways is
// faster. Results are the same bits either way.
#pragma once

namespace lapped::cpu {

// Whether vectors of 64 bytes are shuffled by one unit, once a cycle, as on Intel's processors: Zen
// 4 begins three in two cycles of those that transpose.
bool shuffles_share_one_unit();

}  // namespace lapped::cpu
