// SPDX-License-Identifier: Apache-2.0
// Mel energies from features, their compression undone. NaN passes through.
#include "cpu/analysis.h"
#include "cpu/entry.h"
#include "cpu/functions.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// e^v - 1 = (u - 1) v / ln u with u the rounded e^v: exact also where v is tiny.
template <class T>
LAPPED_INLINE Vec<T> exponential_less_one(Vec<T> v) {
  const Vec<T> u = exponential<T>(v), d = u - T(1), corrected = d * (v / natural_log<T>(u));
  return d == T(0) ? v : u < kTiny<T> || u == T(__builtin_inf()) ? d : corrected;
}

template <class T>
LAPPED_INLINE Vec<T> at_least_0(Vec<T> v) {
  return v < T(0) ? splat(T(0)) : v;
}

// to(i) <- f(from(i)) for i < count, a vector at a time.
template <class T, class F>
LAPPED_INLINE void map(const T* from, int64_t from_stride, T* to, int64_t to_stride, int64_t count,
                       F f) {
  constexpr int W = kLanes<T>;
  for (int64_t i = 0; i < count; i += W) {
    const int lanes = static_cast<int>(smaller(W, count - i));
    Vec<T> v{};
    for (int l = 0; l < lanes; ++l) v[l] = from[(i + l) * from_stride];
    v = f(v);
    for (int l = 0; l < lanes; ++l) to[(i + l) * to_stride] = v[l];
  }
}

}  // namespace

template <class T>
bool decompress(View<const T, 3> features, View<T, 3> out, const Compression& c) {
  const bool one_plus = c.one_plus, add = c.floor_mode == Floor::kAdd;
  const T scale = static_cast<T>(c.scale), shift = static_cast<T>(c.shift),
          unit = static_cast<T>(1 / c.factor), floor = static_cast<T>(c.floor);
  const auto energy = [=](Vec<T> v) LAPPED_LAMBDA {
    const Vec<T> level = v / scale - shift;
    if (one_plus) return at_least_0<T>(exponential_less_one<T>(level));
    const Vec<T> e = exponential<T>(level * unit);
    return add ? at_least_0<T>(e - floor) : e;
  };
  const auto all = [&](int64_t) { return out.shape[2]; };
  return each_task(
      out.shape[0], out.shape[2], 1, all,
      [&](int64_t row, int64_t first, int64_t, int64_t last, std::byte*) {
        for (int64_t m = 0; m < out.shape[1]; ++m)
          map(features.data + row * features.stride[0] + m * features.stride[1] +
                  first * features.stride[2],
              features.stride[2],
              out.data + row * out.stride[0] + m * out.stride[1] + first * out.stride[2],
              out.stride[2], last - first, energy);
      });
}

template bool decompress(View<const float, 3>, View<float, 3>, const Compression&);
template bool decompress(View<const double, 3>, View<double, 3>, const Compression&);

}  // namespace lapped::cpu::LAPPED_ISA
