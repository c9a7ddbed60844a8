// Transforms of the tiles of a convolution on a CUDA device, as operators.hpp says it of the others.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "cuda/operators.hpp"
#include "cuda/tile_pass.hpp"

namespace fdsr::cuda {

// Blocks whose registers a multiprocessor has room for: 256 threads of 64 in float32, of 128 in float64.
constexpr int tile_blocks(std::size_t value_size) { return value_size == 4 ? 4 : 2; }

// How a device takes the columns of a map: as many at once as fill a block's threads and leave room for other blocks.
struct TileLaunch {
  Launch launch;
  int columns_log = 0;
};
TileLaunch choose_tile_launch(const TileMap& map, std::size_t value_size, const DeviceFacts& device);

// Throws std::invalid_argument for tiles that there are no transforms for, and for two maps whose tiles differ.
void check_tiles(const TileMap& map);
void check_depthwise(const TileMap& map, const TileMap& out);

// exp(-2 pi i k / kMostTile).
template <class T>
const std::array<Complex<T>, kMostTile>& roots_of_unity() {
  static const auto roots = [] {
    std::array<Complex<T>, kMostTile> found;
    for (int k = 0; k < kMostTile; ++k) {
      const long double angle = -2 * std::numbers::pi_v<long double> * k / kMostTile;
      found[k] = {static_cast<T>(std::cos(angle)), static_cast<T>(std::sin(angle))};
    }
    return found;
  }();
  return roots;
}

template <class T>
TileParams<T> tile_params(const TileMap& map, int columns_log) {
  TileParams<T> p{map, columns_log, {}};
  std::copy_n(roots_of_unity<T>().begin(), kMostTile, p.roots);
  return p;
}

// Half spectra [length y][length x / 2 + 1][columns] of the tiles of a map, or their conjugates.
template <class T>
void tile_spectra(const Queue& queue, const TileMap& map, bool conjugate, const T* samples, Complex<T>* spectra);

// Back from them, each tile's first samples to their places in the map; bias is [groups][channels] or null.
template <class T>
void tile_results(const Queue& queue, const TileMap& map, const Complex<T>* spectra, const T* bias, T* samples);

// The correlation of every channel with a kernel of its own: from the tiles of `map` to their places in `out`, which
// has as many; kernels are conjugate half spectra [length y][length x / 2 + 1][channels]. Both maps have one group.
template <class T>
void depthwise_tiles(const Queue& queue, const TileMap& map, const T* samples, const Complex<T>* kernels,
                     const TileMap& out, const T* bias, T* results);

}  // namespace fdsr::cuda
