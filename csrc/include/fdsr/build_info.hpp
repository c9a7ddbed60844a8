// What this build is and what it runs on.
#pragma once

#include <string>

namespace fdsr {

struct BuildInfo {
  std::string version;
  std::string fft_provider;
  bool fftw_single = false, fftw_double = false;
  std::string isa;            // in use
  std::string compiled_isas;  // space-separated
  std::string compiler;
};
BuildInfo build_info();

// Measured floating-point operations per second of one core in fused multiply-adds that never leave the registers.
template <class T>
double measure_fma_peak(double seconds = 0.2);

// Gives reused scratch memory back to the system.
void clear_buffers();

}  // namespace fdsr
