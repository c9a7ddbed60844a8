// FFTW behind one door: its planner is not thread-safe, so every plan of the library is made here under one mutex.
#pragma once

#include <complex>

#include "fdsr/geometry.hpp"

namespace fdsr {

// Whether this build has FFTW in the precision of T, and where it came from.
template <class T>
bool has_fftw();
const char* fftw_provider();

// In-place transforms of kLanes interleaved lines [n][kLanes], unnormalised; data aligned to 64 bytes. Executing one
// plan from several threads is safe.
template <class T>
class FftwLines {
 public:
  static constexpr int kLanes = 8;  // FFTW vectorises across them

  // inverse selects exp(+i). Planner::estimate makes the same plan, and the same bits, in every process.
  FftwLines(int n, bool inverse, Planner planner);
  ~FftwLines();
  FftwLines(const FftwLines&) = delete;
  FftwLines& operator=(const FftwLines&) = delete;

  void execute(std::complex<T>* data /* [n, kLanes] */) const;

 private:
  void* plan_ = nullptr;
};

}  // namespace fdsr
