// The DFT of one short line by folded real matrices over lanes: sums and differences of mirrored samples, then
//   Y[k], Y[n - k] = C[k] ± S[k],   C = cosines times sums, S = -i sines times differences.
#pragma once

#include "chip_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {

inline constexpr int kLongestLine = 64;

// Where a line's outputs [from, to) go.
template <class T>
struct LineOutputs {
  T* out;
  Index stride;
  int from, to;
};

// in: n blocks [2][lanes] at in_stride. N: n if known at compile time, else 0; loops over it then unroll, and each
// phase keeps its sums or differences in registers and shares a coefficient's load between real and imaginary parts.
template <class T, int N, bool RealInput, bool RealOutput>
inline void folded_line(const AxisMatrices<T>& axis, bool inverse, const T* in, Index in_stride, LineOutputs<T> to) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const int n = N ? N : axis.length, half = (n - 1) / 2, last = n / 2;
  constexpr int kHalf = N ? (N - 1) / 2 : (kLongestLine - 1) / 2 + 1;
  constexpr int kLast = N ? N / 2 : kLongestLine / 2;
  V cos_re[kLast + 1], cos_im[RealOutput ? 1 : kLast + 1];
  cos_re[0] = cos_im[0] = V{};

  {
    V re[kHalf], im[kHalf];
#pragma GCC unroll 8
    for (int j = 0; j < half; ++j) {
      const T *a = in + (j + 1) * in_stride, *b = in + (n - 1 - j) * in_stride;
      re[j] = load<V>(a) + load<V>(b);
      if constexpr (!RealInput && !RealOutput) im[j] = load<V>(a + L) + load<V>(b + L);
    }
    const V zero_re = load<V>(in);
    V zero_im{}, middle_re{}, middle_im{};
    if constexpr (!RealInput && !RealOutput) zero_im = load<V>(in + L);
    if (n % 2 == 0) {
      middle_re = load<V>(in + last * in_stride);
      if constexpr (!RealInput && !RealOutput) middle_im = load<V>(in + last * in_stride + L);
    }
#pragma GCC unroll 8
    for (int k = 0; k <= last; ++k) {
      const T* cosine = axis.cosine + k * half;
      V a = n % 2 ? zero_re : k % 2 ? zero_re - middle_re : zero_re + middle_re;
      V b = n % 2 ? zero_im : k % 2 ? zero_im - middle_im : zero_im + middle_im;
#pragma GCC unroll 8
      for (int j = 0; j < half; ++j) {
        const T c = cosine[j];
        a += c * re[j];
        if constexpr (!RealInput && !RealOutput) b += c * im[j];
      }
      cos_re[k] = a;
      if constexpr (!RealOutput) cos_im[k] = b;
    }
  }

  V re[kHalf], im[kHalf];
#pragma GCC unroll 8
  for (int j = 0; j < half; ++j) {
    const T *a = in + (j + 1) * in_stride, *b = in + (n - 1 - j) * in_stride;
    if constexpr (!RealOutput) re[j] = load<V>(a) - load<V>(b);
    if constexpr (!RealInput) im[j] = load<V>(a + L) - load<V>(b + L);
  }
  const auto put = [&](int k, V a, V b) {
    const int at = inverse && k ? n - k : k;
    if (at < to.from || at >= to.to) return;
    T* const out = to.out + (at - to.from) * to.stride;
    store(out, a);
    if constexpr (!RealOutput) store(out + L, b);
  };
  put(0, cos_re[0], cos_im[0]);
#pragma GCC unroll 8
  for (int k = 1; k <= last; ++k) {
    const T* sine = axis.sine + k * half;
    V a{}, b{};
#pragma GCC unroll 8
    for (int j = 0; j < half; ++j) {
      const T s = sine[j];
      if constexpr (!RealInput) a += s * im[j];
      if constexpr (!RealOutput) b -= s * re[j];
    }
    const V c = RealOutput ? V{} : cos_im[RealOutput ? 0 : k];
    put(k, cos_re[k] + a, c + b);
    if (2 * k != n) put(n - k, cos_re[k] - a, c - b);
  }
}

}  // namespace fdsr::kernels::FDSR_ISA
