// SPDX-License-Identifier: Apache-2.0
// Twin of core/stft_plan.cc and core/mel_bands.cc: their tables, moved to a device.
#include <cmath>
#include <cstring>
#include <numbers>
#include <type_traits>
#include <vector>

#include "cuda/sizes.h"
#include "cuda/tables.h"

namespace lapped::cuda {
namespace {

// Lays arrays out one after the other. The first of two passes counts bytes; the second fills a
// host copy and hands out the addresses that the arrays will have on the device.
class Layout {
 public:
  explicit Layout(unsigned char* device) : device_(device) {}

  template <class E>
  const E* put(const E* values, size_t count) {
    static_assert(std::is_trivially_copyable_v<E>);
    constexpr size_t kAlignment = 16;
    const size_t at = (used_ + kAlignment - 1) / kAlignment * kAlignment;
    used_ = at + count * sizeof(E);
    if (!device_) return nullptr;
    host_.resize(used_);
    if (count) std::memcpy(host_.data() + at, values, count * sizeof(E));
    return reinterpret_cast<const E*>(device_ + at);
  }
  template <class E>
  const E* put(const std::vector<E>& values) {
    return put(values.data(), values.size());
  }
  size_t used() const { return used_; }
  const unsigned char* host() const { return host_.data(); }

 private:
  unsigned char* device_;
  size_t used_ = 0;
  std::vector<unsigned char> host_;
};

// View makes itself out of a Layout: view = describe(layout).
template <class View>
struct OnDevice {
  DeviceMemory memory;
  View view;

  template <class Describe>
  OnDevice(int device, Describe describe)
      : memory(device, size_of(describe)), view(filled(describe)) {}

