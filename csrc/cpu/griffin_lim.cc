// SPDX-License-Identifier: Apache-2.0
// Phase reconstruction: Griffin and Lim, TASSP 1984; fast, Perraudin, Balazs and Sondergaard, WASPAA 2013; accelerated, Nenov, Nguyen, Balazs and
// Bot, ICASSP 2023. With G(x) = inverse(S X / |X|), X = stft(x), all three are
//   tau_(n+1) = (1 - step) chi_n + step G(chi_n),   chi_(n+1) = tau_(n+1) + momentum (tau_(n+1) - tau_n),
// (momentum 0, step 1), (momentum, step 1) and both. The transform is linear, so momentum acts on signals: the state is tau and chi, no spectra.
#include "cpu/entry.h"
#include "cpu/random_phase.h"
#include "cpu/synthesis.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

enum class Scaling { kNone, kUnitPeak };

// Magnitudes of one row as the iteration reads them: [vector of frames][bin][lane], zero in idle lanes. kUnitPeak scales by a power of two
// so that the largest lies in [1, 2): squares of quiet spectra stay normal, and scaling the input scales the output exactly.
template <class T>
class PackedMagnitude {
 public:
  PackedMagnitude(const T* magnitude, int64_t bins, int64_t bin_stride, int64_t frame_stride, int64_t frames, Scaling scaling)
      : bins_(bins), vectors_((frames + kLanes<T> - 1) / kLanes<T>),
        memory_(static_cast<size_t>(larger(1, vectors_ * bins_)) * sizeof(Vec<T>)), data_(reinterpret_cast<Vec<T>*>(memory_.data())) {
    if (!data_) return;
    for (int64_t g = 0; g < vectors_; ++g)
      read_lanes(magnitude, bins, bin_stride, frame_stride, g * kLanes<T>, frames - g * kLanes<T>, data_ + g * bins);
    if (scaling == Scaling::kUnitPeak) normalise();
  }
  bool ok() const { return data_; }
  const Vec<T>* frames_from(int64_t t) const { return data_ + t / kLanes<T> * bins_; }
  T scale() const { return scale_; }  // original = scale * packed

 private:
  void normalise() {
    constexpr T infinity = __builtin_inf();
    Vec<T> peaks{};
    for (int64_t i = 0; i < vectors_ * bins_; ++i) peaks = data_[i] > peaks && data_[i] < infinity ? data_[i] : peaks;
    T peak = 0;
    for (int l = 0; l < kLanes<T>; ++l) peak = peaks[l] > peak ? peaks[l] : peak;
    if (!(peak >= kTiny<T>)) return;
    const int exponent = __builtin_ilogb(static_cast<double>(peak));
    scale_ = static_cast<T>(__builtin_ldexp(1.0, exponent));
    const T inverse = static_cast<T>(__builtin_ldexp(1.0, -exponent));
    for (int64_t i = 0; i < vectors_ * bins_; ++i) data_[i] = data_[i] * inverse;
  }

  int64_t bins_, vectors_;
  Buffer memory_;
  Vec<T>* data_;
  T scale_ = 1;
};

template <class T>
struct Row {
  const StftView<T>& plan;
  const PackedMagnitude<T>& magnitude;
  const Complex<T>* phase;          // given phase, or null
  int64_t phase_bin_stride, phase_frame_stride;
  int64_t frames, samples;          // samples of the state
};

template <class T>
struct State {
  T* tau;
  T* chi;
  T* next_chi;
};

template <class T>
struct IterationScratch {
  AnalysisScratch<T> analysis;
  SynthesisScratch<T> synthesis;
  Cvec<T>* bins;
  IterationScratch(const StftView<T>& plan, Carver& carver)
      : analysis(plan, carver), synthesis(plan, carver), bins(carver.take<Cvec<T>>(plan.bins + kPhasesPerCounter)) {}
};

template <class T>
size_t scratch_bytes(const StftView<T>& plan) {
  Carver size(nullptr);
  IterationScratch<T> unused(plan, size);
  return size.used();
}

// --- spectra ---------------------------------------------------------------------------------------------------------

template <class T>
LAPPED_INLINE Cvec<T> with_magnitude(Cvec<T> x, Vec<T> magnitude) {  // 0 stays 0
  return scaled(x, magnitude * inverse_square_root(squared(x) + kTiny<T>));
}

