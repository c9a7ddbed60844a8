#include "fdsr/conv2d.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "conv/correlation.hpp"
#include "conv/expected_time.hpp"
#include "conv/gradients.hpp"
#include "conv/tile_choice.hpp"
#include "fdsr/error.hpp"

namespace fdsr {

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
  if (g.padding == Padding::circular && (g.positions().y > g.input.y || g.positions().x > g.input.x))
    invalid_argument("padding: a circular convolution has (", g.positions().y, ", ", g.positions().x,
                     ") positions on (", g.input.y, ", ", g.input.x, ") samples, must not have more than those");
  const int mirror_y = std::max(g.top, g.bottom), mirror_x = std::max(g.left, g.right);
  if (g.padding == Padding::reflect && (mirror_y >= g.input.y || mirror_x >= g.input.x))
    invalid_argument("padding: (", mirror_y, ", ", mirror_x, ") reflected samples of an input of (", g.input.y, ", ",
                     g.input.x, "), must be fewer than those");
}

}  // namespace

template <class T>
struct FourierConv2d<T>::Plan {
  // The tiles of a plan that transforms.
  struct Tiles {
    conv::TileChoice choice;
    conv::TileTransform<T> transform;
    conv::Tiling forward, adjoint;
  };
  Conv2dGeometry geometry;
  bool trained;
  conv::Axes axes, adjoint_axes;
  std::optional<Tiles> tiles;  // none: sums in the spatial domain
  conv::WeightCache cache;

  Plan(const Conv2dGeometry& g, ConvUse use)
      : geometry(g),
        trained(use == ConvUse::training),
        axes(conv::forward_axes(g)),
        adjoint_axes(conv::adjoint_axes(g)) {}

  void make_tiles(const conv::TileChoice& choice) {
    const Conv2dGeometry& g = geometry;
    tiles.emplace(Tiles{choice, conv::TileTransform<T>(choice.length()),
                        conv::tiling_of(choice, g.positions(), g.extent()),
                        conv::tiling_of(choice, g.input, g.extent())});
  }
  void check_adjoint() const {
    if (geometry.padding == Padding::replicate || geometry.padding == Padding::reflect)
      throw std::logic_error("padding: replicate and reflect have no adjoint here, pad the input beforehand");
  }

  conv::Call call(Index batch, bool channels_last) const {
    return {double(batch), trained, channels_last, kernels::conv_kernels<T>().lanes, sizeof(T), trained ? 1.0 : 0.0};
  }
  Channels channels() const { return conv::channels_of(geometry); }
  std::size_t weight_count() const {
    return std::size_t(geometry.out_channels) * (geometry.in_channels / geometry.groups) * geometry.kernel.area();
  }
  template <class P>
  conv::Kernels<P> kernels(P* w) const {
    const Conv2dGeometry& g = geometry;
    const Index area = g.kernel.area();
    const Index in = g.in_channels / g.groups, out = g.out_channels / g.groups;
    return {w, g.kernel, g.dilation, in * area, area, g.kernel.x, 1, out * in * area};
  }
  // Kernels that correlate cotangents.
  conv::Kernels<const T> turned(const T* w) const {
    conv::Kernels<const T> turned = kernels(w);
    turned.data += Index{turned.size.y - 1} * turned.y_stride + (turned.size.x - 1) * turned.x_stride;
    turned.y_stride = -turned.y_stride;
    turned.x_stride = -turned.x_stride;
    if (!channels().depthwise) std::swap(turned.in_stride, turned.out_stride);
    return turned;
  }
  // Maps on the axes of the adjoint: the cotangent's, and the input's.
  conv::Image<const T> spread(const T* v, const Strides& strides) const {
    return {v, strides, &adjoint_axes.from_y, &adjoint_axes.from_x};
  }
  template <class P>
  conv::Image<P> placed(P* x, const Strides& strides) const {
    return {x, strides, &adjoint_axes.to_y, &adjoint_axes.to_x};
  }
  conv::Gradients<T> gradients(Index batch, const T* v, const Strides& v_strides, const T* x, const Strides& x_strides,
                               int threads) const {
    return {tiles->transform,     tiles->adjoint, batch,  spread(v, v_strides),
            placed(x, x_strides), channels(),     threads};
  }
};

