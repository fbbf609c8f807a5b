// SPDX-License-Identifier: Apache-2.0
// From Python's form of a compression to the kernels'.
#pragma once
#include <pybind11/pybind11.h>

#include <numbers>
#include <string>
#include <string_view>

#include "core/options.h"

namespace lapped::bind {

namespace py = pybind11;

// Factor of the natural logarithm.
inline double log_factor(std::string_view base, double exponent) {
  if (base == "e" || base == "log1p") return 1;
  if (base == "10") return 1 / std::numbers::ln10;
  if (base == "db") return 20 / (exponent * std::numbers::ln10);
  throw py::value_error("compression base '" + std::string(base) + "' must be 10, e, db or log1p");
}

// (base, floor, floor_mode, dynamic_range or None, scope, scale, shift), or None.
inline Compression compression_of(const py::object& o, double exponent) {
  if (o.is_none()) return {};
  const auto t = py::cast<py::tuple>(o);
  if (t.size() != 7) throw py::value_error("compression must have 7 entries");
  const auto base = t[0].cast<std::string_view>(), mode = t[2].cast<std::string_view>(),
             scope = t[4].cast<std::string_view>();
  const bool limited = !t[3].is_none();
  return {true,
          base == "log1p",
          mode == "add" ? Floor::kAdd : Floor::kClamp,
          t[1].cast<double>(),
          log_factor(base, exponent),
          limited,
          scope == "batch",
          limited ? t[3].cast<double>() : 0.0,
          t[5].cast<double>(),
          t[6].cast<double>()};
}

}  // namespace lapped::bind
