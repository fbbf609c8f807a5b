// SPDX-License-Identifier: Apache-2.0
#include "bind/caller.h"

#include "bind/dlpack.h"

namespace lapped::bind {
namespace {

using py::detail::npy_api;

// Lives as long as the process: its objects may not be given back once the interpreter is gone.
struct Library {
  const DlExchange* table;
  py::object type, empty, device, names;
  py::object dtypes[4];
};
Library* added = nullptr;

bool is_numpy(const py::handle& source) {
  return Py_TYPE(source.ptr()) == npy_api::get().PyArray_Type_;
}

Element element_of(const DlTensor& t) {
  if (t.lanes != 1) return Element::kOther;
  if (t.code == kDlFloat && t.bits == 32) return Element::kFloat32;
  if (t.code == kDlFloat && t.bits == 64) return Element::kFloat64;
  if (t.code == kDlComplex && t.bits == 64) return Element::kComplex64;
  if (t.code == kDlComplex && t.bits == 128) return Element::kComplex128;
  if (t.code == kDlInt && t.bits == 16) return Element::kInt16;
  if (t.code == kDlInt && t.bits == 32) return Element::kInt32;
  return Element::kOther;
}

std::optional<DlTensor> exchanged(const py::handle& source) {
  DlTensor t;
  if (added->table->read(source.ptr(), &t) != 0) {
    PyErr_Clear();
    return {};
  }
  t.data = static_cast<char*>(t.data) + t.byte_offset;
  return t;
}

std::optional<Array> read_added(const py::handle& source) {
  const std::optional<DlTensor> t = exchanged(source);
  if (!t || t->device_type != kDlCpu || t->rank > kMostAxes) return {};
  Array read{t->data, element_of(*t), t->rank, {}, {}, true, true, dtype_name, source};
  int64_t contiguous = 1;
  for (int i = t->rank - 1; i >= 0; --i) {
    read.shape[i] = t->shape[i];
    read.stride[i] = t->strides ? t->strides[i] : contiguous;
    contiguous *= t->shape[i];
  }
  return read;
}

int place_of(Element element) {
  switch (element) {
    case Element::kFloat32:
      return 0;
    case Element::kFloat64:
      return 1;
    case Element::kComplex64:
      return 2;
    default:
      return 3;
  }
}

NewArray empty_numpy(Element element, const Shape& shape) {
  static constexpr int kNumber[] = {npy_api::NPY_FLOAT_, npy_api::NPY_DOUBLE_, npy_api::NPY_CFLOAT_,
                                    npy_api::NPY_CDOUBLE_};
  const npy_api& api = npy_api::get();
  Py_intptr_t size[kMostAxes + 1];
  for (int i = 0; i < shape.rank; ++i) size[i] = shape.size[i];
  PyObject* const made = api.PyArray_NewFromDescr_(
      api.PyArray_Type_, api.PyArray_DescrFromType_(kNumber[place_of(element)]), shape.rank, size,
      nullptr, nullptr, 0, nullptr);
  if (!made) throw py::error_already_set();
  return {py::reinterpret_steal<py::object>(made), py::detail::array_proxy(made)->data};
}

NewArray empty_added(Element element, const Shape& shape) {
  py::object sizes[kMostAxes + 1];  // one by one: a tuple of them takes torch half as long again
  PyObject* arguments[kMostAxes + 3];
  for (int i = 0; i < shape.rank; ++i) {
    sizes[i] = py::int_(shape.size[i]);
    arguments[i] = sizes[i].ptr();
  }
  arguments[shape.rank] = added->dtypes[place_of(element)].ptr();
  arguments[shape.rank + 1] = added->device.ptr();
  PyObject* const made = PyObject_Vectorcall(added->empty.ptr(), arguments,
                                             static_cast<size_t>(shape.rank), added->names.ptr());
  if (!made) throw py::error_already_set();
  auto array = py::reinterpret_steal<py::object>(made);
  const std::optional<DlTensor> t = exchanged(array);
  if (!t) throw std::runtime_error("a new array has no memory");
  return {std::move(array), t->data};
}

}  // namespace

std::optional<Array> read_callers(const py::handle& source) {
  if (is_numpy(source)) {
    constexpr int kAligned = npy_api::NPY_ARRAY_ALIGNED_;
    if (!(py::detail::array_proxy(source.ptr())->flags & kAligned)) return {};
    const Array read = read_numpy(source, "x");
    if (!read.whole) return {};
    return read;
  }
  if (added && py::type::handle_of(source).is(added->type)) return read_added(source);
  return {};
}

NewArray empty_like(const py::handle& source, Element element, const Shape& shape) {
  return is_numpy(source) ? empty_numpy(element, shape) : empty_added(element, shape);
}

void add_library(const py::type& type, const py::capsule& table, const py::object& empty,
                 const py::tuple& dtypes, const py::object& device) {
  const auto* const functions =
      static_cast<const DlExchange*>(PyCapsule_GetPointer(table.ptr(), "dlpack_exchange_api"));
  if (!functions) throw py::error_already_set();
  if (functions->major != 1 || !functions->read) return;
  added = new Library{functions,
                      type,
                      empty,
                      device,
                      py::make_tuple("dtype", "device"),
                      {dtypes[0], dtypes[1], dtypes[2], dtypes[3]}};
}

}  // namespace lapped::bind