template <class T>
void start_spectrum(const Row<T>& row, const GriffinLimOptions& options, int64_t t, Cvec<T>* bins, Cvec<T>* z) {
  const StftView<T>& plan = row.plan;
  const Vec<T>* const magnitude = row.magnitude.frames_from(t);
  switch (options.start) {
    case PhaseStart::kZeros:
      for (int64_t k = 0; k < plan.bins; ++k) bins[k] = Cvec<T>{magnitude[k], Vec<T>{}};
      break;
    case PhaseStart::kGiven:
      read_lanes(row.phase, plan.bins, row.phase_bin_stride, row.phase_frame_stride, t, row.frames - t, bins);
      for (int64_t k = 0; k < plan.bins; ++k) bins[k] = with_magnitude(bins[k], magnitude[k]);
      break;
    case PhaseStart::kRandom:
      for (int64_t k = 0; k < plan.bins; k += kPhasesPerCounter) {
        Cvec<T> phasors[kPhasesPerCounter];
        random_phasors<T>(options.seed, static_cast<uint32_t>(k / kPhasesPerCounter), t, phasors);
        for (int64_t i = 0; i < smaller(kPhasesPerCounter, plan.bins - k); ++i) bins[k + i] = scaled(phasors[i], magnitude[k + i]);
      }
      break;
  }
  from_bins(plan, z, [&](int64_t k) LAPPED_LAMBDA { return bins[k]; });
}

// Transposed samples of a signal's frames t .. t + lanes - 1; a chunk is transposed when t enters it.
template <class T>
class ChunkedSamples {
 public:
  ChunkedSamples(const Row<T>& row, const T* signal, AnalysisScratch<T>& scratch)
      : row_(row), signal_{signal, sizeof(T) == 4 ? SampleType::kFloat32 : SampleType::kFloat64, row.samples, 1}, scratch_(scratch) {}

  LAPPED_INLINE const T* operator()(int64_t t) {
    if (t >= end_) {
      start_ = t;
      end_ = smaller(t + row_.plan.tiling.chunk_frames, row_.frames);
      scratch_.samples.fill(row_.plan, signal_, start_, end_ - start_);
    }
    return scratch_.samples.y + (t - start_);
  }

 private:
  const Row<T>& row_;
  Signal signal_;
  AnalysisScratch<T>& scratch_;
  int64_t start_ = 0, end_ = 0;
};

// --- one iteration over blocks [from, to) ------------------------------------------------------------------------------

template <class T>
void start_blocks(const Row<T>& row, const GriffinLimOptions& options, const State<T>& state, int64_t from, int64_t to, std::byte* memory) {
  Carver carver(memory);
  IterationScratch<T> s(row.plan, carver);
  const Framing& f = row.plan.framing;
  synthesise(row.plan, row.frames, from, to, s.synthesis,
             [&](int64_t t, Cvec<T>* z) { start_spectrum(row, options, t, s.bins, z); },
             [&](int64_t b, const T* values) {
               clipped(b * f.hop - f.pad_left, block_rows(f), row.samples, values, [&](int64_t at, int64_t count, const T* v) {
                 for (int64_t i = 0; i < count; ++i) state.tau[at + i] = state.next_chi[at + i] = v[i];
               });
             });
}

template <class T>
void iterate_blocks(const Row<T>& row, const GriffinLimOptions& options, const State<T>& state, int64_t from, int64_t to, std::byte* memory) {
  Carver carver(memory);
  IterationScratch<T> s(row.plan, carver);
  ChunkedSamples<T> samples_from(row, state.chi, s.analysis);
  const Framing& f = row.plan.framing;
  const T momentum = static_cast<T>(options.momentum), step = static_cast<T>(options.step), keep = T(1) - step;
  synthesise(row.plan, row.frames, from, to, s.synthesis,
             [&](int64_t t, Cvec<T>* z) {
               const Vec<T>* const magnitude = row.magnitude.frames_from(t);
               map_bins(row.plan, samples_from(t), z, [&](int64_t k, Cvec<T> x) LAPPED_LAMBDA { return with_magnitude(x, magnitude[k]); });
             },
             [&](int64_t b, const T* values) {
               clipped(b * f.hop - f.pad_left, block_rows(f), row.samples, values, [&](int64_t at, int64_t count, const T* v) {
                 T* __restrict tau = state.tau + at;
                 T* __restrict next = state.next_chi + at;
                 const T* __restrict chi = state.chi + at;
                 for (int64_t i = 0; i < count; ++i) {
                   const T updated = keep * chi[i] + step * v[i];
                   next[i] = updated + momentum * (updated - tau[i]);
                   tau[i] = updated;
                 }
               });
             });
}

