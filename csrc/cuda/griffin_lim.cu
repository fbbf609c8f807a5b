// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/griffin_lim.cc, which has the iteration: tau_(n+1) = (1 - step) chi_n + step
// G(chi_n), chi_(n+1) = tau_(n+1) + momentum (tau_(n+1) - tau_n). One launch an iteration; frames
// that reach into the blocks of another task are computed by both.
#include <utility>
#include <vector>

#include "cuda/phases.cuh"
#include "cuda/scales.cuh"
#include "cuda/synthesis.cuh"

namespace lapped {
namespace cuda {
namespace {

// Signals that the iteration is over, one row after the other: `stride` samples each.
template <class T>
struct State {
  T* tau;
  T* chi;
  T* next_chi;
  int64_t stride;
  RowSizes samples;
};

// --- one iteration, or the start ---

enum class Step { kStart, kIterate };

template <class T, class Maker, bool Held>
__global__ void __launch_bounds__(Maker::kBlockThreads, Maker::kBlocks)
    step_kernel(WorkMemory work, Plan<T> plan, TileShape shape, Maker maker, Step step, Job<T> job,
                State<T> state, MelTarget<T> target) {
  plan = maker.known(plan), shape = maker.shape(shape);
  LAPPED_SHARED_MEMORY(shared);
  Pieces pieces(shared, work, maker);
  const Tile<T> tile{plan, shape, pieces.take<Cx<T>>(int64_t{shape.frames} * shape.z_stride)};
  T* const carry = pieces.take<T>(2 * carried_length(plan.framing));
  if constexpr (Held) {
    target.ratios = pieces.take<T>(int64_t{target.bank.bands + 1} * shape.frames);
    target.parts = pieces.take<T>(parts_count(target.bank, shape.frames));
  }
  const auto fft = maker(plan);
  const int64_t tasks = (job.blocks + job.blocks_of_task - 1) / job.blocks_of_task;
  for (int64_t i = blockIdx.x; i < job.rows * tasks; i += gridDim.x) {
    const int64_t b = i / tasks, from = (i - b * tasks) * job.blocks_of_task,
                  end = from + job.blocks_of_task, frames = job.frames.of(b),
                  samples = state.samples.of(b), offset = b * state.stride;
    if (job.progress && job.progress[b].done) continue;
    const Row row{state.chi, kSampleType<T>, offset, samples, 1};
    synthesise(
        tile, fft, carry, frames, from, end < job.blocks ? end : job.blocks,
        [&](int64_t t) {
          if (step == Step::kStart) return start_spectra(tile, fft, job, b, t, frames);
          analyse(tile, fft, row, t, frames);
          if constexpr (Held)
            hold_to_mel(tile, fft, job, target, b, t, frames);
          else
            take_magnitudes(tile, fft, job, b, t, frames);
        },
        [&](int64_t block, int r, int64_t place, T sum) {
          const int64_t at = place - plan.framing.pad_left;
          if (at < 0 || at >= samples) return;
          const T projected = sum * inverse_envelope(plan, block, r, frames);
          T& tau = state.tau[offset + at];
          T updated = projected, next = projected;
          if (step == Step::kIterate) {
            updated = (1 - job.step) * state.chi[offset + at] + job.step * projected;
            next = updated + job.momentum * (updated - tau);
          }
          tau = updated;
          state.next_chi[offset + at] = next;
        });
  }
}

// --- the whole ---

// out[b, i] = scale * tau[i] for the samples a row has, 0 past them.
template <class T>
__global__ void finish_kernel(State<T> state, const T* scale, RowSizes frames, RowSizes wanted,
                              View<T, 2> out) {
  const int64_t total = out.shape[0] * out.shape[1];
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < total;
       i += int64_t{gridDim.x} * blockDim.x) {
    const int64_t b = i / out.shape[1], at = i - b * out.shape[1];
    const bool own = frames.of(b) > 0 && at < wanted.of(b) && at < state.samples.of(b);
    out.data[b * out.stride[0] + at * out.stride[1]] =
        own ? state.tau[b * state.stride + at] * scale[b] : T(0);
  }
}

template <class T>
State<T> make_state(const Cuda& device, const Framing& f, int64_t rows, int64_t frames,
                    const int64_t* frames_each, int64_t samples, const int64_t* samples_each) {
  std::vector<int64_t> each;
  State<T> state{};
  for (int64_t b = 0; b < rows; ++b) {
    each.push_back(samples_within(f, frames_each ? frames_each[b] : frames,
                                  samples_each ? samples_each[b] : samples));
    if (each.back() > state.stride) state.stride = each.back();
  }
  const bool alike = !frames_each && !samples_each;
  state.samples = row_sizes(device, state.stride, alike ? nullptr : each.data(), rows);
  const int64_t total = rows * state.stride;
  T* const memory = allocate<T>(device, 3 * total);
  fill(device, memory, 3 * total, T(0));
  state.tau = memory;
  state.chi = memory + total;
  state.next_chi = memory + 2 * total;
  return state;
}

template <class T>
Batch batch_of_tau(const State<T>& state) {
  return {state.tau, kSampleType<T>, state.stride, 1, state.samples};
}

template <class T>
Job<T> make_job(const Framing& f, View<const T, 3> magnitude, const Scales<T>& scales,
                RowSizes frames, View<const Complex<T>, 3> phase,
                const GriffinLimOptions& options) {
  const int64_t width = magnitude.shape[2];
  Job<T> job{};
  job.magnitudes = {magnitude, scales.inverse};
  job.frames = frames;
  job.rows = magnitude.shape[0];
  job.blocks = width ? width + frame_blocks(f) - 1 : 0;
  job.phase = retyped(phase);
  job.start = options.start;
  job.seed = options.seed;
  job.momentum = static_cast<T>(options.momentum);
  job.step = static_cast<T>(options.step);
  return job;
}

// Watches the iterates where a call asks how near they come, or when to stop.
template <class T>
class Watch {
 public:
  Watch(const Cuda& device, const Plan<T>& plan, const Job<T>& job,
        const GriffinLimOptions& options)
      : device_(device), plan_(plan), job_(job), options_(options) {
    const int64_t width = job.magnitudes.view.shape[2];
    if (options.convergence)
      fill(device, options.convergence, job.rows * options.iterations, double{__builtin_nan("")});
    if ((!options.convergence && options.tolerance <= 0) || width == 0) return;
    progress_ = allocate<Progress>(device, job.rows);
    judge_ = judge_of(device, plan, job.rows, width);
    fill(device, progress_, job.rows, Progress{0, 0});
  }
  const Progress* progress() const { return progress_; }

