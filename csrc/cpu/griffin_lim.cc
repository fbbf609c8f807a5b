// SPDX-License-Identifier: Apache-2.0
// Phase reconstruction of rows of magnitudes: iterations in sweeps, or one by one.
#include "cpu/griffin_lim_step.h"
#include "cpu/parallel.h"
#include "cpu/watch.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// Of 1 MiB, which is the second-level cache of Zen 4; from 1/2 to 1 makes little difference there.
constexpr int64_t kSweepBytes = 3 << 18;

// A sweep is some iterations that one thread takes over a row together, each `lag` vectors of
// frames behind the one before: what one has read from memory lies in the cache for the others.
// Sweeps follow each other on several threads in the same way.
struct Sweeps {
  int64_t iterations, count, lag, threads;
  int64_t first(int64_t i) const { return iterations * i / count; }  // iteration of sweep i
};

// Vectors of frames between an iteration and the next, which writes over what this one has read:
// they may look back and ahead by a frame's length, or by its padding, once for the frame that lies
// in it and once for what it mirrors. 0 where no lag is enough.
template <class T>
int64_t lag_of(const Row<T>& row) {
  const Framing& f = row.plan.framing;
  const int64_t pad = larger(f.pad_left, f.pad_right);
  if (f.pad_mode == PadMode::kCircular || row.samples <= pad) return 0;
  const int64_t reach = frame_blocks(f) + 2 * ((pad + f.hop - 1) / f.hop);
  return (reach + kLanes<T> - 1) / kLanes<T>;
}

// Iterations that find each other's data in the cache.
template <class T>
int64_t iterations_in_cache(const Row<T>& row, int64_t lag) {
  const int64_t samples = 3 * kLanes<T> * block_rows(row.plan.framing),
                bytes = row.plan.bins * sizeof(Vec<T>) + samples * sizeof(T);
  return larger(1, smaller(kMostTogether, kSweepBytes / (lag * bytes)));
}

// None where ranges of blocks keep more threads busy, or where no lag is enough. The next sweep can
// begin after n (lag + 1 + lag (n - 1) / 2) vectors of one of n iterations, which should be no more
// than a thread's share of all n * vectors.
template <class T>
Sweeps sweeps_of(const Row<T>& row, int64_t iterations) {
  const int64_t lag = lag_of(row);
  if (lag == 0 || iterations < row.threads) return {};
  const int64_t vectors = vectors_of<T>(block_count(row.plan, row.frames)),
                threads = larger(1, smaller(row.threads, vectors / (lag + 1))),
                busy = 1 + 2 * (vectors / threads - lag - 1) / lag,
                together = larger(1, smaller(busy, iterations_in_cache(row, lag) / threads)),
                rounds = (iterations + threads * together - 1) / (threads * together);
  return {iterations, smaller(threads * rounds, iterations), lag, threads};
}

template <class T>
State<T> swapped(const State<T>& state) {
  return {state.tau, state.next_chi, state.chi};
}

// Sweep `index`, no further than the one before has come.
template <class T>
void sweep(const Row<T>& row, const GriffinLimOptions& options, const State<T>& state,
           const Sweeps& sweeps, int64_t index, Progress* progress, std::byte* memory) {
  const int64_t first = sweeps.first(index), count = sweeps.first(index + 1) - first;
  const int64_t blocks = block_count(row.plan, row.frames), lag = sweeps.lag * kLanes<T>;
  const State<T> states[] = {state, swapped(state)};
  Carver carver(memory);
  const IterationScratch<T> s(row, count, carver);
  for (int64_t i = 0; i < count; ++i) LAPPED_ISA::clear(row.plan, s.sums[i]);
  for (int64_t t = 0; t < blocks + (count - 1) * lag; t += kLanes<T>) {
    if (index > 0) wait_for(progress[index - 1], smaller(t + kLanes<T> + lag, blocks));
    for (int64_t i = 0; i < count; ++i) {
      const int64_t own = t - i * lag;
      if (own >= 0 && own < blocks)
        iterate_vector(row, options, states[(first + i) % 2], own, 0, blocks, s, s.sums[i]);
    }
    advance(progress[index], t + kLanes<T> - (count - 1) * lag);
  }
}

template <class T>
bool iterate_in_sweeps(const Row<T>& row, const GriffinLimOptions& options, const State<T>& state,
                       const Sweeps& sweeps) {
  const Buffer memory(static_cast<size_t>(sweeps.count) * sizeof(Progress));
  Progress* const progress = reinterpret_cast<Progress*>(memory.data());
  if (!progress) return false;
  for (int64_t i = 0; i < sweeps.count; ++i) progress[i] = Progress{};
  const int64_t longest = (sweeps.iterations + sweeps.count - 1) / sweeps.count;
  return parallel_for(
      sweeps.count, scratch_bytes(row, longest),
      [&](int64_t i, std::byte* scratch) {
        sweep(row, options, state, sweeps, i, progress, scratch);
      },
      sweeps.count / sweeps.threads, Order::kAscending);
}

