// How long a call of a convolution takes, by what it consists of and the rates of the instruction set.
#pragma once

#include <array>

#include "conv/tile_choice.hpp"

namespace fdsr::conv {

struct Call {
  double batch;
  bool trained;        // forward and both gradients; else forward with the weight's spectra kept
  bool channels_last;  // samples of a channel lie apart
  int lanes;           // of the convolution's vectors
  std::size_t sample_bytes;
  double spectra_made;  // how often the weight is transformed, or its gradient is transformed back; kept ones: a share
};

// Amounts that rates turn into time.
//   transforms: calls, vectors of samples transformed (in the second-level cache; beyond it; by FFTW), vector products,
//               vectors of weights, phases over all threads, rows of tiles
//   sums:       calls, rows, samples in rows, multiply-accumulates of vectors (several output channels, a single
//               one counting as two; one, in planes; one column), samples of other orders
using Work = std::array<double, 8>;

Work work_of_tiles(const Conv2dGeometry& geometry, const TileChoice& choice, const Call& call);
Work work_of_sums(const Conv2dGeometry& geometry, const Call& call);

// In nanoseconds of one thread. Sums over many weights, whose gradients would need much memory, take forever.
double time_of_tiles(const Conv2dGeometry& geometry, const TileChoice& choice, const Call& call);
double time_of_sums(const Conv2dGeometry& geometry, const Call& call);

// How much longer threads take that cannot share the tiles evenly, 1 or more.
double idleness(const Conv2dGeometry& geometry, const TileChoice& choice, const Call& call);

}  // namespace fdsr::conv
