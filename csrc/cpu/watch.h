// SPDX-License-Identifier: Apache-2.0
// How far the iterates of a phase reconstruction have come, and when to stop.
#pragma once
#include "core/options.h"
#include "cpu/spectral_convergence.h"

namespace lapped::cpu {
namespace {

// Watches the iterates of one row, when asked to.
template <class T>
class Watch {
 public:
  Watch(const StftView<T>& plan, const PackedMagnitude<T>& magnitude, int64_t frames,
        const GriffinLimOptions& options, int64_t index)
      : plan_(plan),
        magnitude_(magnitude),
        frames_(frames),
        options_(options),
        convergence_(options.convergence ? options.convergence + index * options.iterations
                                         : nullptr) {
    for (int64_t i = 0; convergence_ && i < options.iterations; ++i)
      convergence_[i] = __builtin_nan("");
  }
  bool ok() const { return ok_; }
  bool idle() const { return !convergence_ && options_.tolerance <= 0; }

  // Whether to stop after iteration i: the ratio ||stft(iterate)| - S| / |S| changed by no more
  // than `tolerance` of itself.
  bool finished(int64_t i, const Signal& iterate) {
    if (idle()) return false;
    Squares s;
    ok_ = error_of(plan_, magnitude_, frames_, iterate, s) && ok_;
    if (convergence_) convergence_[i] = decibels(s);
    const double ratio = s.reference > 0 ? __builtin_sqrt(s.error / s.reference) : 0,
                 change = __builtin_fabs(previous_ - ratio);
    const bool settled =
        options_.tolerance > 0 && i > 0 && change <= options_.tolerance * previous_;
    previous_ = ratio;
    return settled;
  }

 private:
  const StftView<T>& plan_;
  const PackedMagnitude<T>& magnitude_;
  int64_t frames_;
  const GriffinLimOptions& options_;
  double* convergence_;
  double previous_ = 0;
  bool ok_ = true;
};

}  // namespace
}  // namespace lapped::cpu
