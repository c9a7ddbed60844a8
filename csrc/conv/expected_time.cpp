#include "expected_time.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
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

// How a forward pass shares out its pairs: `tasks` of `pairs`, each with vectors of its own.
struct Shares {
  Index tasks, pairs;
};

std::size_t tile_bytes_of(const TileChoice& choice, const Call& call) {
  const Size length = choice.length();
  return std::size_t(length.y) * std::size_t(length.x | 1) * 2 * std::size_t(call.lanes) * call.sample_bytes;
}

// Tasks in cache; none: all pairs in phases.
std::optional<Shares> shares_in_cache(Index all, const TileChoice& choice, const Channels& channels,
                                      const LaneChoice& order, const Call& call) {
  const Index most = pairs_in_cache(tile_bytes_of(choice, call), false, channels, order, call.lanes);
  if (!most) return {};
  const Index tasks = std::max<Index>(1, tasks_in_cache(most, all, channels, order, call.lanes) / channels.groups);
  return Shares{tasks, (all + tasks - 1) / tasks};
}

}  // namespace

Work work_of_tiles(const Conv2dGeometry& g, const TileChoice& choice, const Call& call) {
  const Tiling tiling = tiling_of(choice, g.positions(), g.extent());
  const double area = double(choice.length().area()), lanes = call.lanes;
  const Channels channels = channels_of(g);
  const Index all = Index(call.batch) * tiling.pairs;
  const std::size_t spectrum_bytes = choice.length().area() * 2 * call.sample_bytes;
  const Index chunk = pairs_of_chunk(spectrum_bytes * std::size_t(channels.in + channels.out), all);
  const LaneChoice order = choose_lanes(2 * tiling.pairs, channels, call.lanes, true);
  Shares shares{(all + chunk - 1) / chunk, chunk};
  if (!call.trained && !channels.depthwise)
    shares = shares_in_cache(all, choice, channels, order, call).value_or(shares);
  const LaneOrder in = lane_order(order.pairs_outside, shares.pairs, channels.in, order.width, call.lanes);
  const LaneOrder out = lane_order(order.pairs_outside, shares.pairs, channels.out, order.width, call.lanes);
  const double phases = double(channels.groups) * std::ceil(double(all) / double(chunk));
  const double parts = double(channels.groups * shares.tasks);
  const double blocks = parts * area * double(in.lanes + out.lanes) / lanes;
  const double terms = channels.depthwise ? 0.5 : double(channels.in);  // of a sum over channels
  const double products = parts * area * terms * double(out.lanes) / order.width;
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
  const bool is_column = g.kernel.x == 1;
  const bool in_planes = g.out_channels == g.groups && kernels::is_plane_window(g.kernel.y);
  // To load a vector for a single output takes as long as two sums.
  const int least = is_column || in_planes ? 1 : 2;
  const double outputs = double(g.groups) * std::max(g.out_channels / g.groups, least);
  const double sums = rows * vectors * outputs * (double(g.in_channels) / g.groups) * g.kernel.area();
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
  constexpr double kThreads = 2;  // their number does not decide on a plan
  const Channels channels = channels_of(g);
  const Tiling tiling = tiling_of(choice, g.positions(), g.extent());
  const Index all = Index(call.batch) * tiling.pairs;
  const LaneChoice order = choose_lanes(2 * tiling.pairs, channels, call.lanes, true);
  const LaneOrder in = lane_order(order.pairs_outside, all, channels.in, order.width, call.lanes);
  double tasks = double(in.lanes / call.lanes);
  if (!channels.depthwise)
    if (const auto shares = shares_in_cache(all, choice, channels, order, call))
      tasks = double(channels.groups * shares->tasks);
  return std::ceil(tasks / kThreads) * kThreads / tasks;
}

double time_of_sums(const Conv2dGeometry& g, const Call& call) {
  if (double(g.out_channels) * g.in_channels / g.groups * g.kernel.area() > kMostWeights)
    return std::numeric_limits<double>::infinity();
  return time_of(work_of_sums(g, call), call.trained ? rates().sums_trained : rates().sums);
}

}  // namespace fdsr::conv
