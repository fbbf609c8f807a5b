// SPDX-License-Identifier: Apache-2.0
#include "cpu/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "cpu/scratch.h"
#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(_WIN32)
#include <pthread.h>
#endif
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace lapped::cpu {
namespace {

thread_local bool inside = false;  // this thread runs tasks now

// Tasks [next, end), which threads take one by one, the first first.
struct alignas(64) Stretch {
  int64_t next, end;
};

// Neighbouring tasks share lines of memory at their borders, and write to the same pages: so each
// thread has a stretch of them, the same in each call, and helps with the others' when it is done.
class Job {
 public:
  Job(int64_t tasks, int threads, size_t scratch_bytes, const void* closure, TaskFunction task)
      : stretches_(std::min(threads, kMostStretches)),
        scratch_bytes_(scratch_bytes),
        closure_(closure),
        task_(task) {
    for (int i = 0; i < stretches_; ++i)
      stretch_[i] = {tasks * i / stretches_, tasks * (i + 1) / stretches_};
  }
  bool failed() const { return failed_; }

  void work(int thread) {
    const FlushDenormals flush;
    const bool outer = std::exchange(inside, true);
    std::byte* scratch = thread_scratch(scratch_bytes_);
    if (!scratch) failed_ = true;
    for (int i = 0; i < stretches_; ++i) finish(stretch_[(thread + i) % stretches_], scratch);
    trim_thread_scratch();
    inside = outer;
  }

 private:
  static constexpr int kMostStretches = 64;

  void finish(Stretch& stretch, std::byte* scratch) {
    while (!failed_) {
      const int64_t i = __atomic_fetch_add(&stretch.next, 1, __ATOMIC_RELAXED);
      if (i >= stretch.end) return;
      task_(closure_, i, scratch);
    }
  }

  Stretch stretch_[kMostStretches];
  int stretches_;
  size_t scratch_bytes_;
  const void* closure_;
  TaskFunction task_;
  std::atomic<bool> failed_{false};
};

// Waits a moment before the system is asked to: waking a thread that sleeps takes as long as a
// short call.
template <class Condition>
void spin_while(Condition condition) {
  constexpr std::chrono::microseconds longest{50};
  const auto end = std::chrono::steady_clock::now() + longest;
  while (condition() && std::chrono::steady_clock::now() < end) {
#if defined(__SSE2__)
    for (int i = 0; i < 16; ++i) _mm_pause();
#endif
  }
}

class Pool {
 public:
  explicit Pool(int workers) : asked_(workers) {
    try {
      for (int i = 1; i <= workers; ++i) threads_.emplace_back([this, i] { serve(i); });
    } catch (const std::system_error&) {  // the system's limit: work with those that started
    }
  }
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
  }
  int asked() const { return asked_; }

  void run(Job& job) {
    {
      const std::lock_guard lock(mutex_);
      job_ = &job;
      ++generation_;
    }
    wake_.notify_all();
    job.work(0);
    {
      const std::lock_guard lock(mutex_);
      job_ = nullptr;  // who wakes late finds nothing
    }
    spin_while([&] { return busy_ > 0; });  // the others' last tasks are as short as this one's
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return busy_ == 0; });
  }

 private:
  void serve(int thread) {
    for (uint64_t seen = 0;;) {
      spin_while([&] { return generation_ == seen && !stopping_; });  // calls often come in a row
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || (job_ && generation_ != seen); });
      if (stopping_) return;
      seen = generation_;
      Job* job = job_;
      ++busy_;
      lock.unlock();
      job->work(thread);
      lock.lock();
      if (--busy_ == 0) idle_.notify_all();
    }
  }

  int asked_;
  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::vector<std::thread> threads_;
  Job* job_ = nullptr;
  // Changed under the mutex, read without it while spinning.
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> busy_{0};
  std::atomic<bool> stopping_{false};
};

// CPUs that cgroup's quota grants, or a large number.
int quota_cpus() {
#if defined(__linux__)
  long long quota = -1, period = 0;
  if (std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    if (std::fscanf(f, "%lld %lld", &quota, &period) != 2) quota = -1;
    std::fclose(f);
  }
  if (quota > 0 && period > 0)
    return static_cast<int>(std::max(1LL, (quota + period - 1) / period));
#endif
  return 1 << 20;
}

int available_cpus() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::min(CPU_COUNT(&set), quota_cpus());
#endif
  return std::min(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())),
                  quota_cpus());
}

int default_threads() {
  const char* text = std::getenv("LAPPED_NUM_THREADS");
  const int asked = text ? std::atoi(text) : 0;
  return asked >= 1 ? asked : available_cpus();
}

// Leaked on purpose: no thread is joined while the process exits. owner is held while a job runs.
struct State {
  std::mutex owner;
  Pool* pool = nullptr;
  std::atomic<int> threads{default_threads()};
};
State* state = nullptr;
std::once_flag once;

State& shared() {
  std::call_once(once, [] {
    state = new State;
#if !defined(_WIN32)
    // A forked child has no threads: it drops the pool without joining, and starts with one thread,
    // so that the workers of a data loader do not multiply; set_thread_count raises it.
    pthread_atfork([] { state->owner.lock(); }, [] { state->owner.unlock(); },
                   [] {
                     State* fresh = new State;
                     if (!std::getenv("LAPPED_NUM_THREADS")) fresh->threads = 1;
                     state = fresh;
                   });
#endif
  });
  return *state;
}

}  // namespace

#if defined(__SSE2__)
FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  _mm_setcsr(static_cast<unsigned>(saved_) | 0x8040);
}
FlushDenormals::~FlushDenormals() { _mm_setcsr(static_cast<unsigned>(saved_)); }
#elif defined(__aarch64__)
FlushDenormals::FlushDenormals() {
  asm volatile("mrs %0, fpcr" : "=r"(saved_));
  asm volatile("msr fpcr, %0" ::"r"(saved_ | (uint64_t{1} << 24)));
}
FlushDenormals::~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved_)); }
#else
FlushDenormals::FlushDenormals() = default;
FlushDenormals::~FlushDenormals() = default;
#endif

int thread_count() { return shared().threads; }

void set_thread_count(int threads) { shared().threads = std::max(1, threads); }

bool run_tasks(int64_t tasks, int64_t grain, Order order, size_t scratch_bytes, const void* closure,
               TaskFunction task) {
  State& s = shared();
  const int threads =
      static_cast<int>(std::max<int64_t>(1, std::min<int64_t>(s.threads, tasks / grain)));
  Job job(tasks, order == Order::kAscending ? 1 : threads, scratch_bytes, closure, task);
  std::unique_lock owner(s.owner, std::defer_lock);
  if (threads == 1 || inside || !owner.try_lock()) {
    job.work(0);
    return !job.failed();
  }
  if (!s.pool || s.pool->asked() != s.threads - 1) {
    delete s.pool;
    s.pool = nullptr;
    s.pool = new Pool(s.threads - 1);
  }
  s.pool->run(job);
  return !job.failed();
}

void advance(Progress& own, int64_t place) {
  __atomic_store_n(&own.place, place, __ATOMIC_RELEASE);
}

void wait_for(const Progress& before, int64_t place) {
  const auto behind = [&] { return __atomic_load_n(&before.place, __ATOMIC_ACQUIRE) < place; };
  if (!behind()) return;
  spin_while(behind);
  while (behind()) std::this_thread::yield();
}

}  // namespace lapped::cpu