// Blocks are shared among threads in ranges of whole vectors.
template <class T, class F>
bool each_range(const StftView<T>& plan, int64_t blocks, F f) {
  const int64_t per_task = task_blocks(plan);
  const int64_t ranges = larger(1, smaller(thread_count(), blocks / per_task));
  const int64_t vectors = (blocks + kLanes<T> - 1) / kLanes<T>;
  return parallel_for(ranges, scratch_bytes(plan), [&](int64_t i, std::byte* memory) {
    f(vectors * i / ranges * kLanes<T>, smaller(blocks, vectors * (i + 1) / ranges * kLanes<T>), memory);
  });
}

// --- spectral convergence ----------------------------------------------------------------------------------------------

struct Squares {
  double error = 0, reference = 0;
};

// Sums over bins and frames of (|X| - S)^2 and S^2; per frame first, then in the order of the frames whatever the tasks.
template <class T>
bool error_of(const Row<T>& row, const Signal& x, Squares& result) {
  constexpr int W = kLanes<T>;
  const Buffer memory(static_cast<size_t>(larger(1, (row.frames + W) * 2)) * sizeof(double));
  auto* const error = reinterpret_cast<double*>(memory.data());
  if (!error) return false;
  double* const reference = error + row.frames + W;
  Carver size(nullptr);
  AnalysisScratch<T> unused(row.plan, size);
  const auto count = [&](int64_t) { return row.frames; };
  const bool done = each_task(1, row.frames, size.used(), count, [&](int64_t, int64_t first, int64_t last, int64_t, std::byte* scratch_memory) {
    Carver carver(scratch_memory);
    AnalysisScratch<T> scratch(row.plan, carver);
    const int64_t chunk = row.plan.tiling.chunk_frames;
    int64_t tile_start = first;
    analyse(row.plan, x, first, last, scratch, chunk,
            [&](const T* y, int64_t at) {
              const Vec<T>* const magnitude = row.magnitude.frames_from(tile_start + at);
              Vec<T> e{}, s{};
              each_bin(row.plan, y, scratch.z, [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
                const Vec<T> d = square_root(squared(bin)) - magnitude[k];
                e += d * d;
                s += magnitude[k] * magnitude[k];
              });
              for (int l = 0; l < W; ++l) {
                error[tile_start + at + l] = e[l];
                reference[tile_start + at + l] = s[l];
              }
            },
            [&](int64_t t, int64_t frames) { tile_start = t + frames; });
  });
  for (int64_t t = 0; t < row.frames; ++t) {
    result.error += error[t];
    result.reference += reference[t];
  }
  return done;
}

double decibels(const Squares& s) {
  constexpr double infinity = __builtin_inf();
  if (s.error == 0) return -infinity;
  return s.reference == 0 ? infinity : 10 * __builtin_log10(s.error / s.reference);
}

// Watches the iterates of one row, when asked to.
template <class T>
class Watch {
 public:
  Watch(const Row<T>& row, const GriffinLimOptions& options, int64_t index)
      : row_(row), options_(options), convergence_(options.convergence ? options.convergence + index * options.iterations : nullptr) {
    for (int64_t i = 0; convergence_ && i < options.iterations; ++i) convergence_[i] = __builtin_nan("");
  }
  bool ok() const { return ok_; }

  // Whether to stop after iteration i: the ratio ||stft(tau)| - S| / |S| changed by no more than `tolerance` of itself.
  bool finished(int64_t i, const T* tau) {
    if (!convergence_ && options_.tolerance <= 0) return false;
    Squares s;
    ok_ = error_of(row_, Signal{tau, sizeof(T) == 4 ? SampleType::kFloat32 : SampleType::kFloat64, row_.samples, 1}, s) && ok_;
    if (convergence_) convergence_[i] = decibels(s);
    const double ratio = s.reference > 0 ? __builtin_sqrt(s.error / s.reference) : 0, change = __builtin_fabs(previous_ - ratio);
    const bool settled = options_.tolerance > 0 && i > 0 && change <= options_.tolerance * previous_;
    previous_ = ratio;
    return settled;
  }

 private:
  const Row<T>& row_;
  const GriffinLimOptions& options_;
  double* convergence_;
  double previous_ = 0;
  bool ok_ = true;
};

template <class T>
void swap_chi(State<T>& state) {
  T* const t = state.chi;
  state.chi = state.next_chi;
  state.next_chi = t;
}

// Samples of the state for an output of `samples`: as many as have exactly `frames` frames, nearest to what was asked.
int64_t state_samples(const Framing& f, int64_t frames, int64_t samples) {
  const int64_t least = larger(0, (frames - 1) * f.hop + f.n_fft - f.pad_left - f.pad_right);
  return larger(least, smaller(samples, least + f.hop - 1));
}

