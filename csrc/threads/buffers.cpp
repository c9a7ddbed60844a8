#include "threads/buffers.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "fdsr/build_info.hpp"
#include "fdsr/threads.hpp"

namespace fdsr {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kMostWaiting = std::size_t{512} << 20;

struct FreeList {
  struct Entry {
    void* data;
    std::size_t capacity;
    const void* thread;  // that had it
  };
  std::mutex mutex;
  std::vector<Entry> entries;
  std::size_t bytes = 0;
};

FreeList& free_list() {
  // Never destroyed: buffers owned by Python objects may be released after static destruction began.
  static FreeList* list = [] {
    auto* made = new FreeList;
    static FreeList* held = made;
    pthread_atfork([] { held->mutex.lock(); }, [] { held->mutex.unlock(); }, [] { held->mutex.unlock(); });
    return made;
  }();
  return *list;
}

void* allocate(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
  void* data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!data) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (bytes >= kHugePage) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
}

// A task holds up to six at once.
std::size_t most_waiting() {
  static const std::size_t most = 8 * std::size_t(std::max(8, available_threads()));
  return most;
}

// What tells threads apart.
const void* this_thread() {
  static thread_local char own;
  return &own;
}

}  // namespace

// Of the waiting buffers that fit, one that this thread had: its lines are in this core's cache. Then the smallest.
Buffer::Buffer(std::size_t bytes) {
  if (bytes == 0) return;
  thread_ = this_thread();
  FreeList& list = free_list();
  {
    const std::lock_guard lock(list.mutex);
    std::size_t best = list.entries.size();
    const auto rank = [this](const FreeList::Entry& entry) {
      return std::pair(entry.thread != thread_, entry.capacity);
    };
    for (std::size_t i = 0; i < list.entries.size(); ++i) {
      const std::size_t capacity = list.entries[i].capacity;
      if (capacity < bytes || capacity > 2 * bytes + 4096) continue;
      if (best == list.entries.size() || rank(list.entries[i]) < rank(list.entries[best])) best = i;
    }
    if (best != list.entries.size()) {
      data_ = list.entries[best].data;
      capacity_ = list.entries[best].capacity;
      list.bytes -= capacity_;
      list.entries.erase(list.entries.begin() + static_cast<std::ptrdiff_t>(best));
      return;
    }
  }
  data_ = allocate(bytes);
  capacity_ = bytes;
}

Buffer::~Buffer() {
  if (!data_) return;
  FreeList& list = free_list();
  const std::lock_guard lock(list.mutex);
  if (capacity_ > kMostWaiting) {
    std::free(data_);
    return;
  }
  // The oldest go first when the list is full.
  while (!list.entries.empty() && (list.bytes + capacity_ > kMostWaiting || list.entries.size() >= most_waiting())) {
    list.bytes -= list.entries.front().capacity;
    std::free(list.entries.front().data);
    list.entries.erase(list.entries.begin());
  }
  list.entries.push_back({data_, capacity_, thread_});
  list.bytes += capacity_;
}

void clear_buffers() {
  FreeList& list = free_list();
  const std::lock_guard lock(list.mutex);
  for (const FreeList::Entry& entry : list.entries) std::free(entry.data);
  list.entries.clear();
  list.bytes = 0;
}

}  // namespace fdsr
