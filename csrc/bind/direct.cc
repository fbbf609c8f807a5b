// SPDX-License-Identifier: Apache-2.0
// lapped._cpu.direct: whole calls. The operand is read where it lies, the result allocated by the
// operand's library and computed, all without a line of Python, which would take longer than the
// kernels need for a short signal. They return None where Python has to see to something first: it
// then does the same step by step, with every check and message.
#include "bind/direct.h"

#include <pybind11/stl.h>

#include "bind/caller.h"
#include "bind/compression.h"
#include "bind/context.h"

namespace lapped::bind {
namespace {

using namespace pybind11::literals;

// Python's MAX_FRAMES: times any hop, samples can still be counted.
constexpr int64_t kMostFrames = int64_t(1) << 36;

// An operand (batch, core), and the axes that its result begins with.
struct Operand {
  Array array;
  Shape batch;
};

void remove_first_axis(Array& a) {
  --a.rank;
  for (int i = 0; i < a.rank; ++i) a.shape[i] = a.shape[i + 1], a.stride[i] = a.stride[i + 1];
}

void add_first_axis(Array& a) {
  for (int i = a.rank; i > 0; --i) a.shape[i] = a.shape[i - 1], a.stride[i] = a.stride[i - 1];
  a.shape[0] = 1, a.stride[0] = 0;
  ++a.rank;
}

// The first two axes as one, if strides allow; an axis of 1 has none to obey.
bool merge_first_axes(Array& a) {
  const int64_t outer = a.shape[0], inner = a.shape[1];
  if (inner != 1 && outer != 1 && a.stride[0] != inner * a.stride[1]) return false;
  if (inner == 1) a.stride[1] = a.stride[0];
  a.shape[1] = outer * inner;
  remove_first_axis(a);
  return true;
}

// `source` with its axes before the last `core` as one; nothing where kernels cannot read it so.
std::optional<Operand> operand(const py::object& source, int core) {
  const std::optional<Array> read = read_callers(source);
  if (!read || read->rank < core) return {};
  Operand o{*read, {}};
  for (int i = 0; i < read->rank - core; ++i) o.batch.append(read->shape[i]);
  if (o.batch.rank == 0) add_first_axis(o.array);
  while (o.array.rank > core + 1)
    if (!merge_first_axes(o.array)) return {};
  return o;
}

// Contiguous memory as kernels see it, its last two axes exchanged by `swap`.
template <class T>
View<T, 3> whole(void* data, int64_t batch, int64_t rows, int64_t frames, bool swap) {
  return {static_cast<T*>(data),
          {batch, rows, frames},
          {rows * frames, swap ? 1 : frames, swap ? rows : 1}};
}

// A new (*batch, rows, frames) of E that kernel(device, signals, out) fills from the signals x; in
// layout "tf" with `swap`.
template <class E, class Kernel>
py::object filled(const py::object& x, const Operand& from, const StftPlan& plan, int64_t rows,
                  bool swap, Kernel kernel) {
  const Signals signal = signals(from.array, kReadsHalves);
  const int64_t frames = frame_count(plan.framing(), signal.samples);
  Shape shape = from.batch;
  shape.append(swap ? frames : rows);
  shape.append(swap ? rows : frames);
  NewArray made = empty_like(x, kElement<E>, shape);
  const View<E, 3> out = whole<E>(made.data, signal.batch, rows, frames, swap);
  run(Context{}, [&](const Cpu& device) { kernel(device, signal, out); });
  return made.array;
}

// kernel.operator()<T>(operand) in the precision of the results of the signals x; None where the
// operand is none that kernels can read.
template <class Kernel>
py::object of_signals(const py::object& x, Kernel kernel) {
  const std::optional<Operand> from = operand(x, 1);
  if (!from || !sample_type(from->array.element, kReadsHalves)) return py::none();
  if (from->array.element == Element::kFloat64) return kernel.template operator()<double>(*from);
  return kernel.template operator()<float>(*from);
}

py::object stft(const StftPlan& plan, const py::object& x, bool swap) {
  return of_signals(x, [&]<class T>(const Operand& from) {
    return filled<Complex<T>>(
        x, from, plan, plan.bins(), swap,
        [&](const Cpu& device, const Signals& signal, View<Complex<T>, 3> out) {
          Backend<Cpu>::stft<T>(device, plan, signal, nullptr, out);
        });
  });
}

py::object magnitude(const StftPlan& plan, const py::object& x, bool swap, double eps) {
  return of_signals(x, [&]<class T>(const Operand& from) {
    return filled<T>(x, from, plan, plan.bins(), swap,
                     [&](const Cpu& device, const Signals& signal, View<T, 3> out) {
                       Backend<Cpu>::magnitude<T>(device, plan, signal, nullptr, out, eps);
                     });
  });
}

py::object power(const StftPlan& plan, const py::object& x, bool swap) {
  return of_signals(x, [&]<class T>(const Operand& from) {
    return filled<T>(x, from, plan, plan.bins(), swap,
                     [&](const Cpu& device, const Signals& signal, View<T, 3> out) {
                       Backend<Cpu>::power<T>(device, plan, signal, nullptr, out);
                     });
  });
}

py::object mel(const StftPlan& plan, const MelBands& bank, const py::object& x, bool swap,
               double exponent, double eps, const py::object& compression) {
  return of_signals(x, [&]<class T>(const Operand& from) {
    const MelOptions options{exponent, eps, compression_of(compression, exponent)};
    return filled<T>(x, from, plan, bank.band_count(), swap,
                     [&](const Cpu& device, const Signals& signal, View<T, 3> out) {
                       Backend<Cpu>::mel<T>(device, plan, bank, signal, nullptr, out, options);
                     });
  });
}

template <class T>
py::object inverted(const StftPlan& plan, const py::object& X, const Operand& from,
                    std::optional<int64_t> length) {
  const auto spectrum = view<const Complex<T>, 3>(from.array, "X", {-1, plan.bins(), -1});
  const int64_t samples = length.value_or(samples_within(plan.framing(), spectrum.shape[2], 0));
  Shape shape = from.batch;
  shape.append(samples);
  NewArray made = empty_like(X, kElement<T>, shape);
  const View<T, 2> out{static_cast<T*>(made.data), {spectrum.shape[0], samples}, {samples, 1}};
  run(Context{}, [&](const Cpu& device) {
    Backend<Cpu>::istft<T>(device, plan, spectrum, nullptr, nullptr, out);
  });
  return made.array;
}

py::object istft(const StftPlan& plan, const py::object& X, bool swap,
                 std::optional<int64_t> length) {
  std::optional<Operand> from = operand(X, 2);
  if (!from) return py::none();
  Array& a = from->array;
  if (swap) std::swap(a.shape[1], a.shape[2]), std::swap(a.stride[1], a.stride[2]);
  if (a.shape[1] != plan.bins() || a.shape[2] > kMostFrames) return py::none();
  if (a.element == Element::kComplex64) return inverted<float>(plan, X, *from, length);
  if (a.element == Element::kComplex128) return inverted<double>(plan, X, *from, length);
  return py::none();
}

}  // namespace

void bind_direct(py::module_& m) {
  py::module_ direct = m.def_submodule("direct");
  direct.def("add_library", &add_library, "type"_a, "table"_a, "empty"_a, "dtypes"_a, "device"_a);
  direct.def("stft", &stft, "plan"_a, "x"_a, "swap"_a);
  direct.def("magnitude", &magnitude, "plan"_a, "x"_a, "swap"_a, "eps"_a);
  direct.def("power", &power, "plan"_a, "x"_a, "swap"_a);
  direct.def("mel", &mel, "plan"_a, "bank"_a, "x"_a, "swap"_a, "exponent"_a, "eps"_a,
             "compression"_a);
  direct.def("istft", &istft, "plan"_a, "X"_a, "swap"_a, "length"_a.none(true));
}

}  // namespace lapped::bind
