// SPDX-License-Identifier: Apache-2.0
// From Python's arrays to views. Every message about an array's type, rank or shape is made here.
#pragma once
#include <pybind11/numpy.h>

#include <array>
#include <complex>
#include <cstdint>
#include <string>

#include "core/view.h"

namespace lapped::bind {

namespace py = pybind11;

template <class T>
struct Element {
  using Numpy = T;
};
template <class T>
struct Element<Complex<T>> {
  using Numpy = std::complex<T>;
};

inline std::string text_of(const py::ssize_t* shape, int rank) {
  std::string s = "(";
  for (int i = 0; i < rank; ++i)
    s += std::to_string(shape[i]) + (i + 1 < rank || rank == 1 ? ", " : "");
  return s + ")";
}

inline std::string text_of(const py::array& a) {
  return py::str(a.dtype()).cast<std::string>() + " " +
         text_of(a.shape(), static_cast<int>(a.ndim()));
}

template <class T>
bool holds(const py::array& a) {
  return py::isinstance<py::array_t<typename Element<std::remove_const_t<T>>::Numpy>>(a);
}

[[noreturn]] inline void reject(const char* name, const std::string& expected, const py::array& a) {
  throw py::value_error(std::string(name) + ": expected " + expected + ", got " + text_of(a));
}

// The view of an array of exactly this type and rank; -1 in `shape` stands for any size.
template <class T, int N>
View<T, N> view(const py::array& a, const char* name, const std::array<int64_t, N>& shape) {
  using E = std::remove_const_t<T>;
  bool fits = holds<E>(a) && a.ndim() == N;
  for (int i = 0; fits && i < N; ++i)
    fits = (shape[i] < 0 || shape[i] == a.shape(i)) &&
           a.strides(i) % static_cast<int64_t>(sizeof(E)) == 0;
  if (!fits) {
    std::string expected =
        py::str(py::dtype::of<typename Element<E>::Numpy>()).cast<std::string>() + " (";
    for (int i = 0; i < N; ++i)
      expected += (shape[i] < 0 ? "any" : std::to_string(shape[i])) + (i + 1 < N ? ", " : ")");
    reject(name, expected, a);
  }
  if constexpr (!std::is_const_v<T>)
    if (!a.writeable()) throw py::value_error(std::string(name) + " is read-only");
  View<T, N> v{};
  v.data = static_cast<T*>(const_cast<void*>(a.data()));
  for (int i = 0; i < N; ++i) {
    v.shape[i] = a.shape(i);
    v.stride[i] = a.strides(i) / static_cast<int64_t>(sizeof(E));
  }
  return v;
}

inline Signals signals(const py::array& a) {
  const auto as = [&](SampleType type, int64_t size) {
    if (a.ndim() != 2 || a.strides(0) % size || a.strides(1) % size)
      reject("x", "(batch, samples)", a);
    return Signals{a.data(),           type, a.shape(0), a.shape(1), a.strides(0) / size,
                   a.strides(1) / size};
  };
  if (holds<float>(a)) return as(SampleType::kFloat32, 4);
  if (holds<double>(a)) return as(SampleType::kFloat64, 8);
  if (holds<int16_t>(a)) return as(SampleType::kInt16, 2);
  if (holds<int32_t>(a)) return as(SampleType::kInt32, 4);
  reject("x", "float32, float64, int16 or int32 (batch, samples)", a);
}

// One number a row, each in [0, most]; null for None.
inline const int64_t* row_sizes(const py::object& o, const char* name, int64_t batch,
                                int64_t most) {
  if (o.is_none()) return nullptr;
  const auto a = py::cast<py::array>(o);
  if (!holds<int64_t>(a) || a.ndim() != 1 || a.shape(0) != batch ||
      (batch > 1 && a.strides(0) != 8))
    reject(name, "contiguous int64 (" + std::to_string(batch) + ",)", a);
  const auto* v = static_cast<const int64_t*>(a.data());
  for (int64_t i = 0; i < batch; ++i)
    if (v[i] < 0 || v[i] > most)
      throw py::value_error(std::string(name) + "[" + std::to_string(i) + "]=" +
                            std::to_string(v[i]) + " must be from 0 to " + std::to_string(most));
  return v;
}

}  // namespace lapped::bind
