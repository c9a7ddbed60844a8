// Square two-dimensional transforms of a few lengths, on blocks of independent lanes.
#pragma once

#include <vector>

#include "kernels/conv_kernels.hpp"

namespace fdsr::conv {

using kernels::Index;

// Every length that exists, ascending.
const std::vector<int>& tile_lengths();

template <class T>
class TileTransform {
 public:
  explicit TileTransform(int length);

  int length() const { return line_.length; }
  // Elements of scratch that one transform needs: a tile and a line.
  std::size_t scratch_size() const { return std::size_t(length() + 1) * pitch(); }
  // Elements between the rows of a tile. An odd number of blocks spreads its columns over the cache's sets.
  Index pitch() const { return (Index{length()} | 1) * block(); }

  // Columns of the half spectrum that determines a real tile.
  int half() const { return length() / 2 + 1; }

  // A spectrum is [length][columns | 1] slots: an odd pitch, for the same reason as that of a tile.
  Index slots(int columns) const { return length() * Index{columns | 1}; }

  // tile [length][length] blocks, rows `pitch` apart, of which the first `rows` rows are not zero -> the first
  // `columns` columns of the spectrum [length][columns], blocks `stride` elements apart. The tile is overwritten.
  void forward(T* tile, int rows, int columns, T* spectrum, Index stride) const;
  // Spectrum [length][length] -> the first `rows` rows of the tile; exp(+i), unnormalised.
  void inverse(const T* spectrum, Index stride, int rows, T* tile) const;
  // Half spectrum [length][half()] of a real tile -> its first `rows` rows.
  void inverse_real(const T* spectrum, Index stride, int rows, T* tile) const;

 private:
  static const kernels::ConvTable<T>& table() { return kernels::conv_kernels<T>(); }
  Index block() const { return 2 * Index{table().lanes}; }
  T* scratch_of(T* tile) const { return tile + length() * pitch(); }

  std::vector<T> twiddles_;
  kernels::LineTransform<T> line_;
};

}  // namespace fdsr::conv
