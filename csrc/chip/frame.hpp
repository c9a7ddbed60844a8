// A transform made of frames, on packs: as many independent transforms as a vector has lanes.
#pragma once

#include <span>
#include <vector>

#include "fdsr/chip.hpp"
#include "kernels/chip_kernels.hpp"

namespace fdsr::chip {

using kernels::Index;

// Outputs [y0, y1) × [x0, x1).
struct Window {
  int y0 = 0, y1 = 0, x0 = 0, x1 = 0;
  Index area() const { return Index{y1 - y0} * (x1 - x0); }
};

// Counts of one pack and, if wanted, its histograms [passes][kHistogramBins]. Values beyond a map do not count:
// `outside` [lanes] is the number of elements of a real input that are none of the map, and `counted` [window][lanes]
// is -1 where an output is used, 0 where it is not; null: everything counts.
struct Gauges {
  kernels::FrameCounts counts;
  std::uint64_t* dac = nullptr;
  std::uint64_t* adc = nullptr;
  const std::int32_t* outside = nullptr;
  const std::int8_t* counted = nullptr;
};

inline void set_key(kernels::NoiseLanes& noise, const ChipDraw& draw) {
  const auto key = noise_key(draw);
  noise.key[0] = key[0];
  noise.key[1] = key[1];
  noise.scale = draw.noise_scale;
}
inline void set_sample(kernels::NoiseLanes& noise, int lane, std::uint64_t sample) {
  noise.sample_low[lane] = static_cast<std::uint32_t>(sample);
  noise.sample_high[lane] = static_cast<std::uint32_t>(sample >> 32);
}

// Conversions of a number of frames: two an element, three where intensities step the phase. Frames that multiply
// write a field and the factors.
inline std::int64_t dac_conversions(const ChipModel& model, std::int64_t frames, std::int64_t products = 0) {
  return 2 * (frames + products) * model.frame.area();
}
inline std::int64_t adc_conversions(const ChipModel& model, std::int64_t frames) {
  return (model.detection == ChipDetection::balanced ? 2 : 3) * frames * model.frame.area();
}
// The chip's modulators write a field of the frame: encoding, gain of a bank (or null), leakage.
void write_static(const ChipModel& model, double full_scale, const std::complex<double>* gain,
                  std::complex<double>* field);
// Adds a pack's counts to those of the transform (stage 0) or of the inverse one (1).
void take(ChipTally& tally, int stage, const Gauges& gauges);
// Histograms of all workers, [dac bins | adc bins] each.
ChipHistograms summed(const std::vector<std::vector<std::uint64_t>>& workers, std::size_t bins);

kernels::FrameSettings settings_of(const ChipModel& model);
// The same frames with ideal converters and no errors.
ChipModel ideal(const ChipModel& model);
// Frames of one write: slices times shots.
inline int repeats(const ChipModel& model) { return model.slices * model.shots; }

template <class T>
class PackTransform {
 public:
  PackTransform(const ChipModel& model, int passes);

  int lanes() const { return lanes_; }
  int passes() const { return passes_; }
  Size size() const { return size_; }
  Index elements() const { return size_.area(); }
  // Frames of one transform.
  std::int64_t frames() const;
  // Elements of scratch that run() needs.
  Index scratch() const;
  Window all() const { return {0, size_.y, 0, size_.x}; }

  // in [elements][2][lanes] (changed) -> out [window][2][lanes], or [window][lanes] if real_output. factor
  // [elements][2]: multiplies the first pass's field, written with the full scale factor_scale; or null. The lanes'
  // frame numbers begin at those of `noise`. kept [outputs][lanes], of a real output: the share of each that the last
  // ADC's readings did not clip; or null.
  void run(T* in, bool real_input, const T* factor, double factor_scale, bool inverse, Window window, bool real_output,
           bool electronic_dc, std::span<const ChipRange> ranges, const kernels::NoiseLanes& noise, int used, T* scratch,
           T* out, Gauges& gauges, T* kept = nullptr) const;

 private:
  void pass(int number, kernels::FrameCall<T>& call, const T* factor, T* data, T* scratch,
            const std::int8_t* counted, T* kept) const;
  double worst_case(bool real_input, bool with_factor, double factor_scale) const;
  std::vector<std::int8_t> placed(const std::int8_t* counted, Window window, bool real) const;
  void leave_out(Gauges& gauges, double dac_range, const T* mean, int used) const;

  const kernels::ChipTable<T>& table_;
  ChipModel model_;
  kernels::FrameSettings settings_;
  int passes_, lanes_;
  Size size_;
  std::vector<T> matrices_, gain_;
  Index offsets_[4] = {};
  // Twiddles exp(-2 pi i m / N) of each axis, [N][2]; position of each output after the last pass.
  std::vector<T> twiddles_y_, twiddles_x_;
  std::vector<int> order_y_, order_x_;
};

// Sine and cosine of 2 pi j k / n with the angle reduced exactly.
double cosine_of(std::int64_t product, int n);
double sine_of(std::int64_t product, int n);

}  // namespace fdsr::chip
