// SPDX-License-Identifier: Apache-2.0
// Spectra leave a vector of frames at a time where frames lie side by side, each row being fetched
// for the next vector; everything else in tiles of many frames.
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

// Where some frames of a result are written: row k at to + k * stride.
template <class E>
struct Destination {
  E* to;
  int64_t stride, frames;
  bool straight;  // to the result itself

  LAPPED_INLINE E* row(int64_t k) const { return to + k * stride; }
  // Begins to fetch what the next frames go to.
  LAPPED_INLINE void fetch_next(const E* row) const {
    if (straight) fetch<Use::kWrite, kSecondLevel>(row + frames, frames);
  }
};

// One of a result's batch on its way out, `step` frames at a time: straight where frames lie side
// by side, in tiles of [rows][frames] otherwise.
template <class E>
struct Outgoing {
  const View<E, 3>& out;
  E* data;
  E* tile;
  int64_t tile_frames, step;

  static int64_t frames_of_tile(const View<E, 3>& out, int64_t step) {
    // A vector of half a cache line gains nothing from a tile.
    const bool wide = step * static_cast<int64_t>(sizeof(E)) >= 32;
    if (wide && out.stride[2] == 1) return step;
    return cpu::tile_frames(out.shape[1], sizeof(E), step);
  }
  // write(t, destination) for all of frames [first, last), those from t on.
  template <class Write>
  LAPPED_INLINE void write(int64_t first, int64_t last, Write write) const {
    if (tile_frames == step && last - first >= step && out.stride[2] == 1) {
      // The last ones reach back to frames that were written before: none leaves in part.
      for (int64_t t = first; t < last; t += step) {
        const int64_t from = t + step <= last ? t : last - step;
        write(from, Destination<E>{data + from, out.stride[1], step, true});
      }
      return;
    }
    for (int64_t t0 = first; t0 < last; t0 += tile_frames) {
      const int64_t end = t0 + tile_frames < last ? t0 + tile_frames : last;
      for (int64_t t = t0; t < end; t += step)
        write(t, Destination<E>{tile + (t - t0), tile_frames, step, false});
      write_tile(tile, tile_frames, end - t0, data, out.shape[1], out.stride[1], out.stride[2], t0);
    }
  }
};

// Lanes of a row whose next ones are read soon, and the first lanes alone.
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
template <class T>
LAPPED_INLINE Cvec<T> load_first(const Complex<T>* from, int64_t count) {
  const T* const parts = reinterpret_cast<const T*>(from);
  return deinterleave<T>(load_first(parts, 2 * count),
                         load_first(parts + kLanes<T>, 2 * count - kLanes<T>));
}

// Elements of a work array that a vector of memory becomes: rows of real lanes, or of real and
// imaginary ones.
template <class T>
LAPPED_INLINE void from_columns(const Vec<T>* v, Vec<T>* to) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T>; ++i) to[i] = v[i];
}
template <class T>
LAPPED_INLINE void from_columns(const Vec<T>* v, Cvec<T>* to) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes<T> / 2; ++i) to[i] = Cvec<T>{v[2 * i], v[2 * i + 1]};
}

// to[k] = lanes of from[k, first ..], zeros in lanes from `frames` on; from in whatever layout, To
// being vectors of what E is.
template <class E, class To>
void read_lanes(const E* from, int64_t rows, int64_t row_stride, int64_t frame_stride,
                int64_t first, int64_t frames, To* to) {
  using T = typename PartOf<E>::Type;
  constexpr int W = kLanes<T>, H = W * sizeof(T) / sizeof(E);
  from += first * frame_stride;
  if (frame_stride == 1 && frames >= W) {
    for (int64_t k = 0; k < rows; ++k) to[k] = load_streamed(from + k * row_stride);
  } else if (frame_stride == 1) {
    for (int64_t k = 0; k < rows; ++k) to[k] = load_first(from + k * row_stride, frames);
  } else if (row_stride == 1 && rows >= H) {
    for (int64_t k = 0; k < rows; k += H) {
      const int64_t at = k + H <= rows ? k : rows - H;
      Vec<T> v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; ++i)
        v[i] =
            i < frames ? load(reinterpret_cast<const T*>(from + i * frame_stride + at)) : Vec<T>{};
      transpose<T>(v);
      from_columns<T>(v, to + at);
    }
  } else {
    for (int64_t k = 0; k < rows; ++k) {
      alignas(LAPPED_VECTOR_BYTES) E row[W]{};
      for (int64_t l = 0; l < W && l < frames; ++l)
        row[l] = from[k * row_stride + l * frame_stride];
      to[k] = load_first(row, W);
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
