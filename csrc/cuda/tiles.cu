#include "cuda/launch.cuh"
#include "cuda/tile_kernels.hpp"

namespace fdsr::cuda {

template void tile_spectra(const Queue&, const TileMap&, bool, const float*, Complex<float>*);
template void tile_spectra(const Queue&, const TileMap&, bool, const double*, Complex<double>*);
template void tile_results(const Queue&, const TileMap&, const Complex<float>*, const float*, float*);
template void tile_results(const Queue&, const TileMap&, const Complex<double>*, const double*, double*);
template void depthwise_tiles(const Queue&, const TileMap&, const float*, const Complex<float>*, const TileMap&,
                              const float*, float*);
template void depthwise_tiles(const Queue&, const TileMap&, const double*, const Complex<double>*, const TileMap&,
                              const double*, double*);

}  // namespace fdsr::cuda
