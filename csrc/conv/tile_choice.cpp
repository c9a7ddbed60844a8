#include "tile_choice.hpp"

#include <algorithm>

#include "conv/expected_time.hpp"
#include "conv/tile_transform.hpp"
#include "fdsr/error.hpp"

namespace fdsr::conv {
namespace {

struct AxisNeeds {
  int reach, circle, results;
};

// Lengths that one axis may have.
std::vector<AxisTile> candidates(const AxisNeeds& needs, ConvAlgorithm algorithm, int wanted, bool is_long_possible) {
  std::vector<int> lengths = tile_lengths();
  for (const int n : {2 * needs.reach, needs.circle, wanted})
    if (is_long_possible && n > tile_lengths().back()) lengths.push_back(long_tile_length(n));
  std::sort(lengths.begin(), lengths.end());
  std::vector<AxisTile> all;
  for (const int length : lengths) {
    if ((wanted && length != wanted) || length < needs.reach) continue;
    const bool whole = length >= needs.circle;
    // Without the wrap a whole map is a tile like any other.
    if (whole && algorithm != ConvAlgorithm::tiled) all.push_back({length, true});
    if (algorithm != ConvAlgorithm::fourier) all.push_back({length, false});
    if (length >= needs.circle + needs.reach) break;  // longer ones only cost more
  }
  return all;
}

}  // namespace

Tiling tiling_of(const TileChoice& choice, Size extent, Size reach) {
  // As many tiles as needed, all alike.
  const auto pitch = [](const AxisTile& tile, int extent_, int reach_) {
    const int most = tile.whole ? extent_ : tile.length - reach_ + 1, count = (extent_ + most - 1) / most;
    return (extent_ + count - 1) / count;
  };
  return Tiling(extent, {pitch(choice.y, extent.y, reach.y), pitch(choice.x, extent.x, reach.x)});
}

Axes forward_axes(const Conv2dGeometry& g) {
  const Size positions = g.positions(), out = g.output();
  return {padded_axis(g.padded().y, g.top, g.input.y, g.padding), padded_axis(g.padded().x, g.left, g.input.x, g.padding),
          sampled_axis(positions.y, 0, g.stride.y, out.y), sampled_axis(positions.x, 0, g.stride.x, out.x)};
}

// The cotangent, spread by the stride and surrounded by zeros (or repeated).
Axes adjoint_axes(const Conv2dGeometry& g) {
  const Size reach = g.extent(), out = g.output();
  const bool circular = g.padding == Padding::circular;
  return {sampled_axis(g.input.y + reach.y - 1, reach.y - 1 - g.top, g.stride.y, out.y, circular ? g.input.y : 0),
          sampled_axis(g.input.x + reach.x - 1, reach.x - 1 - g.left, g.stride.x, out.x, circular ? g.input.x : 0),
          sampled_axis(g.input.y, 0, 1, g.input.y), sampled_axis(g.input.x, 0, 1, g.input.x)};
}

// A plan does not know how many images will come. Several keep threads busy with any tiles; one by itself, whose time is
// waited for, counts a third of them.
constexpr double kShareOfOne = 0.35;

TileChoice choose_tile(const Conv2dGeometry& g, ConvAlgorithm algorithm, Size tile, const Call& given) {
  const Axes forward = forward_axes(g), adjoint = adjoint_axes(g);
  const auto needs = [&](const Axis& from, const Axis& back, int reach, int positions, int input) {
    return AxisNeeds{reach, std::max({reach, shortest_circle(from, positions), shortest_circle(back, input)}),
                     positions};
  };
  const AxisNeeds y = needs(forward.from_y, adjoint.from_y, g.extent().y, g.positions().y, g.input.y);
  const AxisNeeds x = needs(forward.from_x, adjoint.from_x, g.extent().x, g.positions().x, g.input.x);
  const bool is_long_possible = given.sample_bytes == sizeof(float) ? has_fftw<float>() : has_fftw<double>();
  Call call = given;
  const auto time_for = [&](const TileChoice& choice, double batch) {
    call.batch = batch;
    // Kept spectra have been made, too, and take memory.
    if (!call.trained) call.spectra_made = 0.5 * batch / given.batch;
    return time_of_tiles(g, choice, call) * idleness(g, choice, call) / batch;
  };
  TileChoice best;
  double least = -1;
  const std::vector<AxisTile> along_x = candidates(x, algorithm, tile.x, is_long_possible);
  for (const AxisTile& ty : candidates(y, algorithm, tile.y, is_long_possible))
    for (const AxisTile& tx : along_x) {
      double now = time_for({ty, tx}, given.batch);
      if (!call.trained && (least < 0 || now < least)) now += kShareOfOne * time_for({ty, tx}, 1);
      if (least >= 0 && now >= least) continue;
      least = now;
      best = {ty, tx};
    }
  if (least < 0)
    invalid_argument("tile: (", tile.y, ", ", tile.x, ") given, no such transform covers a kernel of (", y.reach, ", ",
                     x.reach, ") samples", algorithm == ConvAlgorithm::fourier ? " and the whole map" : "");
  return best;
}

}  // namespace fdsr::conv
