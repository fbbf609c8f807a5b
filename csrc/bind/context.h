// SPDX-License-Identifier: Apache-2.0
// Where a module's calls run: the one thing in which the bindings of devices differ.
#pragma once
#include <pybind11/pybind11.h>

#include <vector>

#include "backend.h"
#include "bind/numpy_arrays.h"

namespace lapped::bind {

#ifdef LAPPED_BIND_CUDA

using Device = Cuda;
constexpr bool kReadsHalves = true;

// A device, its stream, and what the caller's library does for us: describe(array) -> (address,
// dtype, shape, strides in elements), allocate(bytes) -> (owner, address).
struct Context {
  int index;
  uintptr_t stream;
  py::object describe, allocate;

  Array read(const py::object& array, const char* name) const;
};

// One call's device: what it allocates lives until the call is over.
class Call {
 public:
  explicit Call(const Context& context)
      : context_(context),
        device_{context.index, reinterpret_cast<void*>(context.stream),
                [this](size_t bytes) { return memory(bytes); }} {}
  const Cuda& device() const { return device_; }

 private:
  void* memory(size_t bytes) {
    const py::gil_scoped_acquire locked;
    owners_.push_back(context_.allocate(bytes));
    return reinterpret_cast<void*>(owners_.back().cast<py::tuple>()[1].cast<uintptr_t>());
  }

  const Context& context_;
  Cuda device_;
  std::vector<py::object> owners_;
};

#else

using Device = Cpu;
constexpr bool kReadsHalves = false;

struct Context {
  Array read(const py::object& array, const char* name) const { return read_numpy(array, name); }
};

class Call {
 public:
  explicit Call(const Context&) {}
  Cpu device() const { return {}; }
};

#endif

// f(device), the interpreter's lock released.
template <class F>
void run(const Context& context, F f) {
  const Call call(context);
  const py::gil_scoped_release unlocked;
  f(call.device());
}

// f.template operator()<float>() or <double>, by the type of `out`, real or complex: where the
// precision of a call, known at run time, becomes a template argument.
template <class F>
void with_precision(const Array& out, F f) {
  switch (out.element) {
    case Element::kFloat32:
    case Element::kComplex64:
      return f.template operator()<float>();
    case Element::kFloat64:
    case Element::kComplex128:
      return f.template operator()<double>();
    default:
      reject("out", "float32, float64, complex64 or complex128", out);
  }
}

// The parts of a module, one a noun; documented in python/lapped.
using ContextClass = py::class_<Context>;
ContextClass bind_context(py::module_& m);
void bind_stft(py::module_& m, ContextClass& context);
void bind_mel(py::module_& m, ContextClass& context);
void bind_griffin_lim(ContextClass& context);
void bind_spectral_loss(py::module_& m, ContextClass& context);

}  // namespace lapped::bind
