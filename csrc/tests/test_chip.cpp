// The chip: quantiser, random numbers, ideal transforms and convolutions against direct sums, noise that depends on
// the sample alone, counts.
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "fdsr/chip.hpp"

using namespace fdsr;
using fdsr::test::Field;
using fdsr::test::random_field;
using fdsr::test::random_reals;

namespace {

constexpr ChipRange kFree{kFrameMaximum, kFrameMaximum};

Strides dense(int channels, Size size) { return {size.area() * channels, size.area(), size.x, 1}; }

void check_quantiser() {
  // 2 bits: -1, 0, 1; halves to even; saturation.
  CHECK(quantise(0.5, 2, 1.0) == 0 && quantise(0.6, 2, 1.0) == 1 && quantise(-7, 2, 1.0) == -1);
  CHECK(quantise(0.5, 3, 3.0) == 0 && quantise(1.5, 3, 3.0) == 2 && quantise(2.5, 3, 3.0) == 2);
  CHECK(quantise(0.123, 0, 1.0) == 0.123 && quantise(0.3, 4, 0.0) == 0);
  CHECK(std::isnan(quantise(NAN, 4, 1.0)));
}

// Test vectors of the authors of Philox (Random123, kat_vectors).
void check_philox() {
  using Words = std::array<std::uint32_t, 4>;
  CHECK((philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t f = 0xffffffff;
  CHECK((philox({f, f, f, f}, {f, f}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK((philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
         Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

template <class T>
void check_transform(Size frame, int passes, double tolerance) {
  ChipModel model;
  model.frame = frame;
  model.dac_bits = model.adc_bits = 0;
  const ChipTransform<T> plan(model, passes);
  const Size n = plan.size();
  const int batch = 3;
  const auto x = random_field<T>(n.area() * batch, 5);
  const std::vector<ChipRange> ranges(passes, kFree);
  Field<T> y(x.size()), back(x.size());
  plan.forward(batch, x.data(), false, ranges, {}, 2, y.data(), nullptr, nullptr);
  plan.forward(batch, y.data(), true, ranges, {}, 2, back.data(), nullptr, nullptr);
  CHECK(test::largest_difference(x, back) < tolerance);
  // A few frequencies of the last image from the definition, with unitary scaling.
  for (const Size k : {Size{0, 0}, Size{1, 0}, Size{n.y - 1, n.x / 2}, Size{n.y / 3, n.x - 1}}) {
    std::complex<double> sum = 0;
    for (int i = 0; i < n.y; ++i)
      for (int j = 0; j < n.x; ++j)
        sum += std::complex<double>(x[2 * n.area() + i * n.x + j]) *
               std::polar(1.0, -2 * std::numbers::pi * (double(k.y) * i / n.y + double(k.x) * j / n.x));
    CHECK(std::abs(std::complex<double>(y[2 * n.area() + k.y * n.x + k.x]) - sum / std::sqrt(double(n.area()))) <
          tolerance);
  }
}

template <class T>
void check_ideal_convolution(const Conv2dGeometry& g, bool optical, double tolerance) {
  const int batch = 3;
  const Size out = g.output();
  ChipModel model;
  model.dac_bits = model.adc_bits = 0;
  model.optical_weights = model.optical_product = optical;
  const auto x = random_reals<T>(batch * g.in_channels * g.input.area(), 1);
  const auto w = random_reals<T>(std::ptrdiff_t{g.out_channels} * (g.in_channels / g.groups) * g.kernel.area(), 2);
  const auto v = random_reals<T>(batch * g.out_channels * out.area(), 3);
  const ChipConv2d<T> chip(g, model);
  const FourierConv2d<T> exact(g);
  const Strides xs = dense(g.in_channels, g.input), ys = dense(g.out_channels, out);
  std::vector<T> y(v.size()), wanted(v.size()), v_w(w.size()), wanted_v_w(w.size());
  const std::vector<ChipRange> ranges(2 * chip.passes(), kFree);
  ChipTally tally;
  chip.forward(batch, x.data(), xs, w.data(), nullptr, ranges, {}, 1, 2, y.data(), ys, &tally, nullptr);
  exact.forward(batch, x.data(), xs, w.data(), nullptr, 2, wanted.data(), ys);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::abs(y[i] - wanted[i]) < tolerance);
  CHECK(tally.compared == std::int64_t(y.size()) && tally.error <= tally.signal * tolerance * tolerance);
  for (int stage = 0; stage < 2; ++stage) CHECK(tally.dac_clipped[stage] == 0 && tally.adc_clipped[stage] == 0);
  chip.adjoint_weight(batch, v.data(), ys, x.data(), xs, {}, 2, v_w.data(), &tally);
  exact.adjoint_weight(batch, v.data(), ys, x.data(), xs, 2, wanted_v_w.data());
  for (std::size_t i = 0; i < v_w.size(); ++i) CHECK(std::abs(v_w[i] - wanted_v_w[i]) < 10 * tolerance);
}

ChipModel noisy_model() {
  ChipModel model;
  model.inp_noise = 0.01;
  model.out_noise = 0.02;
  model.phase_noise = 0.03;
  model.photons = 1e5;
  return model;
}

// The same bits for any number of threads and any split of the batch.
template <class T>
void check_reproducible() {
  const Conv2dGeometry g{3, 2, {3, 3}, {20, 22}, {1, 1}, 1, 1, 1, 1};
  const ChipConv2d<T> chip(g, noisy_model());
  const int batch = 5;
  const auto x = random_reals<T>(batch * 3 * g.input.area(), 1);
  const auto w = random_reals<T>(2 * 3 * 9, 2);
  const std::vector<ChipRange> ranges{{4, 12}, {20, 10}};
  const Strides xs = dense(3, g.input), ys = dense(2, g.output());
  std::vector<T> y(batch * ys.batch), again(y.size()), other(y.size());
  chip.forward(batch, x.data(), xs, w.data(), nullptr, ranges, {7, 1, 2, 40}, 0, 2, y.data(), ys, nullptr, nullptr);
  chip.forward(batch, x.data(), xs, w.data(), nullptr, ranges, {7, 1, 2, 40}, 0, 1, again.data(), ys, nullptr, nullptr);
  CHECK(y == again);
  chip.forward(2, x.data(), xs, w.data(), nullptr, ranges, {7, 1, 2, 40}, 0, 2, again.data(), ys, nullptr, nullptr);
  chip.forward(3, x.data() + 2 * xs.batch, xs, w.data(), nullptr, ranges, {7, 1, 2, 42}, 0, 2,
               again.data() + 2 * ys.batch, ys, nullptr, nullptr);
  CHECK(y == again);
  for (const ChipDraw& draw : {ChipDraw{8, 1, 2, 40}, ChipDraw{7, 2, 2, 40}, ChipDraw{7, 1, 3, 40}, ChipDraw{7, 1, 2, 41}}) {
    chip.forward(batch, x.data(), xs, w.data(), nullptr, ranges, draw, 0, 2, other.data(), ys, nullptr, nullptr);
    CHECK(other != y);
  }
}

void check_counts() {
  // 32×32 outputs of a 3×3 kernel: 4×4 tiles of 9×9, each a frame a channel in and out.
  Conv2dGeometry g{3, 5, {3, 3}, {32, 32}, {1, 1}, 1, 1, 1, 1};
  ChipModel model;
  CHECK((ChipConv2d<float>(g, model).tiles() == Size{4, 4}));
  CHECK(ChipConv2d<float>(g, model).frames() == 16 * (3 + 5));
  model.shots = 2;
  model.slicing = ChipSlicing::binary;
  model.slices = 3;
  model.optical_product = true;
  CHECK(ChipConv2d<float>(g, model).frames() == 16 * (3 + 3 * 5) * 6);
  CHECK(ChipTransform<float>({}, 2).frames() == 242);
  bool refused = false;
  try {
    g.kernel = {122, 1};
    g.input = {200, 200};
    ChipConv2d<float> plan(g, {});
  } catch (const std::invalid_argument&) {
    refused = true;
  }
  CHECK(refused);
}

}  // namespace

int main() {
  check_quantiser();
  check_philox();
  // Sums of 121 to 14641 terms of order one.
  check_transform<float>({11, 11}, 1, 2e-5);
  check_transform<double>({11, 11}, 1, 1e-13);
  check_transform<double>({4, 7}, 1, 1e-13);
  check_transform<double>({5, 6}, 2, 1e-12);
  check_transform<double>({3, 2}, 3, 1e-12);
  check_transform<float>({11, 11}, 2, 1e-4);
  for (const bool optical : {false, true}) {
    check_ideal_convolution<float>({3, 5, {3, 3}, {20, 23}, {1, 1}, 1, 2, 0, 1}, optical, 2e-4);
    check_ideal_convolution<double>({3, 5, {3, 4}, {20, 23}, {2, 3}, 1, 2, 0, 1, {2, 1}}, optical, 1e-11);
    check_ideal_convolution<double>({4, 6, {3, 3}, {13, 13}, {1, 1}, 1, 1, 1, 1, {1, 1}, 2}, optical, 1e-11);
  }
  check_ideal_convolution<double>({2, 1, {13, 12}, {20, 20}, {1, 1}, 6, 6, 5, 6}, false, 1e-10);
  check_reproducible<float>();
  check_reproducible<double>();
  check_counts();
  std::puts("chip: ok");
}
