// Vector types of the instruction set that the including file is compiled for.
//
// Every file named leaves_*.cpp is compiled once per instruction set with FDSR_ISA naming its namespace; what it
// includes from here therefore differs from build to build and must stay inside that namespace.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels.hpp"

#ifndef FDSR_ISA
#error "leaf kernels are compiled with -DFDSR_ISA=<namespace>"
#endif

#define FDSR_INLINE inline __attribute__((always_inline))

namespace fdsr::kernels::FDSR_ISA {

#if defined(__AVX512F__)
inline constexpr int kVectorBytes = 64;
inline constexpr int kAccumulators = 24;  // of 32 registers: the rest hold one row of B and the broadcast
inline constexpr bool kHasFma = true;
#elif defined(__AVX2__)
inline constexpr int kVectorBytes = 32;
inline constexpr int kAccumulators = 12;  // of 16 registers
inline constexpr bool kHasFma = true;
#else
inline constexpr int kVectorBytes = 16;
inline constexpr int kAccumulators = 12;
inline constexpr bool kHasFma = false;
#endif

template <class T, int Lanes>
struct VectorOf {
  typedef T type __attribute__((vector_size(Lanes * sizeof(T))));
};
template <class T, int Lanes>
using Vec = typename VectorOf<T, Lanes>::type;

template <class T>
inline constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

template <class V, class T>
inline V load(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof(V));
  return v;
}

// A load that is made once: compilers repeat others as operands of every instruction that uses them, and unaligned
// ones take twice as long.
template <class V, class T>
inline V load_once(const T* p) {
  V v = load<V>(p);
#if defined(__AVX512F__)
  __asm__("" : "+v"(v));
#elif defined(__SSE2__)
  __asm__("" : "+x"(v));
#endif
  return v;
}

template <class V, class T>
inline void store(T* p, V v) {
  std::memcpy(p, &v, sizeof(V));
}

// Calls body.template operator()<Lanes>(offset) over a row of n elements, n a multiple of the granule: vectors wider
// than it finish a row with a half one.
template <class T, class Body>
inline void for_each_vector(std::ptrdiff_t n, Body&& body) {
  std::ptrdiff_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) body.template operator()<kLanes<T>>(i);
  if constexpr (kLanes<T> > kGranule<T>) {
    for (; i < n; i += kGranule<T>) body.template operator()<kGranule<T>>(i);
  }
}

}  // namespace fdsr::kernels::FDSR_ISA
