// The operator behind a convolution and its adjoints: tiles of a map correlated with kernels, and two maps of tiles
// correlated with one another.
#pragma once

#include "conv/spectra.hpp"

namespace fdsr::conv {

// The vectors' width and the order of pairs and channels that waste the fewest operations.
struct LaneChoice {
  bool pairs_outside = true;
  int width = 1;
};
LaneChoice choose_lanes(Index pairs, const Channels& channels, int lanes, bool any_order);

// to = from (*) kernels over the dense `extent`: the axes of `to` name the positions that are kept. The spectra of
// `weight_count` weights are looked up in `cache` and kept there, if given.
template <class T>
void correlate(const TileTransform<T>& transform, Index batch, const Image<const T>& from, const Channels& channels,
               const Kernels<const T>& kernels, Size extent, const T* bias, int threads, const Image<T>& to,
               WeightCache<T>* cache = nullptr, std::size_t weight_count = 0);

// kernels = the sum over batch and positions of v (over the dense `extent`) with x.
template <class T>
void correlate_maps(const TileTransform<T>& transform, Index batch, const Image<const T>& x, const Image<const T>& v,
                    const Channels& channels, Size extent, int threads, const Kernels<T>& kernels);

}  // namespace fdsr::conv
