// Convolution: against the direct sum, both adjoints by the inner product, kept spectra, impossible geometries.
#include <algorithm>
#include <stdexcept>
#include <string>
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
                int yy = r * g.stride.y + p * g.dilation.y - g.top;
                int xx = c * g.stride.x + q * g.dilation.x - g.left;
                if (g.padding == Padding::circular) {
                  yy = (yy + g.input.y) % g.input.y;
                  xx = (xx + g.input.x) % g.input.x;
                }
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
void check(const Conv2dGeometry& g, ConvAlgorithm algorithm, double tolerance, Size tile = {0, 0}) {
  const int batch = 3;
  const Size out = g.output();
  const auto x = random_reals<T>(std::ptrdiff_t(batch * g.in_channels * g.input.area()), 1);
  const auto w = random_reals<T>(std::ptrdiff_t(g.out_channels * (g.in_channels / g.groups) * g.kernel.area()), 2);
  const auto v = random_reals<T>(std::ptrdiff_t(batch * g.out_channels * out.area()), 3);
  const Strides xs = dense(g.in_channels, g.input), ys = dense(g.out_channels, out);
  const FourierConv2d<T> plan(g, algorithm, tile, ConvUse::training);
  CHECK((plan.algorithm() == ConvAlgorithm::spatial) == (algorithm == ConvAlgorithm::spatial));
  const auto expected = direct_sum(g, batch, x, w);
  std::vector<T> y(v.size()), again(v.size()), v_x(x.size()), v_w(w.size());
  plan.forward(batch, x.data(), xs, w.data(), nullptr, 2, y.data(), ys);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - expected[i]) < tolerance);
  for (int repeat = 0; repeat < 2; ++repeat) {
    plan.forward(batch, x.data(), xs, w.data(), nullptr, 1, again.data(), ys, {true});
    CHECK(again == y);
  }
  plan.adjoint_input(batch, v.data(), ys, w.data(), 2, v_x.data(), xs);
  plan.adjoint_weight(batch, v.data(), ys, x.data(), xs, 2, v_w.data());
  std::vector<T> v_x_of_both(x.size()), v_w_of_both(w.size());
  for (const int threads : {1, 3}) {
    plan.adjoints(batch, v.data(), ys, x.data(), xs, w.data(), threads, v_x_of_both.data(), xs, v_w_of_both.data());
    CHECK(v_x_of_both == v_x && v_w_of_both == v_w);
  }
  const double expected_inner = inner(y, v), scale = double(y.size());
  CHECK(std::abs(inner(x, v_x) - expected_inner) < tolerance * scale);
  CHECK(std::abs(inner(w, v_w) - expected_inner) < tolerance * scale);
}

void check_all(const Conv2dGeometry& g) {
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::tiled, ConvAlgorithm::fourier, ConvAlgorithm::spatial}) {
    check<float>(g, algorithm, 1e-4);
    check<double>(g, algorithm, 1e-12);
  }
}

// Overlap-save, the whole map and every forced length agree.
void check_algorithms(const Conv2dGeometry& g) {
  const auto x = random_reals<double>(std::ptrdiff_t(g.in_channels * g.input.area()), 1);
  const auto w = random_reals<double>(std::ptrdiff_t(g.out_channels * g.in_channels * g.kernel.area()), 2);
  const auto expected = direct_sum(g, 1, x, w);
  std::vector<double> y(expected.size());
  auto run = [&](const FourierConv2d<double>& plan) {
    plan.forward(1, x.data(), dense(g.in_channels, g.input), w.data(), nullptr, 2, y.data(),
                 dense(g.out_channels, g.output()));
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - expected[i]) < 1e-12);
  };
  run(FourierConv2d<double>(g, ConvAlgorithm::tiled));
  const FourierConv2d<double> whole(g, ConvAlgorithm::fourier);
  CHECK(whole.algorithm() == ConvAlgorithm::fourier);
  run(whole);
  for (const int length : {6, 8, 9, 10, 12, 14, 15, 16, 18, 20, 21, 24, 25, 27, 28, 30,
                           32, 35, 36, 40, 42, 45, 48, 49, 50, 54})
    run(FourierConv2d<double>(g, ConvAlgorithm::automatic, {length, 0}));
  for (const int length : {56, 60, 63, 64, 70, 72, 80, 84, 90, 96, 100, 108, 120, 144, 150, 180})
    run(FourierConv2d<double>(g, ConvAlgorithm::automatic, {20, length}));
}

