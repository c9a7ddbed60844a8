#include "tile_choice.hpp"

#include <algorithm>
#include <cmath>

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

constexpr double kLongLines = 2.0;         // FFTW's lines go through copies
constexpr double kLargeTileBytes = 400e3;  // beyond the second-level cache
constexpr double kChunkBytes = 4 << 20;

// Time of a call for two images, in nanoseconds of one thread of an AVX2 processor of 2021. The factors were fitted to
// some 430 measured calls (3 to 128 channels, kernels 3 to 31, maps 32 to 224; median error 25 %).
double cost(const Conv2dGeometry& g, const TileChoice& choice, int lanes, std::size_t sample_bytes) {
  const Tiling tiling = tiling_of(choice, g.positions(), g.extent());
  const double area = double(choice.length().area()), pairs = 2.0 * tiling.pairs;
  const bool depthwise = g.is_depthwise();
  const double in = std::ceil(pairs * g.in_channels / lanes), out = std::ceil(pairs * g.out_channels / lanes);
  const double terms = depthwise ? 0.5 : double(g.in_channels) / g.groups;  // of a sum over channels
  const double weights = (depthwise ? 1.0 : terms) * g.out_channels / lanes;
  const double pair_bytes = area * 2 * double(sample_bytes) * (g.in_channels + g.out_channels);
  const double chunk = std::max(4.0, kChunkBytes / pair_bytes);
  const bool is_large = area * 2 * lanes * double(sample_bytes) > kLargeTileBytes;
  const bool is_long = std::max(choice.y.length, choice.x.length) > tile_lengths().back();
  // Spectra of the weights are kept in inference, when every chunk of tiles reads them, and made anew in training:
  // count half of that work.
  return area * ((is_large ? 8.5 : 6.5) * (is_long ? kLongLines : 1.0) * (in + out) +
                 1.15 * terms * pairs * g.out_channels / lanes + (1.9 * std::ceil(pairs / chunk) + 2.5) * weights);
}

// Partial sums of the weight's gradient, 16 in double precision, would take more than 16 MiB.
constexpr double kMostWeights = 1 << 17;

// Also of two images, in the same unit: multiply-accumulates of whole vectors, and the traffic of rows.
double time_of_sums(const Conv2dGeometry& g, int lanes) {
  const Size positions = g.positions();
  const double terms = double(g.in_channels) / g.groups * g.kernel.area();
  const double width = (positions.x + lanes - 1) / lanes * lanes;
  const double rate = g.kernel.x > 1 ? 0.208 : 0.5;
  return 2.0 * positions.y *
         (rate / lanes * g.out_channels * terms * width + (g.in_channels + g.out_channels) * (18 + 0.05 * width));
}

// Time of a call over that of the operations: lanes and pairs that few channels leave empty.
double surplus(const Conv2dGeometry& g) {
  const int fewest = std::min(g.in_channels, g.out_channels) / (g.is_depthwise() ? 1 : g.groups);
  return fewest < 8 ? 2.5 : fewest < 16 ? 2.0 : 1.4;
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

TileChoice choose_tile(const Conv2dGeometry& g, ConvAlgorithm algorithm, Size tile, int lanes,
                       std::size_t sample_bytes) {
  const Axes forward = forward_axes(g), adjoint = adjoint_axes(g);
  const auto needs = [&](const Axis& from, const Axis& back, int reach, int positions, int input) {
    return AxisNeeds{reach, std::max({reach, shortest_circle(from, positions), shortest_circle(back, input)}),
                     positions};
  };
  const AxisNeeds y = needs(forward.from_y, adjoint.from_y, g.extent().y, g.positions().y, g.input.y);
  const AxisNeeds x = needs(forward.from_x, adjoint.from_x, g.extent().x, g.positions().x, g.input.x);
  const bool is_long_possible = sample_bytes == sizeof(float) ? has_fftw<float>() : has_fftw<double>();
  TileChoice best;
  double least = -1;
  const std::vector<AxisTile> along_x = candidates(x, algorithm, tile.x, is_long_possible);
  for (const AxisTile& ty : candidates(y, algorithm, tile.y, is_long_possible))
    for (const AxisTile& tx : along_x) {
      const double now = cost(g, {ty, tx}, lanes, sample_bytes);
      if (least >= 0 && now >= least) continue;
      least = now;
      best = {ty, tx};
    }
  if (least < 0)
    invalid_argument("tile: (", tile.y, ", ", tile.x, ") given, no such transform covers a kernel of (", y.reach, ", ",
                     x.reach, ") samples", algorithm == ConvAlgorithm::fourier ? " and the whole map" : "");
  return best;
}

bool is_cheaper_in_space(const Conv2dGeometry& g, const TileChoice& choice, int lanes, std::size_t sample_bytes) {
  if (double(g.out_channels) * g.in_channels / g.groups * g.kernel.area() > kMostWeights) return false;
  return time_of_sums(g, lanes) < surplus(g) * cost(g, choice, lanes, sample_bytes);
}

}  // namespace fdsr::conv
