// Sine and cosine of a vector of angles: reduction modulo pi/2 in three parts (Cody and Waite), Taylor polynomials on
// [-pi/4, pi/4] long enough that truncation stays below half an ulp, quadrant by sign and swap.
#pragma once

#include <cmath>

#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {

template <class T>
struct Reduction;

// pi/2 = part1 + part2 + part3. With FMA each part carries a full mantissa; without, part1 and part2 end in enough
// zero bits that quadrant * part is exact up to kLargest.
template <>
struct Reduction<float> {
  using Int = std::int32_t;
  static constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
  static constexpr float kPart1 = kHasFma ? 1.57079637050628662109375f : 1.5703125f;
  static constexpr float kPart2 = kHasFma ? -4.37113900018624283e-8f : 4.83751296997070312e-4f;
  static constexpr float kPart3 = kHasFma ? -1.71512449171114e-15f : 7.54978995489188215e-8f;
  static constexpr float kLargest = kHasFma ? 50000.0f : 8000.0f;
};
template <>
struct Reduction<double> {
  using Int = std::int64_t;
  static constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double kPart1 = kHasFma ? 1.57079632679489655799898 : 1.57079631090164184570312;
  static constexpr double kPart2 = kHasFma ? 6.12323399573676603586882e-17 : 1.58932547122958567342e-8;
  static constexpr double kPart3 = kHasFma ? -1.49738490485916983294350e-33 : 6.12323399573676603587e-17;
  static constexpr double kLargest = kHasFma ? 1e8 : 1e5;
};

// The lanes beyond the reduction's range (or NaN) again by the standard library; the others keep their bits.
template <class T, int L, class Mask>
inline void sincos_out_of_range(Vec<T, L> x, Mask in_range, Vec<T, L>& s, Vec<T, L>& c) {
  for (int lane = 0; lane < L; ++lane) {
    if (in_range[lane]) continue;
    s[lane] = static_cast<T>(std::sin(static_cast<double>(x[lane])));
    c[lane] = static_cast<T>(std::cos(static_cast<double>(x[lane])));
  }
}

// True if every lane of a comparison holds. The byte mask is one instruction; reading lane after lane would cost more
// than the polynomials.
template <class Mask>
inline bool all_lanes(Mask mask) {
#if defined(__AVX512BW__)
  if constexpr (sizeof(Mask) == 64) {
    Vec<char, 64> bytes;
    std::memcpy(&bytes, &mask, sizeof(mask));
    return __builtin_ia32_cvtb2mask512(bytes) == ~0ull;
  }
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(Mask) == 32) {
    Vec<char, 32> bytes;
    std::memcpy(&bytes, &mask, sizeof(mask));
    return __builtin_ia32_pmovmskb256(bytes) == -1;
  }
#endif
  std::int64_t words[sizeof(Mask) / 8], all = -1;
  std::memcpy(words, &mask, sizeof(mask));
  for (const std::int64_t word : words) all &= word;
  return all == -1;
}

template <class T, int L>
inline void sincos(Vec<T, L> x, Vec<T, L>& s, Vec<T, L>& c) {
  using V = Vec<T, L>;
  using R = Reduction<T>;
  using I = Vec<typename R::Int, L>;
  // NaN and angles beyond the reduction's range leave the fast path together: both fail this comparison.
  I magnitude;
  std::memcpy(&magnitude, &x, sizeof(I));
  magnitude &= ~(I{} + (typename R::Int{1} << (8 * sizeof(T) - 1)));
  V absolute;
  std::memcpy(&absolute, &magnitude, sizeof(V));
  const I in_range = absolute <= R::kLargest;

  const V shifted = x * T(0.636619772367581343075535) + R::kMagic;
  I quadrant;
  std::memcpy(&quadrant, &shifted, sizeof(quadrant));
  const V q = shifted - R::kMagic;
  V r = x - q * R::kPart1;
  r = r - q * R::kPart2;
  r = r - q * R::kPart3;

  const V z = r * r;
  V ps, pc;
  if constexpr (sizeof(T) == 4) {
    ps = ((T(1.0 / 362880) * z - T(1.0 / 5040)) * z + T(1.0 / 120)) * z - T(1.0 / 6);
    pc = (((T(-1.0 / 3628800) * z + T(1.0 / 40320)) * z - T(1.0 / 720)) * z + T(1.0 / 24)) * z - T(0.5);
  } else {
    ps = T(1.0 / 355687428096000.0) * z - T(1.0 / 1307674368000.0);
    ps = ((ps * z + T(1.0 / 6227020800.0)) * z - T(1.0 / 39916800)) * z + T(1.0 / 362880);
    ps = ((ps * z - T(1.0 / 5040)) * z + T(1.0 / 120)) * z - T(1.0 / 6);
    pc = T(-1.0 / 6402373705728000.0) * z + T(1.0 / 20922789888000.0);
    pc = ((pc * z - T(1.0 / 87178291200.0)) * z + T(1.0 / 479001600)) * z - T(1.0 / 3628800);
    pc = (((pc * z + T(1.0 / 40320)) * z - T(1.0 / 720)) * z + T(1.0 / 24)) * z - T(0.5);
  }
  const V sine = r + r * z * ps, cosine = T(1) + z * pc;

  const I odd = -(quadrant & 1);  // all ones in odd quadrants
  constexpr int kTop = 8 * sizeof(T) - 2;
  const I sign_s = (quadrant & 2) << kTop, sign_c = ((quadrant + 1) & 2) << kTop;
  I bits_s, bits_c;
  std::memcpy(&bits_s, &sine, sizeof(I));
  std::memcpy(&bits_c, &cosine, sizeof(I));
  const I out_s = ((bits_s & ~odd) | (bits_c & odd)) ^ sign_s;
  const I out_c = ((bits_c & ~odd) | (bits_s & odd)) ^ sign_c;
  std::memcpy(&s, &out_s, sizeof(I));
  std::memcpy(&c, &out_c, sizeof(I));
  if (__builtin_expect(!all_lanes(in_range), 0)) sincos_out_of_range<T, L>(x, in_range, s, c);
}

}  // namespace fdsr::kernels::FDSR_ISA
