// SPDX-License-Identifier: Apache-2.0
// From arrays as a device's bindings read them to views. Every message about an array's type, rank
// or shape is made here.
#pragma once
#include <pybind11/numpy.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "core/view.h"

namespace lapped::bind {

namespace py = pybind11;

enum class Element {
  kFloat16,
  kBfloat16,
  kFloat32,
  kFloat64,
  kInt16,
  kInt32,
  kInt64,
  kComplex64,
  kComplex128,
  kOther
};

constexpr int kMostAxes = 8;

// What a call sees of an array. Strides count elements; `whole` says that they can.
struct Array {
  void* data;
  Element element;
  int rank;
  int64_t shape[kMostAxes], stride[kMostAxes];
  bool whole, writable;
  std::string (*dtype_name)(py::handle source);
  py::handle source;
};

template <class T>
constexpr Element kElement = Element::kOther;
template <>
inline constexpr Element kElement<float> = Element::kFloat32;
template <>
inline constexpr Element kElement<double> = Element::kFloat64;
template <>
inline constexpr Element kElement<Complex<float>> = Element::kComplex64;
template <>
inline constexpr Element kElement<Complex<double>> = Element::kComplex128;

template <class T>
constexpr const char* kElementName = "";
template <>
inline constexpr const char* kElementName<float> = "float32";
template <>
inline constexpr const char* kElementName<double> = "float64";
template <>
inline constexpr const char* kElementName<Complex<float>> = "complex64";
template <>
inline constexpr const char* kElementName<Complex<double>> = "complex128";

[[noreturn]] inline void reject(const char* name, const std::string& expected, const Array& a) {
  std::string shape = "(";
  for (int i = 0; i < a.rank; ++i)
    shape += std::to_string(a.shape[i]) + (i + 1 < a.rank || a.rank == 1 ? ", " : "");
  throw py::value_error(std::string(name) + ": expected " + expected + ", got " +
                        a.dtype_name(a.source) + " " + shape + ")");
}

// The view of an array of exactly this type and rank; -1 in `shape` stands for any size.
template <class T, int N>
View<T, N> view(const Array& a, const char* name, const std::array<int64_t, N>& shape) {
  using E = std::remove_const_t<T>;
  bool fits = a.element == kElement<E> && a.rank == N && a.whole;
  for (int i = 0; fits && i < N; ++i) fits = shape[i] < 0 || shape[i] == a.shape[i];
  if (!fits) {
    std::string expected = std::string(kElementName<E>) + " (";
    for (int i = 0; i < N; ++i)
      expected += (shape[i] < 0 ? "any" : std::to_string(shape[i])) + (i + 1 < N ? ", " : ")");
    reject(name, expected, a);
  }
  if constexpr (!std::is_const_v<T>)
    if (!a.writable) throw py::value_error(std::string(name) + " is read-only");
  View<T, N> v{};
  v.data = static_cast<T*>(a.data);
  for (int i = 0; i < N; ++i) {
    v.shape[i] = a.shape[i];
    v.stride[i] = a.stride[i];
  }
  return v;
}

// `halves`: whether kernels read half types.
inline std::optional<SampleType> sample_type(Element element, bool halves) {
  switch (element) {
    case Element::kFloat32:
      return SampleType::kFloat32;
    case Element::kFloat64:
      return SampleType::kFloat64;
    case Element::kInt16:
      return SampleType::kInt16;
    case Element::kInt32:
      return SampleType::kInt32;
    case Element::kFloat16:
      if (halves) return SampleType::kFloat16;
      break;
    case Element::kBfloat16:
      if (halves) return SampleType::kBfloat16;
      break;
    default:
      break;
  }
  return {};
}

inline Signals signals(const Array& a, bool halves) {
  const std::optional<SampleType> type = sample_type(a.element, halves);
  if (!type) reject("x", "float32, float64, int16 or int32 (batch, samples)", a);
  if (a.rank != 2 || !a.whole) reject("x", "(batch, samples)", a);
  return {a.data, *type, a.shape[0], a.shape[1], a.stride[0], a.stride[1]};
}

}  // namespace lapped::bind
