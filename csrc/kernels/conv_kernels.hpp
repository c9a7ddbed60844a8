// The dispatch table of the convolution's leaves, compiled once per instruction set.
//
// Lanes: every operation works on vectors of `lanes` independent transforms. A "block" holds one sample or frequency
// of all of them, [re lanes][im lanes]. Flat lane number u lives at element address(u) = (u / lanes) 2 lanes +
// u % lanes of its slot (and its imaginary part `lanes` elements later).
#pragma once

#include "kernels.hpp"

namespace fdsr::kernels {

// A transform of length a b in two steps. twiddles [b][a] (re, im): exp(-2 pi i j k / (a b)).
template <class T>
struct LineTransform {
  int length = 0;
  int a = 0;
  int b = 0;
  const T* twiddles = nullptr;
};

// A matrix whose element (row, column) is lane row * pitch + column of a slot; pitch is a multiple of the width of
// the product's vectors.
template <class T>
struct LaneMatrix {
  T* data = nullptr;
  Index pitch = 0;
};

// A sum over a window of samples: x[i][p][q] lies at i * channel + p * row + q * column from its first sample.
struct SpatialSum {
  Index inputs, rows, columns;
  Index channel, row, column;
};
// Output channels that are summed together, at most.
inline constexpr int kSpatialOutputs = 4;
// Rows of results that sum_plane makes together, and the rows of the windows that it knows.
inline constexpr int kPlaneRows = 4;
constexpr bool is_plane_window(Index rows) { return rows >= 2 && rows <= 7; }

// Elements from one product's matrices to the next one's.
struct ProductSteps {
  Index a = 0, b = 0, c = 0;
};

// The widest vector of any instruction set.
inline constexpr int kMostLanes = 16;

// exp(-i), exp(+i), and exp(-i) of the conjugate.
enum class Direction { forward, inverse, mirrored };

template <class T>
struct ConvTable {
  int lanes;

  // DFT of `length` blocks, unnormalised. Strides in elements; in and out may be the same. scratch: `length` blocks.
  void (*transform_line)(const LineTransform<T>& line, Direction direction, const T* in, Index in_stride, T* out,
                         Index out_stride, T* scratch);

  // `lanes` real lines of n samples -> the real parts of n blocks (or the imaginary ones, `lanes` elements on), and
  // back with an offset per lane added.
  void (*lines_to_blocks)(Index n, const T* const* lines, T* blocks);
  void (*blocks_to_lines)(Index n, const T* blocks, const T* offset, T* const* lines);

  // to[c * to_step + r] = from[r * from_step + c] for r < rows, c < columns
  void (*transpose)(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step);

  // C[m][n] = A[m][k] B[k][n], complex; vectors of `width` lanes, n a multiple of it; `count` of them, steps apart.
  void (*product)(int width, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B, LaneMatrix<T> C,
                  Index count, const ProductSteps& steps);
  // C[m][n] = or += sum over k of A[k][m] conj(B[k][n]), likewise; rows beyond k that share a vector with others are 0
  void (*product_transposed)(int width, bool add, Index m, Index n, Index k, LaneMatrix<const T> A,
                             LaneMatrix<const T> B, LaneMatrix<T> C);

  // z[i] *= w[i], and sums[i] += x[i] conj(v[i]), for blocks i < count
  void (*scale_blocks)(Index count, const T* w, Index w_stride, T* z, Index z_stride);
  void (*add_products)(Index count, const T* x, Index x_stride, const T* v, Index v_stride, T* sums,
                       Index sums_stride);

  // Two real signals a and b in one complex transform: z = a' + i b' at a frequency and m, the conjugate of z at the
  // opposite one, a' and b' being a and b brought to like magnitudes by factors [2][lanes].
  // separate: -> factors times the conjugates of a' and b'; unite: from a and b, a' = factor a, 0 where the factor is.
  void (*separate)(Index count, const T* z, const T* m, Index stride, const T* factors, T* a, Index a_stride, T* b,
                   Index b_stride);
  void (*unite)(Index count, const T* a, const T* b, Index stride, const T* factors, T* z, T* m, Index out_stride);
  // most[l] = max(most[l], real or imaginary part of lane l of `count` neighbouring blocks), infinity if not finite
  void (*magnitudes)(Index count, const T* blocks, T* most);

  // out[o][i] = offset[o] + sum of x[.. + i] w[..][o] for i < n. Of rows shorter than a vector, what follows in x is read.
  void (*sum_row)(const SpatialSum& sum, int outputs, Index n, const T* x, const T* w, const T* offset, T* const* out);
  // Rows of n samples, surrounded by zeros: to[r * to_row + before + i] = from[r * from_row + i].
  void (*copy_rows)(Index rows, Index n, const T* from, Index from_row, Index before, Index after, T* to,
                    Index to_row);
  // out[r * out_row + i] = offset + sum of x[.. + r * row + i] w[..], one output channel, for r < rows and i < n. At
  // least kPlaneRows rows and a window that is_plane_window. x is read as by sum_row.
  void (*sum_plane)(const SpatialSum& sum, Index rows, Index n, const T* x, const T* w, T offset, T* out,
                    Index out_row);
  // sums[o * pitch + q] += sum of v[o * v_channel + r * v_row + i] x[r * sum.row + q * sum.column + i] for r < rows,
  // i < n; n is a multiple of the lanes.
  void (*sum_columns)(const SpatialSum& sum, int outputs, Index rows, Index n, const T* v, Index v_channel,
                      Index v_row, const T* x, double* sums, Index pitch);
  // sums[p * sum.columns + q] += sum of v[r * v_row + i] x[(r + p) * sum.row + q * sum.column + i], likewise.
  void (*sum_window)(const SpatialSum& sum, Index rows, Index n, const T* v, Index v_row, const T* x, double* sums);
};

// The table in use; the instruction set is that of kernels().
template <class T>
const ConvTable<T>& chosen_conv_kernels();
#ifndef FDSR_ISA  // a leaf's copy might be linked for all
template <class T>
inline const ConvTable<T>& conv_kernels() {  // asked for in inner loops
  static const ConvTable<T>& table = chosen_conv_kernels<T>();
  return table;
}
#endif

}  // namespace fdsr::kernels
