// SPDX-License-Identifier: Apache-2.0
#include "cpu/scratch.h"

#include <new>

namespace lapped::cpu {
namespace {

constexpr size_t kKept = size_t{4} << 20;

std::byte* allocate(size_t bytes) {
  return static_cast<std::byte*>(
      ::operator new(bytes, std::align_val_t{kScratchAlignment}, std::nothrow));
}
void release(std::byte* p) { ::operator delete(p, std::align_val_t{kScratchAlignment}); }

struct Arena {
  std::byte* data = nullptr;
  size_t bytes = 0;
  ~Arena() { release(data); }
};

thread_local Arena arena;

}  // namespace

std::byte* thread_scratch(size_t bytes) {
  if (bytes > arena.bytes || !arena.data) {
    release(arena.data);
    arena.data = allocate(bytes);
    arena.bytes = arena.data ? bytes : 0;
  }
  return arena.data;
}

void trim_thread_scratch() {
  if (arena.bytes <= kKept) return;
  release(arena.data);
  arena.data = nullptr;
  arena.bytes = 0;
}

Buffer::Buffer(size_t bytes) : data_(allocate(bytes)) {}
Buffer::~Buffer() { release(data_); }

}  // namespace lapped::cpu
