// Work in phases over all threads, with the spectra of a chunk of pairs between them.
#pragma once

#include <algorithm>

#include "conv/correlation.hpp"
#include "fdsr/threads.hpp"

namespace fdsr::conv {

// Slots of a column that one task multiplies.
inline constexpr Index kSlotsOfTask = 8;

// Pairs whose spectra, of both sides, should stay in the outer caches from phase to phase.
template <class T>
Index chunk_of(const TileTransform<T>& transform, Index pairs, const Channels& channels) {
  return pairs_of_chunk(transform.length().area() * 2 * sizeof(T) * std::size_t(channels.in + channels.out), pairs);
}

// Calls body(group, threads of its own): groups go side by side where they keep all threads busy, as the spectra of a
// small one then stay in one core's cache.
template <class Body>
void for_each_group(Index groups, int threads, Body&& body) {
  if (threads > 1 && (groups % threads == 0 || groups >= 4 * threads))
    return parallel_for(groups, threads, [&](std::int64_t group, int) { body(Index{group}, 1); });
  for (Index group = 0; group < groups; ++group) body(group, threads);
}

// Phase 1: a map's tiles -> slots [both halves][lanes].
template <class T>
void transform_tiles(const TileTransform<T>& transform, const Image<const T>& image, const Tiling& tiling,
                     const LaneOrder& order, Index first_pair, Index first_channel, Size used, bool all_mirrored,
                     int threads, const Slots<T>& slots) {
  const Index lanes = kernels::conv_kernels<T>().lanes;
  parallel_for(order.lanes / lanes, threads, [&](std::int64_t unit, int) {
    const LineBuffers<T> buffers(transform);
    const Buffer memory(transform.tile_size() * sizeof(T));
    T* const tile = memory.as<T>();
    read_tile(transform, image, {tiling, order, first_pair, first_channel, unit * lanes}, used, buffers, tile);
    for (int x = 0; x < transform.half(); ++x) {
      T* z = slots.at(x * transform.column()) + unit * transform.block();
      const bool mirrored = all_mirrored || !transform.is_own_mirror(x);
      transform.to_column(tile, x, z, mirrored ? z + 2 * order.lanes : nullptr, slots.stride(), buffers.scratch);
    }
  });
}

// Phase 2: calls body(x, first slot, count, thread) for runs of slots of one column.
template <class T, class Body>
void for_each_run(const TileTransform<T>& transform, int threads, Body&& body) {
  const Index length = transform.length().y, parts = (length + kSlotsOfTask - 1) / kSlotsOfTask;
  parallel_for(transform.half() * parts, threads, [&](std::int64_t task, int thread) {
    const int x = static_cast<int>(task / parts);
    const Index begin = task % parts * kSlotsOfTask;
    body(x, x * transform.column() + begin, std::min(kSlotsOfTask, length - begin), thread);
  });
}

// Phase 3: slots -> tiles -> a map.
template <class T>
void write_tiles(const TileTransform<T>& transform, const Slots<T>& slots, const Tiling& tiling,
                 const LaneOrder& order, Index first_pair, Index first_channel, const T* bias, int threads,
                 const Image<T>& image) {
  const Index lanes = kernels::conv_kernels<T>().lanes;
  parallel_for(order.lanes / lanes, threads, [&](std::int64_t unit, int) {
    const LineBuffers<T> buffers(transform);
    const Buffer memory(transform.tile_size() * sizeof(T));
    T* const tile = memory.as<T>();
    for (int x = 0; x < transform.half(); ++x) {
      const T* z = slots.at(x * transform.column()) + unit * transform.block();
      transform.from_column(z, z + 2 * order.lanes, slots.stride(), x, tile, buffers.scratch);
    }
    write_tile(transform, image, {tiling, order, first_pair, first_channel, unit * lanes}, bias, buffers, tile);
  });
}

}  // namespace fdsr::conv
