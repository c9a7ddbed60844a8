// Kernels of the tiles' transforms and what runs them, as in stack_kernels.hpp.
#pragma once

#include <stdexcept>

#include "cuda/tile_operators.hpp"

namespace fdsr::cuda {

template <class T>
struct TileSpectraKernel {
  TileParams<T> p;
  bool conjugate;
  const T* samples;
  Complex<T>* spectra;
  static constexpr int kLeastBlocks = tile_blocks(sizeof(T));
  FDSR_BOTH int cluster() const { return 1; }
  template <class Team>
  FDSR_DEVICE void operator()(const Team& team, void* memory) const {
    for_stretches(team, p, memory, [&](std::int64_t first, const TileMemory<T>& m) {
      tile_spectra(team, p, first, samples, conjugate, spectra, m);
    });
  }
};

template <class T>
struct TileResultsKernel {
  TileParams<T> p;
  const Complex<T>* spectra;
  const T* bias;
  T* samples;
  static constexpr int kLeastBlocks = tile_blocks(sizeof(T));
  FDSR_BOTH int cluster() const { return 1; }
  template <class Team>
  FDSR_DEVICE void operator()(const Team& team, void* memory) const {
    for_stretches(team, p, memory, [&](std::int64_t first, const TileMemory<T>& m) {
      tile_results(team, p, first, spectra, bias, samples, m);
    });
  }
};

template <class T>
struct DepthwiseTilesKernel {
  TileParams<T> p;
  const T* samples;
  const Complex<T>* kernels;
  TileMap out;
  const T* bias;
  T* results;
  static constexpr int kLeastBlocks = tile_blocks(sizeof(T));
  FDSR_BOTH int cluster() const { return 1; }
  template <class Team>
  FDSR_DEVICE void operator()(const Team& team, void* memory) const {
    for_stretches(team, p, memory, [&](std::int64_t first, const TileMemory<T>& m) {
      depthwise_tiles(team, p, first, samples, kernels, out, bias, results, m);
    });
  }
};

inline TileLaunch tile_launch(const TileMap& map, std::size_t value_size, int device) {
  check_tiles(map);
  const TileLaunch chosen = choose_tile_launch(map, value_size, facts_of_device(device));
  if (!chosen.launch.cluster) throw std::runtime_error("a tile does not fit the shared memory of this device");
  return chosen;
}

template <class T>
void tile_spectra(const Queue& queue, const TileMap& map, bool conjugate, const T* samples, Complex<T>* spectra) {
  if (map.columns() == 0) return;
  const OnDevice here(queue.device);
  const TileLaunch chosen = tile_launch(map, sizeof(T), queue.device);
  const auto p = tile_params<T>(map, chosen.columns_log);
  launch_clusters(queue, chosen.launch, TileSpectraKernel<T>{p, conjugate, samples, spectra});
}

template <class T>
void tile_results(const Queue& queue, const TileMap& map, const Complex<T>* spectra, const T* bias, T* samples) {
  if (map.columns() == 0) return;
  const OnDevice here(queue.device);
  const TileLaunch chosen = tile_launch(map, sizeof(T), queue.device);
  const auto p = tile_params<T>(map, chosen.columns_log);
  launch_clusters(queue, chosen.launch, TileResultsKernel<T>{p, spectra, bias, samples});
}

template <class T>
void depthwise_tiles(const Queue& queue, const TileMap& map, const T* samples, const Complex<T>* kernels,
                     const TileMap& out, const T* bias, T* results) {
  check_depthwise(map, out);
  if (map.columns() == 0) return;
  const OnDevice here(queue.device);
  const TileLaunch chosen = tile_launch(map, sizeof(T), queue.device);
  const auto p = tile_params<T>(map, chosen.columns_log);
  launch_clusters(queue, chosen.launch, DepthwiseTilesKernel<T>{p, samples, kernels, out, bias, results});
}

}  // namespace fdsr::cuda
