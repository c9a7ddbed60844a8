#include "expected_time.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string_view>

#include "conv/correlation.hpp"
#include "conv/rates.hpp"
#include "conv/tile_transform.hpp"
#include "kernels/conv_kernels.hpp"

namespace fdsr::conv {
namespace {

constexpr double kLargeTileBytes = 400e3;  // beyond the second-level cache
// Partial sums of the weight's gradient, 16 in double precision, would take more than 16 MiB.
constexpr double kMostWeights = 1 << 17;

const Rates& rates() { return std::string_view(kernels::active_isa()) == "avx512" ? kAvx512 : kAvx2; }

double time_of(const Work& work, const Work& rates) {
  return std::inner_product(work.begin(), work.end(), rates.begin(), 0.0);
}

}  // namespace

Work work_of_tiles(const Conv2dGeometry& g, const TileChoice& choice, const Call& call) {
  const Tiling tiling = tiling_of(choice, g.positions(), g.extent());
  const double area = double(choice.length().area()), lanes = call.lanes;
  const Channels channels = channels_of(g);
  const Index all = Index(call.batch) * tiling.pairs;
  const std::size_t spectrum_bytes = choice.length().area() * 2 * call.sample_bytes;
  const Index pairs = pairs_of_chunk(spectrum_bytes * std::size_t(channels.in + channels.out), all);
  const double chunks = std::ceil(double(all) / double(pairs));
  const LaneChoice order = choose_lanes(2 * tiling.pairs, channels, call.lanes, true);
  const LaneOrder in = lane_order(order.pairs_outside, pairs, channels.in, order.width, call.lanes);
  const LaneOrder out = lane_order(order.pairs_outside, pairs, channels.out, order.width, call.lanes);
  const double phases = double(channels.groups) * chunks;
  const double blocks = phases * area * double(in.lanes + out.lanes) / lanes;
  const double terms = channels.depthwise ? 0.5 : double(channels.in);  // of a sum over channels
  const double products = phases * area * terms * double(out.lanes) / order.width;
  const double weights = area * (channels.depthwise ? 1.0 : terms) * g.out_channels / lanes;
  const bool is_long = std::max(choice.y.length, choice.x.length) > tile_lengths().back();
  const bool is_large = area * 2 * lanes * double(call.sample_bytes) > kLargeTileBytes;
  return {1,
          is_long || is_large ? 0 : blocks,
          !is_long && is_large ? blocks : 0,
          is_long ? blocks : 0,
          products,
          weights * call.spectra_made,
          phases,
          blocks / choice.length().x};
}

Work work_of_sums(const Conv2dGeometry& g, const Call& call) {
  const Size positions = g.positions();
  const double rows = call.batch * positions.y, samples = rows * (double(g.in_channels) + g.out_channels) * positions.x;
  const double vectors = std::ceil(double(positions.x) / call.lanes);
  const double sums = rows * vectors * g.out_channels * (double(g.in_channels) / g.groups) * g.kernel.area();
  const bool is_column = g.kernel.x == 1;
  const bool in_planes = g.out_channels == g.groups && kernels::is_plane_window(g.kernel.y);
  return {1,
          rows * (double(g.in_channels) + g.out_channels),
          samples,
          is_column || in_planes ? 0 : sums,
          !is_column && in_planes ? sums : 0,
          is_column ? sums : 0,
          call.channels_last ? samples : 0,
          0};
}

double time_of_tiles(const Conv2dGeometry& g, const TileChoice& choice, const Call& call) {
  return time_of(work_of_tiles(g, choice, call), call.trained ? rates().tiles_trained : rates().tiles);
}

double idleness(const Conv2dGeometry& g, const TileChoice& choice, const Call& call) {
  // Neither threads nor images decide on a plan. Two images keep two threads busy if larger batches do more of them.
  constexpr double kThreads = 2;
  const Channels channels = channels_of(g);
  const Tiling tiling = tiling_of(choice, g.positions(), g.extent());
  const Index all = Index(call.batch) * tiling.pairs, lanes = call.lanes;
  const Size length = choice.length();
  const std::size_t block_bytes = 2 * std::size_t(lanes) * call.sample_bytes;
  const std::size_t tile_bytes = std::size_t(length.y) * std::size_t(length.x | 1) * block_bytes;
  const LaneChoice order = choose_lanes(2 * tiling.pairs, channels, call.lanes, true);
  const Index most = pairs_in_cache(tile_bytes, false, channels, order, lanes);
  const LaneOrder in = lane_order(order.pairs_outside, all, channels.in, order.width, call.lanes);
  const double tasks = double(most ? tasks_in_cache(most, all, channels, order, lanes) : in.lanes / lanes);
  return std::ceil(tasks / kThreads) * kThreads / tasks;
}

double time_of_sums(const Conv2dGeometry& g, const Call& call) {
  if (double(g.out_channels) * g.in_channels / g.groups * g.kernel.area() > kMostWeights)
    return std::numeric_limits<double>::infinity();
  return time_of(work_of_sums(g, call), call.trained ? rates().sums_trained : rates().sums);
}

}  // namespace fdsr::conv
