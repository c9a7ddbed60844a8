#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "fdsr/threads.hpp"

namespace fdsr {
namespace {

using Body = std::function<void(std::int64_t, int)>;

// One worker's share of the tasks.
struct alignas(64) Share {
  std::atomic<std::int64_t> next{0};
  std::int64_t end = 0;
  std::atomic<bool> taken{false};
};

// Tasks are dealt out in runs, one a worker; who has done its own helps the others. As a thread is the same worker from
// job to job, like tasks find their data where the last call left them: in its core's cache.
struct Job {
  Job(std::int64_t tasks, int workers, const Body& body)
      : workers(workers), body(&body), shares(std::make_unique<Share[]>(std::size_t(workers))) {
    for (int w = 0; w < workers; ++w) {
      shares[w].next.store(tasks * w / workers, std::memory_order_relaxed);
      shares[w].end = tasks * (w + 1) / workers;
    }
  }

  // Which worker the calling thread of another runtime is: the one that it was before, if no other thread is. Negative:
  // there are enough.
  int join() {
    static thread_local int own = -1;
    for (int i = 0; i < workers; ++i) {
      const int worker = (std::max(own, 0) + i) % workers;
      if (shares[worker].taken.exchange(true, std::memory_order_relaxed)) continue;
      if (own < workers) own = worker;  // a job of fewer workers leaves it for the next larger one
      return worker;
    }
    return -1;
  }

  void run(int worker) {
    for (int i = 0; i < workers; ++i) {
      Share& share = shares[(worker + i) % workers];
      for (;;) {
        const std::int64_t task = share.next.fetch_add(1, std::memory_order_relaxed);
        if (task >= share.end) break;
        try {
          (*body)(task, worker);
        } catch (...) {
          for (int w = 0; w < workers; ++w) shares[w].next.store(shares[w].end, std::memory_order_relaxed);
          const std::lock_guard lock(error_mutex);
          if (!error) error = std::current_exception();
        }
      }
    }
  }

  int workers;
  const Body* body;
  std::unique_ptr<Share[]> shares;
  std::mutex error_mutex;
  std::exception_ptr error;
};

class Pool {
 public:
  // Only one job runs at a time; the owner of this mutex is the one that may post.
  std::mutex owner;

  void run(Job& job) {
    try {
      while (started_ + 1 < job.workers) {
        std::thread([this, worker = started_ + 1] { work(worker); }).detach();
        ++started_;
      }
    } catch (const std::system_error&) {
      // Under a limit on processes the threads that exist do the work.
    }
    {
      const std::lock_guard lock(mutex_);
      job_ = &job;
      ++generation_;
    }
    posted_.store(generation_, std::memory_order_release);
    wake_.notify_all();
    job.run(0);
    {
      const std::lock_guard lock(mutex_);
      job_ = nullptr;  // latecomers find nothing
    }
    spin_while([this] { return active_.load(std::memory_order_acquire) != 0; });
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return active_.load(std::memory_order_relaxed) == 0; });
  }

 private:
  void work(int worker) {
    std::uint64_t seen = 0;
    for (;;) {
      spin_while([&] { return posted_.load(std::memory_order_acquire) == seen; });
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return generation_ != seen; });
      seen = generation_;
      Job* job = job_;
      if (!job) continue;
      if (worker >= job->workers) continue;
      active_.fetch_add(1, std::memory_order_relaxed);
      lock.unlock();
      job->run(worker);
      lock.lock();
      if (active_.fetch_sub(1, std::memory_order_release) == 1) idle_.notify_one();
    }
  }

  // A short while: the next call of a tight loop, or the end of the others' last tasks, comes without the price of a
  // wake-up.
  template <class Condition>
  static void spin_while(Condition&& holds) {
    for (int spin = 0; spin < 2000 && holds(); ++spin) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  int started_ = 0;
  std::atomic<std::uint64_t> posted_{0};
  std::uint64_t generation_ = 0;
  Job* job_ = nullptr;
  std::atomic<int> active_{0};
};

// Of the thread that set it.
thread_local ForkJoin fork_join = nullptr;

// Never destroyed: its sleeping threads end with the process. The child of a fork, which does not have them, leaves
// the parent's pool untouched and starts its own.
Pool*& pool() {
  static Pool* instance = [] {
    pthread_atfork(nullptr, nullptr, [] {
      pool() = new Pool;
      fork_join = nullptr;
    });
    return new Pool;
  }();
  return instance;
}

thread_local bool inside_task = false;

struct InsideTask {
  InsideTask() { inside_task = true; }
  ~InsideTask() { inside_task = false; }
};

}  // namespace

void parallel_for(std::int64_t tasks, int threads, const Body& body) {
  const int workers = static_cast<int>(std::min<std::int64_t>(tasks, std::max(threads, 1)));
  Pool* shared = workers > 1 && !inside_task ? pool() : nullptr;
  std::unique_lock<std::mutex> owner;
  if (shared) owner = std::unique_lock(shared->owner, std::try_to_lock);
  if (!owner.owns_lock()) {
    for (std::int64_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  Job job(tasks, workers, body);
  if (fork_join) {
    fork_join(
        [](void* data) {
          Job& shared_job = *static_cast<Job*>(data);
          const InsideTask guard;
          if (const int worker = shared_job.join(); worker >= 0) shared_job.run(worker);
        },
        &job, static_cast<unsigned>(workers), 0);
  } else {
    const InsideTask guard;
    shared->run(job);
  }
  if (job.error) std::rethrow_exception(job.error);
}

void set_fork_join(ForkJoin function) {
  pool();  // forgets it after a fork
  fork_join = function;
}

int available_threads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace fdsr
