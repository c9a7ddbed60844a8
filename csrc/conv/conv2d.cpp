#include "fdsr/conv2d.hpp"

#include <algorithm>
#include <cmath>

#include "conv/correlation.hpp"
#include "fdsr/error.hpp"

namespace fdsr {

using conv::Axis;
using conv::Channels;
using conv::Index;

namespace {

void check(const Conv2dGeometry& g) {
  auto positive = [](const char* name, int value) {
    if (value < 1) invalid_argument(name, ": ", value, " given, must be at least 1");
  };
  positive("in_channels", g.in_channels);
  positive("out_channels", g.out_channels);
  positive("groups", g.groups);
  for (const int v : {g.kernel.y, g.kernel.x}) positive("kernel", v);
  for (const int v : {g.input.y, g.input.x}) positive("input_size", v);
  for (const int v : {g.stride.y, g.stride.x}) positive("stride", v);
  for (const int v : {g.dilation.y, g.dilation.x}) positive("dilation", v);
  for (const int v : {g.top, g.bottom, g.left, g.right})
    if (v < 0) invalid_argument("padding: ", v, " given, must not be negative");
  if (g.in_channels % g.groups || g.out_channels % g.groups)
    invalid_argument("groups: ", g.groups, " must divide in_channels=", g.in_channels,
                     " and out_channels=", g.out_channels);
  if (g.extent().y > g.padded().y || g.extent().x > g.padded().x)
    invalid_argument("kernel: extent (", g.extent().y, ", ", g.extent().x, ") is larger than the padded input (",
                     g.padded().y, ", ", g.padded().x, ")");
}

// Time of a call, relative, for two images. `extent`: positions that are wanted. The factors were fitted to some 240
// measured calls (one thread of an AVX-512 machine, 3 to 128 channels, kernels 3 to 31, every length; median error 12 %).
double cost(const Conv2dGeometry& g, Size extent, int length, int lanes) {
  const int reach = std::max(g.extent().y, g.extent().x);
  const conv::Tiling tiling(extent, length - reach + 1);
  const double area = double(length) * length, pairs = 2.0 * tiling.pairs, log = std::log2(double(length));
  const bool depthwise = g.groups == g.in_channels && g.groups == g.out_channels;
  const double in = std::ceil(pairs * g.in_channels / lanes), out = std::ceil(pairs * g.out_channels / lanes);
  const double terms = depthwise ? 1.0 : double(g.in_channels) / g.groups;  // of a sum over channels
  const double weights = terms * g.out_channels / lanes;
  // Spectra of the weights are kept in inference and made anew in training: count half of that work.
  return area * ((22.8 + 0.55 * log) * (in + out) + 0.79 * terms * pairs * g.out_channels / lanes +
                 (6.5 + 1.5 * log) * weights);
}

int choose_tile(const Conv2dGeometry& g, ConvAlgorithm algorithm, int tile, int lanes) {
  const int reach = std::max(g.extent().y, g.extent().x);
  const Size extent{g.padded().y - g.extent().y + 1, g.padded().x - g.extent().x + 1};
  const int whole = std::max(extent.y, extent.x) + reach - 1;
  int best = 0;
  double least = 0;
  for (const int length : conv::tile_lengths()) {
    if (tile && length != tile) continue;
    if (length < (algorithm == ConvAlgorithm::fourier ? whole : reach)) continue;
    const double now = cost(g, extent, length, lanes);
    if (!best || now < least) {
      best = length;
      least = now;
    }
  }
  if (!best)
    invalid_argument(tile ? "tile" : "kernel", ": no transform of length ", tile ? std::to_string(tile) + " " : "",
                     "covers ", algorithm == ConvAlgorithm::fourier ? "a map of " : "a kernel of ",
                     algorithm == ConvAlgorithm::fourier ? whole : reach, " samples; the longest is ",
                     conv::tile_lengths().back());
  return best;
}

}  // namespace

template <class T>
struct FourierConv2d<T>::Plan {
  Conv2dGeometry geometry;
  conv::TileTransform<T> transform;
  bool whole;
  std::unique_ptr<conv::WeightCache<T>> cache;

