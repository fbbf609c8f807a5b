// SPDX-License-Identifier: Apache-2.0
#include "cpu/fft.h"

#include "cpu/butterflies.h"

namespace lapped::cpu::LAPPED_ISA {
namespace {

// Blocks below this size are taken through all their remaining stages at once, while they lie in
// the first-level cache.
constexpr int64_t kFftBlockBytes = 16 << 10;

// --- one stage over `blocks` consecutive blocks ---

template <int R, class T, class Source>
void forward_stage(const FftStage& stage, const T* twiddles, Cvec<T>* z, int64_t blocks,
                   Source source) {
  const int64_t m = stage.sub_length;
  for (int64_t b = 0; b < blocks; ++b, z += R * m) {
    const T* w = twiddles + stage.twiddle;
    for (int64_t j = 0; j < m; ++j, w += 2 * (R - 1)) {
      Cvec<T> a[R];
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) a[r] = source(z, j + r * m);
      butterfly<false>(a);
      z[j] = a[0];
#pragma GCC unroll 16
      for (int r = 1; r < R; ++r)
        z[j + r * m] = times<false>(a[r], splat(w[2 * r - 2]), splat(w[2 * r - 1]));
    }
  }
}

template <int R, class T>
void inverse_stage(const FftStage& stage, const T* twiddles, Cvec<T>* z, int64_t blocks) {
  const int64_t m = stage.sub_length;
  for (int64_t b = 0; b < blocks; ++b, z += R * m) {
    const T* w = twiddles + stage.twiddle;
    for (int64_t j = 0; j < m; ++j, w += 2 * (R - 1)) {
      Cvec<T> a[R];
      a[0] = z[j];
#pragma GCC unroll 16
      for (int r = 1; r < R; ++r)
        a[r] = times<true>(z[j + r * m], splat(w[2 * r - 2]), splat(w[2 * r - 1]));
      butterfly<true>(a);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) z[j + r * m] = a[r];
    }
  }
}

// The last stage has no twiddles and its points lie side by side.
template <int R, bool Inverse, class T>
void innermost_stage(Cvec<T>* z, int64_t blocks) {
  for (int64_t b = 0; b < blocks; ++b, z += R) {
    Cvec<T> a[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) a[r] = z[r];
    butterfly<Inverse>(a);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) z[r] = a[r];
  }
}

// The one place where a radix known at run time becomes a template argument.
template <class F>
LAPPED_INLINE void with_radix(int radix, F f) {
  switch (radix) {
    case 2:
      return f(std::integral_constant<int, 2>{});
    case 3:
      return f(std::integral_constant<int, 3>{});
    case 4:
      return f(std::integral_constant<int, 4>{});
    case 5:
      return f(std::integral_constant<int, 5>{});
    case 7:
      return f(std::integral_constant<int, 7>{});
    case 8:
      return f(std::integral_constant<int, 8>{});
    case 11:
      return f(std::integral_constant<int, 11>{});
    case 13:
      return f(std::integral_constant<int, 13>{});
    default:
      __builtin_unreachable();
  }
}

// --- all stages ---

struct InPlace {
  template <class T>
  LAPPED_INLINE Cvec<T> operator()(const Cvec<T>* z, int64_t i) const {
    return z[i];
  }
};

template <bool Inverse, class T>
void run_stage(const FftView<T>& fft, int s, Cvec<T>* z, int64_t blocks) {
  const FftStage& stage = fft.stages[s];
  with_radix(stage.radix, [&](auto radix) {
    constexpr int R = decltype(radix)::value;
    if (stage.sub_length == 1)
      innermost_stage<R, Inverse>(z, blocks);
    else if constexpr (Inverse)
      inverse_stage<R>(stage, fft.twiddles, z, blocks);
    else
      forward_stage<R>(stage, fft.twiddles, z, blocks, InPlace{});
  });
}

// Stages s and later over one block of `length` elements, depth first until the block fits the
// cache.
template <bool Inverse, class T>
void run_stages(const FftView<T>& fft, int s, Cvec<T>* z, int64_t length) {
  if (s == fft.stage_count) return;
  const int64_t sub = fft.stages[s].sub_length;
  if (length * static_cast<int64_t>(sizeof(Cvec<T>)) > kFftBlockBytes && sub > 1) {
    if (!Inverse) run_stage<false>(fft, s, z, 1);
    for (int64_t at = 0; at < length; at += sub) run_stages<Inverse>(fft, s + 1, z + at, sub);
    if (Inverse) run_stage<true>(fft, s, z, 1);
    return;
  }
  if (!Inverse)
    for (int i = s; i < fft.stage_count; ++i)
      run_stage<false>(fft, i, z, length / (fft.stages[i].sub_length * fft.stages[i].radix));
  else
    for (int i = fft.stage_count - 1; i >= s; --i)
      run_stage<true>(fft, i, z, length / (fft.stages[i].sub_length * fft.stages[i].radix));
}

