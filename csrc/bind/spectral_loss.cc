// SPDX-License-Identifier: Apache-2.0
// What Python may ask of Backend<Device>::spectral_values, spectral_loss and its gradient.
#include "bind/context.h"

namespace lapped::bind {
namespace {

using namespace pybind11::literals;

BinGains* make_gains(const py::object& gains) {
  const auto v = view<const double, 1>(read_numpy(gains, "gains"), "gains", {-1});
  std::vector<double> values(v.shape[0]);
  for (int64_t k = 0; k < v.shape[0]; ++k) values[k] = v.data[k * v.stride[0]];
  return new BinGains(values);
}

SpectralValues values_of(const StftPlan& plan, const MelBands* bank, const BinGains* gains,
                         double floor) {
  if (bank && bank->bin_count() != plan.bins())
    throw py::value_error("bank and plan differ in bins");
  if (gains && gains->bin_count() != plan.bins())
    throw py::value_error("gains and plan differ in bins");
  if (!(floor > 0)) throw py::value_error("floor must be above 0");
  return {bank, gains, floor};
}

template <class T>
View<T, 4> blocks(const Array& array, const char* name, const StftPlan& plan,
                  const SpectralValues& values, const Signals& x) {
  const int64_t count = values.count(plan.bins());
  const auto v = view<T, 4>(
      array, name,
      {x.batch, value_blocks(frame_count(plan.framing(), x.samples)), count, kValueFrames});
  if (v.stride[3] != 1 || (count > 1 && v.stride[2] != kValueFrames))
    throw py::value_error(std::string(name) + " must have contiguous values and frames");
  return v;
}

void spectral_values(const Context& context, const StftPlan& plan, const MelBands* bank,
                     const BinGains* gains, double floor, const py::object& x,
                     const py::object& lengths, const py::object& out) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const SpectralValues values = values_of(plan, bank, gains, floor);
    const auto written = blocks<T>(to, "out", plan, values, signal);
    run(context, [&](const Device& device) {
      Backend<Device>::spectral_values<T>(device, plan, values, signal, own, written);
    });
  });
}

void spectral_loss(const Context& context, const StftPlan& plan, const MelBands* bank,
                   const BinGains* gains, double floor, const py::object& x,
                   const py::object& lengths, const py::object& target, const py::object& out,
                   bool squared_logs) {
  const Array given = context.read(target, "target");
  with_precision(given, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const SpectralValues values = values_of(plan, bank, gains, floor);
    const auto wanted = blocks<const T>(given, "target", plan, values, signal);
    const auto sums = view<double, 2>(context.read(out, "out"), "out", {signal.batch, kLossSums});
    run(context, [&](const Device& device) {
      Backend<Device>::spectral_loss<T>(device, plan, values, signal, own, wanted, sums,
                                        squared_logs);
    });
  });
}

void spectral_loss_gradient(const Context& context, const StftPlan& plan, const MelBands* bank,
                            const BinGains* gains, double floor, const py::object& x,
                            const py::object& lengths, const py::object& target,
                            const py::object& factors, const py::object& out, bool squared_logs) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    const SpectralValues values = values_of(plan, bank, gains, floor);
    const auto wanted =
        blocks<const T>(context.read(target, "target"), "target", plan, values, signal);
    const auto weights = view<const double, 2>(context.read(factors, "factors"), "factors",
                                               {signal.batch, kLossSums});
    const auto gradient = view<T, 2>(to, "out", {signal.batch, signal.samples});
    run(context, [&](const Device& device) {
      Backend<Device>::spectral_loss_gradient<T>(device, plan, values, signal, own, wanted, weights,
                                                 gradient, squared_logs);
    });
  });
}

}  // namespace

void bind_spectral_loss(py::module_& m, ContextClass& context) {
  py::class_<BinGains>(m, "BinGains", py::module_local()).def(py::init(&make_gains), "gains"_a);
  context
      .def("spectral_values", &spectral_values, "plan"_a, "bank"_a.none(true), "gains"_a.none(true),
           "floor"_a, "x"_a, "lengths"_a.none(true), "out"_a)
      .def("spectral_loss", &spectral_loss, "plan"_a, "bank"_a.none(true), "gains"_a.none(true),
           "floor"_a, "x"_a, "lengths"_a.none(true), "target"_a, "out"_a, "squared_logs"_a)
      .def("spectral_loss_gradient", &spectral_loss_gradient, "plan"_a, "bank"_a.none(true),
           "gains"_a.none(true), "floor"_a, "x"_a, "lengths"_a.none(true), "target"_a, "factors"_a,
           "out"_a, "squared_logs"_a);
}

}  // namespace lapped::bind
