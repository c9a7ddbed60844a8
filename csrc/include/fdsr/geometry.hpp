// The geometry of a windowed DFT: a window of samples in the middle of a padded grid, a band of frequencies around
// zero.
#pragma once

#include <complex>
#include <cstddef>
#include <string>

#include "fdsr/error.hpp"

namespace fdsr {

struct Size {
  int y = 0;
  int x = 0;
  friend bool operator==(const Size&, const Size&) = default;
  std::ptrdiff_t area() const { return static_cast<std::ptrdiff_t>(y) * x; }
};

// Samples of the padded grid per axis. A whole number places the window at offset N//2 - S//2 of a grid whose origin
// is its first sample, as torch.fft does; a centred grid may be any real number and has its origin in the middle of
// the window: W[k, n] = exp(-2 pi i k n / N), k and n counted from the centres.
struct Grid {
  double y = 0;
  double x = 0;
  bool centred = false;
  friend bool operator==(const Grid&, const Grid&) = default;
};

enum class Algorithm {
  automatic,
  folded,    // folded real matrices, all entries
  skeleton,  // the same matrices through their skeletons, where that saves work
  fftw       // FFTW on the needed rows and columns
};
enum class Planner { estimate, measure };

Algorithm algorithm_from_name(const std::string& name);
const char* name_of(Algorithm algorithm);
Planner planner_from_name(const std::string& name);

// Throws std::invalid_argument unless window and band lie inside the grid.
void check_geometry(Size window, Size band, const Grid& grid);

}  // namespace fdsr
