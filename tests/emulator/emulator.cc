// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "emulator/cuda.h"

namespace lapped::emulator {

Index thread, block, block_size, grid_size;

namespace {

constexpr size_t kStackBytes = 256 << 10;
constexpr unsigned kWarp = 32;

enum class Doing { kRunning, kWaiting, kWaitingForWarp, kDone };

// A fiber is entered through its context; after that jumps change to it, without a system call.
struct Fiber {
  ucontext_t context;
  jmp_buf place;
  bool entered = false;
  std::unique_ptr<char[]> stack{new char[kStackBytes]};
  Doing doing = Doing::kDone;
  const char* file = nullptr;
  int line = 0;
};

std::mutex one_at_a_time;
jmp_buf scheduler;
std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<unsigned char> shared_bytes;
const std::function<void()>* body_of_kernel = nullptr;
std::mt19937 random_order(1);
std::string order_name, skipped_barrier;  // of this launch

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool skipped(const char* file, int line) {
  return !skipped_barrier.empty() &&
         (std::string(file) + ":" + std::to_string(line)).ends_with(skipped_barrier);
}

void run_fiber() {
  (*body_of_kernel)();
  fibers[thread.x]->doing = Doing::kDone;
  _longjmp(scheduler, 1);
}

void continue_fiber(Fiber& f) {
  if (_setjmp(scheduler)) return;
  if (f.entered) _longjmp(f.place, 1);
  f.entered = true;
  setcontext(&f.context);
}

void prepare(unsigned threads) {
  while (fibers.size() < threads) fibers.push_back(std::make_unique<Fiber>());
  for (unsigned i = 0; i < threads; ++i) {
    Fiber& f = *fibers[i];
    f.doing = Doing::kRunning;
    f.entered = false;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.get();
    f.context.uc_stack.ss_size = kStackBytes;
    f.context.uc_link = nullptr;
    makecontext(&f.context, run_fiber, 0);
  }
}

std::vector<unsigned> visiting_order(unsigned threads) {
  std::vector<unsigned> order(threads);
  for (unsigned i = 0; i < threads; ++i) order[i] = i;
  if (order_name == "reverse") std::reverse(order.begin(), order.end());
  if (order_name == "shuffled") std::shuffle(order.begin(), order.end(), random_order);
  return order;
}

// Lets warps go on all of whose threads wait at one barrier of theirs; whether any does.
bool warps_released(unsigned threads) {
  bool any = false;
  for (unsigned w = 0; w < threads; w += kWarp) {
    const unsigned end = std::min(threads, w + kWarp);
    bool together = true;
    for (unsigned i = w; i < end; ++i)
      together = together && fibers[i]->doing == Doing::kWaitingForWarp &&
                 fibers[i]->line == fibers[w]->line;
    for (unsigned i = w; together && i < end; ++i) fibers[i]->doing = Doing::kRunning;
    any = any || together;
  }
  return any;
}

// Whether the block goes on: all its threads wait at one barrier. Throws where some never come.
bool released(unsigned threads) {
  const Fiber& first = *fibers[0];
  for (unsigned i = 0; i < threads; ++i) {
    const Fiber& f = *fibers[i];
    if (f.doing != first.doing || f.doing == Doing::kWaitingForWarp ||
        (f.doing == Doing::kWaiting && f.line != first.line))
      throw std::runtime_error(std::string("emulator: not every thread reaches the barrier at ") +
                               (f.file       ? f.file
                                : first.file ? first.file
                                             : "?") +
                               ":" +
                               std::to_string(f.doing == Doing::kWaiting ? f.line : first.line));
  }
  if (first.doing == Doing::kDone) return false;
  for (unsigned i = 0; i < threads; ++i) fibers[i]->doing = Doing::kRunning;
  return true;
}

void run_block(unsigned threads) {
  prepare(threads);
  do {
    for (unsigned i : visiting_order(threads)) {
      if (fibers[i]->doing != Doing::kRunning) continue;
      thread.x = i;
      continue_fiber(*fibers[i]);
    }
  } while (warps_released(threads) || released(threads));
}

void wait(Doing at, const char* file, int line) {
  if (skipped(file, line)) return;
  const Index self = thread;
  Fiber& f = *fibers[self.x];
  f.doing = at;
  f.file = file;
  f.line = line;
  if (!_setjmp(f.place)) _longjmp(scheduler, 1);
  thread = self;
}

}  // namespace

void barrier(const char* file, int line) { wait(Doing::kWaiting, file, line); }

void warp_barrier(const char* file, int line) { wait(Doing::kWaitingForWarp, file, line); }

unsigned char* shared_memory() {
  const auto address = reinterpret_cast<uintptr_t>(shared_bytes.data());
  return shared_bytes.data() + (16 - address % 16) % 16;
}

void run(unsigned blocks, unsigned threads, size_t shared, const std::function<void()>& body) {
  if (blocks == 0 || threads == 0 || threads > 1024)
    throw std::runtime_error("emulator: " + std::to_string(blocks) + " blocks of " +
                             std::to_string(threads) + " threads cannot be launched");
  const std::lock_guard lock(one_at_a_time);
  order_name = environment("LAPPED_EMULATOR_ORDER");
  skipped_barrier = environment("LAPPED_EMULATOR_SKIP");
  body_of_kernel = &body;
  block_size.x = threads;
  const std::string most = environment("LAPPED_EMULATOR_BLOCKS");
  grid_size.x = most.empty() ? blocks : std::min(blocks, static_cast<unsigned>(std::stoul(most)));
  for (unsigned i = 0; i < grid_size.x; ++i) {
    block.x = i;
    shared_bytes.assign(shared + 16, 0xff);
    run_block(threads);
  }
}

}  // namespace lapped::emulator
