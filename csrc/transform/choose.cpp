// Which algorithm carries a transform: a cost model, or timing both once.
#include <chrono>
#include <cmath>
#include <cstring>
#include <mutex>
#include <numbers>
#include <vector>

#include "threads/buffers.hpp"
#include "transform/folded_matrix.hpp"
#include "transform/pruned_fftw.hpp"

namespace fdsr {

double window_centre(int size, double grid, bool centred) {
  const double offset = centred ? -(size / 2) : std::floor(grid / 2) - size / 2;
  return offset + 0.5 * (size - 1);
}

double band_centre(int size) { return 0.5 * (size - 1) - size / 2; }

namespace {

// Achieved rates in GFLOP/s of one core, import and export of an image included. Those of AVX2 in float32 are measured
// (bench/crossover.py); the others follow from the width of the vectors and of the numbers.
struct Rates {
  double matrix, fft;
};

template <class T>
Rates rates() {
  const double precision = sizeof(T) == 4 ? 1.0 : 0.5;
  const char* isa = kernels::active_isa();
  if (std::strcmp(isa, "avx512") == 0) return {115 * precision, 9.5 * precision};
  if (std::strcmp(isa, "avx2") == 0) return {58 * precision, 8.5 * precision};
  return {10 * precision, 8.5 * precision};
}

template <class T>
double seconds_per_transform(const ImageTransform<T>& transform) {
  const Buffer space(sizeof(T) * transform.space().size()), spectrum(sizeof(T) * transform.frequency().size());
  const Buffer scratch(sizeof(T) * transform.scratch_size());
  std::fill(space.as<T>(), space.as<T>() + transform.space().size(), T(1));
  double best = 1e300;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    transform.to_frequency(space.as<T>(), spectrum.as<T>(), scratch.as<T>());
    transform.to_space(spectrum.as<T>(), space.as<T>(), scratch.as<T>());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    best = std::min(best, elapsed.count());
    std::fill(space.as<T>(), space.as<T>() + transform.space().size(), T(1));
  }
  return best;
}

// Timed choices of this process; small, keyed by geometry and precision.
struct Measured {
  Size window, band;
  Grid grid;
  std::size_t precision;
  Algorithm choice;
};
std::mutex measured_mutex;
std::vector<Measured> measured;

// The remembered choice, or what `time` finds. The lock is not held while timing: a fork in between would leave it
// locked in the child.
template <class Time>
Measured recall(Size window, Size band, const Grid& grid, std::size_t precision, Time&& time) {
  const auto find = [&]() -> const Measured* {
    for (const Measured& m : measured)
      if (m.window == window && m.band == band && m.grid == grid && m.precision == precision) return &m;
    return nullptr;
  };
  {
    const std::lock_guard lock(measured_mutex);
    if (const Measured* known = find()) return *known;
  }
  const Measured timed{window, band, grid, precision, time()};
  const std::lock_guard lock(measured_mutex);
  if (const Measured* known = find()) return *known;
  if (measured.size() < 256) measured.push_back(timed);
  return timed;
}

template <class T>
std::unique_ptr<ImageTransform<T>> folded(Size window, Size band, const Grid& grid, bool skeleton,
                                          const ImageTransform<T>* like) {
  const auto* order = dynamic_cast<const FoldedTransform<T>*>(like);
  return std::make_unique<FoldedTransform<T>>(window, band, grid, skeleton, order);
}

// Work of the dense folded matrices, without building them.
double dense_flops(Size window, Size band) {
  const double yi = (window.y + 1) / 2, xi = (window.x + 1) / 2, yo = (band.y + 1) / 2, xo = (band.x + 1) / 2;
  return 8 * 2 * std::min(yo * yi * xi + yo * xi * xo, yi * xi * xo + yo * yi * xo);
}

template <class T>
std::unique_ptr<ImageTransform<T>> choose(Size window, Size band, const Grid& grid, Planner planner,
                                          const ImageTransform<T>* like) {
  if (like && like->algorithm() == Algorithm::fftw) return make_pruned_fftw<T>(window, band, grid, planner);
  if (grid.centred || like || !has_fftw<T>()) return folded<T>(window, band, grid, true, like);
  const double fftw_seconds = 1e-9 * pruned_fftw_flops(window, band, grid) / rates<T>().fft;
  // Skeletons save about half: beyond that, the matrices are not worth building.
  const double dense_seconds = 1e-9 * dense_flops(window, band) / rates<T>().matrix;
  if (0.5 * dense_seconds > fftw_seconds) return make_pruned_fftw<T>(window, band, grid, planner);
  auto matrix = folded<T>(window, band, grid, true, nullptr);
  if (planner == Planner::estimate) {
    if (1e-9 * matrix->flops() / rates<T>().matrix <= fftw_seconds) return matrix;
    return make_pruned_fftw<T>(window, band, grid, planner);
  }
  auto fftw = make_pruned_fftw<T>(window, band, grid, planner);
  const Measured known = recall(window, band, grid, sizeof(T), [&] {
    return seconds_per_transform(*matrix) <= seconds_per_transform(*fftw) ? matrix->algorithm() : Algorithm::fftw;
  });
  return known.choice == Algorithm::fftw ? std::move(fftw) : std::move(matrix);
}

}  // namespace

template <class T>
std::unique_ptr<ImageTransform<T>> make_transform(Size window, Size band, const Grid& grid, Algorithm algorithm,
                                                  Planner planner, const ImageTransform<T>* like) {
  check_geometry(window, band, grid);
  switch (algorithm) {
    case Algorithm::folded: return folded<T>(window, band, grid, false, like);
    case Algorithm::skeleton: return folded<T>(window, band, grid, true, like);
    case Algorithm::fftw:
      if (grid.centred)
        invalid_argument("algorithm='fftw': a centred grid (", grid.y, ", ", grid.x, ") needs algorithm='folded'");
      return make_pruned_fftw<T>(window, band, grid, planner);
    default: return choose<T>(window, band, grid, planner, like);
  }
}

template <class T>
std::vector<T> parity_gauge(const SampleLayout<T>& frequency, Size band, const Grid& grid, double shift_y,
                            double shift_x) {
  std::vector<T> gauge(frequency.size(), T(0));
  for (Index row = 0; row < frequency.rows(); ++row)
    for (Index lane = 0; lane < frequency.n; ++lane) {
      if (frequency.natural_x[lane] < 0) continue;
      const double turns = shift_y * (frequency.natural_y[row] - band.y / 2) / grid.y +
                           shift_x * (frequency.natural_x[lane] - band.x / 2) / grid.x;
      T* out = gauge.data() + row * frequency.row_size() + lane;
      out[0] = static_cast<T>(std::cos(2 * std::numbers::pi * turns));
      out[frequency.n] = static_cast<T>(std::sin(2 * std::numbers::pi * turns));
    }
  return gauge;
}

template std::unique_ptr<ImageTransform<float>> make_transform(Size, Size, const Grid&, Algorithm, Planner,
                                                               const ImageTransform<float>*);
template std::unique_ptr<ImageTransform<double>> make_transform(Size, Size, const Grid&, Algorithm, Planner,
                                                                const ImageTransform<double>*);
template std::vector<float> parity_gauge(const SampleLayout<float>&, Size, const Grid&, double, double);
template std::vector<double> parity_gauge(const SampleLayout<double>&, Size, const Grid&, double, double);

}  // namespace fdsr
