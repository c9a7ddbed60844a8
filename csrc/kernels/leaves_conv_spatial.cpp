// Sums over neighbouring samples in the spatial domain: register tiles of output channels times vectors along a row.
#include "conv_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

constexpr int kMostVectors = 8;
constexpr int kRegisters = kAccumulators >= 24 ? 32 : 16;

// Vectors beside one another in a register tile of `channels` rows: beside the sums, the registers hold a vector of
// samples for each and one weight.
constexpr int vectors_beside(int channels) { return std::min((kRegisters - 1) / (channels + 1), kMostVectors); }
// Columns of a kernel in such a tile, beside which lie a cotangent for every row and one sample.
constexpr int columns_beside(int channels) { return std::min(kAccumulators / channels, kMostVectors); }

template <class T, int Outputs, int Vectors>
inline void row_tile(const SpatialSum& sum, Index n, const T* x, const T* w, const T* offset, T* const* out,
                     Index begin) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const RowEnd<L, Vectors> end(begin, n);
  V sums[Outputs][Vectors];
#pragma GCC unroll 4
  for (int o = 0; o < Outputs; ++o)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sums[o][v] = V{} + offset[o];
  for (Index i = 0; i < sum.inputs; ++i)
    for (Index p = 0; p < sum.rows; ++p) {
      const T* from = x + i * sum.channel + p * sum.row + begin;
      for (Index q = 0; q < sum.columns; ++q, from += sum.column, w += Outputs) {
        V samples[Vectors];
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) samples[v] = load_once<V>(from + end.at(v));
#pragma GCC unroll 4
        for (int o = 0; o < Outputs; ++o)
#pragma GCC unroll 8
          for (int v = 0; v < Vectors; ++v) sums[o][v] += w[o] * samples[v];
      }
    }
#pragma GCC unroll 4
  for (int o = 0; o < Outputs; ++o)
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) end.store_at(v, out[o] + begin, sums[o][v]);
}

template <class T>
void sum_row(const SpatialSum& sum, int outputs, Index n, const T* x, const T* w, const T* offset, T* const* out) {
  constexpr int L = kLanes<T>;
  with_constant<kSpatialOutputs>(outputs, [&](auto channels) {
    constexpr int kOutputs = decltype(channels)::value, kVectors = vectors_beside(kOutputs);
    in_parts<kVectors>((n + L - 1) / L, [&](auto count, Index done) {
      row_tile<T, kOutputs, decltype(count)::value>(sum, n, x, w, offset, out, done * L);
    });
  });
}

template <class T, int Outputs, int Columns>
inline void column_tile(const SpatialSum& sum, Index rows, Index n, const T* v, Index v_channel, Index v_row, const T* x,
                        double* sums, Index pitch) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  V tile[Outputs][Columns]{};
  for (Index r = 0; r < rows; ++r) {
    const T *from = x + r * sum.row, *cotangent = v + r * v_row;
    for (Index i = 0; i < n; i += L, from += L, cotangent += L) {
      V seen[Outputs];
#pragma GCC unroll 4
      for (int o = 0; o < Outputs; ++o) seen[o] = load<V>(cotangent + o * v_channel);
#pragma GCC unroll 8
      for (int q = 0; q < Columns; ++q) {
        const V sample = load_once<V>(from + q * sum.column);
#pragma GCC unroll 4
        for (int o = 0; o < Outputs; ++o) tile[o][q] += seen[o] * sample;
      }
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < Outputs; ++o)
#pragma GCC unroll 8
    for (int q = 0; q < Columns; ++q) {
      double total = 0;
      for (int l = 0; l < L; ++l) total += double(tile[o][q][l]);
      sums[o * pitch + q] += total;
    }
}

template <class T>
void sum_columns(const SpatialSum& sum, int outputs, Index rows, Index n, const T* v, Index v_channel, Index v_row,
                 const T* x, double* sums, Index pitch) {
  with_constant<kSpatialOutputs>(outputs, [&](auto channels) {
    constexpr int kOutputs = decltype(channels)::value, kColumns = columns_beside(kOutputs);
    in_parts<kColumns>(sum.columns, [&](auto count, Index done) {
      column_tile<T, kOutputs, decltype(count)::value>(sum, rows, n, v, v_channel, v_row, x + done * sum.column,
                                                       sums + done, pitch);
    });
  });
}

}  // namespace

template <class T>
void fill_conv_spatial(ConvTable<T>& table) {
  table.sum_row = sum_row<T>;
  table.sum_columns = sum_columns<T>;
}
template void fill_conv_spatial(ConvTable<float>&);
template void fill_conv_spatial(ConvTable<double>&);

}  // namespace fdsr::kernels::FDSR_ISA
