// DFTs of a few points on vector registers: 2, 3, 4, 5, 7 by hand, 6, 8, 9, 10, 12 in two steps with constant twiddles.
#pragma once

#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {

// cos(2 pi k / n) and sin, by Taylor series at compile time, |angle| <= pi.
constexpr double series(double x, bool sine) {
  double term = sine ? x : 1, sum = term;
  for (int i = sine ? 2 : 1; i < 60; i += 2) {
    term *= -x * x / (i * (i + 1));
    sum += term;
  }
  return sum;
}
constexpr double kPi = 3.14159265358979323846264338327950288;
constexpr double folded_angle(int k, int n) {
  k %= n;
  return 2 * kPi * (2 * k > n ? k - n : k) / n;
}
constexpr double cosine(int k, int n) { return series(folded_angle(k, n), false); }
constexpr double sine(int k, int n) { return series(folded_angle(k, n), true); }

template <int R, class T, class V>
struct SmallDft;

template <class T, class V>
struct SmallDft<1, T, V> {
  static FDSR_INLINE void run(V*, V*) {}
};

template <class T, class V>
struct SmallDft<2, T, V> {
  static FDSR_INLINE void run(V* re, V* im) {
    const V r = re[0] - re[1], i = im[0] - im[1];
    re[0] += re[1];
    im[0] += im[1];
    re[1] = r;
    im[1] = i;
  }
};

template <class T, class V>
struct SmallDft<3, T, V> {
  static FDSR_INLINE void run(V* re, V* im) {
    constexpr T s = T(sine(1, 3));
    const V sum_r = re[1] + re[2], sum_i = im[1] + im[2];
    const V mid_r = re[0] - T(0.5) * sum_r, mid_i = im[0] - T(0.5) * sum_i;
    const V turn_r = s * (im[1] - im[2]), turn_i = s * (re[2] - re[1]);
    re[0] += sum_r;
    im[0] += sum_i;
    re[1] = mid_r + turn_r;
    im[1] = mid_i + turn_i;
    re[2] = mid_r - turn_r;
    im[2] = mid_i - turn_i;
  }
};

template <class T, class V>
struct SmallDft<4, T, V> {
  static FDSR_INLINE void run(V* re, V* im) {
    const V ar = re[0] + re[2], ai = im[0] + im[2], br = re[0] - re[2], bi = im[0] - im[2];
    const V cr = re[1] + re[3], ci = im[1] + im[3], dr = re[1] - re[3], di = im[1] - im[3];
    re[0] = ar + cr;
    im[0] = ai + ci;
    re[1] = br + di;
    im[1] = bi - dr;
    re[2] = ar - cr;
    im[2] = ai - ci;
    re[3] = br - di;
    im[3] = bi + dr;
  }
};

template <class T, class V>
struct SmallDft<5, T, V> {
  static FDSR_INLINE void run(V* re, V* im) {
    constexpr T c1 = T(cosine(1, 5)), c2 = T(cosine(2, 5)), s1 = T(sine(1, 5)), s2 = T(sine(2, 5));
    const V ar = re[1] + re[4], ai = im[1] + im[4], br = re[1] - re[4], bi = im[1] - im[4];
    const V cr = re[2] + re[3], ci = im[2] + im[3], dr = re[2] - re[3], di = im[2] - im[3];
    const V er = re[0] + c1 * ar + c2 * cr, ei = im[0] + c1 * ai + c2 * ci;
    const V fr = re[0] + c2 * ar + c1 * cr, fi = im[0] + c2 * ai + c1 * ci;
    const V gr = s1 * bi + s2 * di, gi = -s1 * br - s2 * dr;
    const V hr = s2 * bi - s1 * di, hi = s1 * dr - s2 * br;
    re[0] += ar + cr;
    im[0] += ai + ci;
    re[1] = er + gr;
    im[1] = ei + gi;
    re[4] = er - gr;
    im[4] = ei - gi;
    re[2] = fr + hr;
    im[2] = fi + hi;
    re[3] = fr - hr;
    im[3] = fi - hi;
  }
};

