// Complex transforms of 4 to 64 samples along the axes of images in shared memory, in place.
//
// A length of n = a b, a of 4 or 8, takes one stage of transforms of a samples, a multiplication with roots of unity
// and, where b > 1, one of b samples. Frequency k then lies at place (k mod a) b + k / a; the inverse begins there.
#pragma once

#include "cuda/tile_shape.hpp"

namespace fdsr::cuda {

template <class T>
FDSR_DEVICE Complex<T> operator+(Complex<T> a, Complex<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
FDSR_DEVICE Complex<T> operator-(Complex<T> a, Complex<T> b) {
  return {a.re - b.re, a.im - b.im};
}
// Times -i, or +i in inverse transforms.
template <bool Inverse, class T>
FDSR_DEVICE Complex<T> turned(Complex<T> a) {
  return Inverse ? Complex<T>{-a.im, a.re} : Complex<T>{a.im, -a.re};
}

template <bool Inverse, class T>
FDSR_DEVICE void dft4(Complex<T>& a, Complex<T>& b, Complex<T>& c, Complex<T>& d) {
  const Complex<T> p = a + c, q = a - c, r = b + d, s = turned<Inverse>(b - d);
  a = p + r, b = q + s, c = p - r, d = q - s;
}

template <int R, bool Inverse, class T>
FDSR_DEVICE void dft(Complex<T>* v) {
  static_assert(R == 4 || R == 8);
  if constexpr (R == 4) {
    dft4<Inverse>(v[0], v[1], v[2], v[3]);
  } else {
    const T h = T(0.70710678118654752440);
    Complex<T> e[4] = {v[0], v[2], v[4], v[6]}, o[4] = {v[1], v[3], v[5], v[7]};
    dft4<Inverse>(e[0], e[1], e[2], e[3]);
    dft4<Inverse>(o[0], o[1], o[2], o[3]);
    o[1] = h * (o[1] + turned<Inverse>(o[1]));
    o[2] = turned<Inverse>(o[2]);
    o[3] = h * (turned<Inverse>(o[3]) - o[3]);
    FDSR_UNROLL for (int k = 0; k < 4; ++k) v[k] = e[k] + o[k], v[k + 4] = e[k] - o[k];
  }
}

// Lines along one axis of several images; numbers of lines and of samples are powers of two.
struct Lines {
  int length_log, stride;             // of a line, from one sample to the next
  int lines_log, line_stride;         // of an image
  int images, image_stride;
};

FDSR_BOTH int first_radix_log(int length_log) { return length_log == 2 || length_log == 4 ? 2 : 3; }
// Where a frequency lies.
FDSR_BOTH int place_of_frequency(int length_log, int k) {
  const int first = first_radix_log(length_log);
  return ((k & ((1 << first) - 1)) << (length_log - first)) | (k >> first);
}

// Transforms of R samples that lie `hop` places apart: 1, or as many as there are in a line.
template <int R, bool Inverse, class T, class Team>
FDSR_DEVICE void stage(const Team& team, const Lines& l, bool neighbours, bool twiddled, const Complex<T>* roots,
                       Complex<T>* images) {
  constexpr int kLog = R == 4 ? 2 : 3;
  const int each_log = l.length_log - kLog;  // transforms of a line
  const int hop = (neighbours ? 1 : 1 << each_log) * l.stride;
  const int tasks = l.images << (l.lines_log + each_log);
  for (int task = team.thread(); task < tasks; task += team.threads()) {
    const int line = task & ((1 << l.lines_log) - 1), m = task >> l.lines_log & ((1 << each_log) - 1);
    const int image = task >> (l.lines_log + each_log);
    Complex<T>* at = images + image * l.image_stride + line * l.line_stride + (neighbours ? m * R : m) * l.stride;
    Complex<T> v[R];
    FDSR_UNROLL for (int q = 0; q < R; ++q) v[q] = at[q * hop];
    dft<R, Inverse>(v);
    if (twiddled) {
      FDSR_UNROLL for (int q = 1; q < R; ++q) {
        const Complex<T> root = roots[q * m * (kMostTile >> l.length_log)];
        v[q] = v[q] * (Inverse ? conj(root) : root);
      }
    }
    FDSR_UNROLL for (int q = 0; q < R; ++q) at[q * hop] = v[q];
  }
  team.sync_block();
}

// roots: exp(-2 pi i k / kMostTile). Nothing is scaled.
template <bool Inverse, class T, class Team>
FDSR_DEVICE void transform_lines(const Team& team, const Lines& l, const Complex<T>* roots, Complex<T>* images) {
  const int rest = l.length_log - first_radix_log(l.length_log);
  if constexpr (Inverse) {
    if (rest == 2) stage<4, true>(team, l, true, true, roots, images);
    if (rest == 3) stage<8, true>(team, l, true, true, roots, images);
  }
  if (first_radix_log(l.length_log) == 2)
    stage<4, Inverse>(team, l, false, !Inverse && rest, roots, images);
  else
    stage<8, Inverse>(team, l, false, !Inverse && rest, roots, images);
  if constexpr (!Inverse) {
    if (rest == 2) stage<4, false>(team, l, true, false, roots, images);
    if (rest == 3) stage<8, false>(team, l, true, false, roots, images);
  }
}

}  // namespace fdsr::cuda
