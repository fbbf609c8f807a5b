// SPDX-License-Identifier: Apache-2.0
// One iteration of phase reconstruction. Griffin and Lim, TASSP 1984; fast, Perraudin, Balazs and
// Sondergaard, WASPAA 2013; accelerated, Nenov, Nguyen, Balazs and Bot, ICASSP 2023. With G(x) =
// inverse(S X / |X|), X = stft(x), all three are
//   tau_(n+1) = (1 - step) chi_n + step G(chi_n),   chi_(n+1) = tau_(n+1) + momentum (tau_(n+1) -
//   tau_n),
// (momentum 0, step 1), (momentum, step 1) and both. The transform is linear, so momentum acts on
// signals: the state is tau and chi, no spectra.
#pragma once
#include "cpu/bands.h"
#include "cpu/compressor.h"
#include "cpu/entry.h"
#include "cpu/packed.h"
#include "cpu/random_phase.h"
#include "cpu/synthesis.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// Mel bands that the iteration holds its own magnitudes to, instead of prescribing every bin.
template <class T>
struct MelTarget {
  const BandView<T>& bank;
  const PackedBands<T>& bands;
  T exponent;
};

template <class T>
struct Row {
  const StftView<T>& plan;
  const PackedMagnitude<T>& magnitude;
  const MelTarget<T>* mel;  // or null
  const Complex<T>* phase;  // given phase, or null
  int64_t phase_bin_stride, phase_frame_stride;
  int64_t frames, samples;  // samples of the state
  int threads;              // that share the row
};

template <class T>
struct State {
  T* tau;
  T* chi;
  T* next_chi;
};

// Signals of zeros whose blocks begin with a cache line where hops are whole lines.
template <class T>
State<T> take_state(const Row<T>& row, Carver& carver) {
  const int64_t lead =
      row.plan.framing.pad_left % static_cast<int64_t>(kScratchAlignment / sizeof(T));
  const auto take = [&]() -> T* {
    T* const memory = carver.take<T>(lead + row.samples);
    if (!memory) return nullptr;
    __builtin_memset(memory, 0, static_cast<size_t>(lead + row.samples) * sizeof(T));
    return memory + lead;
  };
  return {take(), take(), take()};
}

constexpr int64_t kMostTogether = 8;

template <class T>
struct IterationScratch {
  AnalysisScratch<T> analysis;
  SynthesisScratch<T> synthesis;
  FrameSums<T> sums[kMostTogether];  // of iterations that go over the row together
  Cvec<T>* bins;
  Vec<T>* powers;  // held to mel bands: of magnitudes, by bin
  Vec<T>* ratios;  // and by band, one above the last
  IterationScratch(const Row<T>& row, int64_t iterations, Carver& carver)
      : analysis(row.plan, carver),
        synthesis(row.plan, carver),
        bins(carver.take<Cvec<T>>(row.plan.bins)),
        powers(carver.take<Vec<T>>(row.mel ? row.plan.bins : 0)),
        ratios(carver.take<Vec<T>>(row.mel ? row.mel->bank.band_count + 1 : 0)) {
    sums[0] = synthesis.sums;
    for (int64_t i = 1; i < iterations; ++i) sums[i] = take_sums(row.plan, carver);
  }
};

template <class T>
size_t scratch_bytes(const Row<T>& row, int64_t iterations) {
  Carver size(nullptr);
  IterationScratch<T> unused(row, iterations, size);
  return size.used();
}

constexpr int64_t kPrefetched = 128;    // vectors ahead
constexpr int64_t kSamplesAhead = 128;  // of the state, that are fetched while some are updated

// --- spectra ---

template <class T>
LAPPED_INLINE Cvec<T> with_magnitude(Cvec<T> x, Vec<T> magnitude) {  // 0 stays 0
  return scaled(x, over_square_root(magnitude, squared(x, kTiny<T>)));
}

// bins <- complex numbers whose phases start the iteration.
template <class T>
void start_phases(const Row<T>& row, const GriffinLimOptions& options, int64_t t, Cvec<T>* bins) {
  const int64_t count = row.plan.bins;
  switch (options.start) {
    case PhaseStart::kZeros:
      for (int64_t k = 0; k < count; ++k) bins[k] = Cvec<T>{splat(T(1)), Vec<T>{}};
      break;
    case PhaseStart::kGiven:
      read_lanes(row.phase, count, row.phase_bin_stride, row.phase_frame_stride, t, row.frames - t,
                 bins);
      for (int64_t k = 0; k < count; ++k) bins[k] = with_magnitude(bins[k], splat(T(1)));
      break;
    case PhaseStart::kRandom:
      for (int64_t k = 0; k < count; k += kPhasesPerCounter) {
        Cvec<T> phasors[kPhasesPerCounter];
        random_phasors<T>(options.seed, static_cast<uint32_t>(k / kPhasesPerCounter), t, phasors);
        for (int64_t i = 0; i < smaller(kPhasesPerCounter, count - k); ++i)
          bins[k + i] = phasors[i];
      }
      break;
  }
}

template <class T>
void start_spectrum(const Row<T>& row, const GriffinLimOptions& options, int64_t t, Cvec<T>* bins,
                    Cvec<T>* z) {
  start_phases(row, options, t, bins);
  const Vec<T>* magnitude = row.magnitude.frames_from(t);
  each_visit(row.plan, [&](int64_t k) { bins[k] = scaled(bins[k], *magnitude++); });
  from_bins(row.plan, z, [&](int64_t k) LAPPED_LAMBDA { return bins[k]; });
}

