// SPDX-License-Identifier: Apache-2.0
// Results leave in tiles of many frames. A row of a result gets so many bytes at a time that the
// processor fetches it ahead, and vectors written to rows a power of two apart evict each other.
#pragma once
#include "core/view.h"
#include "cpu/simd.h"

namespace lapped::cpu {
namespace {

constexpr int64_t kTileBytes = 136 << 10;
constexpr int64_t kMostTileBytes = 576 << 10;  // where it would hold few frames otherwise
constexpr int64_t kFewTileFrames = 32, kMostTileFrames = 64;
constexpr int64_t kRowsAhead = 4;  // that are fetched while a row is written

// Frames a tile of `rows` rows should hold, a multiple of lanes.
inline int64_t tile_frames(int64_t rows, int64_t element_bytes, int64_t lanes) {
  const int64_t frame_bytes = rows * element_bytes, fitting = kTileBytes / frame_bytes;
  const bool few = fitting < kFewTileFrames && kFewTileFrames * frame_bytes <= kMostTileBytes;
  const int64_t wanted = few                         ? kFewTileFrames
                         : fitting < kMostTileFrames ? fitting
                                                     : kMostTileFrames;
  return wanted < lanes ? lanes : wanted / lanes * lanes;
}

template <class E>
void copy_elements(const E* from, int64_t count, E* to) {
  __builtin_memcpy(to, from, static_cast<size_t>(count) * sizeof(E));
}

enum class Use { kRead, kWrite };
// As __builtin_prefetch has them. The first level has no room for what the next frames will need
// when these are done.
enum Level { kSecondLevel = 2, kFirstLevel = 3 };

// Begins to fetch the cache lines of memory that is read or written next, except the first, which
// what lies before it will have fetched.
template <Use use, Level level, class E>
LAPPED_INLINE void fetch(const E* next, int64_t count) {
  constexpr int64_t line = 64 / sizeof(E);
  for (int64_t i = (count < line ? count : line) - 1; i < count; i += line)
    __builtin_prefetch(next + i, use == Use::kWrite, level);
}

// Elements of 4 or 8 bytes move as lanes of float or double whatever they mean.
template <class E, class T>
void transpose_tile(const E* tile, int64_t tile_stride, int64_t rows, int64_t frames, E* out,
                    int64_t frame_stride) {
  constexpr int W = kLanes<T>;
  for (int64_t t = 0; t < frames; t += W) {
    const int64_t lanes = frames - t < W ? frames - t : W;
    for (int64_t k = 0; k < rows; k += W) {
      const int64_t at = k + W <= rows ? k : rows - W;
      Vec<T> v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i)
        __builtin_memcpy(&v[i], tile + (at + i) * tile_stride + t, sizeof v[i]);
      transpose<T>(v);
      alignas(LAPPED_VECTOR_BYTES) T column[W];
      for (int64_t i = 0; i < lanes; ++i) {
        __builtin_memcpy(column, &v[i], sizeof column);
        __builtin_memcpy(out + (t + i) * frame_stride + at, column, sizeof column);
      }
    }
  }
}

// out[k, first + t] = tile[k * tile_stride + t] for t < frames, in whatever layout out has.
template <class E>
void write_tile(const E* tile, int64_t tile_stride, int64_t frames, E* out, int64_t rows,
                int64_t row_stride, int64_t frame_stride, int64_t first) {
  out += first * frame_stride;
  if (frame_stride == 1) {
    for (int64_t k = 0; k < rows; ++k) {
      if (k + kRowsAhead < rows)
        fetch<Use::kWrite, kFirstLevel>(out + (k + kRowsAhead) * row_stride, frames);
      copy_elements(tile + k * tile_stride, frames, out + k * row_stride);
    }
    return;
  }
  if constexpr (sizeof(E) == 4 || sizeof(E) == 8) {
    using T = std::conditional_t<sizeof(E) == 4, float, double>;
    if (row_stride == 1 && rows >= kLanes<T> &&
        tile_stride >= (frames + kLanes<T> - 1) / kLanes<T> * kLanes<T>)
      return transpose_tile<E, T>(tile, tile_stride, rows, frames, out, frame_stride);
  }
  for (int64_t t = 0; t < frames; ++t)
    for (int64_t k = 0; k < rows; ++k)
      out[k * row_stride + t * frame_stride] = tile[k * tile_stride + t];
}

// Lanes of a row whose next ones are read soon.
template <class T>
LAPPED_INLINE Vec<T> load_streamed(const T* from) {
  fetch<Use::kRead, kSecondLevel>(from + kLanes<T>, kLanes<T>);
  return load(from);
}
template <class T>
LAPPED_INLINE Cvec<T> load_streamed(const Complex<T>* from) {
  fetch<Use::kRead, kSecondLevel>(from + kLanes<T>, kLanes<T>);
  return load_complex(reinterpret_cast<const T*>(from));
}

// to[k] = lanes of from[k, first ..], zeros in lanes from `frames` on; from in whatever layout.
template <class T>
void read_lanes(const T* from, int64_t rows, int64_t row_stride, int64_t frame_stride,
                int64_t first, int64_t frames, Vec<T>* to) {
  constexpr int W = kLanes<T>;
  from += first * frame_stride;
  if (frame_stride == 1 && frames >= W) {
    for (int64_t k = 0; k < rows; ++k) to[k] = load_streamed(from + k * row_stride);
  } else if (row_stride == 1 && frames >= W && rows >= W) {
    for (int64_t k = 0; k < rows; k += W) {
      const int64_t at = k + W <= rows ? k : rows - W;
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i) to[at + i] = load(from + i * frame_stride + at);
      transpose<T>(to + at);
    }
  } else {
    for (int64_t k = 0; k < rows; ++k) {
      to[k] = Vec<T>{};
      for (int64_t l = 0; l < W && l < frames; ++l)
        to[k][l] = from[k * row_stride + l * frame_stride];
    }
  }
}

// The same for complex values.
template <class T>
void read_lanes(const Complex<T>* from, int64_t rows, int64_t row_stride, int64_t frame_stride,
                int64_t first, int64_t frames, Cvec<T>* to) {
  constexpr int W = kLanes<T>, H = W / 2;
  from += first * frame_stride;
  if (frame_stride == 1 && frames >= W) {
    for (int64_t k = 0; k < rows; ++k) to[k] = load_streamed(from + k * row_stride);
    return;
  }
  if (row_stride == 1 && frames >= W && rows >= H) {
    for (int64_t k = 0; k < rows; k += H) {
      const int64_t at = k + H <= rows ? k : rows - H;
      Vec<T> v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i)
        v[i] = load(reinterpret_cast<const T*>(from + i * frame_stride + at));
      transpose<T>(v);
#pragma GCC unroll 16
      for (int i = 0; i < H; ++i) to[at + i] = Cvec<T>{v[2 * i], v[2 * i + 1]};
    }
    return;
  }
  for (int64_t k = 0; k < rows; ++k) {
    to[k] = Cvec<T>{};
    for (int64_t l = 0; l < W && l < frames; ++l) {
      to[k].re[l] = from[k * row_stride + l * frame_stride].re;
      to[k].im[l] = from[k * row_stride + l * frame_stride].im;
    }
  }
}

template <class E>
void write_zeros(int64_t frames, E* out, int64_t rows, int64_t row_stride, int64_t frame_stride,
                 int64_t first) {
  for (int64_t k = 0; k < rows; ++k)
    for (int64_t t = 0; t < frames; ++t) out[k * row_stride + (first + t) * frame_stride] = E{};
}

}  // namespace
}  // namespace lapped::cpu
