// SPDX-License-Identifier: Apache-2.0
// What Python may ask of Backend<Device>::griffin_lim and spectral_error.
#include "bind/bind.h"
#include "bind/dispatch.h"

namespace lapped::bind {
namespace {

using namespace pybind11::literals;

PhaseStart start_of(const std::string& init, bool given) {
  if (given) return PhaseStart::kGiven;
  if (init == "random") return PhaseStart::kRandom;
  if (init == "zeros") return PhaseStart::kZeros;
  throw py::value_error("init='" + init + "' must be random or zeros");
}

void griffin_lim(const StftPlan& plan, const py::array& S, const py::object& frames,
                 const py::object& samples, const py::object& phase, const py::array& out,
                 int64_t n_iter, double momentum, double step, const std::string& init,
                 uint64_t seed, double tolerance, const py::object& convergence) {
  with_precision(out, [&]<class T>() {
    const auto magnitude = view<const T, 3>(S, "S", {-1, plan.bins(), -1});
    const int64_t batch = magnitude.shape[0];
    const auto signal = view<T, 2>(out, "out", {batch, -1});
    const int64_t* const own_frames = row_sizes(frames, "frames", batch, magnitude.shape[2]);
    const int64_t* const own_samples = row_sizes(samples, "samples", batch, signal.shape[1]);
    View<const Complex<T>, 3> start{};
    if (!phase.is_none())
      start = view<const Complex<T>, 3>(phase.cast<py::array>(), "phase",
                                        {batch, plan.bins(), magnitude.shape[2]});
    View<double, 2> history{};
    if (!convergence.is_none())
      history = view<double, 2>(convergence.cast<py::array>(), "convergence", {batch, n_iter});
    const GriffinLimOptions options{
        n_iter, momentum, step, start_of(init, !phase.is_none()), seed, tolerance, history.data};
    const py::gil_scoped_release unlocked;
    Backend<Device>::griffin_lim<T>(plan, magnitude, own_frames, own_samples, start, signal,
                                    options);
  });
}

void mel_griffin_lim(const StftPlan& plan, const MelBank& bank, const py::array& S,
                     const py::array& M, const py::object& frames, const py::object& samples,
                     const py::array& out, int64_t n_iter, double momentum, double step,
                     const std::string& init, uint64_t seed, double exponent) {
  with_precision(out, [&]<class T>() {
    const auto magnitude = view<const T, 3>(S, "S", {-1, plan.bins(), -1});
    const int64_t batch = magnitude.shape[0];
    const auto mel = view<const T, 3>(M, "M", {batch, bank.band_count, magnitude.shape[2]});
    if (bank.bin_count != plan.bins()) throw py::value_error("bank and plan differ in bins");
    const auto signal = view<T, 2>(out, "out", {batch, -1});
    const int64_t* const own_frames = row_sizes(frames, "frames", batch, magnitude.shape[2]);
    const int64_t* const own_samples = row_sizes(samples, "samples", batch, signal.shape[1]);
    const GriffinLimOptions options{n_iter, momentum, step,   start_of(init, false),
                                    seed,   0,        nullptr};
    const py::gil_scoped_release unlocked;
    Backend<Device>::mel_griffin_lim<T>(plan, bank.bands, magnitude, mel, own_frames, own_samples,
                                        signal, exponent, options);
  });
}

void spectral_error(const StftPlan& plan, const py::array& S, const py::array& x,
                    const py::object& lengths, const py::array& out) {
  const auto measure = [&]<class T>() {
    const Signals signal = signals(x);
    const auto magnitude = view<const T, 3>(
        S, "S", {signal.batch, plan.bins(), frame_count(plan.framing(), signal.samples)});
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto sums = view<double, 2>(out, "out", {signal.batch, 2});
    const py::gil_scoped_release unlocked;
    Backend<Device>::spectral_error<T>(plan, magnitude, signal, own, sums);
  };
  with_precision(S, measure);
}

}  // namespace

void bind_griffin_lim(py::module_& m) {
  m.def("griffin_lim", &griffin_lim, "plan"_a, "S"_a, "frames"_a.none(true), "samples"_a.none(true),
        "phase"_a.none(true), "out"_a, "n_iter"_a, "momentum"_a, "step"_a, "init"_a, "seed"_a,
        "tolerance"_a, "convergence"_a.none(true));
  m.def("mel_griffin_lim", &mel_griffin_lim, "plan"_a, "bank"_a, "S"_a, "M"_a,
        "frames"_a.none(true), "samples"_a.none(true), "out"_a, "n_iter"_a, "momentum"_a, "step"_a,
        "init"_a, "seed"_a, "exponent"_a);
  m.def("spectral_error", &spectral_error, "plan"_a, "S"_a, "x"_a, "lengths"_a.none(true), "out"_a);
}

}  // namespace lapped::bind
