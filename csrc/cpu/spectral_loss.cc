// SPDX-License-Identifier: Apache-2.0
// Spectral losses: the values of a target, sums over their differences from a signal's in one pass
// over its samples, and the gradient of weighted sums in another.
#include "cpu/spectral_loss.h"

#include "cpu/adjoint.h"
#include "cpu/entry.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

static_assert(kTaskFrames % kValueFrames == 0, "a block of values belongs to one task");

// f(row, t, i, frames, scratch) for every vector of frames of a task, the i-th and later of its
// own; then done(row, first, valid, last, scratch), as each_task has them.
template <class T, class F, class Done>
bool each_frames(const StftView<T>& plan, const ValueView<T>& values, const Signals& x,
                 const int64_t* lengths, F f, Done done) {
  Carver size(nullptr);
  ValueScratch<T> unused(plan, values, size);
  const auto count = [&](int64_t row) {
    return frame_count(plan.framing, lengths ? lengths[row] : x.samples);
  };
  return each_task(
      x.batch, frame_count(plan.framing, x.samples), size.used(), count,
      [&](int64_t row, int64_t first, int64_t valid, int64_t last, std::byte* memory) {
        Carver carver(memory);
        ValueScratch<T> s(plan, values, carver);
        analyse(
            plan, row_of(x, row, lengths), first, valid, s.analysis, kTaskFrames,
            [&](const Frames<T>& frames, int64_t t, int64_t i) { f(row, t, i, frames, s); },
            [](int64_t, int64_t) {});
        done(row, first, valid, last, s);
      });
}

// --- sums

// The sums of frames t .. t + lanes - 1, at i of those of their task.
template <class Logs, class T>
void compare(const StftView<T>& plan, const ValueView<T>& values, const Frames<T>& frames,
             const ValueScratch<T>& s, const T* target, int64_t i) {
  Comparison<T, Logs> sums;
  each_value(plan, values, frames, s, [&](int64_t k, Vec<T> v) LAPPED_LAMBDA {
    sums.add(v, load(target + k * kValueFrames));
  });
  sums.write(s.sums + i, kTaskFrames);
}

// Sums of a row's tasks, added up in their order whoever made them.
class TaskSums {
 public:
  TaskSums(int64_t batch, int64_t frames)
      : per_row_((frames + kTaskFrames - 1) / kTaskFrames),
        memory_(static_cast<size_t>(batch * per_row_ * kLossSums + 1) * sizeof(double)),
        values_(reinterpret_cast<double*>(memory_.data())) {}
  bool ok() const { return values_; }
  template <class T>
  void set(int64_t row, int64_t first, int64_t valid, const T* sums) const {
    for (int64_t i = 0; i < kLossSums; ++i) {
      double sum = 0;
      for (int64_t t = 0; t < valid - first; ++t) sum += sums[i * kTaskFrames + t];
      values_[(row * per_row_ + first / kTaskFrames) * kLossSums + i] = sum;
    }
  }
  double total(int64_t row, int64_t i) const {
    double sum = 0;
    for (int64_t task = 0; task < per_row_; ++task)
      sum += values_[(row * per_row_ + task) * kLossSums + i];
    return sum;
  }

 private:
  int64_t per_row_;
  Buffer memory_;
  double* values_;
};

// --- gradients

// Derivative of a row's weighted sums by a value v of target t.
template <class T, bool Squared>
struct Slope {
  T square, absolute, log;
  explicit Slope(const View<const double, 2>& factors, int64_t row) {
    const auto factor = [&](int64_t i) {
      return static_cast<T>(factors.data[row * factors.stride[0] + i * factors.stride[1]]);
    };
    square = T(2) * factor(0);
    absolute = factor(2);
    log = Squared ? T(2) * factor(3) : factor(3);
  }
  // inverse = 1 / v; a difference of 0 has slope 0.
  LAPPED_INLINE Vec<T> at(Vec<T> v, Vec<T> t, Vec<T> inverse) const {
    const Vec<T> d = v - t;
    if constexpr (Squared)
      return square * d + signed_as(d, splat(absolute)) + log * log_ratio<T>(v, t) * inverse;
    else
      return square * d + signed_as(d, absolute + log * inverse);
  }

 private:
  static LAPPED_INLINE Vec<T> signed_as(Vec<T> d, Vec<T> size) {
    return d == T(0) ? Vec<T>{} : d < T(0) ? -size : size;
  }
};

template <class T>
struct LossGradientScratch {
  T* span;
  Cvec<T>* bins;  // where values are bands: X, its factor and weights by bin, and bands
  Vec<T>* slopes;
  Vec<T>* weights;
  Vec<T>* bands;
  LossGradientScratch(const StftView<T>& plan, const ValueView<T>& values, Carver& carver)
      : span(carver.take<T>(span_length<T>(plan.framing))),
        bins(carver.take<Cvec<T>>(values.bank ? plan.bins : 0)),
        slopes(carver.take<Vec<T>>(values.bank ? plan.bins : 0)),
        weights(carver.take<Vec<T>>(values.bank ? plan.bins : 0)),
        bands(carver.take<Vec<T>>(values.bank ? values.bank->band_count + 1 : 0)) {}
};

template <class T, class Gains, class Slopes>
LAPPED_INLINE void weigh_bins(const StftView<T>& plan, const ValueView<T>& values, Gains gains,
                              Slopes slope, const Frames<T>& frames, const T* target, Cvec<T>* z) {
  const AdjointFactors<T> factors(plan);
  const T floor = values.floor;
  map_bins(plan, frames, z, [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
    const Clamped<T> own(bin, k, gains, floor);
    const Vec<T> by_value = slope.at(own.value(), load(target + k * kValueFrames), own.inverse);
    return scaled(bin, by_value * own.slope(k, gains, floor) * factors.at(k));
  });
}

