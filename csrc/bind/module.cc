// SPDX-License-Identifier: Apache-2.0
// The extension module lapped._cpu: kernels and what chooses them.
#include <pybind11/stl.h>

#include <cstdlib>

#include "bind/bind.h"
#include "cpu/dispatch.h"
#include "cpu/parallel.h"

namespace lapped::bind {
namespace {

void read_environment() {
  try {
    if (const char* name = std::getenv("LAPPED_ISA")) cpu::choose_instruction_set(name);
  } catch (const std::runtime_error& e) {
    throw pybind11::import_error(e.what());
  }
  if (const char* text = std::getenv("LAPPED_NUM_THREADS")) {
    char* end = nullptr;
    if (std::strtol(text, &end, 10) < 1 || *end)
      throw pybind11::import_error("LAPPED_NUM_THREADS='" + std::string(text) +
                                   "' must be an integer of at least 1");
  }
}

}  // namespace
}  // namespace lapped::bind

PYBIND11_MODULE(_cpu, m) {
  using namespace lapped;
  bind::read_environment();
  m.def("isa", [] { return cpu::instruction_set().name; });
  m.def("available_isas", &cpu::available_instruction_sets);
  m.def("get_num_threads", &cpu::thread_count);
  m.def("set_num_threads", &cpu::set_thread_count);
  bind::bind_stft(m);
  bind::bind_mel(m);
  bind::bind_griffin_lim(m);
  bind::bind_probes(m);
}
