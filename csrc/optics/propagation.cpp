#include "fdsr/propagation.hpp"

#include <cmath>
#include <numbers>

namespace fdsr {
namespace {

void check_positive(const char* name, double value) {
  if (!(value > 0) || !std::isfinite(value)) invalid_argument(name, " is ", value, ": must be positive and finite");
}

// Highest frequency whose transfer is sampled without aliasing at the grid's frequency step.
double limit(int count, double pitch, double distance, double wavelength) {
  const double slope = 2 * std::abs(distance) / (count * pitch);
  return 1 / (wavelength * std::sqrt(slope * slope + 1));
}

}  // namespace

template <class T>
void angular_spectrum_transfer(Size grid, double distance, double pitch_y, double pitch_x, double wavelength,
                               bool band_limit, std::complex<T>* transfer) {
  if (grid.y < 1 || grid.x < 1) invalid_argument("grid is (", grid.y, ", ", grid.x, "): must be at least 1");
  check_positive("pitch", pitch_y);
  check_positive("pitch", pitch_x);
  check_positive("wavelength", wavelength);
  if (!std::isfinite(distance)) invalid_argument("distance is ", distance, ": must be finite");
  const double limit_y = limit(grid.y, pitch_y, distance, wavelength);
  const double limit_x = limit(grid.x, pitch_x, distance, wavelength);
  for (int i = 0; i < grid.y; ++i)
    for (int j = 0; j < grid.x; ++j) {
      const double fy = (i - grid.y / 2) / (grid.y * pitch_y), fx = (j - grid.x / 2) / (grid.x * pitch_x);
      std::complex<T>& out = transfer[static_cast<std::ptrdiff_t>(i) * grid.x + j];
      if (band_limit && (std::abs(fy) > limit_y || std::abs(fx) > limit_x)) {
        out = 0;
        continue;
      }
      const double squared = 1 / (wavelength * wavelength) - fy * fy - fx * fx;
      if (squared < 0) {
        out = static_cast<T>(std::exp(-2 * std::numbers::pi * std::abs(distance) * std::sqrt(-squared)));
        continue;
      }
      const double turns = distance * std::sqrt(squared);
      const double angle = 2 * std::numbers::pi * (turns - std::floor(turns));
      out = {static_cast<T>(std::cos(angle)), static_cast<T>(std::sin(angle))};
    }
}

template void angular_spectrum_transfer(Size, double, double, double, double, bool, std::complex<float>*);
template void angular_spectrum_transfer(Size, double, double, double, double, bool, std::complex<double>*);

}  // namespace fdsr