  Channels channels() const {
    const Conv2dGeometry& g = geometry;
    if (g.groups == g.in_channels && g.groups == g.out_channels && g.groups > 1)
      return {g.in_channels, g.out_channels, 1, true};
    return {g.in_channels / g.groups, g.out_channels / g.groups, g.groups, false};
  }
  // Positions before the stride picks some of them.
  Size dense() const {
    return {geometry.padded().y - geometry.extent().y + 1, geometry.padded().x - geometry.extent().x + 1};
  }
  template <class P>
  conv::Kernels<P> kernels(P* w) const {
    const Conv2dGeometry& g = geometry;
    const Index area = g.kernel.area();
    const Index in = g.in_channels / g.groups, out = g.out_channels / g.groups;
    return {w, g.kernel, g.dilation, in * area, area, g.kernel.x, 1, out * in * area};
  }
};

template <class T>
FourierConv2d<T>::FourierConv2d(const Conv2dGeometry& geometry, ConvAlgorithm algorithm, int tile) {
  check(geometry);
  const int length = choose_tile(geometry, algorithm, tile, kernels::conv_kernels<T>().lanes);
  Plan plan{geometry, conv::TileTransform<T>(length), false, {}};
  plan.cache = std::make_unique<conv::WeightCache<T>>();
  const int reach = std::max(geometry.extent().y, geometry.extent().x);
  plan.whole = std::max(plan.dense().y, plan.dense().x) + reach - 1 <= length;
  plan_ = std::make_unique<const Plan>(std::move(plan));
}
template <class T>
FourierConv2d<T>::~FourierConv2d() = default;
template <class T>
FourierConv2d<T>::FourierConv2d(FourierConv2d&&) noexcept = default;

template <class T>
const Conv2dGeometry& FourierConv2d<T>::geometry() const {
  return plan_->geometry;
}
template <class T>
int FourierConv2d<T>::tile() const {
  return plan_->transform.length();
}
template <class T>
bool FourierConv2d<T>::whole_map() const {
  return plan_->whole;
}

template <class T>
void FourierConv2d<T>::forward(std::ptrdiff_t batch, const T* x, const Strides& x_strides, const T* w, const T* bias,
                               int threads, T* y, const Strides& y_strides, bool keep_spectra) const {
  const Conv2dGeometry& g = geometry();
  const Axis from_y = conv::sampled_axis(g.padded().y, g.top, 1, g.input.y);
  const Axis from_x = conv::sampled_axis(g.padded().x, g.left, 1, g.input.x);
  const Size dense = plan_->dense(), out = g.output();
  const Axis to_y = conv::sampled_axis(dense.y, 0, g.stride.y, out.y);
  const Axis to_x = conv::sampled_axis(dense.x, 0, g.stride.x, out.x);
  correlate<T>(plan_->transform, batch, {x, x_strides, &from_y, &from_x}, plan_->channels(), plan_->kernels(w), dense,
               bias, threads, {y, y_strides, &to_y, &to_x}, keep_spectra ? plan_->cache.get() : nullptr,
               std::size_t(g.out_channels) * (g.in_channels / g.groups) * g.kernel.area());
}

// The same correlation with the cotangent, spread by the stride and surrounded by zeros, and with turned kernels
// whose channels change places.
template <class T>
void FourierConv2d<T>::adjoint_input(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* w,
                                     int threads, T* v_x, const Strides& v_x_strides) const {
  const Conv2dGeometry& g = geometry();
  const Size reach = g.extent(), out = g.output();
  const Axis from_y = conv::sampled_axis(g.input.y + reach.y - 1, reach.y - 1 - g.top, g.stride.y, out.y);
  const Axis from_x = conv::sampled_axis(g.input.x + reach.x - 1, reach.x - 1 - g.left, g.stride.x, out.x);
  const Axis to_y = conv::sampled_axis(g.input.y, 0, 1, g.input.y);
  const Axis to_x = conv::sampled_axis(g.input.x, 0, 1, g.input.x);
  conv::Kernels<const T> turned = plan_->kernels(w);
  turned.data += Index{g.kernel.y - 1} * turned.y_stride + (g.kernel.x - 1) * turned.x_stride;
  turned.y_stride = -turned.y_stride;
  turned.x_stride = -turned.x_stride;
  Channels channels = plan_->channels();
  if (!channels.depthwise) {
    std::swap(turned.in_stride, turned.out_stride);
    std::swap(channels.in, channels.out);
  }
  correlate<T>(plan_->transform, batch, {v, v_strides, &from_y, &from_x}, channels, turned, g.input, nullptr, threads,
               {v_x, v_x_strides, &to_y, &to_x});
}

template <class T>
void FourierConv2d<T>::adjoint_weight(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* x,
                                      const Strides& x_strides, int threads, T* v_w) const {
  const Conv2dGeometry& g = geometry();
  const Axis x_y = conv::sampled_axis(g.padded().y, g.top, 1, g.input.y);
  const Axis x_x = conv::sampled_axis(g.padded().x, g.left, 1, g.input.x);
  const Size dense = plan_->dense(), out = g.output();
  const Axis v_y = conv::sampled_axis(dense.y, 0, g.stride.y, out.y);
  const Axis v_x = conv::sampled_axis(dense.x, 0, g.stride.x, out.x);
  correlate_maps<T>(plan_->transform, batch, {x, x_strides, &x_y, &x_x}, {v, v_strides, &v_y, &v_x},
                    plan_->channels(), dense, threads, plan_->kernels(v_w));
}

template class FourierConv2d<float>;
template class FourierConv2d<double>;

}  // namespace fdsr
