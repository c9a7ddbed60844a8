#include "fdsr/build_info.hpp"

#include <algorithm>
#include <chrono>

#include "kernels/kernels.hpp"
#include "transform/fftw_lines.hpp"

#ifndef FDSR_VERSION
#define FDSR_VERSION "unknown"
#endif

namespace fdsr {

BuildInfo build_info() {
  BuildInfo info;
  info.version = FDSR_VERSION;
  info.fft_provider = fftw_provider();
  info.fftw_single = has_fftw<float>();
  info.fftw_double = has_fftw<double>();
  info.isa = kernels::active_isa();
  info.compiled_isas = kernels::compiled_isas();
#if defined(__clang__)
  info.compiler = "clang " __clang_version__;
#else
  info.compiler = "gcc " __VERSION__;
#endif
  return info;
}

template <class T>
double measure_fma_peak(double seconds) {
  const auto& k = kernels::kernels<T>();
  const auto now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  double best = 0;
  for (const double end = now() + seconds; now() < end;) {
    const double start = now();
    const double operations = k.fma_peak(200000);
    best = std::max(best, operations / (now() - start));
  }
  return best;
}
template double measure_fma_peak<float>(double);
template double measure_fma_peak<double>(double);

}  // namespace fdsr