// Bluestein: X_k = c_k sum_j (x_j c_j) conj(c_(k-j)), c_j = exp(-i pi j^2 / n); everything
// conjugate for the inverse.
template <bool Inverse, class T>
void chirp_transform(const FftView<T>& fft, Cvec<T>* z) {
  const T* c = fft.chirp;
  const T* h = fft.chirp_spectrum;
  for (int64_t j = 0; j < fft.n; ++j)
    z[j] = times<Inverse>(z[j], splat(c[2 * j]), splat(c[2 * j + 1]));
  for (int64_t j = fft.n; j < fft.padded; ++j) z[j] = Cvec<T>{};
  run_stages<false>(*fft.convolution, 0, z, fft.padded);
  for (int64_t j = 0; j < fft.padded; ++j)
    z[j] = times<Inverse>(z[j], splat(h[2 * j]), splat(h[2 * j + 1]));
  run_stages<true>(*fft.convolution, 0, z, fft.padded);
  for (int64_t j = 0; j < fft.n; ++j)
    z[j] = times<Inverse>(z[j], splat(c[2 * j]), splat(c[2 * j + 1]));
}

// The first forward stage; source(z, i) gives element i.
template <class T, class Source>
void first_stage(const FftView<T>& fft, Cvec<T>* z, Source source) {
  if (fft.padded || fft.stage_count == 0) {
    for (int64_t i = 0; i < fft.n; ++i) z[i] = source(z, i);
    if (fft.padded) chirp_transform<false>(fft, z);
    return;
  }
  const FftStage& first = fft.stages[0];
  with_radix(first.radix, [&](auto radix) {
    forward_stage<decltype(radix)::value>(first, fft.twiddles, z, 1, source);
  });
}

}  // namespace

template <class T>
void start_forward(const StftView<T>& plan, const T* y, T* work) {
  const T* w = plan.analysis_window;
  const int32_t* offset = plan.sample_offset;
  auto* const z = reinterpret_cast<Cvec<T>*>(work);
  if (plan.half_length)
    first_stage(plan.fft, z, [=](const Cvec<T>*, int64_t i) LAPPED_LAMBDA {
      return Cvec<T>{load(y + offset[2 * i]) * splat(w[2 * i]),
                     load(y + offset[2 * i + 1]) * splat(w[2 * i + 1])};
    });
  else
    first_stage(plan.fft, z, [=](const Cvec<T>*, int64_t i) LAPPED_LAMBDA {
      return Cvec<T>{load(y + offset[i]) * splat(w[i]), Vec<T>{}};
    });
}

template <class T>
void finish_forward(const FftView<T>& fft, int64_t part, T* work) {
  if (fft.padded || fft.stage_count < 2) return;
  const int64_t length = fft.stages[0].sub_length;
  run_stages<false>(fft, 1, reinterpret_cast<Cvec<T>*>(work) + part * length, length);
}

template <class T>
void start_inverse(const FftView<T>& fft, int64_t part, T* work) {
  if (fft.padded || fft.stage_count < 2) return;
  const int64_t length = fft.stages[0].sub_length;
  run_stages<true>(fft, 1, reinterpret_cast<Cvec<T>*>(work) + part * length, length);
}

template <class T>
void finish_inverse(const FftView<T>& fft, T* work) {
  auto* const z = reinterpret_cast<Cvec<T>*>(work);
  if (fft.padded)
    chirp_transform<true>(fft, z);
  else if (fft.stage_count > 0)
    run_stage<true>(fft, 0, z, 1);
}

#define LAPPED_INSTANTIATE(T)                                    \
  template void start_forward(const StftView<T>&, const T*, T*); \
  template void finish_forward(const FftView<T>&, int64_t, T*);  \
  template void start_inverse(const FftView<T>&, int64_t, T*);   \
  template void finish_inverse(const FftView<T>&, T*);
LAPPED_INSTANTIATE(float)
LAPPED_INSTANTIATE(double)

}  // namespace lapped::cpu::LAPPED_ISA