 private:
  template <class Describe>
  static size_t size_of(Describe describe) {
    Layout counting(nullptr);
    describe(counting);
    return counting.used();
  }
  template <class Describe>
  View filled(Describe describe) {
    Layout layout(memory.data());
    const View v = describe(layout);
    memory.fill(layout.host());
    return v;
  }
};

template <class T>
Cx<T> root(int64_t k, int64_t n) {  // exp(-2 pi i k / n)
  const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
  return {static_cast<T>(std::cos(angle)), static_cast<T>(-std::sin(angle))};
}

template <class T>
std::vector<Cx<T>> untangling_factors(int64_t n) {
  std::vector<Cx<T>> factors;
  for (int64_t k = 0; 2 * k < n; ++k) factors.push_back(root<T>(k, 2 * n));
  factors.push_back({0, -1});  // of n / 2, exactly; more than is asked for where n is odd
  return factors;
}

std::vector<int> fixed_radices(int64_t n_fft) {
#define LAPPED_RADICES(N, FRAMES, THREADS, ...) \
  if (n_fft == N) return {__VA_ARGS__};
  LAPPED_FIXED_SIZES(LAPPED_RADICES)
#undef LAPPED_RADICES
  return {};
}

// Of each stage but the last: row r of M_s factors exp(-2 pi i j r / (R_s M_s)), r = 1 .. R_s - 1.
template <class T>
std::vector<Cx<T>> fixed_twiddles(int64_t n_fft) {
  std::vector<Cx<T>> factors;
  int64_t length = n_fft / 2;
  for (int radix : fixed_radices(n_fft)) {
    const int64_t sub = length / radix;
    for (int64_t r = 1; r < radix && sub > 1; ++r)
      for (int64_t j = 0; j < sub; ++j) factors.push_back(root<T>(j * r % length, length));
    length = sub;
  }
  return factors;
}

template <class T>
const FftView<T>* put_fft(Layout& layout, const FftView<T>& fft) {
  FftView<T> moved = fft;
  int64_t factors = 0;
  for (int s = 0; s < fft.stage_count; ++s)
    factors += 2 * (fft.stages[s].radix - 1) * fft.stages[s].sub_length;
  moved.twiddles = layout.put(fft.twiddles, static_cast<size_t>(factors));
  moved.position = layout.put(fft.position, static_cast<size_t>(fft.n));
  if (fft.padded) {
    moved.convolution = put_fft(layout, *fft.convolution);
    moved.chirp = layout.put(fft.chirp, static_cast<size_t>(2 * fft.n));
    moved.chirp_spectrum = layout.put(fft.chirp_spectrum, static_cast<size_t>(2 * fft.padded));
  }
  return layout.put(&moved, 1);
}

template <class T>
Plan<T> put_plan(Layout& layout, const StftPlan& plan, const StftView<T>& v) {
  const Framing& f = v.framing;
  const auto samples = static_cast<size_t>(f.n_fft), rows = static_cast<size_t>(block_rows(f)),
             overlap = static_cast<size_t>(frame_blocks(f) - 1);
  Plan<T> p{};
  p.framing = f;
  p.half_length = v.half_length;
  p.n = static_cast<int>(v.fft.n);
  p.work_length = static_cast<int>(fft_work_length(v.fft));
  p.bins = static_cast<int>(plan.bins());
  p.fft = put_fft(layout, v.fft);
  if (sizeof(T) == sizeof(float)) p.fixed_twiddles = layout.put(fixed_twiddles<T>(f.n_fft));
  if (v.half_length) p.untangling = layout.put(untangling_factors<T>(v.fft.n));
  p.analysis_window = layout.put(v.analysis_window, samples);
  p.synthesis_window = layout.put(v.synthesis_window, samples);
  p.inverse_envelope = layout.put(v.inverse_envelope, rows);
  p.head_envelope = layout.put(v.head_envelope, rows * overlap);
  p.tail_envelope = layout.put(v.tail_envelope, rows * overlap);
  p.squared_window = layout.put(v.squared_window, samples);
  p.envelope_floor = v.envelope_floor;
  return p;
}

template <class T>
Bank<T> put_bank(Layout& layout, const BandView<T>& v) {
  const auto bins = static_cast<size_t>(v.bin_count), bands = static_cast<size_t>(v.band_count);
  std::vector<int32_t> lower_band(bins, -1);
  for (int32_t m = 0; m < v.band_count; ++m)
    for (int32_t k = v.starts[m]; k < v.starts[m + 1]; ++k) lower_band[k] = m;
  Bank<T> b{};
  b.bands = static_cast<int>(v.band_count);
  b.bins = static_cast<int>(v.bin_count);
  b.starts = layout.put(v.starts, bands + 1);
  b.lower_band = layout.put(lower_band);
  b.weights = layout.put(v.weights, bins);
  b.sums = layout.put(v.sums, bins);
  b.shares = layout.put(v.shares, bins);
  b.inverse_sum = layout.put(v.inverse_sum, bands);
  return b;
}

}  // namespace

template <class T>
const Plan<T>& plan_on(const Cuda& device, const StftPlan& plan) {
  using Tables = OnDevice<Plan<T>>;
  return plan.kept()
      .get<Tables>(device.index,
                   [&] {
                     const StftTables<T> host(plan.framing(), plan.window(), 1, Radices::kEight);
                     return std::make_unique<Tables>(device.index, [&](Layout& layout) {
                       return put_plan(layout, plan, host.view());
                     });
                   })
      .view;
}

template <class T>
const Bank<T>& bank_on(const Cuda& device, const MelBands& bands) {
  using Tables = OnDevice<Bank<T>>;
  return bands.kept()
      .get<Tables>(device.index,
                   [&] {
                     return std::make_unique<Tables>(device.index, [&](Layout& layout) {
                       return put_bank(layout, bands.view<T>());
                     });
                   })
      .view;
}

template <class T>
const T* squared_gains_on(const Cuda& device, const BinGains& gains) {
  using Tables = OnDevice<const T*>;
  return gains.kept()
      .get<Tables>(device.index,
                   [&] {
                     return std::make_unique<Tables>(device.index, [&](Layout& layout) {
                       return layout.put(gains.squares<T>(),
                                         static_cast<size_t>(gains.bin_count()));
                     });
                   })
      .view;
}

template const Plan<float>& plan_on(const Cuda&, const StftPlan&);
template const Plan<double>& plan_on(const Cuda&, const StftPlan&);
template const Bank<float>& bank_on(const Cuda&, const MelBands&);
template const Bank<double>& bank_on(const Cuda&, const MelBands&);
template const float* squared_gains_on(const Cuda&, const BinGains&);
template const double* squared_gains_on(const Cuda&, const BinGains&);

}  // namespace lapped::cuda
