// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/stft_adjoint.cc: what a change of each sample does to a weighted sum of the spectrum.
#include "cuda/adjoint.cuh"

namespace lapped {
namespace cuda {
namespace {

template <class T, class Maker>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    stft_adjoint_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker,
                        View<const Cx<T>, 3> spectrum, AdjointOut<T> to) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const carry = pieces.take<T>(2 * carried_length(plan.framing));
  const auto fft = maker(plan);
  const auto& [data, sizes, stride] = spectrum;
  const bool along_bins = stride[1] == 1 && stride[2] != 1;
  add_up(tile, fft, carry, to, [&](int64_t b, int64_t t, int64_t frames) {
    each_item(shape, pair_count(plan), along_bins, [&](int f, int p) {
      if (t + f >= frames) return;
      const Cx<T>* const frame = data + b * stride[0] + (t + f) * stride[2];
      const T factor = adjoint_factor(plan, p);
      const bool pair = plan.half_length && p != plan.n - p;
      put_bins(plan, fft, tile.frame(f), p, scaled(frame[p * stride[1]], factor),
               pair ? scaled(frame[(plan.n - p) * stride[1]], factor) : Cx<T>{0, 0});
    });
  });
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::stft_adjoint(const Cuda& device, const StftPlan& plan,
                                 View<const Complex<T>, 3> spectrum, const int64_t* lengths,
                                 View<T, 2> out) {
  using namespace cuda;
  const Plan<T>& tables = plan_on<T>(device, plan);
  const RowSizes own = row_sizes(device, out.shape[1], lengths, out.shape[0]);
  add_up_on(device, tables, out, own,
            [&](const Launch& how, TileShape shape, auto maker, const AdjointOut<T>& to) {
              launch_tiles(device, how, stft_adjoint_kernel<T, decltype(maker)>, tables, shape,
                           maker, retyped(spectrum), to);
            });
}

#define LAPPED_INSTANTIATE(T)                \
  template void Backend<Cuda>::stft_adjoint( \
      const Cuda&, const StftPlan&, View<const Complex<T>, 3>, const int64_t*, View<T, 2>);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
