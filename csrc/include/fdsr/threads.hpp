// The core's own small thread pool. Images are tasks; results never depend on how many threads share them.
#pragma once

#include <cstdint>
#include <functional>

namespace fdsr {

// Runs body(task, worker) for every task in [0, tasks) on at most `threads` threads, the caller among them;
// worker < threads. If another thread is using the pool, the caller does its own work alone. The first exception
// thrown by a task is rethrown here. After fork() the child starts a pool of its own.
void parallel_for(std::int64_t tasks, int threads, const std::function<void(std::int64_t task, int worker)>& body);

// A fork-join function of another runtime, such as GOMP_parallel: runs run(data) on every thread of a team, the caller
// among them, and returns when all have.
using ForkJoin = void (*)(void (*run)(void* data), void* data, unsigned threads, unsigned flags);

// From now on the calls of this thread share the threads of that runtime instead of the pool's: a program that
// alternates between the two would otherwise find its cores held by threads of the other that wait for more. Null
// returns to the pool, and so does the child of a fork. Calls of other threads use the pool.
void set_fork_join(ForkJoin fork_join);

// Hardware threads available to this process.
int available_threads();

}  // namespace fdsr