template <class T>
bool reconstruct(const Row<T>& row, const GriffinLimOptions& options, int64_t index, int64_t samples, T* out, int64_t stride) {
  const Buffer memory(static_cast<size_t>(larger(1, 3 * row.samples)) * sizeof(T));
  T* const signals = reinterpret_cast<T*>(memory.data());
  if (!signals) return false;
  __builtin_memset(signals, 0, static_cast<size_t>(3 * row.samples) * sizeof(T));
  State<T> state{signals, signals + row.samples, signals + 2 * row.samples};
  const int64_t blocks = block_count(row.plan, row.frames);
  Watch<T> watch(row, options, index);
  bool ok = each_range(row.plan, blocks, [&](int64_t from, int64_t to, std::byte* m) { start_blocks(row, options, state, from, to, m); });
  for (int64_t i = 0; ok && i < options.iterations; ++i) {
    swap_chi(state);
    ok = each_range(row.plan, blocks, [&](int64_t from, int64_t to, std::byte* m) { iterate_blocks(row, options, state, from, to, m); });
    if (ok && watch.finished(i, state.tau)) break;
  }
  for (int64_t i = 0; i < samples; ++i) out[i * stride] = i < row.samples ? state.tau[i] * row.magnitude.scale() : T(0);
  return ok && watch.ok();
}

}  // namespace

template <class T>
bool griffin_lim(const StftView<T>& plan, View<const T, 3> magnitude, const int64_t* frames, const int64_t* samples,
                 View<const Complex<T>, 3> phase, View<T, 2> out, const GriffinLimOptions& options) {
  const int64_t batch = magnitude.shape[0], length = out.shape[1];
  bool ok = true;
  const auto each_row = [&](int64_t b) {
    const int64_t count = frames ? frames[b] : magnitude.shape[2], wanted = samples ? samples[b] : length;
    T* const destination = out.data + b * out.stride[0];
    for (int64_t i = wanted; i < length; ++i) destination[i * out.stride[1]] = T(0);
    if (count == 0) {
      for (int64_t i = 0; i < wanted; ++i) destination[i * out.stride[1]] = T(0);
      return;
    }
    const PackedMagnitude<T> packed(magnitude.data + b * magnitude.stride[0], plan.bins, magnitude.stride[1], magnitude.stride[2], count,
                                    Scaling::kUnitPeak);
    const Row<T> row{plan, packed, options.start == PhaseStart::kGiven ? phase.data + b * phase.stride[0] : nullptr,
                     phase.stride[1], phase.stride[2], count, state_samples(plan.framing, count, wanted)};
    if (!packed.ok() || !reconstruct(row, options, b, wanted, destination, out.stride[1])) __atomic_store_n(&ok, false, __ATOMIC_RELAXED);
  };
  if (batch >= thread_count() && batch > 1) return parallel_for(batch, 1, [&](int64_t b, std::byte*) { each_row(b); }) && ok;
  for (int64_t b = 0; b < batch; ++b) each_row(b);
  return ok;
}

template <class T>
bool spectral_error(const StftView<T>& plan, View<const T, 3> magnitude, const Signals& x, const int64_t* lengths, View<double, 2> out) {
  bool ok = true;
  for (int64_t b = 0; b < magnitude.shape[0]; ++b) {
    const Signal signal = row_of(x, b, lengths);
    const int64_t frames = smaller(frame_count(plan.framing, signal.samples), magnitude.shape[2]);
    const PackedMagnitude<T> packed(magnitude.data + b * magnitude.stride[0], plan.bins, magnitude.stride[1], magnitude.stride[2], frames,
                                    Scaling::kNone);
    Squares s;
    ok = packed.ok() && error_of(Row<T>{plan, packed, nullptr, 0, 0, frames, signal.samples}, signal, s) && ok;
    out.data[b * out.stride[0]] = s.error;
    out.data[b * out.stride[0] + out.stride[1]] = s.reference;
  }
  return ok;
}

template bool griffin_lim(const StftView<float>&, View<const float, 3>, const int64_t*, const int64_t*, View<const Complex<float>, 3>, View<float, 2>, const GriffinLimOptions&);
template bool griffin_lim(const StftView<double>&, View<const double, 3>, const int64_t*, const int64_t*, View<const Complex<double>, 3>, View<double, 2>, const GriffinLimOptions&);
template bool spectral_error(const StftView<float>&, View<const float, 3>, const Signals&, const int64_t*, View<double, 2>);
template bool spectral_error(const StftView<double>&, View<const double, 3>, const Signals&, const int64_t*, View<double, 2>);

}  // namespace lapped::cpu::LAPPED_ISA
