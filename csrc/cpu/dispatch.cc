// SPDX-License-Identifier: Apache-2.0
#include "cpu/dispatch.h"

#include <stdexcept>

namespace lapped::cpu {

#define LAPPED_DECLARE(isa)                    \
  namespace isa {                              \
  extern const InstructionSet instruction_set; \
  }
#ifdef LAPPED_HAVE_baseline
LAPPED_DECLARE(baseline)
#endif
#ifdef LAPPED_HAVE_sse2
LAPPED_DECLARE(sse2)
#endif
#ifdef LAPPED_HAVE_avx2
LAPPED_DECLARE(avx2)
#endif
#ifdef LAPPED_HAVE_avx512
LAPPED_DECLARE(avx512)
#endif

namespace {

#if defined(__x86_64__)
// The compiler's test includes whether the operating system saves the registers.
[[maybe_unused]] bool has_avx2() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
[[maybe_unused]] bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

// From narrow to wide.
std::vector<const InstructionSet*> usable() {
  std::vector<const InstructionSet*> sets;
#ifdef LAPPED_HAVE_baseline
  sets.push_back(&baseline::instruction_set);
#endif
#ifdef LAPPED_HAVE_sse2
  sets.push_back(&sse2::instruction_set);
#endif
#ifdef LAPPED_HAVE_avx2
  if (has_avx2()) sets.push_back(&avx2::instruction_set);
#endif
#ifdef LAPPED_HAVE_avx512
  if (has_avx512()) sets.push_back(&avx512::instruction_set);
#endif
  return sets;
}

const InstructionSet* chosen = usable().back();

}  // namespace

const InstructionSet& instruction_set() { return *chosen; }

std::vector<std::string> available_instruction_sets() {
  std::vector<std::string> names;
  for (const InstructionSet* set : usable()) names.emplace_back(set->name);
  return names;
}

void choose_instruction_set(const char* name) {
  std::string known;
  for (const InstructionSet* set : usable()) {
    if (std::string(set->name) == name) {
      chosen = set;
      return;
    }
    known += (known.empty() ? "" : ", ") + std::string(set->name);
  }
  throw std::runtime_error("LAPPED_ISA='" + std::string(name) +
                           "' must be one of what this build and machine have: " + known);
}

}  // namespace lapped::cpu
