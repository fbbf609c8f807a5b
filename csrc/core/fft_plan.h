// SPDX-License-Identifier: Apache-2.0
// The plan of a complex FFT of length n, computed once in double and used by every back end.
//
// Forward: decimation in frequency, in place. Stage s splits blocks of length L into R sub-blocks
// of length M = L / R:
//   out[r M + j] = w_L^(j r) sum_q in[q M + j] w_R^(q r);   what is left is in digit-reversed
//   order, index `position[k]`.
// Inverse (unscaled): the mirror image, stages in reverse with conjugate twiddles, natural order
// out. Nothing is ever permuted. A length with a prime factor over kLargestRadix goes through
// Bluestein's chirp convolution, whose spectrum is in natural order.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

namespace lapped {

constexpr int kLargestRadix = 13;

// Which powers of two stages have: 4, and one last of 8 or 2; 8, and last ones of 4 and 2; or 8,
// and a last of 16 in the place of two of 4.
enum class Radices { kFour, kEight, kSixteen };
constexpr int kMaxStages = 48;

// Parts (fft_parts) whose distance is a power of two would evict each other from a cache.
constexpr int64_t kPartGap = 1;

struct FftStage {
  int32_t radix;
  int64_t sub_length;  // M
  int64_t twiddle;     // offset of M rows of (radix - 1) complex factors
};

// What kernels read; the owner is FftTables<T>.
template <class T>
struct FftView {
  int64_t n;
  int stage_count;
  FftStage stages[kMaxStages];
  // The outermost stage turns tiles of samples into parts and back, kPartGap elements between them.
  bool tiled;
  const T* twiddles;
  const int32_t* position;  // n
  // Bluestein: length of the convolution (0: none), its plan, chirp[n] and the chirp's spectrum by
  // position.
  int64_t padded;
  const FftView<T>* convolution;
  const T* chirp;           // exp(-i pi j^2 / n)
  const T* chirp_spectrum;  // of conj(chirp), divided by `padded`
};

// From one part to the next in the work array of a transform.
template <class T>
static int64_t part_stride(const FftView<T>& fft) {
  return fft.stages[0].sub_length + (fft.tiled ? kPartGap : 0);
}

// Elements the work array of a transform needs.
template <class T>
static int64_t fft_work_length(const FftView<T>& fft) {
  return fft.padded ? fft.padded : fft.tiled ? fft.stages[0].radix * part_stride(fft) : fft.n;
}

// After the first stage a transform falls into this many parts that no longer meet, part s holding
// elements k = s modulo their number.
template <class T>
static int64_t fft_parts(const FftView<T>& fft) {
  return fft.padded || fft.stage_count < 2 ? 1 : fft.stages[0].radix;
}

template <class T>
class FftTables {
 public:
  // first: the outermost stage's radix, which divides n; 0: any. tile: elements that a tile of
  // samples makes, 0: no tiles.
  FftTables(int64_t n, Radices radices, int first = 0, int64_t tile = 0);
  const FftView<T>& view() const { return view_; }

 private:
  void make_stages(const std::vector<int>& radices, int64_t tile);
  void make_bluestein(Radices radices);

  FftView<T> view_{};
  std::vector<T> twiddles_, chirp_, chirp_spectrum_;
  std::vector<int32_t> position_;
  std::unique_ptr<FftTables<T>> convolution_;
};

}  // namespace lapped
