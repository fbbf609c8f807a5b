// SPDX-License-Identifier: Apache-2.0
// The library's own threads: survive fork, follow affinity and cgroup quota, never more than asked
// for.
#pragma once
#include <cstddef>
#include <cstdint>

namespace lapped::cpu {

int thread_count();
void set_thread_count(int threads);  // >= 1

// Denormals cost a hundred times a normal number; audio loses nothing when they are zero. Tasks
// have this already; a kernel that computes outside of them takes it too, or its bits would depend
// on where the work was done. Restored on leaving.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  uint64_t saved_ = 0;
};

using TaskFunction = void (*)(const void* closure, int64_t index, std::byte* scratch);

// kAscending: no task begins before those of lower indices have begun.
enum class Order { kAny, kAscending };

// Calls task(closure, i, scratch) for i in [0, tasks), each thread with `scratch_bytes` of its own,
// denormals flushed; a thread is woken for `grain` tasks, not for fewer. A second caller at the
// same time, or a nested call, runs serially. False when scratch could not be allocated.
bool run_tasks(int64_t tasks, int64_t grain, Order order, size_t scratch_bytes, const void* closure,
               TaskFunction task);

// How far a task has come, for tasks of higher indices that must stay behind it. In ascending order
// those of lower indices are running or done, so that waiting for them ends.
struct alignas(64) Progress {
  int64_t place = 0;
};
void advance(Progress& own, int64_t place);
void wait_for(const Progress& before, int64_t place);

namespace {

template <class F>
bool parallel_for(int64_t tasks, size_t scratch_bytes, const F& f, int64_t grain = 1,
                  Order order = Order::kAny) {
  return run_tasks(tasks, grain, order, scratch_bytes, &f,
                   [](const void* closure, int64_t index, std::byte* scratch) {
                     (*static_cast<const F*>(closure))(index, scratch);
                   });
}

}  // namespace
}  // namespace lapped::cpu
