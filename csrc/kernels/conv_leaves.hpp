// What the convolution's leaf files of one instruction set share.
#pragma once

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

}  // namespace fdsr::kernels::FDSR_ISA