// Blocks are shared among threads in ranges of whole vectors.
template <class T, class F>
bool each_range(const Row<T>& row, F f) {
  const int64_t blocks = block_count(row.plan, row.frames), vectors = vectors_of<T>(blocks);
  const int64_t ranges = larger(1, smaller(row.threads, blocks / least_blocks(row.plan)));
  return parallel_for(ranges, scratch_bytes(row, 1), [&](int64_t i, std::byte* memory) {
    f(vectors * i / ranges * kLanes<T>, smaller(blocks, vectors * (i + 1) / ranges * kLanes<T>),
      memory);
  });
}

template <class T>
bool iterate_in_ranges(const Row<T>& row, const GriffinLimOptions& options, State<T> state,
                       Watch<T>& watch) {
  for (int64_t i = 0; i < options.iterations; ++i) {
    if (!each_range(row, [&](int64_t from, int64_t to, std::byte* memory) {
          iterate_blocks(row, options, state, from, to, memory);
        }))
      return false;
    state = swapped(state);
    if (watch.finished(i, signal_of(state.tau, row.samples))) break;
  }
  return watch.ok();
}

template <class T>
bool reconstruct(const Row<T>& row, const GriffinLimOptions& options, int64_t index,
                 int64_t samples, T* out, int64_t stride) {
  Carver size(nullptr);
  take_state(row, size);
  const Buffer memory(size.used());
  if (!memory.data()) return false;
  Carver carver(memory.data());
  State<T> state = take_state(row, carver);
  bool ok = each_range(row, [&](int64_t from, int64_t to, std::byte* m) {
    start_blocks(row, options, state, from, to, m);
  });
  state = swapped(state);
  Watch<T> watch(row.plan, row.magnitude, row.frames, options, index);
  const Sweeps sweeps = watch.idle() ? sweeps_of(row, options.iterations) : Sweeps{};
  ok = ok && (sweeps.count > 0 ? iterate_in_sweeps(row, options, state, sweeps)
                               : iterate_in_ranges(row, options, state, watch));
  for (int64_t i = 0; i < samples; ++i)
    out[i * stride] = i < row.samples ? state.tau[i] * row.magnitude.scale() : T(0);
  return ok;
}

}  // namespace

template <class T>
bool griffin_lim(const StftView<T>& plan, View<const T, 3> magnitude, const MelConstraint<T>* mel,
                 const int64_t* frames, const int64_t* samples, View<const Complex<T>, 3> phase,
                 View<T, 2> out, const GriffinLimOptions& options) {
  const FlushDenormals flush;  // rows are packed and scaled here or in a task, by their number
  const int64_t batch = magnitude.shape[0], length = out.shape[1];
  const bool side_by_side = batch >= thread_count() && batch > 1;  // a thread for each row
  bool ok = true;
  const auto each_row = [&](int64_t b) {
    const int64_t count = frames ? frames[b] : magnitude.shape[2],
                  wanted = samples ? samples[b] : length;
    T* const destination = out.data + b * out.stride[0];
    for (int64_t i = count ? wanted : 0; i < length; ++i) destination[i * out.stride[1]] = T(0);
    if (count == 0) return;
    const PackedMagnitude<T> packed(plan, magnitude.data + b * magnitude.stride[0],
                                    magnitude.stride[1], magnitude.stride[2], count,
                                    Scaling::kUnitPeak);
    const auto bands = [&](const MelConstraint<T>& m) {
      const T factor = static_cast<T>(
          __builtin_pow(static_cast<double>(packed.scale()), -static_cast<double>(m.exponent)));
      return PackedBands<T>(m.mel.data + b * m.mel.stride[0], m.bank.band_count, m.mel.stride[1],
                            m.mel.stride[2], count, factor);
    };
    const auto run = [&](const MelTarget<T>* target) {
      const Row<T> row{
          plan,
          packed,
          target,
          options.start == PhaseStart::kGiven ? phase.data + b * phase.stride[0] : nullptr,
          phase.stride[1],
          phase.stride[2],
          count,
          samples_within(plan.framing, count, wanted),
          side_by_side ? 1 : thread_count()};
      return packed.ok() && reconstruct(row, options, b, wanted, destination, out.stride[1]);
    };
    const auto run_constrained = [&] {
      const PackedBands<T> packed_bands = bands(*mel);
      const MelTarget<T> target{mel->bank, packed_bands, mel->exponent};
      return packed_bands.ok() && run(&target);
    };
    if (!(mel ? run_constrained() : run(nullptr))) __atomic_store_n(&ok, false, __ATOMIC_RELAXED);
  };
  if (side_by_side)
    return parallel_for(batch, 1, [&](int64_t b, std::byte*) { each_row(b); }) && ok;
  for (int64_t b = 0; b < batch; ++b) each_row(b);
  return ok;
}

template bool griffin_lim(const StftView<float>&, View<const float, 3>, const MelConstraint<float>*,
                          const int64_t*, const int64_t*, View<const Complex<float>, 3>,
                          View<float, 2>, const GriffinLimOptions&);
template bool griffin_lim(const StftView<double>&, View<const double, 3>,
                          const MelConstraint<double>*, const int64_t*, const int64_t*,
                          View<const Complex<double>, 3>, View<double, 2>,
                          const GriffinLimOptions&);

}  // namespace lapped::cpu::LAPPED_ISA
