#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "cuda/chip_operators.hpp"
#include "fdsr/error.hpp"

namespace fdsr::cuda {

namespace {

// exp(-2 pi i k / n), or its conjugate; mirrored angles have the same bits.
template <class T>
void fill_roots(int n, bool inverse, Complex<T>* roots) {
  for (int k = 0; k < n; ++k) {
    const double angle = 2 * std::numbers::pi * std::min(k, n - k) / n;
    const bool negative = (2 * k <= n) != inverse;
    roots[k] = {static_cast<T>(std::cos(angle)), static_cast<T>(negative ? -std::sin(angle) : std::sin(angle))};
  }
}

void check_call(Size frame, const kernels::FrameSettings& s, int rows, int columns, bool factor, bool factor_scale) {
  if (rows < 1 || rows > frame.y || columns < 1 || columns > frame.x)
    invalid_argument("window: ", rows, " x ", columns, " given, must be 1 to ", frame.y, " x ", frame.x);
  if (factor != factor_scale) invalid_argument("factor_scale: must be given with factor");
  if (s.slicing != kernels::kNoSlicing && (s.dac_bits == 0 || s.encoding != kernels::kCartesian))
    invalid_argument("slicing: needs a cartesian DAC");
}

}  // namespace

template <class T>
ChipFrames<T>::ChipFrames(Size frame, const kernels::FrameSettings& settings) : frame_(frame), settings_(settings) {
  for (const int side : {frame.y, frame.x})
    if (side < 1 || side > kMostChipSide)
      invalid_argument("frame: side ", side, " given, must be 1 to ", kMostChipSide);
  for (const int bits : {settings.dac_bits, settings.adc_bits})
    if (bits != 0 && (bits < 2 || bits > 16)) invalid_argument("bits: ", bits, " given, must be 0 or 2 to 16");
  if (settings.slices < 1 || settings.shots < 1)
    invalid_argument("slices and shots: ", settings.slices, " and ", settings.shots, " given, must be at least 1");
}

template <class T>
ChipFrameParams<T> ChipFrames<T>::params(const ChipFrameCall<T>& call) const {
  const kernels::FrameSettings& s = settings_;
  check_call(frame_, s, call.rows, call.columns, call.factor, call.factor_scale);
  ChipFrameParams<T> p;
  p.call = call;
  p.ny = frame_.y, p.nx = frame_.x;
  p.dac_bits = s.dac_bits, p.adc_bits = s.adc_bits;
  p.encoding = s.encoding, p.slicing = s.slicing, p.slices = s.slices, p.shots = s.shots;
  p.linearise = s.linearise, p.phase_step = s.phase_step, p.real_input = call.real_input;
  p.inp_noise = static_cast<T>(s.inp_noise), p.out_noise = static_cast<T>(s.out_noise);
  p.phase_noise = static_cast<T>(s.phase_noise / std::numbers::pi);
  p.crosstalk = static_cast<T>(s.crosstalk), p.reference = static_cast<T>(s.reference);
  const double r = s.reference;
  if (s.photons != 0) {
    p.photons_inverse = static_cast<T>(1 / s.photons);
    // I = (|Y + R|² - |Y - R|²) / 4 and Y = I / R; a detector's variance is its intensity times bright / photons,
    // bright = (A + R)² + A² the largest intensity. With R = r A: bright / R² = ((1 + r)² + 1) / r².
    p.per_photon = static_cast<T>(((1 + r) * (1 + r) + 1) / (8 * r * r * s.photons));
  }
  p.joined_noise = s.inp_noise != 0 && !s.phase_step && s.photons == 0 && !call.factor && call.adc_range != 0;
  p.real_field = call.real_input && !p.noisy_field() && s.phase_noise == 0 && !call.gain && !call.factor;
  // Both quadratures are needed where the light's intensity is.
  p.real_result = call.real_output && !s.phase_step && s.photons == 0;
  p.needs_adc_range = s.adc_bits != 0 || s.phase_step || s.out_noise != 0 || s.photons != 0;
  p.needs_dac_range = s.dac_bits != 0 || s.inp_noise != 0 || (p.needs_adc_range && call.adc_range < 0);
  // The largest quadrature of one output, in units of the DAC's full scale: that of quadratures, or of the amplitude
  // in polar encoding, and likewise of a factor.
  const bool polar = s.encoding == kernels::kPolar;
  p.worst_case = std::sqrt(static_cast<double>(p.elements())) * (call.real_input || polar ? 1 : std::numbers::sqrt2) *
                 (!call.factor || polar ? 1 : std::numbers::sqrt2);
  if (s.slicing == kernels::kThermometer) {
    p.weight = 1.0 / s.slices;
    p.radix = static_cast<T>(1 << (s.dac_bits - 1));
    p.most_digits = static_cast<T>(s.slices) * (p.radix - 1);
  } else if (s.slicing == kernels::kBinary) {
    const double radix = 1 << (s.dac_bits - 1), all = std::pow(radix, s.slices) - 1;
    p.weight = (radix - 1) / all, p.growth = radix;
    p.radix = static_cast<T>(radix), p.most_digits = static_cast<T>(all);
  }
  p.unit = T(1) / std::sqrt(static_cast<T>(p.elements()));
  fill_roots(p.ny, call.inverse, p.roots_y);
  fill_roots(p.nx, call.inverse, p.roots_x);
  return p;
}

template <class T>
ChipLaunch ChipFrames<T>::choose_launch(std::int64_t frames, bool keep, const DeviceFacts& device) const {
  constexpr int kThreads = 256, kElements = 8;  // that a thread takes of a frame, where there are threads for all
  constexpr std::int64_t kReserved = 1024;
  const int elements = static_cast<int>(frame_.area());
  int lanes = kWarp;
  while (lanes < kThreads && lanes * kElements < elements) lanes *= 2;
  ChipLaunch best;
  for (int log = std::bit_width(static_cast<unsigned>(kThreads / lanes)) - 1; log >= 0; --log) {
    const int threads = lanes << log;
    const std::int64_t stretches = (frames + (std::int64_t{1} << log) - 1) >> log;
    const std::int64_t bytes =
        ChipMemory<T>::bytes(elements, settings_.slices * settings_.shots > 1, keep, 1 << log, threads);
    if (bytes > device.shared_per_block) continue;
    const std::int64_t resident = std::clamp<std::int64_t>(device.shared_per_multiprocessor / (bytes + kReserved), 1,
                                                           chip_blocks(sizeof(T)) * kThreads / threads);
    best.frames_log = log;
    best.launch = {1,
                   static_cast<int>(std::clamp<std::int64_t>(stretches, 1, device.multiprocessors * resident)),
                   threads, bytes};
    if (stretches >= device.multiprocessors) break;
  }
  return best;
}

template class ChipFrames<float>;
template class ChipFrames<double>;

}  // namespace fdsr::cuda
