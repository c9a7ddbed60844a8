#include "conv/weight_cache.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <list>
#include <mutex>
#include <vector>

#include "fdsr/threads.hpp"

namespace fdsr::conv {
namespace {

struct Entry {
  std::uint64_t plan;
  const void* place;
  WeightCache::Layout layout;
  std::shared_ptr<const std::vector<char>> content;
  std::shared_ptr<const void> spectra;
  std::size_t bytes;
};

// Most recently used first.
struct Store {
  std::mutex mutex;
  std::list<Entry> entries;
  std::size_t bytes = 0;
  std::uint64_t plans = 0;

  void drop(std::list<Entry>::iterator entry) {
    bytes -= entry->bytes;
    entries.erase(entry);
  }
};

// Never destroyed: plans may outlive static destruction.
Store& store() {
  static Store* instance = [] {
    static Store* made = new Store;
    pthread_atfork([] { made->mutex.lock(); }, [] { made->mutex.unlock(); }, [] { made->mutex.unlock(); });
    return made;
  }();
  return *instance;
}

bool equal(const void* a, const void* b, std::size_t bytes, int threads) {
  constexpr std::size_t kPiece = std::size_t{256} << 10;
  std::atomic<bool> same = true;
  parallel_for(static_cast<std::int64_t>((bytes + kPiece - 1) / kPiece), threads, [&](std::int64_t piece, int) {
    const std::size_t begin = std::size_t(piece) * kPiece;
    if (same.load(std::memory_order_relaxed) &&
        std::memcmp(static_cast<const char*>(a) + begin, static_cast<const char*>(b) + begin,
                    std::min(kPiece, bytes - begin)) != 0)
      same = false;
  });
  return same;
}

}  // namespace

WeightCache::WeightCache() {
  const std::lock_guard lock(store().mutex);
  plan_ = ++store().plans;
}

WeightCache::~WeightCache() {
  Store& all = store();
  const std::lock_guard lock(all.mutex);
  for (auto entry = all.entries.begin(); entry != all.entries.end();) {
    const auto next = std::next(entry);
    if (entry->plan == plan_) all.drop(entry);
    entry = next;
  }
}

std::shared_ptr<const void> WeightCache::find(const void* weights, std::size_t weight_bytes, Layout layout,
                                              KeepSpectra keep, int threads) const {
  if (keep == KeepSpectra::no) return nullptr;
  Store& all = store();
  std::shared_ptr<const std::vector<char>> content;
  std::shared_ptr<const void> spectra;
  {
    const std::lock_guard lock(all.mutex);
    const auto found = std::find_if(all.entries.begin(), all.entries.end(), [&](const Entry& entry) {
      return entry.plan == plan_ && entry.place == weights && entry.layout == layout;
    });
    if (found == all.entries.end()) return nullptr;
    all.entries.splice(all.entries.begin(), all.entries, found);
    content = found->content;
    spectra = found->spectra;
  }
  if (keep == KeepSpectra::checked && !equal(weights, content->data(), weight_bytes, threads)) return nullptr;
  return spectra;
}

void WeightCache::keep(const void* weights, std::size_t weight_bytes, Layout layout,
                       std::shared_ptr<const void> spectra, std::size_t bytes) const {
  bytes += weight_bytes;
  if (bytes > kMostBytes) return;
  const auto* from = static_cast<const char*>(weights);
  auto content = std::make_shared<const std::vector<char>>(from, from + weight_bytes);
  Store& all = store();
  const std::lock_guard lock(all.mutex);
  for (auto entry = all.entries.begin(); entry != all.entries.end(); ++entry)
    if (entry->plan == plan_ && entry->place == weights && entry->layout == layout) {
      all.drop(entry);
      break;
    }
  while (all.bytes + bytes > kMostBytes) all.drop(std::prev(all.entries.end()));
  all.entries.push_front({plan_, weights, layout, std::move(content), std::move(spectra), bytes});
  all.bytes += bytes;
}

}  // namespace fdsr::conv
