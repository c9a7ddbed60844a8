// Nonlinear layers that only turn the phase, f = exp(i theta(I)), and their adjoints on vectors of samples.
#pragma once

#include "simd.hpp"
#include "sincos.hpp"

namespace fdsr::kernels::FDSR_ISA {

template <class T, int L>
double horizontal_sum(Vec<T, L> v) {
  double sum = 0;
  for (int lane = 0; lane < L; ++lane) sum += v[lane];
  return sum;
}

template <class T>
struct KerrLaw {  // theta = strength I  (Eq. 1 of the paper)
  T strength;
  explicit KerrLaw(const double* p) : strength(static_cast<T>(p[0])) {}
  static constexpr int kParameters = 1;
  template <class V>
  void operator()(V intensity, V& theta, V& slope) const {
    theta = strength * intensity;
    slope = V{} + strength;
  }
  template <class V>
  void parameter_slopes(V intensity, V* slopes) const {
    slopes[0] = intensity;
  }
};

template <class T>
struct SaturableKerrLaw {  // theta = strength I / (1 + I / saturation)
  T strength, inverse_saturation;
  explicit SaturableKerrLaw(const double* p)
      : strength(static_cast<T>(p[0])), inverse_saturation(static_cast<T>(1 / p[1])) {}
  static constexpr int kParameters = 2;
  template <class V>
  void operator()(V intensity, V& theta, V& slope) const {
    const V d = T(1) / (T(1) + intensity * inverse_saturation);
    theta = strength * intensity * d;
    slope = strength * d * d;
  }
  template <class V>
  void parameter_slopes(V intensity, V* slopes) const {
    const V d = T(1) / (T(1) + intensity * inverse_saturation);
    const V ratio = intensity * d * inverse_saturation;
    slopes[0] = intensity * d;
    slopes[1] = strength * ratio * ratio;  // d theta / d saturation
  }
};

// E := f E
template <class T, int L, class Law>
inline void turn(const Law& law, Vec<T, L>& re, Vec<T, L>& im) {
  using V = Vec<T, L>;
  V theta, slope, s, c;
  law(V(re * re + im * im), theta, slope);
  sincos<T, L>(theta, s, c);
  const V turned = re * c - im * s;
  im = re * s + im * c;
  re = turned;
}

// v := the cotangent of E = a + i b, given that of f E. weight (or null parameters: unused) masks v_parameters' sums.
template <class T, int L, class Law>
inline void turn_adjoint(const Law& law, Vec<T, L> a, Vec<T, L> b, const T* weight, double* v_parameters,
                         Vec<T, L>& re, Vec<T, L>& im) {
  using V = Vec<T, L>;
  const V intensity = a * a + b * b;
  V theta, slope, s, c;
  law(intensity, theta, slope);
  sincos<T, L>(theta, s, c);
  const V u_re = re * c + im * s, u_im = im * c - re * s;
  // Re(i theta' conj(u) E) = -theta' Im(conj(u) E)
  const V cross = u_re * b - u_im * a;
  const V twice = T(-2) * slope * cross;
  re = u_re + twice * a;
  im = u_im + twice * b;
  if (v_parameters) {
    V slopes[Law::kParameters];
    law.parameter_slopes(intensity, slopes);
    const V w = load<V>(weight);
    for (int k = 0; k < Law::kParameters; ++k) v_parameters[k] -= horizontal_sum<T, L>(V(w * slopes[k] * cross));
  }
}

}  // namespace fdsr::kernels::FDSR_ISA
