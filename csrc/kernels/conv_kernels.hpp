// The dispatch table of the Fourier-domain convolution's leaves, compiled once per instruction set.
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

enum class Conjugate { none, first, second };

inline constexpr int kLargestRadix = 12;
inline constexpr bool is_radix(int r) { return (r >= 2 && r <= 6) || r == 8 || r == 9 || r == 10 || r == 12; }

template <class T>
struct ConvTable {
  int lanes;

  // DFT of `length` blocks, exp(-i) or exp(+i), unnormalised. Strides in elements; in and out may be the same.
  // scratch: `length` blocks.
  void (*transform_line)(const LineTransform<T>& line, bool inverse, const T* in, Index in_stride, T* out,
                         Index out_stride, T* scratch);

  // `lanes` pairs of real lines of n samples -> n blocks (first line of a pair real, second imaginary), and back with
  // an offset per lane added to both.
  void (*lines_to_blocks)(Index n, const T* const* first, const T* const* second, T* blocks);
  void (*blocks_to_lines)(Index n, const T* blocks, const T* offset, T* const* first, T* const* second);

  // C[m][n] = A[m][k] B[k][n], complex, one of the factors conjugated; vectors of `width` lanes, n a multiple of it.
  void (*product)(int width, Conjugate conjugate, Index m, Index n, Index k, LaneMatrix<const T> A,
                  LaneMatrix<const T> B, LaneMatrix<T> C);
  // C[m][n] = or += A[k][m] B[k][n], likewise
  void (*product_transposed)(int width, Conjugate conjugate, bool add, Index m, Index n, Index k,
                             LaneMatrix<const T> A, LaneMatrix<const T> B, LaneMatrix<T> C);
  // C[m][n] = A[m][n] B[n], and C[n] = or += sum over m of A[m][n] conj(B[m][n]) (or its conjugate)
  void (*scale_columns)(int width, Conjugate conjugate, Index m, Index n, LaneMatrix<const T> A, const T* B,
                        LaneMatrix<T> C);
  void (*column_products)(int width, Conjugate conjugate, bool add, Index m, Index n, LaneMatrix<const T> A,
                          LaneMatrix<const T> B, T* C);
};

// The table in use; the instruction set is that of kernels().
template <class T>
const ConvTable<T>& conv_kernels();

}  // namespace fdsr::kernels