template <class T>
FourierConv2d<T>::FourierConv2d(const Conv2dGeometry& geometry, ConvAlgorithm algorithm, Size tile, ConvUse use) {
  check(geometry);
  auto plan = std::make_unique<Plan>(geometry, use);
  if (algorithm == ConvAlgorithm::spatial) {
    if (tile.y || tile.x) invalid_argument("tile: (", tile.y, ", ", tile.x, ") given, spatial sums have no tiles");
  } else {
    const conv::Call call = plan->call(2, false);
    const conv::TileChoice choice = conv::choose_tile(geometry, algorithm, tile, call);
    const bool is_open = algorithm == ConvAlgorithm::automatic && !tile.y && !tile.x;
    if (!is_open || conv::time_of_tiles(geometry, choice, call) <= conv::time_of_sums(geometry, call))
      plan->make_tiles(choice);
  }
  plan_ = std::move(plan);
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
ConvAlgorithm FourierConv2d<T>::algorithm() const {
  if (!plan_->tiles) return ConvAlgorithm::spatial;
  return plan_->tiles->forward.tiles() == 1 ? ConvAlgorithm::fourier : ConvAlgorithm::tiled;
}
template <class T>
Size FourierConv2d<T>::tile() const {
  return plan_->tiles ? plan_->tiles->transform.length() : Size{0, 0};
}

template <class T>
std::array<double, 8> FourierConv2d<T>::work(std::ptrdiff_t batch, bool channels_last) const {
  const Plan& p = *plan_;
  const conv::Call call = p.call(batch, channels_last);
  return p.tiles ? conv::work_of_tiles(p.geometry, p.tiles->choice, call) : conv::work_of_sums(p.geometry, call);
}
template <class T>
double FourierConv2d<T>::expected_nanoseconds(std::ptrdiff_t batch, bool channels_last) const {
  const Plan& p = *plan_;
  const conv::Call call = p.call(batch, channels_last);
  return p.tiles ? conv::time_of_tiles(p.geometry, p.tiles->choice, call) : conv::time_of_sums(p.geometry, call);
}

template <class T>
void FourierConv2d<T>::forward(std::ptrdiff_t batch, const T* x, const Strides& x_strides, const T* w, const T* bias,
                               int threads, T* y, const Strides& y_strides, KeepSpectra keep) const {
  const Plan& p = *plan_;
  const conv::Maps<T> maps{batch, {x, x_strides, &p.axes.from_y, &p.axes.from_x}, p.channels(), p.kernels(w), bias,
                           threads, {y, y_strides, &p.axes.to_y, &p.axes.to_x}};
  if (!p.tiles) return conv::correlate_in_space(maps);
  conv::correlate<T>({maps, p.tiles->transform, p.tiles->forward}, keep, p.cache, p.weight_count());
}

// The same correlation with the cotangent and turned kernels whose channels change places.
template <class T>
void FourierConv2d<T>::adjoint_input(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* w,
                                     int threads, T* v_x, const Strides& v_x_strides) const {
  const Plan& p = *plan_;
  p.check_adjoint();
  const Channels channels = p.channels(), back{channels.out, channels.in, channels.groups, channels.depthwise};
  const conv::Maps<T> maps{batch, p.spread(v, v_strides), back, p.turned(w), nullptr, threads,
                           p.placed(v_x, v_x_strides)};
  if (!p.tiles) return conv::correlate_in_space(maps);
  conv::correlate<T>({maps, p.tiles->transform, p.tiles->adjoint}, {}, p.cache, 0);
}

template <class T>
void FourierConv2d<T>::adjoint_weight(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* x,
                                      const Strides& x_strides, int threads, T* v_w) const {
  const Plan& p = *plan_;
  p.check_adjoint();
  if (batch == 0) {
    std::fill_n(v_w, p.weight_count(), T(0));
    return;
  }
  if (p.tiles) return conv::correlate_maps<T>(p.gradients(batch, v, v_strides, x, x_strides, threads), p.kernels(v_w));
  const conv::Image<const T> samples{x, x_strides, &p.axes.from_y, &p.axes.from_x};
  const conv::Image<const T> cotangents{v, v_strides, &p.axes.to_y, &p.axes.to_x};
  conv::correlate_maps_in_space(batch, samples, cotangents, p.channels(), threads, p.kernels(v_w));
}

template <class T>
void FourierConv2d<T>::adjoints(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* x,
                                const Strides& x_strides, const T* w, int threads, T* v_x, const Strides& v_x_strides,
                                T* v_w) const {
  const Plan& p = *plan_;
  p.check_adjoint();
  if (batch && p.tiles && conv::is_shared_better(p.tiles->transform, p.tiles->adjoint, p.channels(), threads)) {
    const conv::ToInput<T> to_input{p.turned(w), p.placed(v_x, v_x_strides)};
    return conv::correlate_maps<T>(p.gradients(batch, v, v_strides, x, x_strides, threads), p.kernels(v_w), &to_input);
  }
  adjoint_input(batch, v, v_strides, w, threads, v_x, v_x_strides);
  adjoint_weight(batch, v, v_strides, x, x_strides, threads, v_w);
}

template class FourierConv2d<float>;
template class FourierConv2d<double>;

}  // namespace fdsr
