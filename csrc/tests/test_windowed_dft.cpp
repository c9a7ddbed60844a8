// The windowed DFT against its definition, and its adjoint against the inner product, for both algorithms.
#include "check.hpp"
#include "fdsr/build_info.hpp"
#include "fdsr/windowed_dft.hpp"

using namespace fdsr;
using namespace fdsr::test;

namespace {

template <class T>
void check_case(Size window, Size band, const Grid& grid, Algorithm algorithm) {
  const WindowedDft<T> plan(window, band, grid, algorithm);
  const double eps = sizeof(T) == 4 ? 1.2e-7 : 2.3e-16;
  const Field<T> x = random_field<T>(window.area(), 1), v = random_field<T>(band.area(), 2);
  const Field<T> expected = direct_sum(x, window, band, grid);
  Field<T> spectrum(band.area()), v_x(window.area());
  plan.forward(1, x.data(), 1, spectrum.data());
  // Sums of window terms on two axes, each rounded to sqrt(window) eps; a skeleton in double is cut at 4e-14.
  CHECK(largest_difference(spectrum, expected) <= (plan.rank().y ? 96 : 32) * eps * largest(expected));
  plan.adjoint(1, v.data(), 1, v_x.data());
  // Two inner products of window * band terms, each rounded to sqrt(terms) eps of the product of norms.
  const double scale = std::sqrt(std::abs(inner(spectrum, spectrum) * inner(v, v)));
  CHECK(std::abs(inner(v, spectrum) - inner(v_x, x)) <= 64 * eps * scale);
  Field<T> back(window.area());
  plan.inverse(1, v.data(), 1, back.data());
  for (auto& value : back) value *= static_cast<T>(grid.y * grid.x);
  CHECK(largest_difference(back, v_x) <= 8 * eps * largest(v_x));
}

void check_threads() {
  const Size window{31, 24}, band{17, 20};
  const WindowedDft<float> plan(window, band, {64, 48});
  const Field<float> x = random_field<float>(7 * window.area(), 3);
  Field<float> one(7 * band.area()), four(7 * band.area());
  plan.forward(7, x.data(), 1, one.data());
  plan.forward(7, x.data(), 4, four.data());
  CHECK(largest_difference(one, four) == 0);
}

template <class F>
void check_throws(F&& f, const char* part) {
  try {
    f();
  } catch (const std::invalid_argument& error) {
    CHECK(std::string(error.what()).find(part) != std::string::npos);
    return;
  }
  CHECK(!"an exception was expected");
}

}  // namespace

int main() {
  const struct {
    Size window, band;
    Grid grid;
  } cases[] = {{{8, 8}, {8, 8}, {24, 24}},    {{7, 10}, {9, 6}, {21, 30}},  {{13, 12}, {12, 13}, {25, 40}},
               {{20, 21}, {20, 21}, {20, 21}}, {{1, 9}, {3, 1}, {4, 27}},    {{40, 40}, {40, 40}, {120, 120}},
               {{41, 38}, {37, 40}, {130, 121}}};
  for (const auto& c : cases)
    for (const Algorithm algorithm : {Algorithm::automatic, Algorithm::folded, Algorithm::skeleton, Algorithm::fftw}) {
      const bool fftw = algorithm == Algorithm::fftw;
      if (!fftw || build_info().fftw_single) check_case<float>(c.window, c.band, c.grid, algorithm);
      if (!fftw || build_info().fftw_double) check_case<double>(c.window, c.band, c.grid, algorithm);
    }
  // A rank that is low enough for a skeleton: odd, even, non-square, whole grid, real grid.
  const struct {
    Size window, band;
    Grid grid;
  } low_rank[] = {{{81, 70}, {77, 90}, {400, 391}}, {{60, 50}, {80, 73}, {380.5, 390.25, true}}};
  for (const auto& c : low_rank) {
    CHECK(WindowedDft<float>(c.window, c.band, c.grid, Algorithm::skeleton).rank().y > 0);
    CHECK(WindowedDft<double>(c.window, c.band, c.grid, Algorithm::skeleton).rank().y > 0);
    check_case<float>(c.window, c.band, c.grid, Algorithm::skeleton);
    check_case<double>(c.window, c.band, c.grid, Algorithm::skeleton);
  }
  check_case<double>({16, 17}, {5, 8}, {33.3, 40.7, true}, Algorithm::automatic);
  check_threads();
  check_throws([] { WindowedDft<float>({8, 8}, {8, 9}, {8, 8}); }, "band along x is 9");
  check_throws([] { WindowedDft<float>({4, 4}, {4, 4}, {2147483647.0, 8}); }, "must not exceed");
  check_throws([] { WindowedDft<float>({8, 8}, {8, 8}, {24.5, 24.5}); }, "whole number");
  check_throws([] { WindowedDft<float>({8, 8}, {8, 8}, {24.5, 24.5, true}, Algorithm::fftw); }, "centred");
  std::puts("windowed_dft: ok");
}
