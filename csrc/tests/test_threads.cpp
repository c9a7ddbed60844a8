// The pool: every task once, by the same thread from call to call; exceptions arrive; callers from several threads,
// nested calls, children of a fork.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "check.hpp"
#include "fdsr/threads.hpp"
#include "threads/buffers.hpp"

using namespace fdsr;

namespace {

void check_every_task_once(int threads) {
  std::vector<std::atomic<int>> done(1000);
  parallel_for(1000, threads, [&](std::int64_t task, int worker) {
    CHECK(worker >= 0 && worker < threads);
    ++done[task];
  });
  for (const auto& count : done) CHECK(count == 1);
}

void check_exception() {
  bool caught = false;
  try {
    parallel_for(100, 3, [](std::int64_t task, int) {
      if (task == 17) throw std::runtime_error("task 17");
    });
  } catch (const std::runtime_error& error) {
    caught = std::string(error.what()) == "task 17";
  }
  CHECK(caught);
}

void check_nested() {
  std::atomic<int> inner_tasks{0};
  parallel_for(8, 3, [&](std::int64_t, int) { parallel_for(5, 3, [&](std::int64_t, int) { ++inner_tasks; }); });
  CHECK(inner_tasks == 40);
}

void check_several_callers() {
  std::atomic<int> total{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) parallel_for(20, 2, [&](std::int64_t, int) { ++total; });
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(total == 4 * 50 * 20);
}

void check_fork() {
  const pid_t child = fork();
  if (child == 0) {
    std::atomic<int> total{0};
    parallel_for(100, 3, [&](std::int64_t, int) { ++total; });
    _exit(total == 100 ? 0 : 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Tasks that wait for one another cannot be taken by one thread: each is the same worker's, and thread's, every time.
void check_threads_keep_their_tasks() {
  std::thread::id before[3];
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::atomic<int> begun{0};
    std::thread::id now[3];
    parallel_for(3, 3, [&](std::int64_t task, int worker) {
      CHECK(worker == task);
      now[task] = std::this_thread::get_id();
      for (++begun; begun < 3;) std::this_thread::yield();
    });
    for (int task = 0; task < 3; ++task) CHECK(repeat == 0 || now[task] == before[task]);
    std::copy(now, now + 3, before);
  }
}

void check_threads_keep_their_buffers() {
  constexpr std::size_t kBytes = 12345;
  const void* before[2] = {};
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::atomic<int> taken{0};
    parallel_for(2, 2, [&](std::int64_t task, int) {
      const Buffer buffer(kBytes);
      CHECK(repeat == 0 || buffer.as<char>() == before[task]);
      before[task] = buffer.as<char>();
      for (++taken; taken < 2;) std::this_thread::yield();
    });
  }
}

}  // namespace

// A team of two threads that live on, whatever is asked for: another runtime's keep their numbers, too.
void join_lasting_threads(void (*run)(void*), void* data, unsigned, unsigned) {
  static std::atomic<int> asked{0}, done{0};
  static void (*run_now)(void*);
  static void* data_now;
  static const bool started = [] {
    std::thread([] {
      for (int seen = 0;; ++seen) {
        while (asked == seen) std::this_thread::yield();
        run_now(data_now);
        ++done;
      }
    }).detach();
    return true;
  }();
  CHECK(started);
  run_now = run, data_now = data;
  const int target = ++asked;
  // Now the one comes first, now the other.
  if (target % 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  run(data);
  while (done < target) std::this_thread::yield();
}

void check_other_threads_keep_their_tasks() {
  set_fork_join(&join_lasting_threads);
  std::thread::id before[2];
  for (int repeat = 0; repeat < 20; ++repeat) {
    check_every_task_once(5);  // a smaller team than asked for
    std::atomic<int> begun{0};
    std::thread::id now[2];
    parallel_for(2, 2, [&](std::int64_t task, int) {
      now[task] = std::this_thread::get_id();
      for (++begun; begun < 2;) std::this_thread::yield();
    });
    for (int task = 0; task < 2; ++task) CHECK(repeat == 0 || now[task] == before[task]);
    std::copy(now, now + 2, before);
  }
  set_fork_join(nullptr);
}

// A fork-join of plain threads stands for another runtime; it is used, and only by the thread that set it.
std::atomic<int> joins{0};

void join_threads(void (*run)(void*), void* data, unsigned threads, unsigned) {
  ++joins;
  std::vector<std::thread> team;
  for (unsigned i = 1; i < threads; ++i) team.emplace_back(run, data);
  run(data);
  for (std::thread& thread : team) thread.join();
}

void check_fork_join() {
  set_fork_join(&join_threads);
  check_every_task_once(3);
  check_exception();
  check_nested();
  CHECK(joins == 3);
  std::thread([] { check_every_task_once(2); }).join();
  CHECK(joins == 3);
  set_fork_join(nullptr);
  check_every_task_once(2);
  CHECK(joins == 3);
}

int main() {
  for (const int threads : {1, 2, 5}) check_every_task_once(threads);
  check_exception();
  check_nested();
  check_several_callers();
  check_threads_keep_their_tasks();
  check_threads_keep_their_buffers();
  check_other_threads_keep_their_tasks();
  check_fork_join();
#if !defined(__SANITIZE_THREAD__)  // its runtime does not support threads started after a fork
  check_fork();
#endif
  std::puts("threads: ok");
}