// Even and odd parts of the samples about zero: X[k], X[7 - k] = sum of cosines -+ i sum of sines.
template <class T, class V>
struct SmallDft<7, T, V> {
  template <int k>
  static FDSR_INLINE void pair(V r0, V i0, const V* sr, const V* si, const V* dr, const V* di, V* re, V* im) {
    constexpr T c1 = T(cosine(k, 7)), c2 = T(cosine(2 * k, 7)), c3 = T(cosine(3 * k, 7));
    constexpr T s1 = T(sine(k, 7)), s2 = T(sine(2 * k, 7)), s3 = T(sine(3 * k, 7));
    const V ar = r0 + c1 * sr[0] + c2 * sr[1] + c3 * sr[2], ai = i0 + c1 * si[0] + c2 * si[1] + c3 * si[2];
    const V br = s1 * dr[0] + s2 * dr[1] + s3 * dr[2], bi = s1 * di[0] + s2 * di[1] + s3 * di[2];
    re[k] = ar + bi;
    im[k] = ai - br;
    re[7 - k] = ar - bi;
    im[7 - k] = ai + br;
  }
  static FDSR_INLINE void run(V* re, V* im) {
    const V r0 = re[0], i0 = im[0];
    V sr[3], si[3], dr[3], di[3];
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      sr[j] = re[j + 1] + re[6 - j];
      si[j] = im[j + 1] + im[6 - j];
      dr[j] = re[j + 1] - re[6 - j];
      di[j] = im[j + 1] - im[6 - j];
    }
    re[0] = r0 + sr[0] + sr[1] + sr[2];
    im[0] = i0 + si[0] + si[1] + si[2];
    pair<1>(r0, i0, sr, si, dr, di, re, im);
    pair<2>(r0, i0, sr, si, dr, di, re, im);
    pair<3>(r0, i0, sr, si, dr, di, re, im);
  }
};

// R = P Q: X[k1 + P k2] = sum_q w_R^{q k1} w_Q^{q k2} sum_p w_P^{p k1} x[q + Q p]
template <int R, int P, class T, class V>
struct TwoStepDft {
  static constexpr int Q = R / P;

  template <int q, int k>
  static FDSR_INLINE void twiddle(V* re, V* im) {
    if constexpr (q > 0 && k > 0) {
      constexpr T c = T(cosine(q * k, R)), s = T(sine(q * k, R));
      const V r = re[k] * c + im[k] * s;
      im[k] = im[k] * c - re[k] * s;
      re[k] = r;
    }
    if constexpr (k + 1 < P) twiddle<q, k + 1>(re, im);
  }

  template <int q>
  static FDSR_INLINE void first(const V* re, const V* im, V* tr, V* ti) {
    V r[P], i[P];
#pragma GCC unroll 12
    for (int p = 0; p < P; ++p) {
      r[p] = re[q + Q * p];
      i[p] = im[q + Q * p];
    }
    SmallDft<P, T, V>::run(r, i);
    twiddle<q, 0>(r, i);
#pragma GCC unroll 12
    for (int p = 0; p < P; ++p) {
      tr[p * Q + q] = r[p];
      ti[p * Q + q] = i[p];
    }
    if constexpr (q + 1 < Q) first<q + 1>(re, im, tr, ti);
  }

  static FDSR_INLINE void run(V* re, V* im) {
    V tr[R], ti[R];
    first<0>(re, im, tr, ti);
#pragma GCC unroll 12
    for (int k = 0; k < P; ++k) {
      SmallDft<Q, T, V>::run(tr + k * Q, ti + k * Q);
#pragma GCC unroll 12
      for (int q = 0; q < Q; ++q) {
        re[k + P * q] = tr[k * Q + q];
        im[k + P * q] = ti[k * Q + q];
      }
    }
  }
};

template <class T, class V>
struct SmallDft<6, T, V> : TwoStepDft<6, 2, T, V> {};
template <class T, class V>
struct SmallDft<8, T, V> : TwoStepDft<8, 2, T, V> {};
template <class T, class V>
struct SmallDft<9, T, V> : TwoStepDft<9, 3, T, V> {};
template <class T, class V>
struct SmallDft<10, T, V> : TwoStepDft<10, 2, T, V> {};
template <class T, class V>
struct SmallDft<12, T, V> : TwoStepDft<12, 3, T, V> {};

}  // namespace fdsr::kernels::FDSR_ISA
