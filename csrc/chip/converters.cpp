// The quantiser's definition, and the rules of a chip's parameters.
#include <algorithm>
#include <cmath>

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
  if (!m.gain.empty() && std::ptrdiff_t(m.gain.size()) != m.frame.area())
    invalid_argument("gain: ", m.gain.size(), " elements given, ", m.frame.area(), " needed");
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
