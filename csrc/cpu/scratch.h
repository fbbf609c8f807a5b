// SPDX-License-Identifier: Apache-2.0
// Work memory of the CPU kernels: one block a thread, kept between calls while it is small, and
// buffers that live for one call.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lapped::cpu {

constexpr size_t kScratchAlignment = 64;

// At least `bytes` of this thread's memory, valid until its next call; null when there is none to
// be had.
std::byte* thread_scratch(size_t bytes);
// Gives back what thread_scratch holds beyond a few MiB.
void trim_thread_scratch();

// Aligned memory for one call; check data(): it is null when allocation failed.
class Buffer {
 public:
  explicit Buffer(size_t bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  std::byte* data() const { return data_; }

 private:
  std::byte* data_;
};

// Cuts arrays out of a block; over a null block it only adds up the size.
class Carver {
 public:
  explicit Carver(std::byte* base) : base_(base) {}
  template <class T>
  T* take(int64_t count) {
    const size_t at = used_;
    used_ += (static_cast<size_t>(count) * sizeof(T) + kScratchAlignment - 1) / kScratchAlignment *
             kScratchAlignment;
    return base_ ? reinterpret_cast<T*>(base_ + at) : nullptr;
  }
  size_t used() const { return used_; }

 private:
  std::byte* base_;
  size_t used_ = 0;
};

}  // namespace lapped::cpu
