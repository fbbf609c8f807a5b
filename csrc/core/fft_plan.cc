// SPDX-License-Identifier: Apache-2.0
#include "core/fft_plan.h"

#include <cmath>
#include <complex>
#include <numbers>

namespace lapped {
namespace {

using Cd = std::complex<double>;

// exp(-2 pi i numerator / denominator), exact at the eighths because the angle is reduced in
// integers first.
Cd root(int64_t numerator, int64_t denominator) {
  const int64_t k = numerator % denominator;
  const int64_t octant = (8 * k) / denominator;
  const int64_t quarter = (octant + 1) / 2;  // nearest quarter turn
  const double angle = 2 * std::numbers::pi *
                       (4.0 * k - static_cast<double>(quarter) * denominator) / (4.0 * denominator);
  const double c = std::cos(angle), s = std::sin(angle);
  switch (quarter % 4) {
    case 0:
      return {c, -s};
    case 1:
      return {-s, -c};
    case 2:
      return {-c, s};
    default:
      return {s, c};
  }
}

// Radices of n, or nothing when a prime factor is too large. Odd ones first, so that the later
// passes are short and of radix 4 and 8.
std::vector<int> radices_of(int64_t n, Radices radices, int first) {
  std::vector<int> odd;
  if (first) odd.push_back(first), n /= first;
  for (int p : {13, 11, 7, 5, 3})
    while (n % p == 0) odd.push_back(p), n /= p;
  int twos = 0;
  while (n % 2 == 0) n /= 2, ++twos;
  if (n != 1) return {};
  std::vector<int> even;
  if (radices != Radices::kFour) {
    for (; twos >= 3 && twos != 4; twos -= 3) even.push_back(8);
    if (twos == 4 && radices == Radices::kSixteen) even.push_back(16), twos = 0;
    for (; twos >= 2; twos -= 2) even.push_back(4);
  } else {
    const bool trailing_eight = twos % 2 == 1 && twos >= 3;
    for (int left = trailing_eight ? twos - 3 : twos; left >= 2; left -= 2) even.push_back(4);
    if (trailing_eight) even.push_back(8);
    twos = twos == 1 ? 1 : 0;
  }
  if (twos == 1) even.push_back(2);
  odd.insert(odd.end(), even.begin(), even.end());
  return odd;
}

void transform(std::vector<Cd>& z) {  // plain recursive radix 2, for tables only
  const size_t n = z.size();
  if (n == 1) return;
  std::vector<Cd> even(n / 2), odd(n / 2);
  for (size_t i = 0; i < n / 2; ++i) even[i] = z[2 * i], odd[i] = z[2 * i + 1];
  transform(even);
  transform(odd);
  for (size_t k = 0; k < n / 2; ++k) {
    const Cd t = root(static_cast<int64_t>(k), static_cast<int64_t>(n)) * odd[k];
    z[k] = even[k] + t;
    z[k + n / 2] = even[k] - t;
  }
}

template <class T>
void append(std::vector<T>& out, Cd v) {
  out.push_back(static_cast<T>(v.real()));
  out.push_back(static_cast<T>(v.imag()));
}

}  // namespace

template <class T>
FftTables<T>::FftTables(int64_t n, Radices radices, int first, int64_t tile) {
  view_.n = n;
  const std::vector<int> found = radices_of(n, radices, first);
  if (n > 1 && found.empty())
    make_bluestein(radices);
  else
    make_stages(found, tile);
  view_.twiddles = twiddles_.data();
  view_.position = position_.data();
  view_.chirp = chirp_.data();
  view_.chirp_spectrum = chirp_spectrum_.data();
}

template <class T>
void FftTables<T>::make_stages(const std::vector<int>& radices, int64_t tile) {
  int64_t length = view_.n;
  for (int radix : radices) {
    const int64_t sub = length / radix;
    view_.stages[view_.stage_count++] = {radix, sub, static_cast<int64_t>(twiddles_.size())};
    for (int64_t j = 0; j < sub; ++j)
      for (int r = 1; r < radix; ++r) append(twiddles_, root(j * r, length));
    length = sub;
  }
  view_.tiled = tile > 0 && !radices.empty() && view_.stages[0].sub_length >= tile;
  position_.resize(view_.n);
  for (int64_t k = 0; k < view_.n; ++k) {
    int64_t rest = k, at = 0;
    for (int s = 0; s < view_.stage_count; ++s) {
      const int64_t step = s == 0 ? part_stride(view_) : view_.stages[s].sub_length;
      at += rest % view_.stages[s].radix * step;
      rest /= view_.stages[s].radix;
    }
    position_[k] = static_cast<int32_t>(at);
  }
}

template <class T>
void FftTables<T>::make_bluestein(Radices radices) {
  const int64_t n = view_.n;
  int64_t padded = 1;
  while (padded < 2 * n - 1) padded *= 2;
  std::vector<Cd> filter(padded);
  for (int64_t j = 0; j < n; ++j) {
    const Cd c = root(j * j % (2 * n), 2 * n);
    append(chirp_, c);
    filter[j] = filter[(padded - j) % padded] = std::conj(c);
  }
  transform(filter);
  convolution_ = std::make_unique<FftTables<T>>(padded, radices);
  chirp_spectrum_.resize(2 * padded);
  for (int64_t k = 0; k < padded; ++k) {
    const int64_t at = convolution_->view().position[k];
    chirp_spectrum_[2 * at] = static_cast<T>(filter[k].real() / padded);
    chirp_spectrum_[2 * at + 1] = static_cast<T>(filter[k].imag() / padded);
  }
  position_.resize(n);
  for (int64_t k = 0; k < n; ++k) position_[k] = static_cast<int32_t>(k);
  view_.padded = padded;
  view_.convolution = &convolution_->view();
}

template class FftTables<float>;
template class FftTables<double>;

}  // namespace lapped
