// Which lengths the transforms of a convolution have, by a model of the time that they take.
#pragma once

#include "conv/tiling.hpp"

namespace fdsr::conv {

struct Call;  // expected_time.hpp

// One axis: transforms of `length`, of the whole map or of overlapping tiles.
struct AxisTile {
  int length = 0;
  bool whole = false;
};
struct TileChoice {
  AxisTile y, x;
  Size length() const { return {y.length, x.length}; }
};

// What takes least time for calls such as this. `tile`: wanted lengths, 0 leaves them open. Throws
// std::invalid_argument if there is no such transform.
TileChoice choose_tile(const Conv2dGeometry& geometry, ConvAlgorithm algorithm, Size tile, const Call& call);

// The tiling of `extent` results.
Tiling tiling_of(const TileChoice& choice, Size extent, Size reach);

// The axes of a convolution and of its adjoint to the input.
struct Axes {
  Axis from_y, from_x, to_y, to_x;
};
Axes forward_axes(const Conv2dGeometry& g);
Axes adjoint_axes(const Conv2dGeometry& g);

}  // namespace fdsr::conv
