// Two-dimensional transforms of tiles, on blocks of independent lanes: rows first, then columns in pairs.
//
// A tile is [length.y][length.x] blocks. Of its spectrum Z only the half plane of frequencies x < half() is kept, in
// two parts: Z[f], and conj(Z[-f]), which stands for the other half. A real factor's spectrum multiplies both alike.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "fdsr/geometry.hpp"
#include "kernels/conv_kernels.hpp"
#include "threads/buffers.hpp"
#include "transform/fftw_lines.hpp"

namespace fdsr::conv {

using kernels::Direction;
using kernels::Index;

// Every length of the codelets, ascending; beyond the last, FFTW's transforms of lengths with small factors.
const std::vector<int>& tile_lengths();
// The shortest length of FFTW's that is at least `n`.
int long_tile_length(int n);

// Transforms of lines of one length.
template <class T>
class Lines {
 public:
  explicit Lines(int length);

  int length() const { return line_.length; }
  // Strides in elements; in and out may be the same. scratch: `length` blocks.
  void transform(Direction direction, const T* in, Index in_stride, T* out, Index out_stride, T* scratch) const;

 private:
  void transform_long(Direction direction, const T* in, Index in_stride, T* out, Index out_stride) const;

  std::vector<T> twiddles_;
  kernels::LineTransform<T> line_;
  std::unique_ptr<const FftwLines<T>> forward_, inverse_;  // of long lines
};

template <class T>
class TileTransform {
 public:
  explicit TileTransform(Size length) : rows_(length.x), columns_(length.y) {}

  Size length() const { return {columns_.length(), rows_.length()}; }
  // Columns of the half plane.
  int half() const { return length().x / 2 + 1; }
  // Whether the opposite frequencies of a column lie in the same column.
  bool is_own_mirror(int x) const { return x == 0 || 2 * x == length().x; }

  Index block() const { return 2 * Index{kernels::conv_kernels<T>().lanes}; }
  // Elements between the rows of a tile. An odd number of blocks spreads its columns over the cache's sets.
  Index pitch() const { return (Index{length().x} | 1) * block(); }
  std::size_t tile_size() const { return std::size_t(length().y * pitch()); }
  std::size_t line_size() const { return std::size_t(std::max(length().y, length().x) * block()); }

  // Slots of a spectrum, columns one after another: (x, y) is slot x * column() + y.
  Index column() const { return Index{length().y} | 1; }
  Index slots() const { return half() * column(); }

  // A row of blocks -> its spectrum, or back (exp(+i), unnormalised).
  void row(Direction direction, const T* in, T* out, T* scratch) const {
    rows_.transform(direction, in, block(), out, block(), scratch);
  }
  // Column x of a tile of transformed rows -> Z and, if wanted, conj(Z[-f]), slots `stride` elements apart.
  void to_column(const T* tile, int x, T* z, T* mirrored, Index stride, T* scratch) const;
  // Back (exp(+i), unnormalised): columns x and -x of the tile.
  void from_column(const T* z, const T* mirrored, Index stride, int x, T* tile, T* scratch) const;

 private:
  Lines<T> rows_, columns_;
};

// Memory of one task: a line of blocks and scratch for a transform.
template <class T>
struct LineBuffers {
  explicit LineBuffers(const TileTransform<T>& transform);
  Buffer memory;
  T* line;
  T* scratch;
};

}  // namespace fdsr::conv
