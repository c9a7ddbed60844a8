// Between parity quadrants and mirrored samples, vector by vector.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {

// The four mirrored samples of one place: (y+, x+), (y+, x-), (y-, x+), (y-, x-).
template <class V>
struct Mirrored {
  V re[4], im[4];
};

// With c = -i (forward) or +i (inverse): value(sy, sx) = ee + sx c eo + sy c oe + sy sx c^2 oo, and c^2 = -1.
template <class V, bool Inverse, class T>
inline Mirrored<V> unfold_at(Index width, const T* const quadrants[4], Index i) {
  const auto re = [&](int q) { return load<V>(quadrants[q] + i); };
  const auto im = [&](int q) { return load<V>(quadrants[q] + width + i); };
  const V a_re = re(0), a_im = im(0), e_re = -re(3), e_im = -im(3);
  const V b_re = Inverse ? -im(1) : im(1), b_im = Inverse ? re(1) : -re(1);
  const V d_re = Inverse ? -im(2) : im(2), d_im = Inverse ? re(2) : -re(2);
  const V p_re = a_re + e_re, p_im = a_im + e_im, q_re = b_re + d_re, q_im = b_im + d_im;
  const V r_re = a_re - e_re, r_im = a_im - e_im, t_re = b_re - d_re, t_im = b_im - d_im;
  return {{p_re + q_re, r_re - t_re, r_re + t_re, p_re - q_re}, {p_im + q_im, r_im - t_im, r_im + t_im, p_im - q_im}};
}

// Sums and differences: the even and odd parts.
template <class V, class T>
inline void fold_at(Index width, const Mirrored<V>& m, T* const quadrants[4], Index i) {
  const auto put = [&](const V* s, Index at) {
    const V even_up = s[0] + s[1], odd_up = s[0] - s[1], even_down = s[2] + s[3], odd_down = s[2] - s[3];
    store(quadrants[0] + at, even_up + even_down);
    store(quadrants[1] + at, odd_up + odd_down);
    store(quadrants[2] + at, even_up - even_down);
    store(quadrants[3] + at, odd_up - odd_down);
  };
  put(m.re, i);
  put(m.im, width + i);
}

// Where sample s of lane i lies in rows [2][re 2 width | im 2 width], and in real rows [2][2 width].
inline Index re_at(Index width, int s, Index i) { return (s / 2) * 4 * width + (s % 2) * width + i; }
inline Index im_at(Index width, int s, Index i) { return re_at(width, s, i) + 2 * width; }
inline Index real_at(Index width, int s, Index i) { return s * width + i; }

}  // namespace fdsr::kernels::FDSR_ISA
