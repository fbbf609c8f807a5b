// SPDX-License-Identifier: Apache-2.0
// The order in which the elements of a half-length transform are taken: part by part, because a
// part is finished before it is used, and in pairs, because element k untangles with n - k. Bins k
// and n - k lie in parts s and -s.
#pragma once
#include "core/fft_plan.h"

namespace lapped {

// Elements k and n - k and the factor that untangles them, exp(-2 pi i k / n_fft). `low` and `high`
// say where they lie in the work array, in elements of T.
template <class T>
struct BinPair {
  int32_t low, high;
  T re, im;
};

// begin(s, partner) and end(s, partner) around pair(k) for each unordered {k, n - k} of parts s and
// partner, 0 < k, and middle() where k = n - k.
template <class T, class Begin, class Pair, class Middle, class End>
__attribute__((always_inline)) static inline void each_part(const FftView<T>& fft, Begin begin,
                                                            Pair pair, Middle middle, End end) {
  const int64_t parts = fft_parts(fft), n = fft.n;
  for (int64_t s = 0; 2 * s <= parts; ++s) {
    const int64_t partner = (parts - s) % parts;
    if (partner < s) continue;
    begin(s, partner);
    const int64_t last =
        partner == s ? (n - 1) / 2 : n - 1;  // a part that is its own partner holds both of a pair
    for (int64_t k = s ? s : parts; k <= last; k += parts) pair(k);
    if (partner == s && n % 2 == 0 && n > 1 && n / 2 % parts == s) middle();
    end(s, partner);
  }
}

}  // namespace lapped
