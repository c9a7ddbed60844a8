// Converters and encodings of the emulated chip, value by value: operations of csrc/kernels/converter.hpp and
// leaves_chip_frame.cpp in their order.
#pragma once

#include "cuda/chip_shape.hpp"

namespace fdsr::cuda {

template <class T>
FDSR_BOTH T larger(T a, T b) {
  return a > b ? a : b;
}
template <class T>
FDSR_BOTH T magnitude(T a) {
  return a < 0 ? -a : a;
}
// NaN stays NaN, of which fmin and fmax would make a number.
template <class T>
FDSR_BOTH T clamped(T a, T low, T high) {
  a = a < low ? low : a;
  return a > high ? high : a;
}
// The same bits wherever it stands: a compiler chooses anew which product it fuses with the sum, and the largest
// amplitude of a frame must not exceed the full scale that it makes.
template <class T>
FDSR_BOTH T amplitude(Complex<T> a) {
  return std::sqrt(std::fma(a.re, a.re, a.im * a.im));
}

// Full scales up to 2^20 times the smallest normal number are as good as dark: steps per unit would overflow.
template <class T>
FDSR_BOTH bool is_bright(T full_scale) {
  return full_scale > (sizeof(T) == 4 ? T(0x1p-106) : T(0x1p-1002));
}

// Signed: levels -most ... most of `step`; unsigned: 0 ... 2 most of half a step.
template <class T>
struct Converter {
  T full_scale, step, per_step, most;

  FDSR_BOTH Converter(int bits, T full_scale, bool is_unsigned = false) : full_scale(full_scale) {
    most = static_cast<T>((1 << (bits - 1)) - 1);
    if (is_unsigned) most *= 2;
    step = full_scale / most;
    per_step = is_bright(full_scale) ? most / full_scale : T(0);
  }
  FDSR_BOTH T operator()(T x) const { return std::rint(clamped(x * per_step, -most, most)) * step; }
  FDSR_BOTH T from_zero(T x) const { return std::rint(clamped(x * per_step, T(0), most)) * step; }
  FDSR_BOTH bool clips(T x) const { return magnitude(x) > full_scale; }
  // Negative values beyond half a step are clipped too: intensities with noise may be.
  FDSR_BOTH bool clips_from_zero(T x) const { return x > full_scale || x * per_step < T(-0.5); }
};

// One digit of every value, as a whole number: binary, of weight 1 / place; thermometer, what exceeds place.
template <class T>
struct Digits {
  bool binary;
  T radix, place, most, per_unit, step;

  FDSR_BOTH Digits(const ChipFrameParams<T>& p, int slice, T full_scale)
      : binary(p.slicing == kernels::kBinary), radix(p.radix), most(p.most_digits) {
    place = T(slice) * (radix - 1);
    if (binary) {
      place = 1;
      for (int i = 0; i < slice; ++i) place /= radix;  // exact: a power of two
    }
    per_unit = is_bright(full_scale) ? most / full_scale : T(0);
    step = full_scale / (radix - 1);
  }
  FDSR_BOTH T operator()(T x) const {
    const T whole = std::rint(clamped(magnitude(x) * per_unit, T(0), most));
    T part;
    if (binary) {
      const T shifted = std::floor(whole * place);
      part = shifted - radix * std::floor(shifted / radix);
    } else {
      part = clamped(whole - place, T(0), radix - 1);
    }
    const T written = part * step;
    return x < 0 ? -written : written;
  }
};

// What modulators write of one value.
template <class T>
struct Encoder {
  const ChipFrameParams<T>& p;
  T full_scale;
  Converter<T> dac;
  Digits<T> digits;

  FDSR_DEVICE Encoder(const ChipFrameParams<T>& p, int slice, T full_scale)
      : p(p), full_scale(full_scale), dac(p.dac_bits ? p.dac_bits : 2, full_scale, p.encoding == kernels::kPolar),
        digits(p, slice, full_scale) {}

  // How many of a value's quadratures, or its amplitude, clip.
  FDSR_BOTH int clipped(Complex<T> x) const {
    if (!p.dac_bits) return 0;
    if (p.writes_amplitudes()) return amplitude(x) > full_scale;
    return int{magnitude(x.re) > full_scale} + int{magnitude(x.im) > full_scale};
  }
  FDSR_DEVICE Complex<T> operator()(Complex<T> x) const {
    if (!p.dac_bits) return x;
    if (p.writes_amplitudes()) return polar(x);
    return {quadrature(x.re), p.real_input ? T(0) : quadrature(x.im)};
  }

 private:
  FDSR_DEVICE T quadrature(T x) const {
    if (p.slicing != kernels::kNoSlicing) return digits(x);
    if (p.encoding == kernels::kMzi) return modulated(x);
    if (p.encoding == kernels::kCartesian) return dac(x);
    const T size = dac.from_zero(magnitude(x));  // a real number's phase, 0 or pi, lies on the grid
    return x < 0 ? -size : size;
  }
  FDSR_DEVICE T modulated(T x) const {
    T drive = clamped(is_bright(full_scale) ? x / full_scale : T(0), T(-1), T(1));
    if (p.linearise) drive = static_cast<T>(std::asin(static_cast<double>(drive)) * 0.636619772367581343);
    T sine, cosine;
    sincospi_of(Converter<T>(p.dac_bits, T(1))(drive) * T(0.5), sine, cosine);
    return full_scale * sine;
  }
  FDSR_DEVICE Complex<T> polar(Complex<T> x) const {
    const T size = dac.from_zero(amplitude(x)), steps = static_cast<T>(1 << p.dac_bits);
    const T turns =
        static_cast<T>(std::atan2(static_cast<double>(x.im), static_cast<double>(x.re)) * 0.159154943091895336);
    T sine, cosine;
    sincospi_of(std::rint(turns * steps) * (T(2) / steps), sine, cosine);
    return {size * cosine, size * sine};
  }
};

}  // namespace fdsr::cuda
