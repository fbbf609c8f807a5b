// SPDX-License-Identifier: Apache-2.0
// lapped._cpu: its one context, and what chooses its kernels.
#include <pybind11/stl.h>

#include <cstdlib>

#include "bind/context.h"
#include "bind/direct.h"
#include "bind/probes.h"
#include "cpu/dispatch.h"
#include "cpu/parallel.h"

namespace lapped::bind {
namespace {

void read_environment() {
  try {
    if (const char* name = std::getenv("LAPPED_ISA")) cpu::choose_instruction_set(name);
  } catch (const std::runtime_error& e) {
    throw py::import_error(e.what());
  }
  if (const char* text = std::getenv("LAPPED_NUM_THREADS")) {
    char* end = nullptr;
    if (std::strtol(text, &end, 10) < 1 || *end)
      throw py::import_error("LAPPED_NUM_THREADS='" + std::string(text) +
                             "' must be an integer of at least 1");
  }
}

}  // namespace

ContextClass bind_context(py::module_& m) {
  read_environment();
  m.def("isa", [] { return cpu::instruction_set().name; });
  m.def("available_isas", &cpu::available_instruction_sets);
  m.def("get_num_threads", &cpu::thread_count);
  m.def("set_num_threads", &cpu::set_thread_count);
  bind_probes(m);
  bind_direct(m);
  ContextClass context(m, "Context", py::module_local());
  m.attr("context") = Context{};
  return context;
}

}  // namespace lapped::bind
