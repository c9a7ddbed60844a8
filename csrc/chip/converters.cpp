// The quantiser's definition, and the rules of a chip's parameters.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "chip/frame.hpp"

namespace fdsr {

double quantise(double value, int bits, double full_scale) {
  if (bits == 0 || std::isnan(value)) return value;
  if (!(full_scale > 0)) return 0;
  const double most = double((1 << (bits - 1)) - 1);
  return std::nearbyint(std::clamp(value / full_scale * most, -most, most)) * (full_scale / most);
}

void check_chip(const ChipModel& m) {
  const auto bits = [](const char* name, int value) {
    if (value != 0 && (value < 2 || value > 16)) invalid_argument(name, ": ", value, " given, must be 0 or 2 to 16");
  };
  bits("dac_bits", m.dac_bits);
  bits("adc_bits", m.adc_bits);
  for (const int side : {m.frame.y, m.frame.x})
    if (side < 2 || side > 64) invalid_argument("frame: side ", side, " given, must be 2 to 64");
  if (m.slices < 1 || m.slices > 1024) invalid_argument("slices: ", m.slices, " given, must be 1 to 1024");
  if (m.shots < 1 || m.shots > 4096) invalid_argument("shots: ", m.shots, " given, must be 1 to 4096");
  if (m.slicing == ChipSlicing::none ? m.slices != 1 : m.dac_bits == 0 || m.encoding != ChipEncoding::cartesian)
    invalid_argument("slices: ", m.slices, " given with ", m.dac_bits,
                     " bits; splitting needs a cartesian DAC of 2 bits or more, and no splitting is 1 slice");
  const auto positive = [](const char* name, double value) {
    if (!(value >= 0) || std::isinf(value)) invalid_argument(name, ": ", value, " given, must be 0 or greater");
  };
  positive("inp_noise", m.inp_noise);
  positive("out_noise", m.out_noise);
  positive("phase_noise", m.phase_noise);
  positive("photons", m.photons);
  positive("crosstalk", m.crosstalk);
  if (!(m.reference_amplitude > 0))
    invalid_argument("reference_amplitude: ", m.reference_amplitude, " given, must be above 0");
  const std::ptrdiff_t banks = m.optical_product ? 2 : 1;
  if (!m.gain.empty() && std::ptrdiff_t(m.gain.size()) != banks * m.frame.area())
    invalid_argument("gain: ", m.gain.size(), " elements given, ", banks * m.frame.area(), " needed");
}

ChipTally& ChipTally::operator+=(const ChipTally& other) {
  frames += other.frames;
  dac_conversions += other.dac_conversions;
  adc_conversions += other.adc_conversions;
  for (int stage = 0; stage < 2; ++stage) {
    dac_values[stage] += other.dac_values[stage];
    dac_clipped[stage] += other.dac_clipped[stage];
    adc_values[stage] += other.adc_values[stage];
    adc_clipped[stage] += other.adc_clipped[stage];
  }
  compared += other.compared;
  signal += other.signal;
  error += other.error;
  return *this;
}

namespace chip {
namespace {

using Complex = std::complex<double>;

// A level of 0 ... the full scale, in half steps of the signed converter.
double quantise_size(double size, int bits, double full_scale) {
  const double most = double((1 << bits) - 2);
  return full_scale > 0 ? std::nearbyint(std::clamp(size / full_scale * most, 0.0, most)) * (full_scale / most) : 0;
}

double modulated(double value, const ChipModel& model, double full_scale) {
  double drive = full_scale > 0 ? std::clamp(value / full_scale, -1.0, 1.0) : 0;
  if (model.linearise) drive = std::asin(drive) * 2 / std::numbers::pi;
  return full_scale * std::sin(std::numbers::pi / 2 * quantise(drive, model.dac_bits, 1));
}

Complex encoded(Complex value, const ChipModel& model, double full_scale) {
  const int bits = model.dac_bits;
  if (bits == 0) return value;
  switch (model.encoding) {
    case ChipEncoding::polar: {
      const double turn = 2 * std::numbers::pi / double(1 << bits);
      return quantise_size(std::abs(value), bits, full_scale) *
             std::polar(1.0, std::nearbyint(std::arg(value) / turn) * turn);
    }
    case ChipEncoding::mzi:
      return {modulated(value.real(), model, full_scale), modulated(value.imag(), model, full_scale)};
    default: return {quantise(value.real(), bits, full_scale), quantise(value.imag(), bits, full_scale)};
  }
}

}  // namespace

void write_static(const ChipModel& model, double full_scale, const Complex* gain, Complex* field) {
  const Size n = model.frame;
  for (Index e = 0; e < n.area(); ++e) field[e] = encoded(field[e], model, full_scale) * (gain ? gain[e] : 1.0);
  if (model.crosstalk == 0) return;
  const std::vector<Complex> own(field, field + n.area());
  for (int y = 0; y < n.y; ++y)
    for (int x = 0; x < n.x; ++x) {
      const Index e = Index{y} * n.x + x;
      if (y > 0) field[e] += model.crosstalk * own[e - n.x];
      if (y + 1 < n.y) field[e] += model.crosstalk * own[e + n.x];
      if (x > 0) field[e] += model.crosstalk * own[e - 1];
      if (x + 1 < n.x) field[e] += model.crosstalk * own[e + 1];
    }
}

void take(ChipTally& tally, int stage, const Gauges& gauges) {
  tally.dac_values[stage] += gauges.counts.dac_values;
  tally.dac_clipped[stage] += gauges.counts.dac_clipped;
  tally.adc_values[stage] += gauges.counts.adc_values;
  tally.adc_clipped[stage] += gauges.counts.adc_clipped;
}

ChipHistograms summed(const std::vector<std::vector<std::uint64_t>>& workers, std::size_t bins) {
  ChipHistograms total{std::vector<std::uint64_t>(bins), std::vector<std::uint64_t>(bins)};
  for (const auto& counts : workers)
    for (std::size_t i = 0; i < bins; ++i) {
      total.dac[i] += counts[i];
      total.adc[i] += counts[bins + i];
    }
  return total;
}

}  // namespace chip
}  // namespace fdsr
