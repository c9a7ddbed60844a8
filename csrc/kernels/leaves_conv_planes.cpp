// Sums over neighbouring samples for one output channel at a time, as in depthwise convolutions: register tiles of
// rows times vectors along a row, so that what is loaded serves several rows.
#include "conv_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

// Beside the sums the registers hold a column of the window and the vectors of one row.
constexpr int kPlaneVectors = kAccumulators / 6;

template <class T, int Window, int Vectors>
inline void plane_tile(const SpatialSum& sum, Index begin, Index n, const T* x, const T* w, T offset, T* out,
                       Index out_row) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const RowEnd<L, Vectors> end(begin, n);
  V sums[kPlaneRows][Vectors];
#pragma GCC unroll 4
  for (int r = 0; r < kPlaneRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sums[r][v] = V{} + offset;
  for (Index i = 0; i < sum.inputs; ++i, w += Window * sum.columns)
    for (Index q = 0; q < sum.columns; ++q) {
      V weights[Window];
#pragma GCC unroll 8
      for (int p = 0; p < Window; ++p) weights[p] = V{} + w[p * sum.columns + q];
      const T* from = x + begin + i * sum.channel + q * sum.column;
#pragma GCC unroll 16
      for (int y = 0; y < kPlaneRows + Window - 1; ++y) {
        V samples[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) samples[v] = load_once<V>(from + y * sum.row + end.at(v));
#pragma GCC unroll 4
        for (int r = 0; r < kPlaneRows; ++r)
          if (y >= r && y - r < Window)
#pragma GCC unroll 8
            for (int v = 0; v < Vectors; ++v) sums[r][v] += weights[y - r] * samples[v];
      }
    }
#pragma GCC unroll 4
  for (int r = 0; r < kPlaneRows; ++r)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) end.store_at(v, out + begin + r * out_row, sums[r][v]);
}

template <class T, int Window>
inline void sum_rows(const SpatialSum& sum, Index rows, Index n, const T* x, const T* w, T offset, T* out,
                     Index out_row) {
  constexpr int L = kLanes<T>;
  for (Index r = 0; r < rows; r += kPlaneRows) {
    const Index y = r + kPlaneRows <= rows ? r : rows - kPlaneRows;  // the last tile makes some rows again
    in_parts<kPlaneVectors>((n + L - 1) / L, [&](auto count, Index done) {
      plane_tile<T, Window, decltype(count)::value>(sum, done * L, n, x + y * sum.row, w, offset, out + y * out_row,
                                                    out_row);
    });
  }
}

template <class T>
void sum_plane(const SpatialSum& sum, Index rows, Index n, const T* x, const T* w, T offset, T* out, Index out_row) {
  with_constant<7>(sum.rows, [&](auto window) {
    constexpr int kWindow = decltype(window)::value;
    if constexpr (is_plane_window(kWindow)) sum_rows<T, kWindow>(sum, rows, n, x, w, offset, out, out_row);
  });
}

template <class T>
void copy_rows(Index rows, Index n, const T* from, Index from_row, Index before, Index after, T* to, Index to_row) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  for (Index r = 0; r < rows; ++r, from += from_row, to += to_row) {
    for (Index i = 0; i < before; ++i) to[i] = T(0);
    T* const row = to + before;
    Index i = 0;
    for (; i + L <= n; i += L) store(row + i, load<V>(from + i));
    if (n >= L)
      store(row + n - L, load<V>(from + n - L));
    else
      for (; i < n; ++i) row[i] = from[i];
    for (Index k = 0; k < after; ++k) row[n + k] = T(0);
  }
}

constexpr int kWindowColumns = 7;

// Rows of a window whose sums, and as many vectors of the cotangent, fit into the registers.
constexpr int window_rows(int columns) {
  const int fit = (kAccumulators + 2) / (columns + 1);
  return fit < 1 ? 1 : fit > 4 ? 4 : fit;
}

// A row of samples meets the last Rows rows of the cotangent.
template <class T, int Rows, int Columns>
inline void window_tile(const SpatialSum& sum, Index rows, Index n, const T* v, Index v_row, const T* x, double* sums) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  V tile[Rows][Columns]{};
  for (Index i = 0; i < n; i += L) {
    V seen[Rows]{};
    for (Index y = 0; y < rows + Rows - 1; ++y) {
#pragma GCC unroll 4
      for (int p = Rows - 1; p > 0; --p) seen[p] = seen[p - 1];
      seen[0] = y < rows ? load<V>(v + y * v_row + i) : V{};
      const T* from = x + y * sum.row + i;
#pragma GCC unroll 8
      for (int q = 0; q < Columns; ++q) {
        const V sample = load_once<V>(from + q * sum.column);
#pragma GCC unroll 4
        for (int p = 0; p < Rows; ++p) tile[p][q] += seen[p] * sample;
      }
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < Rows; ++p)
#pragma GCC unroll 8
    for (int q = 0; q < Columns; ++q) {
      double total[4]{};
      for (int l = 0; l < L; ++l) total[l % 4] += double(tile[p][q][l]);
      sums[p * sum.columns + q] += (total[0] + total[1]) + (total[2] + total[3]);
    }
}

template <class T>
void sum_window(const SpatialSum& sum, Index rows, Index n, const T* v, Index v_row, const T* x, double* sums) {
  in_parts<kWindowColumns>(sum.columns, [&](auto columns, Index q) {
    constexpr int kColumns = decltype(columns)::value;
    in_parts<window_rows(kColumns)>(sum.rows, [&](auto window, Index p) {
      window_tile<T, decltype(window)::value, kColumns>(sum, rows, n, v, v_row, x + p * sum.row + q * sum.column,
                                                        sums + p * sum.columns + q);
    });
  });
}

}  // namespace

template <class T>
void fill_conv_planes(ConvTable<T>& table) {
  table.copy_rows = copy_rows<T>;
  table.sum_plane = sum_plane<T>;
  table.sum_window = sum_window<T>;
}
template void fill_conv_planes(ConvTable<float>&);
template void fill_conv_planes(ConvTable<double>&);

}  // namespace fdsr::kernels::FDSR_ISA
