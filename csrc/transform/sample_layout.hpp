// Where the samples of one image lie while it is worked on: rows of planar complex numbers [re n | im n], in groups
// of rows that one pointwise step handles together, in an order chosen by the transform.
#pragma once

#include <complex>
#include <vector>

#include "kernels/kernels.hpp"

namespace fdsr {

using kernels::Index;

// The layout's ramp on the way in or out: none, as it is, or conjugated.
enum class Ramp { none, plain, conjugate };

template <class T>
struct SampleLayout {
  Index groups = 0;
  Index rows_per_group = 0;
  Index n = 0;                          // lanes of a row, padding included
  int width = 0;                        // natural samples along x
  int height = 0;                       // natural samples along y
  std::vector<int> natural_y;           // [rows]
  std::vector<int> natural_x;           // [n], -1 for padding
  struct Span {
    Index begin, end;
  };
  std::vector<Span> spans;              // the lanes that are not padding
  std::vector<T> weight;                // [n], 1 for the first lane of every natural sample, else 0
  std::vector<char> counts;             // [rows], 0 where the row repeats another
  std::vector<std::complex<T>> ramp_y;  // [rows], empty if the transform needs no ramp
  std::vector<std::complex<T>> ramp_x;  // [n]

  Index rows() const { return groups * rows_per_group; }
  Index row_size() const { return 2 * n; }
  Index group_size() const { return rows_per_group * row_size(); }
  Index size() const { return rows() * row_size(); }

  // Natural order -> the rows of one group, times ramp and scale.
  void import_group(Index group, const std::complex<T>* natural, Ramp ramp, T scale, T* rows) const;
  void import_group(Index group, const T* natural, Ramp ramp, T scale, T* rows) const;
  // The same without ramp, for real quantities: out [rows_per_group][n].
  void import_real(Index group, const T* natural, T* out) const;
  // The rows of one group -> natural order, times ramp and scale.
  void export_group(Index group, const T* rows, Ramp ramp, T scale, std::complex<T>* natural) const;
  void export_real_part(Index group, const T* rows, Ramp ramp, T scale, T* natural) const;
  // Real rows [rows_per_group][n] -> natural order, scaled.
  void export_real(Index group, const T* in, T scale, T* natural) const;
};

}  // namespace fdsr
