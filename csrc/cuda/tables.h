// SPDX-License-Identifier: Apache-2.0
// What kernels read of a plan and of a filter bank, in a device's memory: made at first use, kept
// with the plan.
#pragma once
#include "core/mel_bands.h"
#include "core/spectral_loss.h"
#include "core/stft_plan.h"
#include "cuda/complex.cuh"
#include "cuda/launch.h"

namespace lapped::cuda {

// As core/stft_plan.h has it; all pointers lead to the device.
template <class T>
struct Plan {
  Framing framing;
  bool half_length;
  int n;            // points of the complex transform
  int work_length;  // elements that it works on
  int bins;
  const FftView<T>* fft;
  const Cx<T>* fixed_twiddles;  // of cuda/sizes.h, or null
  const Cx<T>* untangling;      // exp(-2 pi i k / n_fft), k <= n / 2
  const T* analysis_window;
  const T* synthesis_window;
  const T* inverse_envelope;
  const T* head_envelope;
  const T* tail_envelope;
  const double* squared_window;
  double envelope_floor;
};

// As core/mel_bands.h has it.
template <class T>
struct Bank {
  int bands, bins;
  const int32_t* starts;         // bands + 1
  const int32_t* lower_band;     // of a bin in some band; -1 for one in none
  const BinWeights<T>* weights;  // by bin, as all below
  const BinSum<T>* sums;
  const BinWeights<T>* shares;
  const T* inverse_sum;  // by band
};

template <class T>
const Plan<T>& plan_on(const Cuda& device, const StftPlan& plan);
template <class T>
const Bank<T>& bank_on(const Cuda& device, const MelBands& bands);

template <class T>
const T* squared_gains_on(const Cuda& device, const BinGains& gains);

}  // namespace lapped::cuda
