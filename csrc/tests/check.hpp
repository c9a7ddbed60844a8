// The little that the C++ tests need: CHECK, random fields, the direct sum.
#pragma once

#include <cmath>
#include <complex>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <random>
#include <vector>

#include "fdsr/geometry.hpp"

#define CHECK(condition)                                                                 \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                                      \
    }                                                                                    \
  } while (false)

namespace fdsr::test {

template <class T>
using Field = std::vector<std::complex<T>>;

template <class T>
Field<T> random_field(std::ptrdiff_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  Field<T> field(count);
  for (auto& value : field) value = {static_cast<T>(normal(generator)), static_cast<T>(normal(generator))};
  return field;
}

template <class T>
std::vector<T> random_reals(std::ptrdiff_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(normal(generator));
  return values;
}

// <a, b> = sum conj(a) b, and its real part alone.
template <class T>
std::complex<double> inner(const Field<T>& a, const Field<T>& b) {
  std::complex<double> sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::conj(std::complex<double>(a[i])) * std::complex<double>(b[i]);
  return sum;
}

// The larger of two errors, or the one that is no number, which std::max would hide.
inline double worse(double worst, double error) { return worst >= error || std::isnan(worst) ? worst : error; }

template <class T>
double largest_difference(const Field<T>& a, const Field<T>& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = worse(worst, std::abs(std::complex<double>(a[i]) - std::complex<double>(b[i])));
  return worst;
}

template <class T>
double largest(const Field<T>& a) {
  double worst = 0;
  for (const auto& value : a) worst = worse(worst, std::abs(std::complex<double>(value)));
  return worst;
}

// sum_n x[n] exp(sign 2 pi i q_k p_n / N) per axis from the definition; x [window], result [band].
template <class T>
Field<T> direct_sum(const Field<T>& x, Size window, Size band, const Grid& grid) {
  const auto position = [](int n, int size, double g, bool centred) {
    return n - size / 2 + (centred ? 0 : static_cast<int>(g) / 2);
  };
  Field<T> out(band.area());
  for (int ky = 0; ky < band.y; ++ky)
    for (int kx = 0; kx < band.x; ++kx) {
      std::complex<double> sum = 0;
      for (int ny = 0; ny < window.y; ++ny)
        for (int nx = 0; nx < window.x; ++nx) {
          // Products modulo the grid are exact, large angles would not be.
          const double turns =
              std::fmod(double(ky - band.y / 2) * position(ny, window.y, grid.y, grid.centred), grid.y) / grid.y +
              std::fmod(double(kx - band.x / 2) * position(nx, window.x, grid.x, grid.centred), grid.x) / grid.x;
          sum += std::complex<double>(x[ny * window.x + nx]) * std::polar(1.0, -2 * std::numbers::pi * turns);
        }
      out[ky * band.x + kx] = std::complex<T>(sum);
    }
  return out;
}

}  // namespace fdsr::test
