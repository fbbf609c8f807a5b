// SPDX-License-Identifier: Apache-2.0
// What Python may ask of Backend<Device>::stft, magnitude, power and istft.
#include "bind/bind.h"
#include "bind/dispatch.h"

namespace lapped::bind {
namespace {

using namespace pybind11::literals;

PadMode pad_mode_of(const std::string& name) {
  if (name == "constant") return PadMode::kConstant;
  if (name == "reflect") return PadMode::kReflect;
  if (name == "replicate") return PadMode::kReplicate;
  if (name == "symmetric") return PadMode::kSymmetric;
  if (name == "circular") return PadMode::kCircular;
  throw py::value_error("pad_mode='" + name +
                        "' must be constant, reflect, replicate, symmetric or circular");
}

StftPlan* make_plan(int64_t n_fft, int64_t hop, int64_t left, int64_t right,
                    const std::string& pad_mode, const py::array& window) {
  if (n_fft < 1 || hop < 1 || left < 0 || right < 0)
    throw py::value_error("n_fft and hop_length must be at least 1, padding at least 0");
  const auto w = view<const double, 1>(window, "window", {n_fft});
  std::vector<double> values(n_fft);
  for (int64_t i = 0; i < n_fft; ++i) values[i] = w.data[i * w.stride[0]];
  return new StftPlan(Framing{n_fft, hop, left, right, pad_mode_of(pad_mode)}, std::move(values));
}

std::array<int64_t, 3> spectrum_shape(const StftPlan& plan, const Signals& x) {
  return {x.batch, plan.bins(), frame_count(plan.framing(), x.samples)};
}

void stft(const StftPlan& plan, const py::array& x, const py::object& lengths,
          const py::array& out) {
  with_precision(out, [&]<class T>() {
    const Signals signal = signals(x);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto spectrum = view<Complex<T>, 3>(out, "out", spectrum_shape(plan, signal));
    const py::gil_scoped_release unlocked;
    Backend<Device>::stft<T>(plan, signal, own, spectrum);
  });
}

void magnitude(const StftPlan& plan, const py::array& x, const py::object& lengths,
               const py::array& out, double eps) {
  with_precision(out, [&]<class T>() {
    const Signals signal = signals(x);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto spectrum = view<T, 3>(out, "out", spectrum_shape(plan, signal));
    const py::gil_scoped_release unlocked;
    Backend<Device>::magnitude<T>(plan, signal, own, spectrum, eps);
  });
}

void power(const StftPlan& plan, const py::array& x, const py::object& lengths,
           const py::array& out) {
  with_precision(out, [&]<class T>() {
    const Signals signal = signals(x);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto spectrum = view<T, 3>(out, "out", spectrum_shape(plan, signal));
    const py::gil_scoped_release unlocked;
    Backend<Device>::power<T>(plan, signal, own, spectrum);
  });
}

void istft(const StftPlan& plan, const py::array& X, const py::object& frames,
           const py::object& samples, const py::array& out) {
  with_precision(out, [&]<class T>() {
    const auto spectrum = view<const Complex<T>, 3>(X, "X", {-1, plan.bins(), -1});
    const auto signal = view<T, 2>(out, "out", {spectrum.shape[0], -1});
    const int64_t* const own_frames =
        row_sizes(frames, "frames", spectrum.shape[0], spectrum.shape[2]);
    const int64_t* const own_samples =
        row_sizes(samples, "samples", spectrum.shape[0], signal.shape[1]);
    const py::gil_scoped_release unlocked;
    Backend<Device>::istft<T>(plan, spectrum, own_frames, own_samples, signal);
  });
}

}  // namespace

void bind_stft(py::module_& m) {
  py::class_<StftPlan>(m, "StftPlan")
      .def(py::init(&make_plan), "n_fft"_a, "hop_length"_a, "pad_left"_a, "pad_right"_a,
           "pad_mode"_a, "window"_a)
      .def_property_readonly("n_fft", [](const StftPlan& p) { return p.framing().n_fft; })
      .def_property_readonly("hop_length", [](const StftPlan& p) { return p.framing().hop; });
  m.def("stft", &stft, "plan"_a, "x"_a, "lengths"_a.none(true), "out"_a);
  m.def("magnitude", &magnitude, "plan"_a, "x"_a, "lengths"_a.none(true), "out"_a, "eps"_a);
  m.def("power", &power, "plan"_a, "x"_a, "lengths"_a.none(true), "out"_a);
  m.def("istft", &istft, "plan"_a, "X"_a, "frames"_a.none(true), "samples"_a.none(true), "out"_a);
}

}  // namespace lapped::bind
