// What the chip's leaf files of one instruction set share.
#pragma once

#include "chip_kernels.hpp"
#include "leaves.hpp"
#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {

template <class T>
using IntOf = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

template <class V>
inline V larger(V a, V b) {
  return a > b ? a : b;
}

template <class V>
inline V magnitude(V a) {
  return a < 0 ? -a : a;
}

// NaN stays NaN: both comparisons fail.
template <class V>
inline V clamped(V a, V low, V high) {
  a = a < low ? low : a;
  return a > high ? high : a;
}

// To the nearest integer, halves to even, for |a| below 2^22 (2^51): adding 1.5 * 2^(mantissa bits) rounds.
template <class V>
inline V rounded(V a) {
  using T = std::remove_cvref_t<decltype(a[0])>;
  constexpr T kMagic = sizeof(T) == 4 ? T(12582912.0) : T(6755399441055744.0);
  return (a + kMagic) - kMagic;
}

template <class V>
inline V floored(V a) {
  const V nearest = rounded(a);
  return nearest - (nearest > a ? V{} + 1 : V{});
}

template <class T>
void fill_chip_frame(ChipTable<T>& table);
template <class T>
void fill_chip_products(ChipTable<T>& table);

template <class T>
ChipTable<T> make_chip_table();

}  // namespace fdsr::kernels::FDSR_ISA
