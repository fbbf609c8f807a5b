// SPDX-License-Identifier: Apache-2.0
// Arrays of the library that calls, read and made without Python's help: NumPy's by its C
// interface, another's by the table of functions that DLPack 1.3 has its type carry
// (__dlpack_c_exchange_api__).
#pragma once
#include <optional>

#include "bind/numpy_arrays.h"

namespace lapped::bind {

struct Shape {
  int rank = 0;
  int64_t size[kMostAxes + 1];

  void append(int64_t n) { size[rank++] = n; }
};

// A new array, and where it lies.
struct NewArray {
  py::object array;
  void* data;
};

// `source` as kernels on the CPU read it; nothing where they cannot or its type is unknown.
std::optional<Array> read_callers(const py::handle& source);

// An array of the library that `source`, once read, is of: contiguous, its values undefined.
NewArray empty_like(const py::handle& source, Element element, const Shape& shape);

// Adds a library: `table` reads arrays of `type`, empty(*shape, dtype=, device=) makes them, dtypes
// being its float32, float64, complex64 and complex128. Does nothing where the table is of a
// version that this code does not know.
void add_library(const py::type& type, const py::capsule& table, const py::object& empty,
                 const py::tuple& dtypes, const py::object& device);

}  // namespace lapped::bind
