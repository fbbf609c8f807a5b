// SPDX-License-Identifier: Apache-2.0
// How work is cut: a block takes `frames` consecutive frames of a row side by side, each with
// `threads` threads, and then the next tile. Results never depend on the cut.
#pragma once
#include <algorithm>
#include <type_traits>

#include "cuda/fft.cuh"
#include "cuda/sizes.h"
#include "cuda/tables.h"

namespace lapped::cuda {

constexpr int64_t kSharedAlignment = 16;

constexpr int64_t aligned(int64_t bytes) {
  return (bytes + kSharedAlignment - 1) / kSharedAlignment * kSharedAlignment;
}

// Work memory of a block, given out piece by piece: shared memory, or where that is too small the
// block's part of `global`. That it is shared is for the compiler to know: it need not ask of every
// access.
struct WorkMemory {
  unsigned char* global;
  int64_t bytes;
};

class Pieces {
 public:
  LAPPED_INLINE Pieces(unsigned char* shared, const WorkMemory& work)
      : at_(work.global ? work.global + blockIdx.x * work.bytes : shared) {}
  template <class Maker>
  LAPPED_INLINE Pieces(unsigned char* shared, const WorkMemory& work, const Maker&)
      : Pieces(shared, Maker::kShared ? WorkMemory{} : work) {}
  template <class E>
  LAPPED_INLINE E* take(int64_t count) {
    E* const piece = reinterpret_cast<E*>(at_);
    at_ += aligned(count * static_cast<int64_t>(sizeof(E)));
    return piece;
  }

 private:
  unsigned char* at_;
};

struct TileShape {
  int frames;    // side by side
  int threads;   // of a frame
  int z_stride;  // elements from one frame's transform to the next

  int block_threads() const { return frames * threads; }
};

inline int64_t tiles_of(const TileShape& shape, int64_t rows, int64_t width) {
  return rows * ((width + shape.frames - 1) / shape.frames);
}

// Work memory of a tile's transforms.
template <class T>
int64_t tile_bytes(const TileShape& shape) {
  return aligned(int64_t{shape.frames} * shape.z_stride * int64_t{sizeof(Cx<T>)});
}

// Elements between frames: threads that take the same element of all frames, and the next one,
// should meet different banks.
constexpr int z_stride(int places, int frames) {
  constexpr int kBanks = 16;  // of complex numbers in single precision
  return (places + kBanks - 1) / kBanks * kBanks + (frames < kBanks ? kBanks / frames : 1);
}

// How kernels of tiles are started: with as many blocks as there are tiles, or tasks of several,
// and shared memory; or with some blocks that share them out, and global memory of their own.
struct Launch {
  int64_t blocks;
  int threads;
  int64_t shared_bytes;
  WorkMemory work;
};

// For blocks that need `bytes` of work memory each.
inline Launch launch_of(const Cuda& device, int64_t tiles, int threads, int64_t bytes) {
  constexpr int64_t kBlocksEach = 2, kMostBytes = int64_t{1} << 30;  // of global work memory
  const Limits& most = limits(device.index);
  if (bytes <= most.shared_bytes) return {tiles, threads, bytes, {nullptr, bytes}};
  const int64_t enough = most.multiprocessors * kBlocksEach, affordable = kMostBytes / bytes + 1,
                sensible = enough < affordable ? enough : affordable,
                blocks = tiles < sensible ? tiles : sensible;
  return {blocks, threads, 0, {allocate<unsigned char>(device, blocks * bytes), bytes}};
}

// kernel(work, arguments)
template <class... Parameters>
void launch_tiles(const Cuda& device, const Launch& how, void (*kernel)(WorkMemory, Parameters...),
                  std::type_identity_t<Parameters>... arguments) {
  launch(device, kernel, how.blocks, how.threads, how.shared_bytes, how.work, arguments...);
}

// --- the transforms of plans: f(shape, make), where make(plan) is the transform in a kernel ---

template <class T>
struct GeneralMaker {
  static constexpr bool kShared = false;                  // whether work memory always is
  static constexpr int kBlockThreads = 256, kBlocks = 1;  // at most, at least
  int threads;
  LAPPED_INLINE TileShape shape(const TileShape& given) const { return given; }
  LAPPED_INLINE const Plan<T>& known(const Plan<T>& given) const { return given; }
  __device__ GeneralFft<T> operator()(const Plan<T>& plan) const { return {plan.fft, threads}; }
};

template <class T, int Frames, int Threads, int... Radices>
struct FixedMaker {
  using Fft = FixedFft<T, Threads, Radices...>;
  static constexpr bool kShared = true;
  static constexpr int kBlockThreads = Frames * Threads;
  // Blocks that a multiprocessor should hold at least, by the registers of the largest butterfly.
  static constexpr int kBlocks = (64 << 10) / (kBlockThreads * (32 + 3 * std::max({Radices...})));
  static constexpr TileShape kShape{Frames, Threads, z_stride(Fft::kPlaces, Frames)};

  LAPPED_INLINE TileShape shape(const TileShape&) const { return kShape; }
  // The plan with what the compiler should know of it.
  LAPPED_INLINE Plan<T> known(Plan<T> plan) const {
    plan.half_length = true;
    plan.n = Fft::n;
    plan.bins = Fft::n + 1;
    plan.framing.n_fft = 2 * Fft::n;
    return plan;
  }
  __device__ Fft operator()(const Plan<T>& plan) const { return {plan.fixed_twiddles}; }
};

// Frames of a tile that does not fit in shared memory count little; a block of 256 threads serves
// one long frame or several short ones.
template <class T>
TileShape general_shape(int64_t n_fft, int work_length) {
  constexpr int64_t kElementsAThread = 8, kLeast = 16, kMost = GeneralMaker<T>::kBlockThreads,
                    kSharedBytes = 64 << 10;
  int threads = static_cast<int>(kLeast);
  while (threads < kMost && threads * kElementsAThread < n_fft) threads *= 2;
  int frames = static_cast<int>(kMost) / threads;
  const auto bytes = [&] { return frames * int64_t{work_length} * int64_t{sizeof(Cx<T>)}; };
  while (frames > 1 && (frames > 8 || bytes() > kSharedBytes)) frames /= 2;
  return {frames, threads, z_stride(work_length, frames)};
}

// bytes(shape) is the work memory of a block.
template <class T, class Bytes, class F>
void with_transform(const Cuda& device, const Plan<T>& plan, Bytes bytes, F f) {
  const int64_t n_fft = plan.framing.n_fft;
  if constexpr (sizeof(T) == sizeof(float)) {
#define LAPPED_FIXED(N, FRAMES, THREADS, ...)                                                    \
  if (n_fft == N) {                                                                              \
    constexpr FixedMaker<T, FRAMES, THREADS, __VA_ARGS__> maker{};                               \
    if (bytes(maker.kShape) <= limits(device.index).shared_bytes) return f(maker.kShape, maker); \
  }
    LAPPED_FIXED_SIZES(LAPPED_FIXED)
#undef LAPPED_FIXED
  }
  const TileShape shape = general_shape<T>(n_fft, plan.work_length);
  f(shape, GeneralMaker<T>{shape.threads});
}

}  // namespace lapped::cuda
