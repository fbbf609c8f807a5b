// SPDX-License-Identifier: Apache-2.0
// lapped._cpu.probes: what benchmarks/floors.py times. The type of `like` chooses the precision.
#include "bind/probes.h"

#include <new>

#include "bind/context.h"
#include "cpu/dispatch.h"
#include "cpu/tables.h"

namespace lapped::bind {
namespace {

using namespace pybind11::literals;

int64_t multiply_add(const py::object& like, int64_t repeats) {
  int64_t done = 0;
  with_precision(read_numpy(like, "like"), [&]<class T>() {
    const py::gil_scoped_release unlocked;
    done = cpu::instruction_set().of<T>().probes().multiply_add(repeats);
  });
  return done;
}

void copy(const py::object& source, const py::object& to, int64_t repeats) {
  with_precision(read_numpy(to, "to"), [&]<class T>() {
    const auto out = view<T, 1>(read_numpy(to, "to"), "to", {-1});
    const auto in = view<const T, 1>(read_numpy(source, "source"), "source", {out.shape[0]});
    if (in.stride[0] != 1 || out.stride[0] != 1)
      throw py::value_error("source and to must be contiguous");
    const py::gil_scoped_release unlocked;
    cpu::instruction_set().of<T>().probes().copy(in, out, repeats);
  });
}

int64_t transform(const StftPlan& plan, const py::object& like, bool bins, int64_t repeats) {
  int64_t frames = 0;
  with_precision(read_numpy(like, "like"), [&]<class T>() {
    const py::gil_scoped_release unlocked;
    const cpu::Kernels<T>& kernels = cpu::instruction_set().of<T>();
    const StftView<T>& tables = cpu::tables_of<T>(plan);
    frames = (bins ? kernels.probes().bins : kernels.probes().stages)(tables, repeats);
  });
  if (!frames && repeats) throw std::bad_alloc();
  return frames;
}

}  // namespace

void bind_probes(py::module_& m) {
  py::module_ probes = m.def_submodule("probes");
  probes.def("multiply_add", &multiply_add, "like"_a, "repeats"_a);
  probes.def("copy", &copy, "source"_a, "to"_a, "repeats"_a);
  probes.def("transform", &transform, "plan"_a, "like"_a, "bins"_a, "repeats"_a);
}

}  // namespace lapped::bind
