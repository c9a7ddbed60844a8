// Masks in the order in which the kernels read them, and their gradients back in natural order: one thread a value.
#pragma once

#include "cuda/mirrored.hpp"
#include "cuda/stack_pass.hpp"

namespace fdsr::cuda {

// Masks as they are given, natural order; exactly one of phase and transfer.
template <class T>
struct GivenMasks {
  std::int64_t masks = 1;
  const T* phase = nullptr;              // [masks, L, band]
  const Complex<T>* transfer = nullptr;
  int apertures = 0;
  const T* aperture = nullptr;           // [apertures, band]
  Ramp gauge;                            // of layer 0
  T scale = T(1);                        // 1/N^2
};

template <class T>
FDSR_DEVICE T aperture_at(const GivenMasks<T>& g, int layer, Extent band, int natural) {
  return layer < g.apertures ? g.aperture[std::int64_t{layer} * band.area() + natural] : T(1);
}

// Value i of [masks, L, 4, places].
template <class T>
FDSR_DEVICE Complex<T> prepared_mask(const StackParams<T>& p, const GivenMasks<T>& g, std::int64_t i) {
  const int places = p.band_places(), half_x = p.band.half().x;
  const int place = static_cast<int>(i % places), s = static_cast<int>(i / places % 4);
  const std::int64_t task = i / (4 * places);
  const int layer = static_cast<int>(task % p.layers);
  const int at = natural_place(p.band, place / half_x, place % half_x, s);
  const std::int64_t from = task * p.band.area() + at;
  Complex<T> t;
  if (g.phase)
    sincos_of(g.phase[from], t.im, t.re);
  else
    t = g.transfer[from];
  t = (g.scale * aperture_at(g, layer, p.band, at)) * t;
  return layer == 0 && g.gauge.y >= 0 ? t * ramp_at(p.constants, g.gauge, p.band, at) : t;
}

// Where value i of [masks, L, band] lies in sums [sums, L, 4, places], without the sum's own offset.
template <class T>
FDSR_DEVICE std::int64_t place_of_natural(const StackParams<T>& p, int layer, int natural) {
  const int y = natural / p.band.x, x = natural % p.band.x;
  const bool up = y >= p.band.y / 2, right = x >= p.band.x / 2;
  const int j = up ? y - p.band.y / 2 : (p.band.y - 1) / 2 - y, k = right ? x - p.band.x / 2 : (p.band.x - 1) / 2 - x;
  const int s = (up ? 0 : 2) + (right ? 0 : 1), places = p.band_places();
  return (layer * 4ll + s) * places + j * p.band.half().x + k;
}

// Gradient i of [masks, L, band]: the sums of shared masks in their order, or an image's own.
template <class T, class V, class Add>
FDSR_DEVICE V summed(const StackParams<T>& p, const V* sums, std::int64_t count, std::int64_t mask, int layer,
                     int natural, Add&& add) {
  const std::int64_t size = 4ll * p.layers * p.band_places(), at = place_of_natural(p, layer, natural);
  V total = sums[mask * size + at];
  for (std::int64_t i = 1; i < count; ++i) total = add(total, sums[(mask + i) * size + at]);
  return total;
}

template <class T>
FDSR_DEVICE T phase_gradient(const StackParams<T>& p, const T* sums, std::int64_t count, std::int64_t i) {
  const int area = p.band.area(), layer = static_cast<int>(i / area % p.layers);
  return summed(p, sums, count, i / area / p.layers, layer, static_cast<int>(i % area),
                [](T a, T b) { return a + b; });
}

template <class T>
FDSR_DEVICE Complex<T> transfer_gradient(const StackParams<T>& p, const GivenMasks<T>& g, const Complex<T>* sums,
                                         std::int64_t count, std::int64_t i) {
  const int area = p.band.area(), natural = static_cast<int>(i % area), layer = static_cast<int>(i / area % p.layers);
  Complex<T> v = summed(p, sums, count, i / area / p.layers, layer, natural, [](Complex<T> a, Complex<T> b) {
    return Complex<T>{a.re + b.re, a.im + b.im};
  });
  v = (g.scale * aperture_at(g, layer, p.band, natural)) * v;
  return layer == 0 && g.gauge.y >= 0 ? v * conj(ramp_at(p.constants, g.gauge, p.band, natural)) : v;
}

}  // namespace fdsr::cuda
