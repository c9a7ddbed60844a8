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
  const void* place;  // null: known by its version
  std::uint64_t version;
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

  // Into `dropped`, whose memory is freed after the mutex is: buffers have one of their own.
  void drop(std::list<Entry>::iterator entry, std::list<Entry>& dropped) {
    bytes -= entry->bytes;
    dropped.splice(dropped.end(), entries, entry);
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

const void* place_of(const void* weights, KeepSpectra keep) { return keep.version ? nullptr : weights; }

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
  std::list<Entry> dropped;
  const std::lock_guard lock(all.mutex);
  for (auto entry = all.entries.begin(); entry != all.entries.end();) {
    const auto next = std::next(entry);
    if (entry->plan == plan_) all.drop(entry, dropped);
    entry = next;
  }
}

std::shared_ptr<const void> WeightCache::find(const void* weights, std::size_t weight_bytes, Layout layout,
                                              KeepSpectra keep, int threads) const {
  if (!keep.keep) return nullptr;
  Store& all = store();
  std::shared_ptr<const std::vector<char>> content;
  std::shared_ptr<const void> spectra;
  {
    const std::lock_guard lock(all.mutex);
    const auto found = std::find_if(all.entries.begin(), all.entries.end(), [&](const Entry& entry) {
      return entry.plan == plan_ && entry.place == place_of(weights, keep) && entry.version == keep.version &&
             entry.layout == layout;
    });
    if (found == all.entries.end()) return nullptr;
    all.entries.splice(all.entries.begin(), all.entries, found);
    content = found->content;
    spectra = found->spectra;
  }
  if (!keep.version && !equal(weights, content->data(), weight_bytes, threads)) return nullptr;
  return spectra;
}

void WeightCache::keep(const void* weights, std::size_t weight_bytes, Layout layout, KeepSpectra keep,
                       std::shared_ptr<const void> spectra, std::size_t bytes) const {
  if (keep.version) weight_bytes = 0;  // never compared
  bytes += weight_bytes;
  if (!keep.keep || bytes > kMostBytes) return;
  const auto* from = static_cast<const char*>(weights);
  auto content = std::make_shared<const std::vector<char>>(from, from + weight_bytes);
  const void* const place = place_of(weights, keep);
  Store& all = store();
  std::list<Entry> dropped;
  const std::lock_guard lock(all.mutex);
  for (auto entry = all.entries.begin(); entry != all.entries.end(); ++entry)
    if (entry->plan == plan_ && entry->place == place && entry->version == keep.version && entry->layout == layout) {
      all.drop(entry, dropped);
      break;
    }
  while (all.bytes + bytes > kMostBytes) all.drop(std::prev(all.entries.end()), dropped);
  all.entries.push_front({plan_, place, keep.version, layout, std::move(content), std::move(spectra), bytes});
  all.bytes += bytes;
}

}  // namespace fdsr::conv
