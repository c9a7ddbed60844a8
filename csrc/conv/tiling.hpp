// A map as overlapping tiles, packed in pairs: which samples belong to which tile, and which lane carries it.
#pragma once

#include <vector>

#include "fdsr/conv2d.hpp"
#include "kernels/conv_kernels.hpp"

namespace fdsr::conv {

using kernels::Index;

// As many tasks keep the threads of usual machines busy, whatever their number here.
inline constexpr Index kLeastTasks = 8;

// Samples of an odd number of cache lines: planes a power of two apart would fall into the same lines' sets.
template <class T>
constexpr Index odd_lines(Index samples) {
  constexpr Index kLine = 64 / sizeof(T);
  return ((samples + kLine - 1) / kLine | 1) * kLine;
}

// Positions of a virtual axis -> samples of an array, -1 for zero (or nowhere).
struct Axis {
  std::vector<int> sample;
  // For every position, the end of the run of neighbouring samples that begins there.
  std::vector<int> run_end;

  explicit Axis(std::vector<int> samples);
  int length() const { return static_cast<int>(sample.size()); }
};

// Position p reads sample (p - offset) / step where that divides and lies in [0, samples). With a period, positions
// count modulo it.
Axis sampled_axis(int length, int offset, int step, int samples, int period = 0);
// Position p reads sample p - offset; beyond the samples, what the padding says.
Axis padded_axis(int length, int offset, int samples, Padding padding);
// The shortest circle on which an axis and `extent` results have room, zeros of its two ends shared.
int shortest_circle(const Axis& axis, int extent);

// Tiles `pitch` apart, as many as cover `extent` positions; two of one image make a pair. A single tile along an axis
// may be shorter than what it reads, if only zeros lie beyond: they wrap around to zeros.
struct Tiling {
  Size pitch, count;
  int pairs = 0;

  Tiling(Size extent, Size pitch);
  int tiles() const { return count.y * count.x; }
};

// Lanes of a slot: lane = outer * pitch + inner, pairs and channels in either order; the inner items fill vectors of
// `width` lanes.
struct LaneOrder {
  bool pairs_outside = true;
  int width = 1;
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

}  // namespace fdsr::conv
