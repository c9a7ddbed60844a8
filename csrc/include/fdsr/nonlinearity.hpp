// Nonlinear layers y = f(|E|^2) E.
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <string>

namespace fdsr {

enum class Nonlinearity : int {
  none = 0,
  kerr,                   // exp(i strength I)                                  [strength]
  saturable_kerr,         // exp(i strength I / (1 + I/saturation))             [strength, saturation]
  saturable_absorber,     // exp(-OD / (2 (1 + I/saturation)))                  [optical depth, saturation]
  two_photon_absorption,  // (1 + beta_length I)^(-1/2)                         [beta_length]
  optoelectronic_gate,    // sqrt(t_min + (t_max - t_min)/(1 + (I/threshold)^exponent))
  custom,                 // a function of the caller's
};

Nonlinearity nonlinearity_from_name(const std::string& name);
const char* name_of(Nonlinearity nonlinearity);
// |f| = 1: the layer cannot change an intensity.
bool is_phase_only(Nonlinearity nonlinearity);

using NonlinearityParameters = std::array<double, 4>;

// A caller's f and df/dI, evaluated on rows: out_re + i out_im of n intensities.
template <class T>
using ResponseFunction = void (*)(const T* intensity, T* out_re, T* out_im, std::int64_t n);

template <class T>
struct CustomResponse {
  ResponseFunction<T> response = nullptr;
  ResponseFunction<T> derivative = nullptr;
};

// Elementwise over `count` samples.
template <class T>
void apply_nonlinearity(Nonlinearity kind, std::int64_t count, const std::complex<T>* field,
                        const NonlinearityParameters& parameters, const CustomResponse<T>& custom, int threads,
                        // outputs
                        std::complex<T>* out);
template <class T>
void apply_nonlinearity_adjoint(Nonlinearity kind, std::int64_t count, const std::complex<T>* v_out,
                                const std::complex<T>* field, const NonlinearityParameters& parameters,
                                const CustomResponse<T>& custom, int threads,
                                // outputs
                                std::complex<T>* v_field, NonlinearityParameters& v_parameters);

}  // namespace fdsr
