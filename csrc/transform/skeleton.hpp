// Skeleton (interpolative) factorisation of the folded Fourier matrices.
//
// A window of S samples and a band of M frequencies on a grid of N share about S M / N degrees of freedom, so the
// cosine and sine matrices have a far lower numerical rank than their size. Instead of singular vectors, r rows of the
// matrix itself span all of them: A ~ [1; E] A[:r, :] with the skeleton rows first in the order. The identity costs
// nothing and the interpolation weights E stay of order one, so that float32 loses nothing. One order serves both
// parities (Cheng, Gimbutas, Martinsson, Rokhlin 2005, SIAM J. Sci. Comput. 26, 1389).
#pragma once

#include <vector>

namespace fdsr {

// A row-major matrix in the precision of its construction.
struct Matrix {
  int rows = 0;
  int columns = 0;
  std::vector<double> values;
  Matrix(int r, int c) : rows(r), columns(c), values(static_cast<std::size_t>(r) * c) {}
  double& operator()(int i, int j) { return values[static_cast<std::size_t>(i) * columns + j]; }
  double operator()(int i, int j) const { return values[static_cast<std::size_t>(i) * columns + j]; }
  Matrix transposed() const;
};

// Columns in the order of greedy pivoting on both matrices together (equal weight), up to `most` of them or until no
// column of either keeps a part longer than `tolerance`; the others follow in their natural order.
struct Pivots {
  std::vector<int> order;
  int count = 0;  // columns that were pivoted
};
Pivots pivot_columns(const Matrix& cosine, const Matrix& sine, int most, double tolerance);

// C [rank, columns - rank] with A[:, rank:] ~ A[:, :rank] C: least squares with the penalty ridge^2 |C|^2, which keeps
// the weights small where the skeleton is nearly dependent.
Matrix interpolation(const Matrix& a, int rank, double ridge);

}  // namespace fdsr