// Samples beyond the input are those of an input that was padded beforehand, along rows and columns.
void check_surrounded(Padding padding, ConvAlgorithm algorithm) {
  const Conv2dGeometry g{2, 3, {3, 4}, {5, 6}, {1, 1}, 2, 1, 4, 3, {1, 1}, 1, padding};
  const Size wide = g.padded();
  const auto x = random_reals<double>(std::ptrdiff_t(2 * g.input.area()), 1);
  const auto w = random_reals<double>(std::ptrdiff_t(6 * g.kernel.area()), 2);
  std::vector<double> padded;
  for (int c = 0; c < 2; ++c)
    for (int p = 0; p < wide.y; ++p)
      for (int q = 0; q < wide.x; ++q) {
        int at[] = {p - g.top, q - g.left};
        const int size[] = {g.input.y, g.input.x};
        for (int axis = 0; axis < 2; ++axis) {
          if (padding == Padding::reflect && at[axis] < 0) at[axis] = -at[axis];
          if (padding == Padding::reflect && at[axis] >= size[axis]) at[axis] = 2 * (size[axis] - 1) - at[axis];
          at[axis] = std::min(std::max(at[axis], 0), size[axis] - 1);
        }
        padded.push_back(x[(c * g.input.y + at[0]) * g.input.x + at[1]]);
      }
  const auto expected = direct_sum(Conv2dGeometry{2, 3, g.kernel, wide}, 1, padded, w);
  std::vector<double> y(expected.size()), none(x.size());
  const FourierConv2d<double> plan(g, algorithm);
  plan.forward(1, x.data(), dense(2, g.input), w.data(), nullptr, 2, y.data(), dense(3, g.output()));
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - expected[i]) < 1e-12);
  bool refused = false;
  try {
    plan.adjoint_input(1, y.data(), dense(3, g.output()), w.data(), 1, none.data(), dense(2, g.input));
  } catch (const std::logic_error&) {
    refused = true;
  }
  CHECK(refused);
}

// Kept spectra follow the weights' content, or their version.
void check_changed_weights() {
  const Conv2dGeometry g{2, 2, {3, 3}, {12, 12}};
  const auto x = random_reals<float>(2 * 144, 1);
  auto w = random_reals<float>(36, 2);
  const Strides xs = dense(2, g.input), ys = dense(2, g.output());
  const FourierConv2d<float> plan(g, ConvAlgorithm::tiled);
  std::vector<float> first(200), second(200), fresh(200);
  plan.forward(1, x.data(), xs, w.data(), nullptr, 1, first.data(), ys, {true});
  plan.forward(1, x.data(), xs, w.data(), nullptr, 1, first.data(), ys, {true, 1});
  w[0] += 1;
  plan.forward(1, x.data(), xs, w.data(), nullptr, 1, second.data(), ys, {true, 1});
  CHECK(second == first);
  plan.forward(1, x.data(), xs, w.data(), nullptr, 1, second.data(), ys, {true});
  plan.forward(1, x.data(), xs, w.data(), nullptr, 1, fresh.data(), ys);
  CHECK(second == fresh && second != first);
  plan.forward(1, x.data(), xs, w.data(), nullptr, 1, second.data(), ys, {true, 2});
  CHECK(second == fresh);
}

// Kept spectra of many channels are met in tasks of one thread, fresh ones in phases of all: the same bits.
void check_kept_spectra_give_the_same_bits() {
  const Conv2dGeometry g{64, 64, {5, 5}, {28, 28}};
  const std::ptrdiff_t batch = 9;
  const auto x = random_reals<float>(batch * 64 * 784, 1), w = random_reals<float>(64 * 64 * 25, 2);
  const Strides xs = dense(64, g.input), ys = dense(64, g.output());
  const FourierConv2d<float> plan(g, ConvAlgorithm::tiled);
  std::vector<float> fresh(std::size_t(batch) * 64 * g.output().area()), kept(fresh.size());
  plan.forward(batch, x.data(), xs, w.data(), nullptr, 2, fresh.data(), ys);
  for (const int threads : {1, 2, 3, 2}) {
    plan.forward(batch, x.data(), xs, w.data(), nullptr, threads, kept.data(), ys, {true});
    CHECK(kept == fresh);
  }
}

// Maps whose channels are neighbours, `gap` samples of something else after them.
struct Pixels {
  int channels;
  Size size;
  int gap;

