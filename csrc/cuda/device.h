// SPDX-License-Identifier: Apache-2.0
// Whether there is a device: all that bindings ask, without CUDA's headers.
#pragma once
#include <string>

namespace lapped::cuda {

int device_count();         // 0 where there is no driver or no device
std::string unavailable();  // why, or empty

}  // namespace lapped::cuda
