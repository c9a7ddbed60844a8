// Emulation of a photonic Fourier chip: converters, frames, detection, errors; transforms and convolutions made of
// frames.
//
// A frame writes n_y × n_x values (DAC, modulators), transforms them optically with unitary scaling, and reads the
// result (detectors, ADC). Larger transforms take several passes of frames with electronic twiddles in between.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fdsr/conv2d.hpp"
#include "fdsr/geometry.hpp"

namespace fdsr {

enum class ChipEncoding { cartesian, polar, mzi };
enum class ChipDetection { balanced, intensity_phase_step };
enum class ChipSlicing { none, binary, thermometer };

struct ChipModel {
  Size frame{11, 11};
  int dac_bits = 4, adc_bits = 8;  // 0: ideal converters, which neither round nor clip
  ChipEncoding encoding = ChipEncoding::cartesian;
  bool linearise = false;  // the response of the modulators, mzi only
  ChipDetection detection = ChipDetection::balanced;
  double reference_amplitude = 1;  // in units of the ADC's full scale
  ChipSlicing slicing = ChipSlicing::none;
  int slices = 1;  // frames over which a value is split
  int shots = 1;   // repetitions of a frame, averaged
  // Standard deviations relative to the full scales (radians for the phase); photons at full scale, 0: no shot noise
  double inp_noise = 0, out_noise = 0, phase_noise = 0, photons = 0;
  double crosstalk = 0;  // amplitude from each of four neighbours
  bool electronic_dc = true;
  bool optical_weights = false, optical_product = false;
  // Of the modulators of each element of the frame; then, if the device multiplies, of those of the factors. Empty: 1.
  std::vector<std::complex<double>> gain;
};

// Full scales of one pass. Above 0: a number; kFrameMaximum: the largest value of each frame; kWorstCase (ADC): the
// largest that the DAC's full scale can cause.
inline constexpr double kFrameMaximum = 0, kWorstCase = -1;
struct ChipRange {
  double dac = 1, adc = kWorstCase;
};

// Random numbers depend on these alone, and on the number of a frame and an element within a sample.
struct ChipDraw {
  std::uint64_t seed = 0, layer = 0, step = 0;
  std::uint64_t sample = 0;  // number of the first one
  double noise_scale = 1;    // factor of the errors that change from frame to frame; photons go with 1 / its square
};

struct ChipTally {
  std::int64_t frames = 0, dac_conversions = 0, adc_conversions = 0;
  // Of the transform and of the inverse transform.
  std::array<std::int64_t, 2> dac_values{}, dac_clipped{}, adc_values{}, adc_clipped{};
  // Powers of the ideal result and of the difference to it, over the compared values.
  std::int64_t compared = 0;
  double signal = 0, error = 0;
  ChipTally& operator+=(const ChipTally& other);
};

// Magnitudes met by the converters: counts by exponent and six bits of the mantissa of a single-precision number.
inline constexpr int kChipBins = 1 << 14;
struct ChipHistograms {
  std::vector<std::uint64_t> dac, adc;  // [passes][kChipBins]
};

// The quantiser: symmetric, mid-tread, 2^bits - 1 levels, halves to even, saturating; 0 bits: the value itself.
double quantise(double value, int bits, double full_scale);

// Philox 4x32-10.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);
std::array<std::uint32_t, 2> noise_key(const ChipDraw& draw);

// Throws std::invalid_argument for an impossible chip.
void check_chip(const ChipModel& model);

// The transform of frame^passes samples an axis.
template <class T>
class ChipTransform {
 public:
  ChipTransform(const ChipModel& model, int passes);
  ~ChipTransform();
  ChipTransform(ChipTransform&&) noexcept;

  Size size() const;
  int passes() const;
  std::int64_t frames() const;  // of one transform, slices and shots included

  // x, y [batch][size]; ranges [passes]. tally and histograms may be null.
  void forward(std::ptrdiff_t batch, const std::complex<T>* x, bool inverse, std::span<const ChipRange> ranges,
               const ChipDraw& draw, int threads,
               // outputs
               std::complex<T>* y, ChipTally* tally, ChipHistograms* histograms) const;

 private:
  struct Plan;
  std::unique_ptr<const Plan> plan_;
};

// The convolution of fdsr::FourierConv2d on the chip, by overlap-save tiles of one transform each.
template <class T>
class ChipConv2d {
 public:
  ChipConv2d(const Conv2dGeometry& geometry, const ChipModel& model);
  ~ChipConv2d();
  ChipConv2d(ChipConv2d&&) noexcept;

  const Conv2dGeometry& geometry() const;
  int passes() const;  // of one transform: 1 for kernels that fit into a frame
  Size tiles() const;
  int pack() const;             // tiles computed together: those of the batch, image after image, in steps of so many
  std::int64_t frames() const;  // of one image

  // ranges [2 passes]: of the transform, then of the inverse transform. compare: every how many packs of tiles the
  // result is compared with the ideal one, 0 never.
  void forward(std::ptrdiff_t batch, const T* x, const Strides& x_strides, const T* w, const T* bias,
               std::span<const ChipRange> ranges, const ChipDraw& draw, int compare, int threads,
               // outputs
               T* y, const Strides& y_strides, ChipTally* tally, ChipHistograms* histograms,
               // like y: the share of each output that the last ADC's readings did not clip, or null; not of a product
               // that the device makes
               T* kept = nullptr) const;
  // Every converter takes the largest value of a frame for its full scale. tally: frames and conversions; may be null.
  void adjoint_weight(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* x, const Strides& x_strides,
                      const ChipDraw& draw, int threads,
                      // outputs
                      T* v_w, ChipTally* tally) const;

 private:
  struct Plan;
  std::unique_ptr<const Plan> plan_;
};

}  // namespace fdsr