  Strides strides() const {
    const std::ptrdiff_t step = channels + gap;
    return {size.area() * step, 1, size.x * step, step};
  }
  template <class T>
  std::vector<T> empty(int batch) const {
    return std::vector<T>(std::size_t(batch * size.area() * (channels + gap)), T(7));
  }
  template <class T>
  std::vector<T> from(const std::vector<T>& planes) const {
    const int batch = static_cast<int>(std::ptrdiff_t(planes.size()) / (channels * size.area()));
    std::vector<T> pixels = empty<T>(batch);
    for (int b = 0; b < batch; ++b)
      for (int c = 0; c < channels; ++c)
        for (int i = 0; i < size.area(); ++i)
          pixels[std::size_t((b * size.area() + i) * (channels + gap) + c)] =
              planes[std::size_t((b * channels + c) * size.area() + i)];
    return pixels;
  }
};

// Either layout gives the same bits, and what lies between pixels stays what it was.
template <class T>
void check_layouts(int in_channels, int out_channels, int groups, Size input) {
  const Conv2dGeometry g{in_channels, out_channels, {3, 3}, input, {1, 1}, 1, 1, 1, 1, {1, 1}, groups};
  const int batch = 2;
  const auto x = random_reals<T>(std::ptrdiff_t(batch * in_channels * input.area()), 1);
  const auto w = random_reals<T>(std::ptrdiff_t(out_channels * (in_channels / groups) * 9), 2);
  const auto v = random_reals<T>(std::ptrdiff_t(batch * out_channels * input.area()), 3);
  const Strides xs = dense(in_channels, input), ys = dense(out_channels, input);
  for (const ConvAlgorithm algorithm : {ConvAlgorithm::tiled, ConvAlgorithm::spatial}) {
    const FourierConv2d<T> plan(g, algorithm);
    std::vector<T> y(v.size()), v_x(x.size()), v_w(w.size()), v_w_of_pixels(w.size());
    plan.forward(batch, x.data(), xs, w.data(), nullptr, 2, y.data(), ys);
    plan.adjoints(batch, v.data(), ys, x.data(), xs, w.data(), 2, v_x.data(), xs, v_w.data());
    for (const int gap : {0, 3}) {
      const Pixels in{in_channels, input, gap}, out{out_channels, input, gap};
      const auto x_pixels = in.from(x), v_pixels = out.from(v);
      auto y_pixels = out.empty<T>(batch), v_x_pixels = in.empty<T>(batch);
      plan.forward(batch, x_pixels.data(), in.strides(), w.data(), nullptr, 2, y_pixels.data(), out.strides());
      CHECK(y_pixels == out.from(y));
      plan.adjoints(batch, v_pixels.data(), out.strides(), x_pixels.data(), in.strides(), w.data(), 2,
                    v_x_pixels.data(), in.strides(), v_w_of_pixels.data());
      CHECK(v_x_pixels == in.from(v_x));
      CHECK(v_w_of_pixels == v_w);
    }
  }
}

// What else is in a batch decides how rows are cut, not how they are summed.
void check_batches_give_the_same_bits(int height) {
  const Conv2dGeometry g{2, 1, {3, 3}, {height, 40}, {1, 1}, 1, 1, 1, 1};
  const int batch = 8;
  const auto x = random_reals<float>(std::ptrdiff_t(batch * 2 * g.input.area()), 1);
  const auto w = random_reals<float>(18, 2);
  const FourierConv2d<float> plan(g, ConvAlgorithm::spatial);
  std::vector<float> all(std::size_t(batch * g.input.area())), one(std::size_t(g.input.area()));
  plan.forward(batch, x.data(), dense(2, g.input), w.data(), nullptr, 2, all.data(), dense(1, g.input));
  plan.forward(1, x.data(), dense(2, g.input), w.data(), nullptr, 2, one.data(), dense(1, g.input));
  CHECK(std::equal(one.begin(), one.end(), all.begin()));
}

void check_empty_batches() {
  const Conv2dGeometry g{8, 8, {3, 3}, {14, 14}};
  for (const auto algorithm : {ConvAlgorithm::tiled, ConvAlgorithm::fourier, ConvAlgorithm::spatial}) {
    const FourierConv2d<float> plan(g, algorithm);
    const std::vector<float> w(8 * 8 * 9, 1.0f);
    CHECK(plan.expected_nanoseconds(0, false) >= 0);
    plan.forward(0, nullptr, dense(8, g.input), w.data(), nullptr, 2, nullptr, dense(8, g.output()));
    std::vector<float> v_w(w.size(), 1.0f), none(w.size());
    plan.adjoint_weight(0, nullptr, dense(8, g.output()), nullptr, dense(8, g.input), 2, v_w.data());
    CHECK(v_w == none);
    v_w = w;
    plan.adjoints(0, nullptr, dense(8, g.output()), nullptr, dense(8, g.input), w.data(), 2, nullptr,
                  dense(8, g.input), v_w.data());
    CHECK(v_w == none);
  }
}

