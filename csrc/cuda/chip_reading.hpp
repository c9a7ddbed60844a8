// How frames of the emulated chip are read: detection, noise, ADC. Operations and their order are those of
// csrc/kernels/leaves_chip_frame.cpp.
#pragma once

#include "cuda/chip_writing.hpp"

namespace fdsr::cuda {

// The values of a frame in its image of outputs: value i stands at place(i), of a real result at the real parts.
template <class T, class Team>
struct FrameReading {
  FrameState<T, Team>& f;
  const Complex<T>* light;
  Complex<T>* sum;  // of the values read, which begins with the first
  T weight;
  bool first;

  FDSR_DEVICE int place(int value) const { return f.p.call.real_output ? 2 * value : value; }
  FDSR_DEVICE T seen(int value) const { return reinterpret_cast<const T*>(light)[place(value)]; }
  FDSR_DEVICE bool counts(int value) const {
    return f.is_one && (!f.p.call.counted || f.p.call.counted[f.frame * f.p.values() + value]);
  }
  FDSR_DEVICE void give(int value, T read) const {
    T& total = reinterpret_cast<T*>(sum)[place(value)];
    total = first ? read * weight : total + read * weight;
  }
  FDSR_DEVICE void keep(int value, bool clipped) const {
    if (!f.memory.kept) return;
    const T share = clipped ? T(0) : weight;
    f.memory.kept[value] = first ? share : f.memory.kept[value] + share;
  }
  FDSR_DEVICE void count(bool counted, bool clipped) const {
    f.counts[1] += counted;
    f.counts[2] += counted && clipped;
  }
};

template <class T, class Team>
FDSR_DEVICE void find_adc_range(FrameState<T, Team>& f, const Complex<T>* light) {
  const ChipFrameParams<T>& p = f.p;
  if (p.call.adc_range > 0) {
    f.adc_range = static_cast<T>(p.call.adc_range);
  } else if (p.call.adc_range < 0) {
    const double factor = p.call.factor ? p.call.factor_scale[f.frame] : 1.0;
    f.adc_range = f.dac_range * static_cast<T>(p.worst_case * factor);
  } else if (p.needs_adc_range) {
    T most = 0;
    for (int o = f.lanes.lane; o < p.outputs(); o += f.lanes.count) {
      most = larger(most, magnitude(light[o].re));
      if (!p.call.real_output) most = larger(most, magnitude(light[o].im));
    }
    f.adc_range = f.largest(most);
  }
}

template <class T, class Team>
FDSR_DEVICE void balance(const FrameReading<T, Team>& r) {
  FrameState<T, Team>& f = r.f;
  const ChipFrameParams<T>& p = f.p;
  const int values = p.values();
  const bool shot = p.per_photon != 0, noisy = p.out_noise != 0 || shot || p.joined_noise;
  const T own = f.adc_range * p.out_noise, before = p.joined_noise ? f.dac_range * p.inp_noise : T(0);
  const T sigma = std::sqrt(own * own + before * before);
  const T reference = f.adc_range * p.reference, square = reference * reference;
  const Converter<T> adc(p.adc_bits ? p.adc_bits : 2, f.adc_range);
  const auto finish = [&](int value, T read) {
    bool clipped = false;
    if (p.adc_bits) {
      clipped = adc.clips(read);
      read = adc(read);
    }
    r.count(r.counts(value), clipped);
    r.keep(value, clipped);
    r.give(value, read);
  };
  if (!noisy) {
    for (int value = f.lanes.lane; value < values; value += f.lanes.count) finish(value, r.seen(value));
  } else {
    for (int block = f.lanes.lane; 4 * block < values; block += f.lanes.count) {
      float z[4];
      normals(f.noise, kernels::kQuadratureNoise, block, z);
      FDSR_UNROLL
      for (int i = 0; i < 4; ++i) {
        const int value = 4 * block + i;
        if (value >= values) continue;
        T deviation = sigma;
        if (shot) {
          const Complex<T> both = r.light[r.place(value) / 2];
          deviation = std::sqrt((both.re * both.re + both.im * both.im + square) * p.per_photon + sigma * sigma);
        }
        finish(value, r.seen(value) + deviation * static_cast<T>(z[i]));
      }
    }
  }
}

// Intensities without and with a reference of two phases, each digitised.
template <class T, class Team>
FDSR_DEVICE void step_phase(const FrameReading<T, Team>& r) {
  FrameState<T, Team>& f = r.f;
  const ChipFrameParams<T>& p = f.p;
  const T reference = f.adc_range * p.reference, square = reference * reference;
  const T bright = (f.adc_range + reference) * (f.adc_range + reference) + f.adc_range * f.adc_range;
  const T sigma = bright * p.out_noise, per_photon = bright * p.photons_inverse;
  const T half_inverse = is_bright(reference) ? T(0.5) / reference : T(0);
  const bool noisy = p.out_noise != 0 || p.photons_inverse != 0;
  const Converter<T> adc(p.adc_bits ? p.adc_bits : 2, bright, true);
  const auto digitised = [&](T intensity, float normal, int value, bool& beyond) {
    // Of a sum that cancels, rounding may leave less than nothing.
    if (noisy) intensity += std::sqrt(larger(intensity, T(0)) * per_photon + sigma * sigma) * static_cast<T>(normal);
    const bool clipped = p.adc_bits && adc.clips_from_zero(intensity);
    r.count(r.counts(value), clipped);
    beyond = beyond || clipped;
    return p.adc_bits ? adc.from_zero(intensity) : intensity;
  };
  for (int block = f.lanes.lane; 4 * block < p.outputs(); block += f.lanes.count) {
    float background[4] = {};
    if (noisy) normals(f.noise, kernels::kBackgroundNoise, block, background);
    FDSR_UNROLL
    for (int half = 0; half < 2; ++half) {
      float quadratures[4] = {};
      if (noisy) normals(f.noise, kernels::kQuadratureNoise, 2 * block + half, quadratures);
      FDSR_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int o = 4 * block + 2 * half + i, value = p.call.real_output ? o : 2 * o;
        if (o >= p.outputs()) continue;
        const Complex<T> both = r.light[o];
        const T dark = both.re * both.re + both.im * both.im;
        bool dark_beyond = false;
        const T alone = digitised(dark, background[2 * half + i], value, dark_beyond);
        const auto read = [&](T quadrature, float normal, int at) {
          bool beyond = dark_beyond;
          const T with = digitised(dark + square + quadrature * reference * T(2), normal, at, beyond);
          r.give(at, (with - alone - square) * half_inverse);
          r.keep(at, beyond);
        };
        read(both.re, quadratures[2 * i], value);
        if (!p.call.real_output) read(both.im, quadratures[2 * i + 1], value + 1);
      }
    }
  }
}

template <class T, class Team>
FDSR_DEVICE void read_frame(const FrameReading<T, Team>& r) {
  FrameState<T, Team>& f = r.f;
  find_adc_range(f, r.light);
  if (f.p.call.adc_histogram)
    for (int value = f.lanes.lane; value < f.p.values(); value += f.lanes.count)
      if (r.counts(value)) f.observe(f.p.call.adc_histogram, r.seen(value));
  if (f.p.phase_step)
    step_phase(r);
  else
    balance(r);
  f.lanes.sync();
}

}  // namespace fdsr::cuda
