// SPDX-License-Identifier: Apache-2.0
// Which instruction set the kernels run with: the widest the machine has, or the one LAPPED_ISA
// names.
#pragma once
#include <string>
#include <vector>

#include "cpu/kernels.h"

namespace lapped::cpu {

const InstructionSet& instruction_set();
std::vector<std::string> available_instruction_sets();
// Takes the value of LAPPED_ISA; throws std::runtime_error when it names none that this machine
// has.
void choose_instruction_set(const char* name);

}  // namespace lapped::cpu