void check_refused(const Conv2dGeometry& g, const char* named) {
  bool refused = false;
  try {
    FourierConv2d<float> plan(g);
  } catch (const std::invalid_argument& error) {
    refused = std::string(error.what()).starts_with(named);
  }
  CHECK(refused);
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
  check_all({8, 7, {5, 5}, {30, 30}});
  for (const Size tile : {Size{30, 30}, Size{18, 18}, Size{18, 30}}) {  // one, two and four pairs an image
    check<float>({3, 32, {5, 5}, {20, 20}, {1, 1}, 2, 2, 2, 2}, ConvAlgorithm::tiled, 1e-4, tile);
    check<float>({20, 4, {5, 5}, {20, 20}, {1, 1}, 2, 2, 2, 2}, ConvAlgorithm::tiled, 1e-4, tile);
    check<double>({20, 4, {5, 5}, {20, 20}, {1, 1}, 2, 2, 2, 2}, ConvAlgorithm::tiled, 1e-12, tile);
  }
  check<double>({10, 9, {3, 3}, {40, 36}}, ConvAlgorithm::tiled, 1e-12, {6, 6});  // gradients of many terms
  check_all({270, 4, {1, 2}, {8, 8}});  // sums in several parts
  check_all({12, 270, {2, 1}, {8, 8}, {1, 1}, 1, 1, 0, 0});
  check_all({1, 2, {150, 2}, {160, 20}, {1, 1}, 3, 3, 0, 1});  // beyond the codelets
  check_all({20, 20, {7, 7}, {30, 30}, {1, 1}, 3, 3, 3, 3, {1, 1}, 20});
  // One channel at a time: rows and vectors that fill register tiles, or do not; windows of every size.
  for (const int rows : {4, 5, 11})
    for (const int columns : {8, 33, 70})
      for (const Size kernel : {Size{3, 3}, Size{5, 2}, Size{7, 9}, Size{2, 7}, Size{6, 5}})
        check_all({3, 3, kernel, {rows + kernel.y - 1, columns}, {1, 1}, 0, 0, 1, 1, {1, 1}, 3});
  check_all({4, 2, {3, 3}, {12, 40}, {1, 1}, 1, 1, 1, 1, {1, 2}, 2});  // two inputs an output
  // Squares of every instruction set's vectors, and channels or samples too few for them.
  for (const int channels : {1, 2, 3, 4, 5, 7, 8, 9, 16, 21})
    for (const int width : {3, 4, 7, 9, 17, 33}) {
      check_layouts<float>(channels, 5, 1, {6, width});
      check_layouts<double>(3, channels, 1, {6, width});
    }
  check_layouts<float>(12, 24, 3, {20, 19});
  check_layouts<float>(19, 19, 19, {20, 19});
  check_algorithms({3, 5, {5, 5}, {40, 33}, {1, 1}, 2, 2, 2, 2});
  check_all({4, 3, {5, 4}, {20, 30}, {1, 1}, 2, 2, 1, 2, {1, 1}, 1, Padding::circular});
  check_all({4, 4, {3, 3}, {17, 16}, {2, 1}, 2, 2, 2, 2, {2, 2}, 4, Padding::circular});
  for (const Padding padding : {Padding::replicate, Padding::reflect})
    for (const ConvAlgorithm algorithm : {ConvAlgorithm::spatial, ConvAlgorithm::tiled, ConvAlgorithm::fourier})
      check_surrounded(padding, algorithm);
  check_changed_weights();
  check_kept_spectra_give_the_same_bits();
  for (int height = 3; height < 14; ++height) check_batches_give_the_same_bits(height);
  check_batches_give_the_same_bits(130);
  check_empty_batches();
  check_refused({1, 1, {5, 5}, {4, 4}}, "kernel");
  check_refused({1, 1, {3, 3}, {8, 8}, {1, 1}, 2, 2, 2, 2, {1, 1}, 1, Padding::circular}, "padding");
  check_refused({1, 1, {3, 3}, {4, 8}, {1, 1}, 4, 0, 0, 0, {1, 1}, 1, Padding::reflect}, "padding");
  check_refused({4, 3, {3, 3}, {8, 8}, {1, 1}, 0, 0, 0, 0, {1, 1}, 2}, "groups");
  std::puts("conv2d: ok");
}
