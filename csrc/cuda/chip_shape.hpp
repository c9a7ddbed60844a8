// Frames of the emulated chip as kernels see them, and what a block keeps of them in shared memory: shared by host
// and device.
#pragma once

#include "cuda/device.hpp"
#include "kernels/chip_kernels.hpp"

namespace fdsr::cuda {

constexpr int kMostChipSide = 64;

// What a call says of its frames. Pointers are to memory of the device; null is not given, or not asked for.
template <class T>
struct ChipFrameCall {
  std::int64_t frames = 0;
  bool inverse = false, real_input = false, real_output = false;
  int rows = 0, columns = 0;           // that are read, from frequency 0 on
  double dac_range = 0, adc_range = 0;  // above 0: full scale; 0: the largest of each frame; ADC's -1: worst case
  std::uint32_t key[2] = {};
  const std::int64_t *numbers = nullptr, *samples = nullptr;  // [frames], of the first slice and shot
  const T* field = nullptr;                                   // [frames][y][x][1 if real, else 2]
  const Complex<T>* gain = nullptr;                           // [y][x]
  const Complex<T>* factor = nullptr;                         // [frames][y][x]
  const double* factor_scale = nullptr;                       // [frames], full scale of its DAC
  const bool* counted = nullptr;                              // [frames][values read]; null: all count
  // outputs
  T* out = nullptr;                 // [frames][rows][columns][1 if real, else 2]
  T* kept = nullptr;                // [frames][values read], the share of each that its readings did not clip
  std::uint64_t* counts = nullptr;  // values that the DACs clipped, values read, of these clipped: added to
  std::uint64_t *dac_histogram = nullptr, *adc_histogram = nullptr;  // [kHistogramBins]: added to
};
constexpr int kChipCounts = 3;

// The chip and a call, with what follows from both.
template <class T>
struct ChipFrameParams {
  ChipFrameCall<T> call;
  int frames_log = 0;  // of the frames that a block takes at once
  int ny = 0, nx = 0;
  int dac_bits = 0, adc_bits = 0, encoding = 0, slicing = 0, slices = 1, shots = 1;
  bool linearise = false, phase_step = false, real_input = false;
  // White circular noise stays so under a phase and a unitary transform. Where nothing but a linear readout with a
  // known full scale follows, one draw before the ADC stands for both noises.
  bool joined_noise = false;
  bool real_field = false, real_result = false;  // whether the transform's ends are
  bool needs_dac_range = false, needs_adc_range = false;
  T inp_noise = 0, out_noise = 0, phase_noise = 0;  // the phase's in half turns
  T crosstalk = 0, reference = 0;
  T photons_inverse = 0;            // 1 / photons, 0 without shot noise
  T per_photon = 0;                 // variance of a balanced reading per intensity
  double worst_case = 0;            // the ADC's full scale in units of the DAC's and the factor's
  double weight = 1, growth = 1;    // of the first slice, and from one slice to the next
  T radix = 0, most_digits = 0;     // of sliced values
  T unit = 1;
  Complex<T> roots_y[kMostChipSide], roots_x[kMostChipSide];  // exp(-+2 pi i k / n)

  FDSR_BOTH int elements() const { return ny * nx; }
  FDSR_BOTH int outputs() const { return call.rows * call.columns; }
  FDSR_BOTH int repeats() const { return slices * shots; }
  FDSR_BOTH int values() const { return outputs() * (call.real_output ? 1 : 2); }
  FDSR_BOTH bool writes_amplitudes() const { return encoding == kernels::kPolar && !real_input; }
  FDSR_BOTH bool noisy_field() const { return inp_noise != 0 && !joined_noise; }
};

// Places of a block's frames in shared memory.
template <class T>
struct ChipMemory {
  Complex<T>*roots_y, *roots_x;  // [kMostChipSide]
  T* partial;                    // [threads], of sums over a frame's threads
  // Of one frame, [elements]: two images that a pass goes between; where it is written several times, what is
  // written and the sum of what is read; the shares of readings that did not clip, [2][elements].
  Complex<T>*first, *second, *given, *sum;
  T* kept;

  static FDSR_BOTH std::int64_t images(bool repeated, bool keep) { return 2 + (repeated ? 2 : 0) + (keep ? 1 : 0); }
  static FDSR_BOTH std::int64_t bytes(int elements, bool repeated, bool keep, int frames, int threads) {
    const std::int64_t own = std::int64_t{sizeof(Complex<T>)} * (2 * kMostChipSide + frames * elements *
                                                                 images(repeated, keep)) +
                             std::int64_t{sizeof(T)} * threads;
    const std::int64_t counts = std::int64_t{sizeof(std::uint64_t)} * kChipCounts * (threads + kWarp);
    return own > counts ? own : counts;
  }
  FDSR_BOTH ChipMemory(int elements, bool repeated, bool keep, int threads, int frame, void* memory) {
    roots_y = static_cast<Complex<T>*>(memory);
    roots_x = roots_y + kMostChipSide;
    partial = reinterpret_cast<T*>(roots_x + kMostChipSide);
    first = reinterpret_cast<Complex<T>*>(partial + threads) + frame * elements * images(repeated, keep);
    second = first + elements;
    given = repeated ? second + elements : first;
    sum = repeated ? given + elements : nullptr;
    kept = keep ? reinterpret_cast<T*>(repeated ? sum + elements : second + elements) : nullptr;
  }
};

}  // namespace fdsr::cuda
