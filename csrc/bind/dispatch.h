// SPDX-License-Identifier: Apache-2.0
// Where the precision of a call, known at run time, becomes a template argument.
#pragma once
#include "bind/arrays.h"

namespace lapped::bind {

// f.template operator()<float>() or <double>, by the type of `out`, real or complex.
template <class F>
void with_precision(const py::array& out, F f) {
  if (holds<float>(out) || holds<Complex<float>>(out)) return f.template operator()<float>();
  if (holds<double>(out) || holds<Complex<double>>(out)) return f.template operator()<double>();
  reject("out", "float32, float64, complex64 or complex128", out);
}

}  // namespace lapped::bind
