// The adjoints of a correlation: of tiles of its cotangents with the turned kernels to the input, and with tiles of the
// input to the kernels.
#pragma once

#include "conv/spectra.hpp"

namespace fdsr::conv {

// Both maps are cut into the same tiles of the input's positions: those of x do not overlap, those of v reach a kernel
// farther.
template <class T>
struct Gradients {
  const TileTransform<T>& transform;
  const Tiling& tiling;
  Index batch;
  Image<const T> v, x;
  Channels channels;  // of x and v
  int threads;
};

// What the gradient of the input takes beside: kernels turned by half a turn whose channels have changed places.
template <class T>
struct ToInput {
  Kernels<const T> turned;
  Image<T> v_x;
};

// Whether the gradient of the input has its lanes in the same order as that of the kernels, and both together gain. The
// bits are the same either way.
template <class T>
bool is_shared_better(const TileTransform<T>& transform, const Tiling& tiling, const Channels& channels, int threads);

// kernels = the sum over batch and positions of x with v; beside it, if wanted, the gradient of the input, which shares
// the transforms of v and has the bits that `correlate` would give it.
template <class T>
void correlate_maps(const Gradients<T>& maps, const Kernels<T>& kernels, const ToInput<T>* to_input = nullptr);

}  // namespace fdsr::conv
