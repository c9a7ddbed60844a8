// A map as overlapping square tiles, packed in pairs: which samples belong to which lane, and the traffic between an
// image in memory and a unit (one block per sample) of lanes.
#pragma once

#include <vector>

#include "fdsr/conv2d.hpp"
#include "kernels/conv_kernels.hpp"

namespace fdsr::conv {

using kernels::Index;

// Positions of a virtual axis -> samples of an array, -1 for zero (or nowhere).
struct Axis {
  std::vector<int> sample;
  // For every position, the end of the run of neighbouring samples that begins there.
  std::vector<int> run_end;

  explicit Axis(std::vector<int> samples);
  int length() const { return static_cast<int>(sample.size()); }
};

// position p reads sample (p - offset) / step where that divides and lies in [0, samples)
Axis sampled_axis(int length, int offset, int step, int samples);

// Tiles `pitch` apart, as many as cover `extent` positions; two of one image make a pair.
struct Tiling {
  Size extent, count;
  int pitch = 0;
  int pairs = 0;

  Tiling(Size extent, int pitch);
  int tiles() const { return count.y * count.x; }
};

// Lanes of a slot: lane = outer * pitch + inner, pairs and channels in either order.
struct LaneOrder {
  bool pairs_outside = true;
  Index pitch = 0;   // padded number of inner items
  Index inner = 0;   // inner items
  Index outer = 0;   // outer items
  Index lanes = 0;   // all, padded to whole vectors
  struct Item {
    Index pair, channel;
    bool used;
  };
  Item item(Index lane) const {
    const Index o = lane / pitch, i = lane % pitch;
    return {pairs_outside ? o : i, pairs_outside ? i : o, o < outer && i < inner};
  }
};
LaneOrder lane_order(bool pairs_outside, Index pairs, Index channels, int width, int lanes);

// One array of images and how a tiling walks over it.
template <class P>
struct Image {
  P* data = nullptr;
  Strides strides;
  const Axis* y = nullptr;
  const Axis* x = nullptr;
};

// Fills `used` rows of a tile (rows `length` blocks long, `pitch` elements apart) with as many columns of the pairs
// from `first_pair` on that the vector of lanes beginning at `lane` names. The columns beyond are zero.
template <class T>
void load_unit(const Image<const T>& image, const Tiling& tiling, const LaneOrder& order, Index first_pair,
               Index first_channel, Index lane, int used, int length, Index pitch, T* tile,
               std::vector<T>& scratch);

// The first pitch x pitch samples of a unit go where the axes say; bias [channel] or null.
template <class T>
void store_unit(const Image<T>& image, const Tiling& tiling, const LaneOrder& order, Index first_pair,
                Index first_channel, Index lane, Index tile_pitch, const T* bias, const T* tile,
                std::vector<T>& scratch);

}  // namespace fdsr::conv
