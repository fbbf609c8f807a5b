// SPDX-License-Identifier: Apache-2.0
// What Python may ask of Backend<Device>::stft, magnitude, power and istft.
#include "bind/context.h"

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
                    const std::string& pad_mode, const py::object& window) {
  if (n_fft < 1 || hop < 1 || left < 0 || right < 0)
    throw py::value_error("n_fft and hop_length must be at least 1, padding at least 0");
  const auto w = view<const double, 1>(read_numpy(window, "window"), "window", {n_fft});
  std::vector<double> values(n_fft);
  for (int64_t i = 0; i < n_fft; ++i) values[i] = w.data[i * w.stride[0]];
  return new StftPlan(Framing{n_fft, hop, left, right, pad_mode_of(pad_mode)}, std::move(values));
}

std::array<int64_t, 3> spectrum_shape(const StftPlan& plan, const Signals& x) {
  return {x.batch, plan.bins(), frame_count(plan.framing(), x.samples)};
}

void stft(const Context& context, const StftPlan& plan, const py::object& x,
          const py::object& lengths, const py::object& out) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto spectrum = view<Complex<T>, 3>(to, "out", spectrum_shape(plan, signal));
    run(context, [&](const Device& device) {
      Backend<Device>::stft<T>(device, plan, signal, own, spectrum);
    });
  });
}

void magnitude(const Context& context, const StftPlan& plan, const py::object& x,
               const py::object& lengths, const py::object& out, double eps) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto spectrum = view<T, 3>(to, "out", spectrum_shape(plan, signal));
    run(context, [&](const Device& device) {
      Backend<Device>::magnitude<T>(device, plan, signal, own, spectrum, eps);
    });
  });
}

void power(const Context& context, const StftPlan& plan, const py::object& x,
           const py::object& lengths, const py::object& out) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto spectrum = view<T, 3>(to, "out", spectrum_shape(plan, signal));
    run(context, [&](const Device& device) {
      Backend<Device>::power<T>(device, plan, signal, own, spectrum);
    });
  });
}

void istft(const Context& context, const StftPlan& plan, const py::object& X,
           const py::object& frames, const py::object& samples, const py::object& out) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const auto spectrum =
        view<const Complex<T>, 3>(context.read(X, "X"), "X", {-1, plan.bins(), -1});
    const auto signal = view<T, 2>(to, "out", {spectrum.shape[0], -1});
    const int64_t* const own_frames =
        row_sizes(frames, "frames", spectrum.shape[0], spectrum.shape[2]);
    const int64_t* const own_samples =
        row_sizes(samples, "samples", spectrum.shape[0], signal.shape[1]);
    run(context, [&](const Device& device) {
      Backend<Device>::istft<T>(device, plan, spectrum, own_frames, own_samples, signal);
    });
  });
}

void stft_adjoint(const Context& context, const StftPlan& plan, const py::object& spectrum,
                  const py::object& lengths, const py::object& out) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const auto signal = view<T, 2>(to, "out", {-1, -1});
    const int64_t frames = frame_count(plan.framing(), signal.shape[1]);
    const auto weights = view<const Complex<T>, 3>(context.read(spectrum, "spectrum"), "spectrum",
                                                   {signal.shape[0], plan.bins(), frames});
    const int64_t* const own = row_sizes(lengths, "lengths", signal.shape[0], signal.shape[1]);
    run(context, [&](const Device& device) {
      Backend<Device>::stft_adjoint<T>(device, plan, weights, own, signal);
    });
  });
}

void istft_adjoint(const Context& context, const StftPlan& plan, const py::object& signal,
                   const py::object& frames, const py::object& samples, const py::object& out) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const auto spectrum = view<Complex<T>, 3>(to, "out", {-1, plan.bins(), -1});
    const auto weights =
        view<const T, 2>(context.read(signal, "signal"), "signal", {spectrum.shape[0], -1});
    const int64_t* const own_frames =
        row_sizes(frames, "frames", spectrum.shape[0], spectrum.shape[2]);
    const int64_t* const own_samples =
        row_sizes(samples, "samples", spectrum.shape[0], weights.shape[1]);
    run(context, [&](const Device& device) {
      Backend<Device>::istft_adjoint<T>(device, plan, weights, own_frames, own_samples, spectrum);
    });
  });
}

void power_gradient(const Context& context, const StftPlan& plan, const py::object& x,
                    const py::object& lengths, const py::object& weights, const py::object& out,
                    double exponent, double eps) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto of_bins =
        view<const T, 3>(context.read(weights, "weights"), "weights", spectrum_shape(plan, signal));
    const auto gradient = view<T, 2>(to, "out", {signal.batch, signal.samples});
    run(context, [&](const Device& device) {
      Backend<Device>::power_gradient<T>(device, plan, signal, own, of_bins, gradient, exponent,
                                         eps);
    });
  });
}

}  // namespace

void bind_stft(py::module_& m, ContextClass& context) {
  py::class_<StftPlan>(m, "StftPlan", py::module_local())
      .def(py::init(&make_plan), "n_fft"_a, "hop_length"_a, "pad_left"_a, "pad_right"_a,
           "pad_mode"_a, "window"_a)
      .def_property_readonly("n_fft", [](const StftPlan& p) { return p.framing().n_fft; })
      .def_property_readonly("hop_length", [](const StftPlan& p) { return p.framing().hop; });
  context.def("stft", &stft, "plan"_a, "x"_a, "lengths"_a.none(true), "out"_a)
      .def("magnitude", &magnitude, "plan"_a, "x"_a, "lengths"_a.none(true), "out"_a, "eps"_a)
      .def("power", &power, "plan"_a, "x"_a, "lengths"_a.none(true), "out"_a)
      .def("istft", &istft, "plan"_a, "X"_a, "frames"_a.none(true), "samples"_a.none(true), "out"_a)
      .def("stft_adjoint", &stft_adjoint, "plan"_a, "spectrum"_a, "lengths"_a.none(true), "out"_a)
      .def("istft_adjoint", &istft_adjoint, "plan"_a, "signal"_a, "frames"_a.none(true),
           "samples"_a.none(true), "out"_a)
      .def("power_gradient", &power_gradient, "plan"_a, "x"_a, "lengths"_a.none(true), "weights"_a,
           "out"_a, "exponent"_a, "eps"_a);
}

}  // namespace lapped::bind
