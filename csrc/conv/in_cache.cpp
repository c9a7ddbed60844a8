// Correlations whose tasks go through all steps in one thread's cache: transform, product and inverse, the last three
// column by column.
#include <algorithm>

#include "correlation.hpp"
#include "fdsr/threads.hpp"

namespace fdsr::conv {
namespace {

// Tiles of a task: half of a usual second-level cache. Those that meet kept spectra of weights may need a core's part
// of the third level: weights' spectra that were made a moment ago lie in the caches of all cores, and to read them
// there for every task costs more than to exchange the tiles' spectra once.
constexpr Index kTileBytes = Index{512} << 10, kTileBytesOfKept = Index{2} << 20;

// Pairs that fill whole vectors: of pairs, or of the rows of pairs.
Index whole_pairs(const Channels& channels, const LaneChoice& choice, Index lanes) {
  if (!choice.pairs_outside) return lanes;
  return std::max(channels.in, channels.out) < lanes ? lanes / choice.width : 1;
}

// Every task reads all spectra of the weights; in phases, the spectra of the tiles would be written and read instead.
Index fewest_pairs(const Channels& channels) {
  const Index sides = 4 * (channels.in + channels.out);
  return (channels.in * channels.out + sides - 1) / sides;
}

// Equal tasks of at most so many pairs (or whole vectors), less where that makes tasks for more threads.
Index pairs_of_task(Index most, Index all, const Channels& channels, Index whole) {
  if (all == 0) return whole;
  const Index tasks = (kLeastTasks + channels.groups - 1) / channels.groups;
  const Index wanted = std::min(most, std::max((all + tasks - 1) / tasks, fewest_pairs(channels)));
  const Index parts = (all + wanted - 1) / wanted, pairs = (all + parts - 1) / parts;
  return (pairs + whole - 1) / whole * whole;
}

// Memory of one task: the tiles of `units` vectors of lanes, and one column of slots of either side.
template <class T>
struct Task {
  Task(const TileTransform<T>& transform, Index units, Index in_lanes, Index out_lanes)
      : buffers(transform),
        memory(std::size_t(units) * transform.tile_size() * sizeof(T)),
        x(transform.column(), 2 * in_lanes),
        y(transform.column(), 2 * out_lanes),
        tile_size(Index(transform.tile_size())) {}
  T* tile(Index unit) const { return memory.template as<T>() + unit * tile_size; }
  LineBuffers<T> buffers;
  Buffer memory;
  Slots<T> x, y;
  Index tile_size;
};

template <class T>
void correlate_pairs(const Correlation<T>& c, const LaneChoice& choice, Index group, Index first, Index pairs,
                     const Slots<T>& weights, Index w_pitch) {
  const TileTransform<T>& transform = c.transform;
  const Channels& channels = c.channels;
  const int lanes = kernels::conv_kernels<T>().lanes;
  const Index block = transform.block();
  const LaneOrder in = lane_order(choice.pairs_outside, pairs, channels.in, choice.width, lanes);
  const LaneOrder out = lane_order(choice.pairs_outside, pairs, channels.out, choice.width, lanes);
  const Index in_units = in.lanes / lanes, out_units = out.lanes / lanes;
  const Task<T> task(transform, std::max(in_units, out_units), in.lanes, out.lanes);
  for (Index u = 0; u < in_units; ++u)
    read_tile(transform, c.from, {c.tiling, in, first, group * channels.in, u * lanes}, transform.length(),
              task.buffers, task.tile(u));
  for (int x = 0; x < transform.half(); ++x) {
    const bool mirrored = !transform.is_own_mirror(x);
    for (Index u = 0; u < in_units; ++u) {
      T* z = task.x.at(0) + u * block;
      transform.to_column(task.tile(u), x, z, mirrored ? z + 2 * in.lanes : nullptr, task.x.stride(),
                          task.buffers.scratch);
    }
    multiply_slots<T>(choice, channels, in, out, task.x.from(0), weights.from(x * transform.column()), w_pitch,
                      task.y.from(0), mirrored, transform.length().y);
    for (Index u = 0; u < out_units; ++u) {  // over the tiles of the input, whose columns are done with
      const T* z = task.y.at(0) + u * block;
      transform.from_column(z, z + 2 * out.lanes, task.y.stride(), x, task.tile(u), task.buffers.scratch);
    }
  }
  for (Index u = 0; u < out_units; ++u)
    write_tile(transform, c.to, {c.tiling, out, first, group * channels.out, u * lanes}, c.bias, task.buffers,
               task.tile(u));
}

// One vector of lanes by itself.
template <class T>
void correlate_lanes(const Correlation<T>& c, const LaneOrder& order, Index lane, const Slots<T>& weights,
                     Index weight_lanes) {
  const auto& table = kernels::conv_kernels<T>();
  const TileTransform<T>& transform = c.transform;
  const Index block = transform.block(), length = transform.length().y;
  const Task<T> task(transform, 1, table.lanes, 0);
  const LaneVector vector{c.tiling, order, 0, 0, lane};
  read_tile(transform, c.from, vector, transform.length(), task.buffers, task.tile(0));
  T *const z = task.x.at(0), *const m = z + block;
  for (int x = 0; x < transform.half(); ++x) {
    const T* w = weights.at(x * transform.column()) + lane % weight_lanes * 2;
    const bool mirrored = !transform.is_own_mirror(x);
    transform.to_column(task.tile(0), x, z, mirrored ? m : nullptr, task.x.stride(), task.buffers.scratch);
    table.scale_blocks(length, w, weights.stride(), z, task.x.stride());
    if (mirrored) table.scale_blocks(length, w, weights.stride(), m, task.x.stride());
    transform.from_column(z, m, task.x.stride(), x, task.tile(0), task.buffers.scratch);
  }
  write_tile(transform, c.to, vector, c.bias, task.buffers, task.tile(0));
}

}  // namespace

Index pairs_in_cache(std::size_t tile_bytes, bool with_kept, const Channels& channels, const LaneChoice& choice,
                     Index lanes) {
  if (channels.depthwise) return 1;
  const Index most = std::max(channels.in, channels.out), width = choice.width;
  const Index pair_lanes = (most + width - 1) / width * width;
  const Index pair_bytes = Index(tile_bytes) * pair_lanes / lanes;
  const Index whole = whole_pairs(channels, choice, lanes), fewest = fewest_pairs(channels);
  const auto pairs_of = [&](Index bytes) { return std::max(whole, bytes / pair_bytes / whole * whole); };
  const Index pairs = pairs_of(with_kept ? kTileBytesOfKept : kTileBytes);
  return fewest <= pairs ? pairs : 0;
}

Index tasks_in_cache(Index most, Index all, const Channels& channels, const LaneChoice& choice, Index lanes) {
  if (channels.depthwise) return lane_order(true, all, channels.in, choice.width, int(lanes)).lanes / lanes;
  const Index pairs = pairs_of_task(most, all, channels, whole_pairs(channels, choice, lanes));
  return channels.groups * ((all + pairs - 1) / pairs);
}

template <class T>
void correlate_in_cache(const Correlation<T>& c, const LaneChoice& choice, Index most_pairs,
                        const std::vector<Slots<T>>& weights, const WeightOrder& order) {
  const Channels& channels = c.channels;
  const Index lanes = kernels::conv_kernels<T>().lanes, all = c.batch * c.tiling.pairs;
  if (channels.depthwise) {
    const LaneOrder each = lane_order(true, all, channels.in, choice.width, static_cast<int>(lanes));
    parallel_for(each.lanes / lanes, c.threads, [&](std::int64_t unit, int) {
      correlate_lanes(c, each, unit * lanes, weights[0], order.lanes.lanes);
    });
    return;
  }
  const Index pairs = pairs_of_task(most_pairs, all, channels, whole_pairs(channels, choice, lanes));
  const Index tasks = (all + pairs - 1) / pairs;
  parallel_for(channels.groups * tasks, c.threads, [&](std::int64_t task, int) {
    const Index group = task / tasks, first = task % tasks * pairs;
    correlate_pairs(c, choice, group, first, std::min(pairs, all - first), weights[group], order.lanes.pitch);
  });
}

#define FDSR_INSTANTIATE(T)                                                                                           \
  template void correlate_in_cache<T>(const Correlation<T>&, const LaneChoice&, Index, const std::vector<Slots<T>>&,  \
                                      const WeightOrder&);
FDSR_INSTANTIATE(float)
FDSR_INSTANTIATE(double)

}  // namespace fdsr::conv
