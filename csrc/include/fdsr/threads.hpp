// The core's own small thread pool. Images are tasks; results never depend on how many threads share them.
#pragma once

#include <cstdint>
#include <functional>

namespace fdsr {

// Runs body(task, worker) for every task in [0, tasks) on at most `threads` threads, the caller among them;
// worker < threads. If another thread is using the pool, the caller does its own work alone. The first exception
// thrown by a task is rethrown here. After fork() the child starts a pool of its own.
void parallel_for(std::int64_t tasks, int threads, const std::function<void(std::int64_t task, int worker)>& body);

// Hardware threads available to this process.
int available_threads();

}  // namespace fdsr
