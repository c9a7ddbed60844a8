#include "gradients.hpp"

#include <algorithm>
#include <optional>

#include "conv/phases.hpp"
#include "conv/planes.hpp"

namespace fdsr::conv {
namespace {

// Spectra of weights beyond this many bytes pass through the caches twice, for products of two kinds, if those are made
// in turns.
constexpr Index kMostShared = Index{4} << 20;

// The products of both halves of a spectrum count twice.
template <class T>
T scale_of_sums(const TileTransform<T>& transform) {
  return T(0.5) / T(transform.length().area());
}

Channels turned_round(const Channels& channels) {
  return {channels.out, channels.in, channels.groups, channels.depthwise};
}

// Spectra of the turned kernels of one group.
template <class T>
Slots<T> turned_spectra(const Gradients<T>& maps, const ToInput<T>& to_input, Index group, const WeightOrder& order,
                        int threads) {
  const T scale = T(1) / T(maps.transform.length().area());
  return weight_spectra(maps.transform, to_input.turned, group, order, scale, threads);
}

template <class T>
void correlate_dense(const Gradients<T>& maps, const Kernels<T>& kernels, const ToInput<T>* to_input, Index group,
                     const LaneChoice& choice, int threads) {
  const TileTransform<T>& transform = maps.transform;
  const Tiling& tiling = maps.tiling;
  const Channels &channels = maps.channels, back = turned_round(channels);
  const auto& table = kernels::conv_kernels<T>();
  const Index all = maps.batch * tiling.pairs;
  const WeightOrder order = weight_order(true, channels, choice.width, table.lanes);
  const WeightOrder turned = weight_order(true, back, choice.width, table.lanes);
  const Index chunk = chunk_of(transform, all, channels);
  const Slots<T> sums(transform.slots(), order.lanes.lanes);
  Magnitudes<T> most(order.lanes.lanes, threads);
  std::optional<Slots<T>> weights;
  if (to_input) weights = turned_spectra(maps, *to_input, group, turned, threads);
  for (Index first = 0; first < all; first += chunk) {
    const Index pairs = std::min(chunk, all - first);
    const LaneOrder in = lane_order(true, pairs, channels.in, choice.width, table.lanes);
    const LaneOrder out = lane_order(true, pairs, channels.out, choice.width, table.lanes);
    const Slots<T> xs(transform.slots(), 2 * in.lanes), vs(transform.slots(), 2 * out.lanes);
    transform_tiles(transform, maps.x, tiling, in, first, group * channels.in, tiling.pitch, true, threads, xs);
    transform_tiles(transform, maps.v, tiling, out, first, group * channels.out, transform.length(), true, threads, vs);
    const bool at_once = halves_are_rows(in, out), is_last = first + pairs == all;
    for_each_run(transform, threads, [&](int column, Index begin, Index count, int thread) {
      for (Index slot = begin; slot < begin + count; ++slot) {
        // Lanes that no product reaches share transforms with others.
        std::fill_n(sums.at(slot) + 2 * (order.lanes.lanes - table.lanes), first ? 0 : 2 * table.lanes, T(0));
        for (int half = 0; half < (at_once ? 1 : 2); ++half)
          table.product_transposed(choice.width, first > 0 || half, channels.in, out.pitch,
                                   pairs + (at_once ? in.lanes / in.pitch : 0),
                                   {xs.at(slot) + half * 2 * in.lanes, in.pitch},
                                   {vs.at(slot) + half * 2 * out.lanes, out.pitch}, {sums.at(slot), order.lanes.pitch});
        if (is_last) table.magnitudes(order.lanes.lanes / table.lanes, sums.at(slot), most.of(thread));
      }
      if (weights)  // in place of x, which is done with
        multiply_slots<T>(choice, back, out, in, vs.from(begin), weights->from(begin), turned.lanes.pitch,
                          xs.from(begin), !transform.is_own_mirror(column), count);
    });
    if (weights)
      write_tiles(transform, xs, tiling, in, first, group * channels.in, static_cast<const T*>(nullptr), threads,
                  to_input->v_x);
  }
  kernels_from_spectra(transform, sums, most.of_all(), order, scale_of_sums(transform), threads, kernels, group);
}

// A task sums over all pairs of one vector of channels.
template <class T>
void correlate_depthwise(const Gradients<T>& maps, const Kernels<T>& kernels, const ToInput<T>* to_input) {
  const TileTransform<T>& transform = maps.transform;
  const Tiling& tiling = maps.tiling;
  const Channels& channels = maps.channels;
  const auto& table = kernels::conv_kernels<T>();
  const int lanes = table.lanes;
  const Index block = transform.block(), length = transform.length().y, pairs = maps.batch * tiling.pairs;
  const WeightOrder order = weight_order(true, channels, lanes, lanes);
  const LaneOrder each = lane_order(true, pairs, channels.in, lanes, lanes);
  const Slots<T> sums(transform.slots(), order.lanes.lanes);
  Magnitudes<T> most(order.lanes.lanes, 1);  // every task has lanes of its own
  std::optional<Slots<T>> weights;
  if (to_input) weights = turned_spectra(maps, *to_input, 0, order, maps.threads);
  parallel_for(each.pitch / lanes, maps.threads, [&](std::int64_t unit, int) {
    const LineBuffers<T> buffers(transform);
    const Buffer memory(2 * transform.tile_size() * sizeof(T));
    T *const x_tile = memory.as<T>(), *const v_tile = x_tile + transform.tile_size();
    const Slots<T> zx(transform.column(), 2 * lanes), zv(transform.column(), 2 * lanes);
    for (Index pair = 0; pair < pairs; ++pair) {
      const LaneVector vector{tiling, each, 0, 0, pair * each.pitch + unit * lanes};
      read_tile(transform, maps.x, vector, tiling.pitch, buffers, x_tile);
      read_tile(transform, maps.v, vector, transform.length(), buffers, v_tile);
      for (int column = 0; column < transform.half(); ++column) {
        T* const sum = sums.at(column * transform.column()) + unit * block;
        if (pair == 0)
          for (Index y = 0; y < length; ++y) std::fill_n(sum + y * sums.stride(), block, T(0));
        transform.to_column(x_tile, column, zx.at(0), zx.at(0) + block, zx.stride(), buffers.scratch);
        transform.to_column(v_tile, column, zv.at(0), zv.at(0) + block, zv.stride(), buffers.scratch);
        for (int half = 0; half < 2; ++half)
          table.add_products(length, zx.at(0) + half * block, zx.stride(), zv.at(0) + half * block, zv.stride(), sum,
                             sums.stride());
        if (pair + 1 == pairs)
          for (Index y = 0; y < length; ++y)
            table.magnitudes(1, sum + y * sums.stride(), most.of(0) + unit * lanes);
        if (!weights) continue;
        const T* w = weights->at(column * transform.column()) + unit * block;
        for (int half = 0; half < 2; ++half)
          table.scale_blocks(length, w, weights->stride(), zv.at(0) + half * block, zv.stride());
        // over the tile of v, whose columns are done with
        transform.from_column(zv.at(0), zv.at(0) + block, zv.stride(), column, v_tile, buffers.scratch);
      }
      if (weights) write_tile(transform, to_input->v_x, vector, static_cast<const T*>(nullptr), buffers, v_tile);
    }
  });
  kernels_from_spectra(transform, sums, most.of_all(), order, scale_of_sums(transform), maps.threads, kernels, 0);
}

}  // namespace

template <class T>
bool is_shared_better(const TileTransform<T>& transform, const Tiling& tiling, const Channels& channels, int threads) {
  const int lanes = kernels::conv_kernels<T>().lanes;
  if (channels.depthwise) return (channels.in + lanes - 1) / lanes >= threads;  // as many tasks
  const Channels back = turned_round(channels);
  const LaneChoice alone = choose_lanes(2 * tiling.pairs, back, lanes, true);
  const LaneChoice shared = choose_lanes(2 * tiling.pairs, channels, lanes, false);
  // Kernels that share a transform leave rounding errors in one another.
  const LaneOrder order = weight_order(true, back, shared.width, lanes).lanes;
  const bool is_same = alone.pairs_outside && weight_order(true, back, alone.width, lanes).lanes.pitch == order.pitch;
  return is_same && transform.slots() * order.lanes * Index(2 * sizeof(T)) <= kMostShared;
}

template <class T>
void correlate_maps(const Gradients<T>& call, const Kernels<T>& kernels, const ToInput<T>* to_input) {
  const Channels& channels = call.channels;
  const LaneChoice choice = choose_lanes(2 * call.tiling.pairs, channels, kernels::conv_kernels<T>().lanes, false);
  Gradients<T> maps = call;
  std::optional<Planes<T>> x, v, v_x;
  if (are_planes_better(call.x, choice, channels.in))
    maps.x = read_planes(call.x, call.batch, channels.groups * channels.in, call.threads, x);
  if (are_planes_better(call.v, choice, channels.out))
    maps.v = read_planes(call.v, call.batch, channels.groups * channels.out, call.threads, v);
  std::optional<ToInput<T>> to_input_planes;
  if (to_input && are_planes_better(to_input->v_x, choice, channels.in))
    to_input_planes.emplace(ToInput<T>{
        to_input->turned, empty_planes(to_input->v_x, call.batch, channels.groups * channels.in, v_x)});
  const ToInput<T>* const written = to_input_planes ? &*to_input_planes : to_input;
  if (channels.depthwise)
    correlate_depthwise(maps, kernels, written);
  else
    for_each_group(channels.groups, maps.threads, [&](Index group, int threads) {
      correlate_dense(maps, kernels, written, group, choice, threads);
    });
  if (v_x) v_x->write(to_input->v_x, call.threads);
}

template bool is_shared_better(const TileTransform<float>&, const Tiling&, const Channels&, int);
template bool is_shared_better(const TileTransform<double>&, const Tiling&, const Channels&, int);
template void correlate_maps(const Gradients<float>&, const Kernels<float>&, const ToInput<float>*);
template void correlate_maps(const Gradients<double>&, const Kernels<double>&, const ToInput<double>*);

}  // namespace fdsr::conv
