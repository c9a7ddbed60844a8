// The DFT of one short line by folded real matrices over lanes: sums and differences of mirrored samples, then
//   Y[k], Y[n - k] = C[k] ± S[k],   C = cosines times sums, S = -i sines times differences.
#pragma once

#include "chip_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {

inline constexpr int kLongestLine = 64;

// in: n blocks [2][lanes] at in_stride; out: outputs [from, to) at out_stride. N: n if known at compile time, else 0.
template <class T, int N>
inline void folded_line(const AxisMatrices<T>& axis, bool inverse, const T* in, Index in_stride, bool real_input, T* out,
                        Index out_stride, int from, int to, bool real_output) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const int n = N ? N : axis.length, half = (n - 1) / 2;
  constexpr int kHalf = N ? (N - 1) / 2 : (kLongestLine - 1) / 2 + 1;
  V sum_re[kHalf], sum_im[kHalf], difference_re[kHalf], difference_im[kHalf];
  for (int j = 0; j < half; ++j) {
    const T *a = in + (j + 1) * in_stride, *b = in + (n - 1 - j) * in_stride;
    const V ar = load<V>(a), br = load<V>(b);
    sum_re[j] = ar + br;
    difference_re[j] = ar - br;
    if (!real_input) {
      const V ai = load<V>(a + L), bi = load<V>(b + L);
      sum_im[j] = ai + bi;
      difference_im[j] = ai - bi;
    }
  }
  const V zero_re = load<V>(in), zero_im = real_input ? V{} : load<V>(in + L);
  const bool even = n % 2 == 0;
  const V middle_re = even ? load<V>(in + n / 2 * in_stride) : V{};
  const V middle_im = even && !real_input ? load<V>(in + n / 2 * in_stride + L) : V{};

  const auto put = [&](int k, V re, V im) {
    const int at = inverse && k ? n - k : k;
    if (at < from || at >= to) return;
    store(out + (at - from) * out_stride, re);
    if (!real_output) store(out + (at - from) * out_stride + L, im);
  };
  for (int k = 0; 2 * k <= n; ++k) {
    const T *cosine = axis.cosine + k * half, *sine = axis.sine + k * half;
    V cos_re = k % 2 ? zero_re - middle_re : zero_re + middle_re, sin_re{};
    V cos_im = k % 2 ? zero_im - middle_im : zero_im + middle_im, sin_im{};
    for (int j = 0; j < half; ++j) {
      cos_re += cosine[j] * sum_re[j];
      if (!real_output) sin_im -= sine[j] * difference_re[j];
    }
    if (!real_input)
      for (int j = 0; j < half; ++j) {
        if (!real_output) cos_im += cosine[j] * sum_im[j];
        sin_re += sine[j] * difference_im[j];
      }
    put(k, cos_re + sin_re, cos_im + sin_im);
    if (k && 2 * k != n) put(n - k, cos_re - sin_re, cos_im - sin_im);
  }
}

}  // namespace fdsr::kernels::FDSR_ISA
