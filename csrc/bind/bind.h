// SPDX-License-Identifier: Apache-2.0
// The parts of the module, one a noun; documented in python/lapped.
#pragma once
#include <pybind11/pybind11.h>

#include "backend.h"

namespace lapped::bind {

using Device = Cpu;

struct MelBank {
  MelBands bands;
  int64_t band_count, bin_count;
};

void bind_stft(pybind11::module_& m);
void bind_mel(pybind11::module_& m);
void bind_griffin_lim(pybind11::module_& m);
void bind_probes(pybind11::module_& m);

}  // namespace lapped::bind
