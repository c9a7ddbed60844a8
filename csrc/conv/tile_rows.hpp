// The traffic between an image in memory and one vector of lanes of its tiles, a row of blocks at a time.
#pragma once

#include "conv/tiling.hpp"
#include "threads/buffers.hpp"

namespace fdsr::conv {

// Which vector of lanes: that which begins at `lane` of an order, whose pairs and channels count from these.
struct LaneVector {
  const Tiling& tiling;
  const LaneOrder& order;
  Index first_pair, first_channel, lane;
};

using kernels::kMostLanes;

// Where the tile of one lane lies, and what of it can be read or written in one run along x.
template <class P>
struct LaneTile {
  P* plane = nullptr;  // null: there is no such tile
  int y = 0, x = 0;
  // Samples [sample, sample + count) lie at the tile's columns from `begin` on, if there are no others.
  bool is_run = false;
  int begin = 0, count = 0, sample = 0;
};

// Lanes of one half of the pairs, all of whose tiles are alike: one run at the same columns, or none.
struct Alike {
  bool is = false;
  int begin = 0, count = 0;
};

template <class T>
class RowReader {
 public:
  // Reads `used` samples of a tile, which is `length` blocks wide; the blocks beyond are zero.
  RowReader(const Image<const T>& image, const LaneVector& vector, Size used, int length);
  // Row r -> `length` blocks, the same memory for every row; false if it is zero in all lanes.
  bool read(int r, T* blocks);

 private:
  const T* row_of(const LaneTile<const T>& tile, int r) const;
  void copy_row(const LaneTile<const T>& tile, const T* row, T* line) const;
  void read_half(int half, const T** rows, T* blocks);
  void read_channels_last(int r, T* blocks) const;

  Image<const T> image_;
  Size used_;
  int length_;
  int group_ = 0;  // lanes of one pair's neighbouring channels that are copied together; 0: lines are transposed
  int group_count_[kMostLanes] = {};  // channels of each group
  LaneTile<const T> tiles_[2][kMostLanes];
  Alike alike_[2];
  bool written_ = false;  // whether the blocks outside of the runs are zero already
  Buffer memory_;
  T* zeros_;
  T* lines_;
};

template <class T>
class RowWriter {
 public:
  // The first tiling.pitch samples of a tile go where the axes say, bias [channel] (or null) added.
  RowWriter(const Image<T>& image, const LaneVector& vector, const T* bias);
  // Row r of tiling.pitch.x blocks.
  void write(int r, const T* blocks);

 private:
  T* row_of(const LaneTile<T>& tile, int r) const;
  void copy_row(const LaneTile<T>& tile, const T* line, T* row) const;
  void write_half(int half, int r, const T* blocks);
  void write_channels_last(int r, const T* blocks) const;

  Image<T> image_;
  int width_;
  int group_ = 0;
  int group_count_[kMostLanes] = {};
  T offset_[kMostLanes] = {};
  LaneTile<T> tiles_[2][kMostLanes];
  Alike alike_[2];
  Buffer memory_;
  T* lines_;
};

}  // namespace fdsr::conv
