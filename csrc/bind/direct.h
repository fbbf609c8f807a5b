// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <pybind11/pybind11.h>

namespace lapped::bind {

void bind_direct(pybind11::module_& m);

}  // namespace lapped::bind
