// Spectra of weights, kept from call to call: one cache for the process, bounded in bytes, the least recently used
// leaving first. An entry belongs to one plan and one place in memory, and holds while the content there stays; or to
// one plan and one version of weights.
#pragma once

#include <cstdint>
#include <memory>

#include "fdsr/conv2d.hpp"

namespace fdsr::conv {

class WeightCache {
 public:
  // What distinguishes the spectra that one plan makes of the same weights.
  struct Layout {
    bool rows_are_inputs;
    int width;
    bool operator==(const Layout&) const = default;
  };

  static constexpr std::size_t kMostBytes = std::size_t{512} << 20;

  WeightCache();
  ~WeightCache();  // forgets the plan's entries
  WeightCache(const WeightCache&) = delete;
  WeightCache& operator=(const WeightCache&) = delete;

  // The kept spectra, or null.
  std::shared_ptr<const void> find(const void* weights, std::size_t weight_bytes, Layout layout, KeepSpectra keep,
                                   int threads) const;
  // Keeps spectra, unless they are larger than the whole cache.
  void keep(const void* weights, std::size_t weight_bytes, Layout layout, KeepSpectra keep,
            std::shared_ptr<const void> spectra, std::size_t bytes) const;

 private:
  std::uint64_t plan_;
};

}  // namespace fdsr::conv
