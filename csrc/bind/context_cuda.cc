// SPDX-License-Identifier: Apache-2.0
// lapped._cuda: a context for each device and stream, and whether there is a device at all.
#include <pybind11/stl.h>

#include <string_view>

#include "bind/context.h"
#include "cuda/device.h"

namespace lapped::bind {
namespace {

using namespace pybind11::literals;

Element element_named(std::string_view name) {
  if (name == "float32") return Element::kFloat32;
  if (name == "complex64") return Element::kComplex64;
  if (name == "float64") return Element::kFloat64;
  if (name == "complex128") return Element::kComplex128;
  if (name == "float16") return Element::kFloat16;
  if (name == "bfloat16") return Element::kBfloat16;
  if (name == "int16") return Element::kInt16;
  if (name == "int32") return Element::kInt32;
  return Element::kOther;
}

}  // namespace

Array Context::read(const py::object& array, const char* name) const {
  const auto facts = describe(array).cast<py::tuple>();
  const auto shape = facts[2].cast<py::tuple>(), strides = facts[3].cast<py::tuple>();
  if (shape.size() > kMostAxes)
    throw py::value_error(std::string(name) + " has " + std::to_string(shape.size()) +
                          " axes, but at most " + std::to_string(kMostAxes) + " are possible");
  Array read{};
  read.data = reinterpret_cast<void*>(facts[0].cast<uintptr_t>());
  read.element = element_named(facts[1].cast<std::string_view>());
  read.rank = static_cast<int>(shape.size());
  for (int i = 0; i < read.rank; ++i) {
    read.shape[i] = shape[i].cast<int64_t>();
    read.stride[i] = strides[i].cast<int64_t>();
  }
  read.whole = read.writable = true;
  read.source = array;
  read.dtype_name = [](py::handle source) {
    return py::str(source.attr("dtype")).cast<std::string>();
  };
  return read;
}

ContextClass bind_context(py::module_& m) {
  m.def("device_count", &cuda::device_count);
  m.def("unavailable", &cuda::unavailable);
  ContextClass context(m, "Context", py::module_local());
  context.def(py::init([](int device, uintptr_t stream, py::object describe, py::object allocate) {
                return Context{device, stream, std::move(describe), std::move(allocate)};
              }),
              "device"_a, "stream"_a, "describe"_a, "allocate"_a);
  return context;
}

}  // namespace lapped::bind
