// Nonlinear layers y = f(I) E, I = |E|^2, and their adjoints.
//
// With u = conj(f) v and g = f'/f, dy = f dE + f' E dI gives v_E = u + 2 E Re(conj(v) f' E) = u + 2 E Re(g conj(u) E),
// and a parameter p with h = (df/dp)/f collects v_p = Re(h conj(u) E).
#include <algorithm>
#include <cmath>

#include "leaves.hpp"
#include "phase_laws.hpp"
#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

template <class T, class Law>
void phase_forward(Index n, const T* e, const double* parameters, T* y) {
  const Law law(parameters);
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    V re = load<V>(e + i), im = load<V>(e + n + i);
    turn<T, L>(law, re, im);
    store(y + i, re);
    store(y + n + i, im);
  });
}

template <class T, class Law>
void phase_adjoint(Index n, const T* e, const T* weight, const double* parameters, T* v, double* v_parameters) {
  const Law law(parameters);
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    V re = load<V>(v + i), im = load<V>(v + n + i);
    turn_adjoint<T, L>(law, V(load<V>(e + i)), V(load<V>(e + n + i)), weight + i, v_parameters, re, im);
    store(v + i, re);
    store(v + n + i, im);
  });
}

// Real responses, evaluated by the standard library: f, its logarithmic slope f'/f and those of its parameters.
struct SaturableAbsorber {  // f = exp(-OD / (2 (1 + I / saturation)))
  static constexpr int kParameters = 2;
  static void evaluate(double intensity, const double* p, double& f, double& g, double* h) {
    const double d = 1 / (1 + intensity / p[1]);
    f = std::exp(-0.5 * p[0] * d);
    g = 0.5 * p[0] * d * d / p[1];
    h[0] = -0.5 * d;
    h[1] = -0.5 * p[0] * d * d * intensity / (p[1] * p[1]);
  }
};

struct TwoPhotonAbsorption {  // f = (1 + beta_length I)^(-1/2)
  static constexpr int kParameters = 1;
  static void evaluate(double intensity, const double* p, double& f, double& g, double* h) {
    const double d = 1 / (1 + p[0] * intensity);
    f = std::sqrt(d);
    g = -0.5 * p[0] * d;
    h[0] = -0.5 * intensity * d;
  }
};

struct OptoelectronicGate {  // f = sqrt(T), T = t_min + (t_max - t_min) / (1 + (I / threshold)^exponent)
  static constexpr int kParameters = 4;
  static void evaluate(double intensity, const double* p, double& f, double& g, double* h) {
    const double t_min = p[0], t_max = p[1], threshold = p[2], exponent = p[3];
    const double x = std::max(intensity / threshold, 1e-300);
    const double power = std::pow(x, exponent);
    const double d = 1 / (1 + power), dd = power * d * d;  // power may overflow: then d = 0 and dd must be 0
    const double slope = std::isfinite(power) ? dd : 0.0;
    const double transmission = t_min + (t_max - t_min) * d;
    f = std::sqrt(transmission);
    const double half = transmission > 0 ? 0.5 / transmission : 0.0;
    g = -half * (t_max - t_min) * slope * exponent / (x * threshold);
    h[0] = half * (1 - d);
    h[1] = half * d;
    h[2] = half * (t_max - t_min) * slope * exponent / threshold;
    h[3] = -half * (t_max - t_min) * slope * std::log(x);
    if (std::isnan(intensity)) f = g = intensity;
  }
};

template <class T, class Response>
void amplitude_forward(Index n, const T* e, const double* parameters, T* y) {
  for (Index i = 0; i < n; ++i) {
    double f, g, h[4];
    const double a = e[i], b = e[n + i];
    Response::evaluate(a * a + b * b, parameters, f, g, h);
    y[i] = static_cast<T>(f * a);
    y[n + i] = static_cast<T>(f * b);
  }
}

template <class T, class Response>
void amplitude_adjoint(Index n, const T* e, const T* weight, const double* parameters, T* v, double* v_parameters) {
  for (Index i = 0; i < n; ++i) {
    double f, g, h[4];
    const double a = e[i], b = e[n + i];
    Response::evaluate(a * a + b * b, parameters, f, g, h);
    const double u_re = f * v[i], u_im = f * v[n + i];
    const double re = u_re * a + u_im * b;
    v[i] = static_cast<T>(u_re + 2 * g * re * a);
    v[n + i] = static_cast<T>(u_im + 2 * g * re * b);
    if (v_parameters && weight[i] != 0)
      for (int k = 0; k < Response::kParameters; ++k) v_parameters[k] += h[k] * re;
  }
}

template <class T>
void nonlinearity(int kind, Index n, const T* e, const double* parameters, T* y) {
  switch (kind) {
    case kKerr: return phase_forward<T, KerrLaw<T>>(n, e, parameters, y);
    case kSaturableKerr: return phase_forward<T, SaturableKerrLaw<T>>(n, e, parameters, y);
    case kSaturableAbsorber: return amplitude_forward<T, SaturableAbsorber>(n, e, parameters, y);
    case kTwoPhotonAbsorption: return amplitude_forward<T, TwoPhotonAbsorption>(n, e, parameters, y);
    case kOptoelectronicGate: return amplitude_forward<T, OptoelectronicGate>(n, e, parameters, y);
    default: std::copy(e, e + 2 * n, y);
  }
}

template <class T>
void nonlinearity_adjoint(int kind, Index n, const T* e, const T* weight, const double* parameters, T* v,
                          double* v_parameters) {
  switch (kind) {
    case kKerr: return phase_adjoint<T, KerrLaw<T>>(n, e, weight, parameters, v, v_parameters);
    case kSaturableKerr: return phase_adjoint<T, SaturableKerrLaw<T>>(n, e, weight, parameters, v, v_parameters);
    case kSaturableAbsorber:
      return amplitude_adjoint<T, SaturableAbsorber>(n, e, weight, parameters, v, v_parameters);
    case kTwoPhotonAbsorption:
      return amplitude_adjoint<T, TwoPhotonAbsorption>(n, e, weight, parameters, v, v_parameters);
    case kOptoelectronicGate:
      return amplitude_adjoint<T, OptoelectronicGate>(n, e, weight, parameters, v, v_parameters);
    default: return;
  }
}

template <class T>
void response_adjoint(Index n, const T* e, const T* f, const T* df, T* v) {
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    const auto at = [&](const T* p) { return load<V>(p + i); };
    const V a = at(e), b = at(e + n), p = at(v), q = at(v + n), f_re = at(f), f_im = at(f + n);
    const V d_re = at(df), d_im = at(df + n);
    const V dy_re = d_re * a - d_im * b, dy_im = d_re * b + d_im * a;  // f' E
    const V twice = T(2) * (p * dy_re + q * dy_im);
    store(v + i, f_re * p + f_im * q + twice * a);
    store(v + n + i, f_re * q - f_im * p + twice * b);
  });
}

}  // namespace

template <class T>
void fill_nonlinear(KernelTable<T>& table) {
  table.nonlinearity = nonlinearity<T>;
  table.nonlinearity_adjoint = nonlinearity_adjoint<T>;
  table.response_adjoint = response_adjoint<T>;
}
template void fill_nonlinear(KernelTable<float>&);
template void fill_nonlinear(KernelTable<double>&);

}  // namespace fdsr::kernels::FDSR_ISA
