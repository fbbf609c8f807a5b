// SPDX-License-Identifier: Apache-2.0
// What Python may ask of Backend<Device>::griffin_lim and spectral_convergence.
#include "bind/context.h"

namespace lapped::bind {
namespace {

using namespace pybind11::literals;

PhaseStart start_of(const std::string& init, bool given) {
  if (given) return PhaseStart::kGiven;
  if (init == "random") return PhaseStart::kRandom;
  if (init == "zeros") return PhaseStart::kZeros;
  throw py::value_error("init='" + init + "' must be random or zeros");
}

void griffin_lim(const Context& context, const StftPlan& plan, const py::object& S,
                 const py::object& frames, const py::object& samples, const py::object& phase,
                 const py::object& out, int64_t n_iter, double momentum, double step,
                 const std::string& init, uint64_t seed, double tolerance,
                 const py::object& convergence) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const auto magnitude = view<const T, 3>(context.read(S, "S"), "S", {-1, plan.bins(), -1});
    const int64_t batch = magnitude.shape[0];
    const auto signal = view<T, 2>(to, "out", {batch, -1});
    const int64_t* const own_frames = row_sizes(frames, "frames", batch, magnitude.shape[2]);
    const int64_t* const own_samples = row_sizes(samples, "samples", batch, signal.shape[1]);
    View<const Complex<T>, 3> start{};
    if (!phase.is_none())
      start = view<const Complex<T>, 3>(context.read(phase, "phase"), "phase",
                                        {batch, plan.bins(), magnitude.shape[2]});
    View<double, 2> history{};
    if (!convergence.is_none())
      history =
          view<double, 2>(context.read(convergence, "convergence"), "convergence", {batch, n_iter});
    const GriffinLimOptions options{
        n_iter, momentum, step, start_of(init, !phase.is_none()), seed, tolerance, history.data};
    run(context, [&](const Device& device) {
      Backend<Device>::griffin_lim<T>(device, plan, magnitude, own_frames, own_samples, start,
                                      signal, options);
    });
  });
}

void mel_griffin_lim(const Context& context, const StftPlan& plan, const MelBands& bank,
                     const py::object& S, const py::object& M, const py::object& frames,
                     const py::object& samples, const py::object& out, int64_t n_iter,
                     double momentum, double step, const std::string& init, uint64_t seed,
                     double exponent) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const auto magnitude = view<const T, 3>(context.read(S, "S"), "S", {-1, plan.bins(), -1});
    const int64_t batch = magnitude.shape[0];
    const auto mel =
        view<const T, 3>(context.read(M, "M"), "M", {batch, bank.band_count(), magnitude.shape[2]});
    if (bank.bin_count() != plan.bins()) throw py::value_error("bank and plan differ in bins");
    const auto signal = view<T, 2>(to, "out", {batch, -1});
    const int64_t* const own_frames = row_sizes(frames, "frames", batch, magnitude.shape[2]);
    const int64_t* const own_samples = row_sizes(samples, "samples", batch, signal.shape[1]);
    const GriffinLimOptions options{n_iter, momentum, step,   start_of(init, false),
                                    seed,   0,        nullptr};
    run(context, [&](const Device& device) {
      Backend<Device>::mel_griffin_lim<T>(device, plan, bank, magnitude, mel, own_frames,
                                          own_samples, signal, exponent, options);
    });
  });
}

void spectral_convergence(const Context& context, const StftPlan& plan, const py::object& S,
                          const py::object& x, const py::object& lengths, const py::object& out) {
  const Array target = context.read(S, "S");
  with_precision(target, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const auto magnitude = view<const T, 3>(
        target, "S", {signal.batch, plan.bins(), frame_count(plan.framing(), signal.samples)});
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const auto decibels = view<double, 1>(context.read(out, "out"), "out", {signal.batch});
    run(context, [&](const Device& device) {
      Backend<Device>::spectral_convergence<T>(device, plan, magnitude, signal, own, decibels);
    });
  });
}

}  // namespace

void bind_griffin_lim(ContextClass& context) {
  context
      .def("griffin_lim", &griffin_lim, "plan"_a, "S"_a, "frames"_a.none(true),
           "samples"_a.none(true), "phase"_a.none(true), "out"_a, "n_iter"_a, "momentum"_a,
           "step"_a, "init"_a, "seed"_a, "tolerance"_a, "convergence"_a.none(true))
      .def("mel_griffin_lim", &mel_griffin_lim, "plan"_a, "bank"_a, "S"_a, "M"_a,
           "frames"_a.none(true), "samples"_a.none(true), "out"_a, "n_iter"_a, "momentum"_a,
           "step"_a, "init"_a, "seed"_a, "exponent"_a)
      .def("spectral_convergence", &spectral_convergence, "plan"_a, "S"_a, "x"_a,
           "lengths"_a.none(true), "out"_a);
}

}  // namespace lapped::bind
