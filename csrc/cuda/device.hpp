// What the device code needs of its compiler. The same code runs on the host in tests, where threads of the operating
// system play those of a block.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>
#include <numbers>

#if defined(__CUDACC__)
#define FDSR_DEVICE __device__ __forceinline__
#define FDSR_BOTH __host__ __device__ __forceinline__
#define FDSR_UNROLL _Pragma("unroll")
#else
#define FDSR_DEVICE inline
#define FDSR_BOTH inline
#define FDSR_UNROLL
#endif

namespace fdsr::cuda {

constexpr int kWarp = 32;

// The layout of std::complex, whose arithmetic checks for infinities and is not for devices.
template <class T>
struct alignas(2 * sizeof(T)) Complex {
  T re, im;
};

template <class T>
FDSR_BOTH Complex<T> operator*(Complex<T> a, Complex<T> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <class T>
FDSR_BOTH Complex<T> conj(Complex<T> a) {
  return {a.re, -a.im};
}
template <class T>
FDSR_BOTH Complex<T> operator*(T a, Complex<T> b) {
  return {a * b.re, a * b.im};
}

template <class T>
FDSR_DEVICE void sincos_of(T angle, T& s, T& c) {
#if defined(__CUDA_ARCH__)
  // Turns in place of radians: no table of 2/pi, which the large arguments of sincos() need.
  if constexpr (sizeof(T) == 4)
    sincospif(angle * T(0.318309886183790671538), &s, &c);
  else
    sincos(angle, &s, &c);
#else
  s = std::sin(angle);
  c = std::cos(angle);
#endif
}

// Of an angle in half turns, which needs no reduction by an irrational number.
template <class T>
FDSR_DEVICE void sincospi_of(T half_turns, T& s, T& c) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == 4)
    sincospif(half_turns, &s, &c);
  else
    sincospi(half_turns, &s, &c);
#else
  s = std::sin(std::numbers::pi_v<T> * half_turns);
  c = std::cos(std::numbers::pi_v<T> * half_turns);
#endif
}

// Whole numbers alone are added by whoever comes first: their sums do not depend on the order.
FDSR_BOTH void add_atomically(std::uint64_t* to, std::uint64_t value) {
#if defined(__CUDA_ARCH__)
  atomicAdd(reinterpret_cast<unsigned long long*>(to), static_cast<unsigned long long>(value));
#else
  std::atomic_ref(*to).fetch_add(value, std::memory_order_relaxed);
#endif
}

// Four consecutive values; p is aligned to all of them (float) or to two (double).
template <class T>
FDSR_DEVICE void load4(const T* p, T* v) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == 4) {
    const float4 a = *reinterpret_cast<const float4*>(p);
    v[0] = a.x, v[1] = a.y, v[2] = a.z, v[3] = a.w;
  } else {
    const double2 a = *reinterpret_cast<const double2*>(p), b = *reinterpret_cast<const double2*>(p + 2);
    v[0] = a.x, v[1] = a.y, v[2] = b.x, v[3] = b.y;
  }
#else
  for (int i = 0; i < 4; ++i) v[i] = p[i];
#endif
}

template <class T>
FDSR_DEVICE void store4(const T* v, T* p) {
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == 4) {
    *reinterpret_cast<float4*>(p) = make_float4(v[0], v[1], v[2], v[3]);
  } else {
    *reinterpret_cast<double2*>(p) = make_double2(v[0], v[1]);
    *reinterpret_cast<double2*>(p + 2) = make_double2(v[2], v[3]);
  }
#else
  for (int i = 0; i < 4; ++i) p[i] = v[i];
#endif
}

}  // namespace fdsr::cuda