  void see(int64_t iteration, const State<T>& state) const {
    if (!progress_) return;
    double* const out = options_.convergence ? options_.convergence + iteration : nullptr;
    judge(device_, judge_, plan_, batch_of_tau(state), job_.magnitudes, job_.frames,
          Verdict{out, options_.iterations, progress_, iteration == 0, options_.tolerance});
  }

 private:
  const Cuda& device_;
  const Plan<T>& plan_;
  const Job<T>& job_;
  const GriffinLimOptions& options_;
  Progress* progress_ = nullptr;
  Judge judge_{};
};

// Work memory of a block of step_kernel.
template <class T>
int64_t step_bytes(const Framing& f, const TileShape& shape, const MelTarget<T>* mel) {
  const auto piece = [](int64_t count) { return aligned(count * int64_t{sizeof(T)}); };
  const int64_t plain = tile_bytes<T>(shape) + carry_bytes<T>(f);
  if (!mel) return plain;
  return plain + piece((mel->bank.bands + 1) * shape.frames) +
         piece(parts_count(mel->bank, shape.frames));
}

template <class T>
void reconstruct(const Cuda& device, const StftPlan& plan, View<const T, 3> magnitude,
                 const MelTarget<T>* mel, const int64_t* frames, const int64_t* samples,
                 View<const Complex<T>, 3> phase, View<T, 2> out,
                 const GriffinLimOptions& options) {
  const Plan<T>& tables = plan_on<T>(device, plan);
  const Framing& f = tables.framing;
  const int64_t rows = magnitude.shape[0], width = magnitude.shape[2];
  if (rows == 0) return;
  const RowSizes own_frames = row_sizes(device, width, frames, rows),
                 wanted = row_sizes(device, out.shape[1], samples, rows);
  const Scales<T> scales = scales_of(device, magnitude, own_frames);
  State<T> state = make_state<T>(device, f, rows, width, frames, out.shape[1], samples);
  Job<T> job = make_job(f, magnitude, scales, own_frames, phase, options);
  const Watch<T> watch(device, tables, job, options);
  job.progress = watch.progress();
  const auto bytes = [&](const TileShape& shape) { return step_bytes(f, shape, mel); };
  with_transform(device, tables, bytes, [&](TileShape shape, auto maker) {
    using Maker = decltype(maker);
    job.blocks_of_task = blocks_of_task(device, f, shape, rows, job.blocks);
    const int64_t tasks = (job.blocks + job.blocks_of_task - 1) / job.blocks_of_task;
    const Launch how = launch_of(device, rows * tasks, shape.block_threads(), bytes(shape));
    const auto kernel = mel ? step_kernel<T, Maker, true> : step_kernel<T, Maker, false>;
    const auto run = [&](Step step) {
      launch_tiles(device, how, kernel, tables, shape, maker, step, job, state,
                   mel ? *mel : MelTarget<T>{});
    };
    run(Step::kStart);
    for (int64_t i = 0; i < options.iterations; ++i) {
      std::swap(state.chi, state.next_chi);
      run(Step::kIterate);
      watch.see(i, state);
    }
  });
  launch(device, finish_kernel<T>, blocks_for(rows * out.shape[1]), kThreads, 0, state,
         static_cast<const T*>(scales.scale), own_frames, wanted, out);
}

}  // namespace
}  // namespace cuda

