// Convolution: against the direct sum, both adjoints by the inner product, kept spectra, impossible geometries.
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "fdsr/conv2d.hpp"

using namespace fdsr;
using fdsr::test::random_reals;

namespace {

Strides dense(int channels, Size size) {
  return {size.area() * channels, size.area(), size.x, 1};
}

template <class T>
std::vector<double> direct_sum(const Conv2dGeometry& g, int batch, const std::vector<T>& x, const std::vector<T>& w) {
  const Size out = g.output();
  const int in = g.in_channels / g.groups, per_group = g.out_channels / g.groups;
  std::vector<double> y;
  for (int b = 0; b < batch; ++b)
    for (int o = 0; o < g.out_channels; ++o)
      for (int r = 0; r < out.y; ++r)
        for (int c = 0; c < out.x; ++c) {
          double sum = 0;
          for (int i = 0; i < in; ++i)
            for (int p = 0; p < g.kernel.y; ++p)
              for (int q = 0; q < g.kernel.x; ++q) {
                const int yy = r * g.stride.y + p * g.dilation.y - g.top;
                const int xx = c * g.stride.x + q * g.dilation.x - g.left;
                if (yy < 0 || yy >= g.input.y || xx < 0 || xx >= g.input.x) continue;
                const int channel = o / per_group * in + i;
                sum += double(x[((b * g.in_channels + channel) * g.input.y + yy) * g.input.x + xx]) *
                       w[((o * in + i) * g.kernel.y + p) * g.kernel.x + q];
              }
          y.push_back(sum);
        }
  return y;
}

template <class T>
double inner(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * b[i];
  return sum;
}

// The largest sums have some 500 terms of order one.
template <class T>
void check(const Conv2dGeometry& g, double tolerance) {
  const int batch = 3;
  const Size out = g.output();
  const auto x = random_reals<T>(std::ptrdiff_t(batch * g.in_channels * g.input.area()), 1);
  const auto w = random_reals<T>(std::ptrdiff_t(g.out_channels * (g.in_channels / g.groups) * g.kernel.area()), 2);
  const auto v = random_reals<T>(std::ptrdiff_t(batch * g.out_channels * out.area()), 3);
  const Strides xs = dense(g.in_channels, g.input), ys = dense(g.out_channels, out);
  const FourierConv2d<T> plan(g);
  const auto expected = direct_sum(g, batch, x, w);
  std::vector<T> y(v.size()), again(v.size()), v_x(x.size()), v_w(w.size());
  plan.forward(batch, x.data(), xs, w.data(), nullptr, 2, y.data(), ys);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - expected[i]) < tolerance);
  for (int repeat = 0; repeat < 2; ++repeat) {
    plan.forward(batch, x.data(), xs, w.data(), nullptr, 1, again.data(), ys, true);
    CHECK(again == y);
  }
  plan.adjoint_input(batch, v.data(), ys, w.data(), 2, v_x.data(), xs);
  plan.adjoint_weight(batch, v.data(), ys, x.data(), xs, 2, v_w.data());
  const double expected_inner = inner(y, v), scale = double(y.size());
  CHECK(std::abs(inner(x, v_x) - expected_inner) < tolerance * scale);
  CHECK(std::abs(inner(w, v_w) - expected_inner) < tolerance * scale);
}

void check_all(const Conv2dGeometry& g) {
  check<float>(g, 1e-4);
  check<double>(g, 1e-12);
}

}  // namespace

int main() {
  Conv2dGeometry g{3, 5, {3, 4}, {17, 22}};
  check_all(g);
  g.top = g.bottom = 2;
  g.left = 3;
  check_all(g);
  g.stride = {2, 3};
  g.dilation = {2, 1};
  check_all(g);
  check_all({6, 4, {5, 5}, {20, 20}, {1, 1}, 2, 2, 2, 2, {1, 1}, 2});
  check_all({5, 5, {3, 3}, {20, 31}, {1, 1}, 1, 1, 1, 1, {1, 1}, 5});
  check_all({20, 18, {5, 5}, {16, 16}});
  bool refused = false;
  try {
    FourierConv2d<float> plan({1, 1, {200, 1}, {300, 300}});
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  CHECK(refused);
  std::puts("conv2d: ok");
}
