// What the convolution's leaf files of one instruction set share.
#pragma once

#include <algorithm>

#include "conv_kernels.hpp"
#include "leaves.hpp"
#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {

template <class T>
void fill_conv_lines(ConvTable<T>& table);
template <class T>
void fill_conv_products(ConvTable<T>& table);
template <class T>
void fill_conv_spatial(ConvTable<T>& table);
template <class T>
void fill_conv_planes(ConvTable<T>& table);

template <class T>
ConvTable<T> make_conv_table();

// Calls run(Constant<n>) for a run-time n in [1, Most].
template <int Most, class Run>
inline void with_constant(Index n, Run&& run) {
  if constexpr (Most > 0) {
    if (n == Most) return run(Constant<Most>{});
    with_constant<Most - 1>(n, run);
  }
}

// n things in parts of at most Most, about equal ones: run(Constant<size>, begin).
template <int Most, class Run>
inline void in_parts(Index n, Run&& run) {
  if (n <= Most) return with_constant<Most>(n, [&](auto size) { run(size, Index{0}); });
  const Index parts = (n + Most - 1) / Most;
  for (Index part = 0, done = 0; part < parts; ++part) {
    const Index here = (n - done + (parts - part) - 1) / (parts - part);
    with_constant<Most>(here, [&](auto size) { run(size, done); });
    done += here;
  }
}

// Where the vectors of a part of a row of n begin, counted from `begin`, a multiple of L: the row's last one overlaps
// the one before it, perhaps of an earlier part, rather than to pass the end. A row shorter than a vector is one part.
template <int L, int Vectors>
struct RowEnd {
  Index last, part;  // where the last vector begins; how much of it a row has that is shorter than a vector

  RowEnd(Index begin, Index n)
      : last(n < L ? 0 : std::min(Index{Vectors - 1} * L, n - L - begin)), part(n < L ? n : 0) {}
  Index at(int v) const { return v + 1 < Vectors ? Index{v} * L : last; }
  template <class T, class V>
  void store_at(int v, T* row, V vector) const {
    part ? store_part(row, vector, part) : store(row + at(v), vector);
  }
  template <class T, class V>
  [[gnu::noinline]] static void store_part(T* row, V vector, Index part) {
    std::memcpy(row, &vector, std::size_t(part) * sizeof(T));
  }
};

}  // namespace fdsr::kernels::FDSR_ISA
