// SPDX-License-Identifier: Apache-2.0
#include "cpu/processor.h"

namespace lapped::cpu {

bool shuffles_share_one_unit() {
#if defined(__x86_64__)
  static const bool intel = [] {
    __builtin_cpu_init();
    return __builtin_cpu_is("intel") != 0;
  }();
  return intel;
#else
  return false;
#endif
}

}  // namespace lapped::cpu
