// Nonlinear layers y = f(I) E, I = |E|^2, on single samples, and their adjoints.
//
// With u = conj(f) v and w = conj(u) E: phase-only responses f = exp(i theta) give v_E = u - 2 theta' Im(w) E, real
// ones v_E = u + 2 (f'/f) Re(w) E; a parameter collects (dtheta/dp) (-Im w) or (d log f/dp) Re(w).
#pragma once

#include "cuda/device.hpp"
#include "fdsr/nonlinearity.hpp"

namespace fdsr::cuda {

// f at one intensity, the slope theta' or f'/f, and those of the parameters.
template <class T>
struct Response {
  Complex<T> f{T(1), T(0)};
  T slope = T(0), slopes[4] = {T(0), T(0), T(0), T(0)};
  bool turns = true;  // phase only
};

template <class T>
FDSR_DEVICE Response<T> respond(Nonlinearity kind, const double* p, T intensity) {
  Response<T> r;
  const T p0 = T(p[0]), p1 = T(p[1]);
  switch (kind) {
    case Nonlinearity::kerr:
      sincos_of(p0 * intensity, r.f.im, r.f.re);
      r.slope = p0;
      r.slopes[0] = intensity;
      break;
    case Nonlinearity::saturable_kerr: {
      const T d = T(1) / (T(1) + intensity / p1), ratio = intensity * d / p1;
      sincos_of(p0 * intensity * d, r.f.im, r.f.re);
      r.slope = p0 * d * d;
      r.slopes[0] = intensity * d;
      r.slopes[1] = p0 * ratio * ratio;
      break;
    }
    case Nonlinearity::saturable_absorber: {
      const T d = T(1) / (T(1) + intensity / p1);
      r.turns = false;
      r.f.re = exp(T(-0.5) * p0 * d);
      r.slope = T(0.5) * p0 * d * d / p1;
      r.slopes[0] = T(-0.5) * d;
      r.slopes[1] = T(-0.5) * p0 * d * d * intensity / (p1 * p1);
      break;
    }
    case Nonlinearity::two_photon_absorption: {
      const T d = T(1) / (T(1) + p0 * intensity);
      r.turns = false;
      r.f.re = sqrt(d);
      r.slope = T(-0.5) * p0 * d;
      r.slopes[0] = T(-0.5) * intensity * d;
      break;
    }
    case Nonlinearity::optoelectronic_gate: {
      // T = t_min + (t_max - t_min) g, g = 1 / (1 + x^m), x = I / threshold; f = sqrt(T)
      const T t_min = p0, t_max = p1, threshold = T(p[2]), m = T(p[3]);
      const T x = intensity / threshold, power = pow(x, m), g = T(1) / (T(1) + power);
      const T transmission = t_min + (t_max - t_min) * g;
      r.turns = false;
      r.f.re = sqrt(transmission);
      if (intensity != intensity) {
        r.f.re = r.slope = intensity;
        break;
      }
      if (!(transmission > T(0))) break;
      const T half = T(0.5) / transmission;
      // g' = -m x^(m-1) / threshold g^2; x^m g is 1 - g, finite however large x is.
      const T steep = (t_max - t_min) * g * (T(1) - g);  // -x dT/dx / m
      r.slope = x > T(0) ? -half * steep * m / intensity : (m == T(1) ? -half * (t_max - t_min) / threshold : T(0));
      r.slopes[0] = half * (T(1) - g);
      r.slopes[1] = half * g;
      r.slopes[2] = half * steep * m / threshold;
      r.slopes[3] = x > T(0) ? -half * steep * log(x) : T(0);
      break;
    }
    default: break;
  }
  return r;
}

template <class T>
FDSR_DEVICE Complex<T> nonlinear(Nonlinearity kind, const double* p, Complex<T> e) {
  return respond<T>(kind, p, e.re * e.re + e.im * e.im).f * e;
}

// The cotangent of e, given that of f e; adds the parameters' to v_parameters unless that is null.
template <class T>
FDSR_DEVICE Complex<T> nonlinear_adjoint(Nonlinearity kind, const double* p, Complex<T> e, Complex<T> v,
                                         double* v_parameters) {
  const Response<T> r = respond<T>(kind, p, e.re * e.re + e.im * e.im);
  const Complex<T> u = conj(r.f) * v, w = conj(u) * e;
  const T share = r.turns ? -w.im : w.re;
  if (v_parameters)
    FDSR_UNROLL for (int i = 0; i < 4; ++i) v_parameters[i] += double(r.slopes[i]) * double(share);
  const T twice = T(2) * r.slope * share;
  return {u.re + twice * e.re, u.im + twice * e.im};
}

}  // namespace fdsr::cuda