template <>
template <class T>
void Backend<Cuda>::griffin_lim(const Cuda& device, const StftPlan& plan,
                                View<const T, 3> magnitude, const int64_t* frames,
                                const int64_t* samples, View<const Complex<T>, 3> phase,
                                View<T, 2> out, const GriffinLimOptions& options) {
  cuda::reconstruct<T>(device, plan, magnitude, nullptr, frames, samples, phase, out, options);
}

template <>
template <class T>
void Backend<Cuda>::mel_griffin_lim(const Cuda& device, const StftPlan& plan, const MelBands& bands,
                                    View<const T, 3> magnitude, View<const T, 3> mel,
                                    const int64_t* frames, const int64_t* samples, View<T, 2> out,
                                    double exponent, const GriffinLimOptions& options) {
  const cuda::MelTarget<T> target{cuda::bank_on<T>(device, bands), mel, static_cast<T>(exponent),
                                  nullptr, nullptr};
  cuda::reconstruct<T>(device, plan, magnitude, &target, frames, samples, {}, out, options);
}

#define LAPPED_INSTANTIATE(T)                                                            \
  template void Backend<Cuda>::griffin_lim(                                              \
      const Cuda&, const StftPlan&, View<const T, 3>, const int64_t*, const int64_t*,    \
      View<const Complex<T>, 3>, View<T, 2>, const GriffinLimOptions&);                  \
  template void Backend<Cuda>::mel_griffin_lim(                                          \
      const Cuda&, const StftPlan&, const MelBands&, View<const T, 3>, View<const T, 3>, \
      const int64_t*, const int64_t*, View<T, 2>, double, const GriffinLimOptions&);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped
