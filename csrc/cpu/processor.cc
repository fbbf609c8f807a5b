// SPDX-License-Identifier: Apache-2.0
#include "cpu/processor.h"

namespace lapped::cpu {

bool scattered_stores_are_cheap() {
#if defined(__x86_64__)
  static const bool amd = [] {
    __builtin_cpu_init();
    return __builtin_cpu_is("amd") != 0;
  }();
  return amd;
#else
  return false;
#endif
}

}  // namespace lapped::cpu
