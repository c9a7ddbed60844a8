// How frames of the emulated chip are written: full scale, DAC, modulators, errors. Operations and their order are
// those of csrc/kernels/leaves_chip_frame.cpp.
#pragma once

#include "cuda/chip_converters.hpp"
#include "cuda/philox_noise.hpp"

namespace fdsr::cuda {

// The threads that work on one frame, a power of two of them: a part of a warp, or whole ones.
template <class Team>
struct FrameLanes {
  const Team& team;
  int lane, count;
  FDSR_DEVICE void sync() const {
    if (count <= kWarp)
      team.sync_warp();
    else
      team.sync_block();
  }
};

// One frame in the making. Threads that have none take the last one along, and say nothing of it.
template <class T, class Team>
struct FrameState {
  const ChipFrameParams<T>& p;
  FrameLanes<Team> lanes;
  ChipMemory<T> memory;
  std::int64_t frame;
  bool is_one;
  NoiseSource noise;
  T dac_range = 0, adc_range = 0;
  std::uint64_t (&counts)[kChipCounts];

  // The largest of all lanes' values.
  FDSR_DEVICE T largest(T mine) const {
    T* const partial = memory.partial + (lanes.team.thread() - lanes.lane);
    partial[lanes.lane] = mine;
    lanes.sync();
    for (int i = 0; i < lanes.count; ++i) mine = larger(mine, partial[i]);
    lanes.sync();
    return mine;
  }
  FDSR_DEVICE void observe(std::uint64_t* histogram, T value) const {
    const std::uint32_t bits = bits_of(static_cast<float>(magnitude(value)));
    if (is_one) add_atomically(histogram + ((bits >> 17) & (kernels::kHistogramBins - 1)), 1);
  }
};

// Reads the frame's values and finds the full scale: that of the quadratures, or of the amplitude in polar encoding.
template <class T, class Team>
FDSR_DEVICE void take_field(FrameState<T, Team>& f) {
  const ChipFrameParams<T>& p = f.p;
  const int n = p.elements();
  const bool amplitudes = p.writes_amplitudes(), measure = p.needs_dac_range && !(p.call.dac_range > 0);
  T most = 0;
  for (int e = f.lanes.lane; e < n; e += f.lanes.count) {
    const std::int64_t at = f.frame * n + e;
    Complex<T> x{0, 0};
    if (p.real_input)
      x.re = p.call.field[at];
    else
      x = reinterpret_cast<const Complex<T>*>(p.call.field)[at];
    f.memory.given[e] = x;
    if (measure)
      most = larger(most, amplitudes ? amplitude(x) : larger(magnitude(x.re), magnitude(x.im)));
    if (!p.call.dac_histogram) continue;
    f.observe(p.call.dac_histogram, amplitudes ? amplitude(x) : x.re);
    if (!amplitudes && !p.real_input) f.observe(p.call.dac_histogram, x.im);
  }
  f.dac_range = measure ? f.largest(most) : static_cast<T>(p.call.dac_range);
}

template <class T, class Team>
FDSR_DEVICE void encode(FrameState<T, Team>& f, int slice, bool first, Complex<T>* light) {
  const ChipFrameParams<T>& p = f.p;
  const Encoder<T> encoder(p, slice, f.dac_range);
  for (int e = f.lanes.lane; e < p.elements(); e += f.lanes.count) {
    Complex<T> x = f.memory.given[e];
    if (first && f.is_one) f.counts[0] += encoder.clipped(x);
    x = encoder(x);
    light[e] = p.call.gain ? x * p.call.gain[e] : x;
  }
  f.lanes.sync();
}

// Every element with what leaks from its four neighbours.
template <class T, class Team>
FDSR_DEVICE void leak(const FrameState<T, Team>& f, const Complex<T>* light, Complex<T>* leaked) {
  const ChipFrameParams<T>& p = f.p;
  for (int e = f.lanes.lane; e < p.elements(); e += f.lanes.count) {
    const int y = e / p.nx, x = e - y * p.nx;
    Complex<T> sum{0, 0};
    const auto add = [&](int from) { sum = {sum.re + light[from].re, sum.im + light[from].im}; };
    if (y > 0) add(e - p.nx);
    if (y + 1 < p.ny) add(e + p.nx);
    if (x > 0) add(e - 1);
    if (x + 1 < p.nx) add(e + 1);
    leaked[e] = {light[e].re + p.crosstalk * sum.re, light[e].im + p.crosstalk * sum.im};
  }
  f.lanes.sync();
}

// What changes from frame to frame, and the factor, which is written in every frame, too. A thread takes four
// elements, for which a block of random numbers has the phases.
template <class T, class Team>
FDSR_DEVICE void disturb(const FrameState<T, Team>& f, Complex<T>* light) {
  const ChipFrameParams<T>& p = f.p;
  const int n = p.elements();
  const bool own = p.noisy_field(), turns = p.phase_noise != 0, noisy_factor = p.call.factor && p.inp_noise != 0;
  const T sigma = f.dac_range * p.inp_noise;
  const T factor_sigma = noisy_factor ? static_cast<T>(p.call.factor_scale[f.frame]) * p.inp_noise : T(0);
  const auto turned = [&](Complex<T> x, float normal) {
    Complex<T> by;
    sincospi_of(static_cast<T>(normal) * p.phase_noise, by.im, by.re);
    return x * by;
  };
  for (int block = f.lanes.lane; 4 * block < n; block += f.lanes.count) {
    float phase[4] = {}, factor_phase[4] = {};
    if (turns) normals(f.noise, kernels::kPhaseNoise, block, phase);
    if (turns && p.call.factor) normals(f.noise, kernels::kFactorPhaseNoise, block, factor_phase);
    FDSR_UNROLL
    for (int half = 0; half < 2; ++half) {
      float of_field[4] = {}, of_factor[4] = {};
      if (own) normals(f.noise, kernels::kInputNoise, 2 * block + half, of_field);
      if (noisy_factor) normals(f.noise, kernels::kFactorNoise, 2 * block + half, of_factor);
      FDSR_UNROLL
      for (int i = 0; i < 2; ++i) {
        const int e = 4 * block + 2 * half + i;
        if (e >= n) continue;
        Complex<T> x = light[e];
        if (own) x = {x.re + sigma * of_field[2 * i], x.im + sigma * of_field[2 * i + 1]};
        if (turns) x = turned(x, phase[2 * half + i]);
        if (p.call.factor) {
          Complex<T> by = p.call.factor[f.frame * n + e];
          if (noisy_factor) by = {by.re + factor_sigma * of_factor[2 * i], by.im + factor_sigma * of_factor[2 * i + 1]};
          x = x * by;
          if (turns) x = turned(x, factor_phase[2 * half + i]);
        }
        light[e] = x;
      }
    }
  }
  f.lanes.sync();
}

}  // namespace fdsr::cuda
