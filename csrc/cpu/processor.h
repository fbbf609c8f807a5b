// SPDX-License-Identifier: Apache-2.0
// What a processor does well that its instruction set does not tell.
#pragma once

namespace lapped::cpu {

// Whether vectors stored to one row after another leave as fast as a row's worth at a time. They do
// on AMD (Zen 4: with results in cache, tiles take up to 30 % longer), not on Intel (Sapphire
// Rapids: tiles take a quarter to a third less time for complex spectra).
bool scattered_stores_are_cheap();

}  // namespace lapped::cpu
