// One axis of the folded matrix transform: orders of its samples and the cosine and sine matrices between them.
//
// In the half-integer gauge both index sets are symmetric about zero (halves for even sizes, integers for odd ones),
// so exp(-2 pi i k n / N) splits into cosines acting on even parts and sines on odd parts, both of half size.
#pragma once

#include <vector>

#include "kernels/kernels.hpp"

namespace fdsr {

using kernels::Index;

// Largest error of a matrix entry through its skeleton that leaves the transform's own rounding in charge.
template <class T>
inline constexpr double kSkeletonTolerance = sizeof(T) == 4 ? 2e-8 : 4e-14;

// The non-negative half of an index set of `size` samples, in the order in which they are kept.
struct AxisOrder {
  int size = 0;
  std::vector<int> half;  // a permutation of 0 .. ceil(size/2)-1

  int count() const { return static_cast<int>(half.size()); }
  bool has_centre() const { return size % 2 == 1; }
  double coordinate(int j) const { return half[j] + (has_centre() ? 0.0 : 0.5); }
  // Natural index of the sample at +coordinate or -coordinate.
  int natural(int j, bool positive) const {
    return positive ? size / 2 + half[j] : (size - 1) / 2 - half[j];
  }
};

AxisOrder natural_order(int size);

// Orders of window and band with their skeletons in front, and the skeletons' rank: about the smallest that reaches
// `tolerance` (largest error of any matrix entry) in both directions, in steps of `step`. Rank 0 if none does that is
// small enough to save work.
struct SkeletonOrders {
  AxisOrder window, band;
  int rank = 0;
};
SkeletonOrders skeleton_orders(int window, int band, double grid, double tolerance, int step);

// The matrices from `in` to `out` for one side of the product. Along y they stand on the left of the data,
// along x transposed on the right, padded to whole vectors.
template <class T>
struct AxisMatrices {
  int in = 0, out = 0;  // folded sizes
  int rank = 0;         // 0: dense
  // Per parity (0 cosine, 1 sine):
  //   dense:    rows [out][in]; right: [in][padded_out]
  //   skeleton: rows [rank][in]; right: [in][rank]; expand [out-rank][rank]; right: [rank][padded_out-rank]
  std::vector<T> rows[2], expand[2];
  std::size_t nbytes() const;
};

template <class T>
AxisMatrices<T> left_matrices(const AxisOrder& in, const AxisOrder& out, double grid, int rank);
template <class T>
AxisMatrices<T> right_matrices(const AxisOrder& in, const AxisOrder& out, double grid, int rank, int padded_out);

}  // namespace fdsr
