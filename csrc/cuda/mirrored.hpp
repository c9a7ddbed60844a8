// Between parity quadrants and the four mirrored samples (y+, x+), (y+, x-), (y-, x+), (y-, x-) of one place.
#pragma once

#include "cuda/stack_shape.hpp"

namespace fdsr::cuda {

// The quadrants of one image, wherever in the cluster they lie.
template <class T>
struct ImageView {
  T* quadrant[4];
  Quadrants q;

  FDSR_DEVICE Complex<T> get(int i, int y, int x) const {
    const T* p = quadrant[i] + 2 * y * q.stride + x;
    return {p[0], p[q.stride]};
  }
  FDSR_DEVICE void set(int i, int y, int x, T re, T im) const {
    T* p = quadrant[i] + 2 * y * q.stride + x;
    p[0] = re;
    p[q.stride] = im;
  }
};

template <class T, class Team>
FDSR_DEVICE ImageView<T> image_view(const Team& team, const Quadrants& q, T* quadrants) {
  ImageView<T> view;
  view.q = q;
  FDSR_UNROLL for (int i = 0; i < 4; ++i) view.quadrant[i] = team.of(q.owner(i), quadrants) + q.place(i) * q.size();
  return view;
}

// With c = -i (forward) or +i (inverse): value(sy, sx) = ee + sx c eo + sy c oe - sy sx oo.
template <class T>
FDSR_DEVICE void unfold(const ImageView<T>& view, int y, int x, bool inverse, Complex<T>* m) {
  const Complex<T> a = view.get(0, y, x), b = view.get(1, y, x), d = view.get(2, y, x), e = view.get(3, y, x);
  const T sign = inverse ? T(-1) : T(1);
  const Complex<T> cb{sign * b.im, -sign * b.re}, cd{sign * d.im, -sign * d.re};
  const Complex<T> p{a.re - e.re, a.im - e.im}, r{a.re + e.re, a.im + e.im};
  const Complex<T> s{cb.re + cd.re, cb.im + cd.im}, t{cb.re - cd.re, cb.im - cd.im};
  m[0] = {p.re + s.re, p.im + s.im};
  m[1] = {r.re - t.re, r.im - t.im};
  m[2] = {r.re + t.re, r.im + t.im};
  m[3] = {p.re - s.re, p.im - s.im};
}

template <class T>
FDSR_DEVICE void fold(const ImageView<T>& view, int y, int x, const Complex<T>* m) {
  const Complex<T> even_up{m[0].re + m[1].re, m[0].im + m[1].im}, odd_up{m[0].re - m[1].re, m[0].im - m[1].im};
  const Complex<T> even_down{m[2].re + m[3].re, m[2].im + m[3].im}, odd_down{m[2].re - m[3].re, m[2].im - m[3].im};
  view.set(0, y, x, even_up.re + even_down.re, even_up.im + even_down.im);
  view.set(1, y, x, odd_up.re + odd_down.re, odd_up.im + odd_down.im);
  view.set(2, y, x, even_up.re - even_down.re, even_up.im - even_down.im);
  view.set(3, y, x, odd_up.re - odd_down.re, odd_up.im - odd_down.im);
}

// Calls work(place, y, x) for the folded places of this block: rows are dealt out among the blocks of a cluster.
template <class Team, class Work>
FDSR_DEVICE void for_places(const Team& team, Extent half, int cluster, Work&& work) {
  const int rows = (half.y - team.rank() + cluster - 1) / cluster;
  for (int i = team.thread(); i < rows * half.x; i += team.threads()) {
    const int y = i / half.x * cluster + team.rank(), x = i % half.x;
    work(y * half.x + x, y, x);
  }
}

// Natural index of sample s (0..3) of place (y, x).
FDSR_BOTH int natural_place(Extent size, int y, int x, int s) {
  return natural_index(size.y, y, s < 2) * size.x + natural_index(size.x, x, s % 2 == 0);
}
FDSR_BOTH bool is_repeated(Extent size, int y, int x, int s) {
  return is_repeated(size.y, y, s < 2) || is_repeated(size.x, x, s % 2 == 0);
}

template <class T>
FDSR_DEVICE Complex<T> ramp_at(const T* constants, const Ramp& ramp, Extent size, int natural) {
  const auto* y = reinterpret_cast<const Complex<T>*>(constants + ramp.y);
  const auto* x = reinterpret_cast<const Complex<T>*>(constants + ramp.x);
  return y[natural / size.x] * x[natural % size.x];
}

}  // namespace fdsr::cuda
