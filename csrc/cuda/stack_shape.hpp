// Shapes of the fused kernels: what is kept where, shared by host and device.
//
// An image is four parity quadrants (ee, eo, oe, oo in y, x), each rows of [re | im] halves of folded samples. One
// block, or a cluster of two or four that deal the quadrants out among them, keeps an image in shared memory through
// all layers. A product with a folded matrix works in place: a warp owns whole columns (or rows) of a quadrant.
#pragma once

#include <cstdint>

#include "cuda/device.hpp"

namespace fdsr::cuda {

constexpr int kOutputGroups = 8;  // lanes of a warp that share a column, each with TO of its results
constexpr int kColumnGroups = kWarp / kOutputGroups;
constexpr int kMostLayers = 64;

// Columns of a lane: as many as keep its sums, and for float the partial sums beside them, in registers.
template <int TO>
inline constexpr int kColumns = TO <= 8 ? 8 : 4;
// float32 sums longer than this lose more digits than a split one.
constexpr int kSplit = 32;

struct Extent {
  int y = 0, x = 0;
  FDSR_BOTH Extent half() const { return {(y + 1) / 2, (x + 1) / 2}; }
  FDSR_BOTH int area() const { return y * x; }
};

// Natural index of the sample at plus or minus half-coordinate j.
FDSR_BOTH int natural_index(int size, int j, bool positive) { return positive ? size / 2 + j : (size - 1) / 2 - j; }
// The centre of an odd axis is its own mirror image.
FDSR_BOTH bool is_repeated(int size, int j, bool positive) { return !positive && size % 2 == 1 && j == 0; }

// One folded matrix, both parities, [2][in][outputs] at `offset` of the constants and of their copy in shared memory;
// outputs are padded with zeros.
struct Product {
  int in = 0, out = 0, offset = 0;
};

// A transform from one set of samples to another: products along y and x, the sign of i where odd parts are unfolded.
struct Transform {
  Product y, x;
  Extent in, out;
  bool inverse = false;
};

// Complex factors exp(i angle) per axis in natural order, at offsets of the constants, y then x; -1: none.
struct Ramp {
  int y = -1, x = -1;
};

// Where the quadrants lie in a block's shared memory.
struct Quadrants {
  int cluster = 1;  // blocks that share an image: 1, 2 (one x parity each) or 4 (one quadrant each)
  int rows = 0;     // folded rows of a quadrant, twice that with [re | im]
  int stride = 0;   // of a row of re or im

  FDSR_BOTH int held() const { return 4 / cluster; }
  FDSR_BOTH int size() const { return 2 * rows * stride; }
  FDSR_BOTH int owner(int quadrant) const { return cluster == 4 ? quadrant : cluster == 2 ? quadrant % 2 : 0; }
  FDSR_BOTH int place(int quadrant) const { return cluster == 4 ? 0 : cluster == 2 ? quadrant / 2 : quadrant; }
  FDSR_BOTH int quadrant(int rank, int place) const {
    return cluster == 4 ? rank : cluster == 2 ? 2 * place + rank : place;
  }
};

}  // namespace fdsr::cuda