// Inverse transforms of the frames with the magnitudes |x| that one step of
// multiplicative expectation-maximisation makes of their own: |x|^exponent g. No bin may fall
// below a hundredth of the given magnitudes, or it would stay at zero; bins in no band become 0.
template <class T>
void hold_to_mel(const Row<T>& row, int64_t t, const Frames<T>& frames,
                 const IterationScratch<T>& s, Cvec<T>* z) {
  constexpr T least = T(0.01);
  const MelTarget<T>& mel = *row.mel;
  const MagnitudePower<T> raise{mel.exponent}, root{T(2) / mel.exponent};
  const Vec<T>* magnitude = row.magnitude.frames_from(t);
  each_bin(row.plan, frames, z, [&](int64_t k, Cvec<T> x) LAPPED_LAMBDA {
    const Vec<T> floor = *magnitude++ * least, own = squared(x), lowest = floor * floor;
    s.bins[k] = x;
    s.powers[k] = raise(own < lowest ? lowest : own);
  });
  const Vec<T>* const bands = mel.bands.frames_from(t);
  int64_t m = 0;
  project_bins(mel.bank, s.powers, [&](Vec<T> sum) LAPPED_LAMBDA {
    s.ratios[m] = sum <= kTiny<T> ? Vec<T>{} : bands[m] / sum;
    ++m;
  });
  s.ratios[mel.bank.band_count] = Vec<T>{};
  const int32_t first = mel.bank.starts[0], end = mel.bank.starts[mel.bank.band_count];
  for (int64_t k = 0; k < row.plan.bins; ++k)
    if (k < first || k >= end) s.bins[k] = Cvec<T>{Vec<T>{}, Vec<T>{}};
  for (int64_t band = 0; band < mel.bank.band_count; ++band)
    for (int32_t k = mel.bank.starts[band]; k < mel.bank.starts[band + 1]; ++k) {
      const Vec<T> gain =
          s.ratios[band] * mel.bank.shares[k].lower + s.ratios[band + 1] * mel.bank.shares[k].upper;
      s.bins[k] = with_magnitude(s.bins[k], root(s.powers[k] * gain));
    }
  from_bins(row.plan, z, [&](int64_t k) LAPPED_LAMBDA { return s.bins[k]; });
}

// --- over blocks [from, to) ---

template <class T>
void start_blocks(const Row<T>& row, const GriffinLimOptions& options, const State<T>& state,
                  int64_t from, int64_t to, std::byte* memory) {
  Carver carver(memory);
  IterationScratch<T> s(row, 1, carver);
  const Framing& f = row.plan.framing;
  synthesise(
      row.plan, row.frames, from, to, s.synthesis,
      [&](int64_t t, Cvec<T>* z) { start_spectrum(row, options, t, s.bins, z); },
      [&](int64_t b, const T* __restrict sums, const T* __restrict envelope) {
        clipped(b * f.hop - f.pad_left, block_rows(f), row.samples,
                [&](int64_t at, int64_t count, int64_t skip) {
                  T* __restrict tau = state.tau + at;
                  T* __restrict next = state.next_chi + at;
                  for (int64_t i = 0; i < count; ++i)
                    tau[i] = next[i] = sums[skip + i] * envelope[skip + i];
                });
      });
}

// The part of an iteration that frames t .. t + lanes - 1 complete.
template <class T>
void iterate_vector(const Row<T>& row, const GriffinLimOptions& options, const State<T>& state,
                    int64_t t, int64_t from, int64_t to, const IterationScratch<T>& s,
                    const FrameSums<T>& carried) {
  const Signal signal = signal_of(state.chi, row.samples);
  const Framing& f = row.plan.framing;
  const T momentum = static_cast<T>(options.momentum), step = static_cast<T>(options.step),
          keep = T(1) - step;
  synthesise_vector(
      row.plan, row.frames, t, from, to, s.synthesis, carried,
      [&](int64_t, Cvec<T>* z) {
        const Frames<T> frames = frames_at(f, signal, t, s.analysis.span);
        if (row.mel) return hold_to_mel(row, t, frames, s, z);
        const Vec<T>* magnitude = row.magnitude.frames_from(t);
        map_bins(row.plan, frames, z, [&](int64_t, Cvec<T> x) LAPPED_LAMBDA {
          __builtin_prefetch(magnitude + kPrefetched);  // long signals come from beyond the caches
          return with_magnitude(x, *magnitude++);
        });
      },
      [&](int64_t b, const T* __restrict sums, const T* __restrict envelope) {
        clipped(b * f.hop - f.pad_left, block_rows(f), row.samples,
                [&](int64_t at, int64_t count, int64_t skip) {
                  T* __restrict tau = state.tau + at;
                  T* __restrict next = state.next_chi + at;
                  const T* __restrict chi = state.chi + at;
                  fetch<Use::kWrite, kFirstLevel>(tau + kSamplesAhead, count);
                  fetch<Use::kWrite, kFirstLevel>(next + kSamplesAhead, count);
                  for (int64_t i = 0; i < count; ++i) {
                    const T updated = keep * chi[i] + step * (sums[skip + i] * envelope[skip + i]);
                    next[i] = updated + momentum * (updated - tau[i]);
                    tau[i] = updated;
                  }
                });
      });
}

template <class T>
void iterate_blocks(const Row<T>& row, const GriffinLimOptions& options, const State<T>& state,
                    int64_t from, int64_t to, std::byte* memory) {
  if (from >= to) return;
  Carver carver(memory);
  const IterationScratch<T> s(row, 1, carver);
  LAPPED_ISA::clear(row.plan, s.sums[0]);
  for (int64_t t = first_vector(row.plan, from); t < to; t += kLanes<T>)
    iterate_vector(row, options, state, t, from, to, s, s.sums[0]);
}

}  // namespace
}  // namespace lapped::cpu::LAPPED_ISA
