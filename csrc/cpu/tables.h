// SPDX-License-Identifier: Apache-2.0
// A plan's tables for the kernels of the chosen instruction set.
#pragma once
#include <memory>

#include "core/stft_plan.h"
#include "cpu/dispatch.h"

namespace lapped::cpu {

template <class T>
const StftView<T>& tables_of(const StftPlan& plan) {
  const Kernels<T>& kernels = instruction_set().of<T>();
  const auto make = [&] {
    return std::make_unique<StftTables<T>>(plan.framing(), plan.window(), kernels.lanes,
                                           kernels.radices);
  };
  return plan.kept().get<StftTables<T>>(0, make).view();
}

}  // namespace lapped::cpu
