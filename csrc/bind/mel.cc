// SPDX-License-Identifier: Apache-2.0
// What Python may ask of Backend<Device>::mel, project and mel_inverse.
#include "bind/compression.h"
#include "bind/context.h"

namespace lapped::bind {
namespace {

using namespace pybind11::literals;

MelBands* make_bank(const py::object& filters) {
  const auto v = view<const double, 2>(read_numpy(filters, "filters"), "filters", {-1, -1});
  std::vector<double> dense;
  for (int64_t m = 0; m < v.shape[0]; ++m)
    for (int64_t k = 0; k < v.shape[1]; ++k)
      dense.push_back(v.data[m * v.stride[0] + k * v.stride[1]]);
  return new MelBands(dense.data(), v.shape[0], v.shape[1]);
}

void mel(const Context& context, const StftPlan& plan, const MelBands& bank, const py::object& x,
         const py::object& lengths, const py::object& out, double exponent, double eps,
         const py::object& compression) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    if (bank.bin_count() != plan.bins()) throw py::value_error("bank and plan differ in bins");
    const auto bands = view<T, 3>(
        to, "out", {signal.batch, bank.band_count(), frame_count(plan.framing(), signal.samples)});
    const MelOptions options{exponent, eps, compression_of(compression, exponent)};
    run(context, [&](const Device& device) {
      Backend<Device>::mel<T>(device, plan, bank, signal, own, bands, options);
    });
  });
}

void mel_gradient(const Context& context, const StftPlan& plan, const MelBands& bank,
                  const py::object& x, const py::object& lengths, const py::object& weights,
                  const py::object& out, double exponent, double eps) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const Signals signal = signals(context.read(x, "x"), kReadsHalves);
    const int64_t* const own = row_sizes(lengths, "lengths", signal.batch, signal.samples);
    if (bank.bin_count() != plan.bins()) throw py::value_error("bank and plan differ in bins");
    const auto of_bands = view<const T, 3>(
        context.read(weights, "weights"), "weights",
        {signal.batch, bank.band_count(), frame_count(plan.framing(), signal.samples)});
    const auto gradient = view<T, 2>(to, "out", {signal.batch, signal.samples});
    run(context, [&](const Device& device) {
      Backend<Device>::mel_gradient<T>(device, plan, bank, signal, own, of_bands, gradient,
                                       exponent, eps);
    });
  });
}

void project(const Context& context, const MelBands& bank, const py::object& S,
             const py::object& frames, const py::object& out, double exponent,
             const py::object& compression) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const auto spectrum = view<const T, 3>(context.read(S, "S"), "S", {-1, bank.bin_count(), -1});
    const int64_t* const own = row_sizes(frames, "frames", spectrum.shape[0], spectrum.shape[2]);
    const auto bands =
        view<T, 3>(to, "out", {spectrum.shape[0], bank.band_count(), spectrum.shape[2]});
    const MelOptions options{exponent, 0, compression_of(compression, exponent)};
    run(context, [&](const Device& device) {
      Backend<Device>::project<T>(device, bank, spectrum, own, bands, options);
    });
  });
}

void mel_inverse(const Context& context, const MelBands& bank, const py::object& M,
                 const py::object& frames, const py::object& out, double exponent, int64_t n_iter) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const auto bands = view<const T, 3>(context.read(M, "M"), "M", {-1, bank.band_count(), -1});
    const int64_t* const own = row_sizes(frames, "frames", bands.shape[0], bands.shape[2]);
    const auto spectrum = view<T, 3>(to, "out", {bands.shape[0], bank.bin_count(), bands.shape[2]});
    run(context, [&](const Device& device) {
      Backend<Device>::mel_inverse<T>(device, bank, bands, own, spectrum, exponent, n_iter);
    });
  });
}

void decompress(const Context& context, const py::object& M, const py::object& out, double exponent,
                const py::object& compression) {
  const Array to = context.read(out, "out");
  with_precision(to, [&]<class T>() {
    const auto energies = view<T, 3>(to, "out", {-1, -1, -1});
    const auto features = view<const T, 3>(
        context.read(M, "M"), "M", {energies.shape[0], energies.shape[1], energies.shape[2]});
    const Compression undone = compression_of(compression, exponent);
    run(context, [&](const Device& device) {
      Backend<Device>::decompress<T>(device, features, energies, undone);
    });
  });
}

}  // namespace

void bind_mel(py::module_& m, ContextClass& context) {
  py::class_<MelBands>(m, "MelBank", py::module_local()).def(py::init(&make_bank), "filters"_a);
  context
      .def("mel", &mel, "plan"_a, "bank"_a, "x"_a, "lengths"_a.none(true), "out"_a, "exponent"_a,
           "eps"_a, "compression"_a.none(true))
      .def("mel_gradient", &mel_gradient, "plan"_a, "bank"_a, "x"_a, "lengths"_a.none(true),
           "weights"_a, "out"_a, "exponent"_a, "eps"_a)
      .def("project", &project, "bank"_a, "S"_a, "frames"_a.none(true), "out"_a, "exponent"_a,
           "compression"_a.none(true))
      .def("decompress", &decompress, "M"_a, "out"_a, "exponent"_a, "compression"_a)
      .def("mel_inverse", &mel_inverse, "bank"_a, "M"_a, "frames"_a.none(true), "out"_a,
           "exponent"_a, "n_iter"_a);
}

}  // namespace lapped::bind
