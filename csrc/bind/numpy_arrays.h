// SPDX-License-Identifier: Apache-2.0
// NumPy arrays as bindings read them: operands of the CPU, and host numbers for every device.
#pragma once
#include "bind/arrays.h"

namespace lapped::bind {

inline Element element_of(const py::dtype& dtype) {
  if (const char order = dtype.byteorder(); order != '=' && order != '|') return Element::kOther;
  using py::detail::npy_api;
  switch (dtype.num()) {
    case npy_api::NPY_FLOAT_:
      return Element::kFloat32;
    case npy_api::NPY_DOUBLE_:
      return Element::kFloat64;
    case npy_api::NPY_SHORT_:
      return Element::kInt16;
    case npy_api::NPY_CFLOAT_:
      return Element::kComplex64;
    case npy_api::NPY_CDOUBLE_:
      return Element::kComplex128;
    default:
      break;
  }
  if (dtype.kind() != 'i') return Element::kOther;
  return dtype.itemsize() == 4   ? Element::kInt32
         : dtype.itemsize() == 8 ? Element::kInt64
                                 : Element::kOther;
}

inline std::string dtype_name(py::handle array) {
  return py::str(array.attr("dtype")).cast<std::string>();
}

inline Array read_numpy(const py::handle& source, const char* name) {
  if (!py::isinstance<py::array>(source))
    throw py::type_error(std::string(name) + " must be a NumPy array");
  const auto a = py::reinterpret_borrow<py::array>(source);
  Array read{};
  read.rank = static_cast<int>(a.ndim());
  read.element = read.rank <= kMostAxes ? element_of(a.dtype()) : Element::kOther;
  read.data = const_cast<void*>(a.data());
  read.writable = a.writeable();
  read.whole = true;
  read.source = source;
  read.dtype_name = dtype_name;
  const auto size = a.itemsize() > 0 ? static_cast<int64_t>(a.itemsize()) : 1;
  for (int i = 0; i < read.rank && i < kMostAxes; ++i) {
    read.shape[i] = a.shape(i);
    read.stride[i] = a.strides(i) / size;
    read.whole = read.whole && a.strides(i) % size == 0;
  }
  read.rank = read.rank <= kMostAxes ? read.rank : kMostAxes;
  return read;
}

// One number a row, each in [0, most], in host memory; null for None.
inline const int64_t* row_sizes(const py::object& o, const char* name, int64_t batch,
                                int64_t most) {
  if (o.is_none()) return nullptr;
  const Array a = read_numpy(o, name);
  if (a.element != Element::kInt64 || a.rank != 1 || a.shape[0] != batch ||
      (batch > 1 && a.stride[0] != 1))
    reject(name, "contiguous int64 (" + std::to_string(batch) + ",)", a);
  const auto* v = static_cast<const int64_t*>(a.data);
  for (int64_t i = 0; i < batch; ++i)
    if (v[i] < 0 || v[i] > most)
      throw py::value_error(std::string(name) + "[" + std::to_string(i) + "]=" +
                            std::to_string(v[i]) + " must be from 0 to " + std::to_string(most));
  return v;
}

}  // namespace lapped::bind