template <class T, class Gains, class Slopes>
LAPPED_INLINE void weigh_bands(const StftView<T>& plan, const ValueView<T>& values, Gains gains,
                               Slopes slope, const Frames<T>& frames, const T* target,
                               const LossGradientScratch<T>& s, Cvec<T>* z) {
  const T floor = values.floor;
  each_bin(plan, frames, z, [&](int64_t k, Cvec<T> bin) LAPPED_LAMBDA {
    const Clamped<T> own(bin, k, gains, floor);
    s.bins[k] = bin;
    s.slopes[k] = own.slope(k, gains, floor);
    s.weights[k] = own.value();
  });
  int64_t m = 0;
  project_bins(*values.bank, s.weights, [&](Vec<T> v) LAPPED_LAMBDA {
    const Vec<T> inverse = v < kTiny<T> ? Vec<T>{} : T(1) / v;
    s.bands[m] = slope.at(v, load(target + m * kValueFrames), inverse);
    ++m;
  });
  spread_bands(*values.bank, s.bands, s.weights);
  const AdjointFactors<T> factors(plan);
  from_bins(plan, z, [&](int64_t k) LAPPED_LAMBDA {
    return scaled(s.bins[k], s.weights[k] * s.slopes[k] * factors.at(k));
  });
}

template <bool Squared, class T>
bool gradient(const StftView<T>& plan, const ValueView<T>& values, const Signals& x,
              const int64_t* lengths, View<const T, 4> target, View<const double, 2> factors,
              View<T, 2> out) {
  const auto make = [&](Carver& c) { return LossGradientScratch<T>(plan, values, c); };
  return with_gains(values, [&](auto gains) {
    return add_up(plan, out, lengths, make,
                  [&](int64_t row, int64_t t, const LossGradientScratch<T>& s, Cvec<T>* z) {
                    const Frames<T> frames =
                        frames_at(plan.framing, row_of(x, row, lengths), t, s.span);
                    const Slope<T, Squared> slope(factors, row);
                    const T* const own = values_from(target, row, t);
                    if (values.bank)
                      return weigh_bands(plan, values, gains, slope, frames, own, s, z);
                    weigh_bins(plan, values, gains, slope, frames, own, z);
                  });
  });
}

}  // namespace

template <class T>
bool spectral_values(const StftView<T>& plan, const ValueView<T>& values, const Signals& x,
                     const int64_t* lengths, View<T, 4> out) {
  return each_frames(
      plan, values, x, lengths,
      [&](int64_t row, int64_t t, int64_t, const Frames<T>& frames, const ValueScratch<T>& s) {
        T* const to = values_from(out, row, t);
        each_value(plan, values, frames, s,
                   [&](int64_t k, Vec<T> v) LAPPED_LAMBDA { store(to + k * kValueFrames, v); });
      },
      [&](int64_t row, int64_t, int64_t valid, int64_t last, const ValueScratch<T>&) {
        for (int64_t t = valid; t < value_blocks(last) * kValueFrames; ++t)
          for (int64_t k = 0; k < out.shape[2]; ++k)
            values_from(out, row, t)[k * kValueFrames] = T(0);
      });
}

template <class T>
bool spectral_loss(const StftView<T>& plan, const ValueView<T>& values, const Signals& x,
                   const int64_t* lengths, View<const T, 4> target, View<double, 2> out,
                   bool squared_logs) {
  const TaskSums sums(x.batch, frame_count(plan.framing, x.samples));
  if (!sums.ok()) return false;
  const bool done = each_frames(
      plan, values, x, lengths,
      [&](int64_t row, int64_t t, int64_t i, const Frames<T>& frames, const ValueScratch<T>& s) {
        const T* const own = values_from(target, row, t);
        if (squared_logs) return compare<SquaredLogs<T>>(plan, values, frames, s, own, i);
        compare<AbsoluteLogs<T>>(plan, values, frames, s, own, i);
      },
      [&](int64_t row, int64_t first, int64_t valid, int64_t, const ValueScratch<T>& s) {
        sums.set(row, first, valid, s.sums);
      });
  for (int64_t row = 0; row < x.batch; ++row)
    for (int64_t i = 0; i < kLossSums; ++i)
      out.data[row * out.stride[0] + i * out.stride[1]] = sums.total(row, i);
  return done;
}

template <class T>
bool spectral_loss_gradient(const StftView<T>& plan, const ValueView<T>& values, const Signals& x,
                            const int64_t* lengths, View<const T, 4> target,
                            View<const double, 2> factors, View<T, 2> out, bool squared_logs) {
  return squared_logs ? gradient<true>(plan, values, x, lengths, target, factors, out)
                      : gradient<false>(plan, values, x, lengths, target, factors, out);
}

#define LAPPED_INSTANTIATE(T)                                                                   \
  template bool spectral_values(const StftView<T>&, const ValueView<T>&, const Signals&,        \
                                const int64_t*, View<T, 4>);                                    \
  template bool spectral_loss(const StftView<T>&, const ValueView<T>&, const Signals&,          \
                              const int64_t*, View<const T, 4>, View<double, 2>, bool);         \
  template bool spectral_loss_gradient(const StftView<T>&, const ValueView<T>&, const Signals&, \
                                       const int64_t*, View<const T, 4>, View<const double, 2>, \
                                       View<T, 2>, bool);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped::cpu::LAPPED_ISA
