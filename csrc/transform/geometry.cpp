#include "fdsr/geometry.hpp"

#include <cmath>

namespace fdsr {

Algorithm algorithm_from_name(const std::string& name) {
  for (const Algorithm algorithm :
       {Algorithm::automatic, Algorithm::folded, Algorithm::skeleton, Algorithm::fftw})
    if (name == name_of(algorithm)) return algorithm;
  invalid_argument("algorithm='", name, "': must be one of auto, folded, skeleton, fftw");
}

const char* name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::folded: return "folded";
    case Algorithm::skeleton: return "skeleton";
    case Algorithm::fftw: return "fftw";
    default: return "auto";
  }
}

Planner planner_from_name(const std::string& name) {
  if (name == "estimate") return Planner::estimate;
  if (name == "measure") return Planner::measure;
  invalid_argument("planner='", name, "': must be 'estimate' or 'measure'");
}

namespace {

constexpr double kLargestGrid = 1 << 26;  // lines of a gigabyte: beyond any use, and safe to index by int

void check_axis(const char* axis, int window, int band, double grid, bool centred) {
  if (window < 1) invalid_argument("window along ", axis, " is ", window, ": must be at least 1");
  if (band < 1) invalid_argument("band along ", axis, " is ", band, ": must be at least 1");
  if (!std::isfinite(grid) || grid <= 0) invalid_argument("grid along ", axis, " is ", grid, ": must be positive");
  if (!centred && grid != std::floor(grid))
    invalid_argument("grid along ", axis, " is ", grid, ": a grid that is not centred must be a whole number");
  if (grid > kLargestGrid) invalid_argument("grid along ", axis, " is ", grid, ": must not exceed ", kLargestGrid);
  if (window > grid) invalid_argument("window along ", axis, " is ", window, ": must not exceed the grid, ", grid);
  if (band > grid) invalid_argument("band along ", axis, " is ", band, ": must not exceed the grid, ", grid);
}

}  // namespace

void check_geometry(Size window, Size band, const Grid& grid) {
  check_axis("y", window.y, band.y, grid.y, grid.centred);
  check_axis("x", window.x, band.x, grid.x, grid.centred);
}

}  // namespace fdsr
