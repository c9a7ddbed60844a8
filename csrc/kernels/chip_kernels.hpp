// The dispatch table of the chip emulator's leaves, compiled once per instruction set.
//
// Lanes: a "pack" is a vector of `lanes` independent frames. An array [n][2][lanes] holds the real and imaginary parts
// of n elements of all of them. No operation crosses lanes: a frame's values do not depend on its company.
#pragma once

#include <cstdint>

#include "kernels.hpp"

namespace fdsr::kernels {

inline constexpr int kMostChipLanes = 16;
inline constexpr int kHistogramBins = 1 << 14;  // exponent and six bits of the mantissa of a single-precision number

// Folded matrices of one axis: cosines and sines of 2 pi j k / n, [n / 2 + 1][(n - 1) / 2], k rows, j = 1 ... columns.
template <class T>
struct AxisMatrices {
  int length = 0;
  const T* cosine = nullptr;
  const T* sine = nullptr;
};

// Where the random numbers of a pack come from: words 1, 2 and 3 of the Philox counter for each lane.
struct NoiseLanes {
  std::uint32_t key[2] = {};
  std::uint32_t frame[kMostChipLanes] = {};
  std::uint32_t sample_low[kMostChipLanes] = {};
  std::uint32_t sample_high[kMostChipLanes] = {};
  double scale = 1;  // of the errors that change from frame to frame
};

// What a block of random numbers is for: the upper byte of word 0.
enum NoisePurpose : std::uint32_t {
  kInputNoise,
  kPhaseNoise,
  kQuadratureNoise,
  kBackgroundNoise,
  kFactorNoise,
  kFactorPhaseNoise
};

enum Encoding : int { kCartesian, kPolar, kMzi };
enum Slicing : int { kNoSlicing, kBinary, kThermometer };

// The chip as a frame sees it.
struct FrameSettings {
  int dac_bits = 0, adc_bits = 0;
  int encoding = kCartesian;
  bool linearise = false;
  bool phase_step = false;
  int slicing = kNoSlicing, slices = 1, shots = 1, slice_bits = 0;
  double reference = 1;
  double inp_noise = 0, out_noise = 0, phase_noise = 0, photons = 0, crosstalk = 0;
};

struct FrameCounts {
  std::int64_t dac_values = 0, dac_clipped = 0, adc_values = 0, adc_clipped = 0;
};

template <class T>
struct FrameCall {
  const FrameSettings* settings = nullptr;
  AxisMatrices<T> y, x;
  const T* gain = nullptr;    // [elements][2], one for all lanes, or null
  const T* factor = nullptr;  // [elements][2], what the field is multiplied by before the transform, or null
  T factor_scale = 0;         // full scale of its DAC
  bool inverse = false;
  bool real_input = false, real_output = false;
  int y0 = 0, y1 = 0, x0 = 0, x1 = 0;  // outputs that are read
  T dac_range = 0, adc_range = 0;      // above 0: full scale; 0: the largest value of each frame
  T worst_case = 0;                    // if above 0: the ADC's full scale in units of the DAC's
  const NoiseLanes* noise = nullptr;
  int used = 0;           // lanes that count
  // [values read][lanes], -1: counts in statistics, 0: does not; null: all of the used lanes
  const std::int8_t* counted = nullptr;
  const T* in = nullptr;  // [elements][2][lanes]
  T* scratch = nullptr;   // scratch_values() of the frame
  // outputs
  T* out = nullptr;  // [outputs][2][lanes], or [outputs][lanes] if real
  FrameCounts* counts = nullptr;
  std::uint64_t* dac_histogram = nullptr;  // [kHistogramBins], or null
  std::uint64_t* adc_histogram = nullptr;
  T* kept = nullptr;  // [values read][lanes], the share of each that its readings did not clip, or null
};

// Elements of FrameCall::scratch for a frame.
inline constexpr Index scratch_values(Index elements, int lanes) { return (7 * elements + 32) * lanes; }

template <class T>
struct ChipTable {
  int lanes;
  // Write, transform, read.
  void (*frame)(const FrameCall<T>& call);
  // in -= mean over its elements, which is kept. in [elements][2][lanes], mean [2][lanes]
  void (*remove_mean)(Index elements, T* in, T* mean);
  // G[o] = sum over c of X[c] W[o][c] for every element.
  // X [in][elements][2][lanes], W [elements][out][in][2], G [out][elements][2][lanes]
  void (*product)(Index elements, Index in, Index out, const T* X, const T* W, T* G);
  // S[o][c] += sum over packs and lanes of X[c] conj(V[o]), for the elements [first, end).
  // X [packs][in][elements][2][lanes] and V [packs][out]..., packs `pitch` apart; S [elements][out][in][2]
  void (*correlate)(Index elements, Index first, Index end, Index in, Index out, Index packs, Index pitch, const T* X,
                    const T* V, T* S);
  // count standard normal numbers for every lane, [count rounded up to 8][lanes]
  void (*normals)(const NoiseLanes& lanes, std::uint32_t purpose, Index count, float* out);
};

// The table in use; the instruction set is that of kernels().
template <class T>
const ChipTable<T>& chip_kernels();

}  // namespace fdsr::kernels
