// Two-dimensional multichannel convolution in the Fourier domain (or by direct sums), and its two adjoints.
//
//   y[b, o, n] = sum_i sum_d x[b, i, stride n + dilation d - padding] w[o, i, d]
//
// (cross-correlation, as neural networks call convolution), by overlap-save tiles or one transform of the whole map.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "fdsr/geometry.hpp"

namespace fdsr {

// What surrounds the input: zeros, samples of its other side, its outermost samples, or its mirror image.
enum class Padding { zeros, circular, replicate, reflect };

struct Conv2dGeometry {
  int in_channels = 1;
  int out_channels = 1;
  Size kernel{1, 1};
  Size input{1, 1};
  Size stride{1, 1};
  int top = 0, bottom = 0, left = 0, right = 0;
  Size dilation{1, 1};
  int groups = 1;
  Padding padding = Padding::zeros;

  bool is_depthwise() const { return groups > 1 && groups == in_channels && groups == out_channels; }
  Size extent() const { return {dilation.y * (kernel.y - 1) + 1, dilation.x * (kernel.x - 1) + 1}; }
  Size padded() const { return {input.y + top + bottom, input.x + left + right}; }
  // Positions before the stride picks some of them.
  Size positions() const { return {padded().y - extent().y + 1, padded().x - extent().x + 1}; }
  Size output() const { return {(positions().y - 1) / stride.y + 1, (positions().x - 1) / stride.x + 1}; }
};

// Elements between neighbours along the axes of an array [batch, channel, y, x].
struct Strides {
  std::ptrdiff_t batch = 0, channel = 0, y = 0, x = 0;
};

// tiled: overlap-save; fourier: one transform of the whole map; spatial: direct sums; automatic: what costs least, for
// transforms along either axis.
enum class ConvAlgorithm { automatic, tiled, fourier, spatial };

// What a plan's choices are good for: forward passes with weights whose spectra are kept, or a forward pass and both
// gradients with weights that change from call to call. Either plan can do everything.
enum class ConvUse { inference, training };

// Whether the weights' spectra stay in a bounded cache of the process for the next call with the same plan and weights,
// for inference. They are compared with the weights' content before they are used again, unless the caller numbers the
// weights: equal versions are the promise of equal content, in whatever place.
struct KeepSpectra {
  bool keep = false;
  std::uint64_t version = 0;  // 0: compare
};

template <class T>
class FourierConv2d {
 public:
  // tile: lengths of the transforms, 0 lets the plan choose. Throws std::invalid_argument for impossible geometries,
  // among them circular ones with more positions than samples and mirrors wider than the input.
  explicit FourierConv2d(const Conv2dGeometry& geometry, ConvAlgorithm algorithm = ConvAlgorithm::automatic,
                         Size tile = {0, 0}, ConvUse use = ConvUse::inference);
  ~FourierConv2d();
  FourierConv2d(FourierConv2d&&) noexcept;

  const Conv2dGeometry& geometry() const;
  ConvAlgorithm algorithm() const;  // not automatic
  Size tile() const;                // lengths of the transforms; 0 if there are none

  // A guess of the time that one thread takes for the plan's use, and the amounts of work (conv/expected_time.hpp)
  // that it is made of.
  double expected_nanoseconds(std::ptrdiff_t batch, bool channels_last) const;
  std::array<double, 8> work(std::ptrdiff_t batch, bool channels_last) const;

  // w [out_channels][in_channels / groups][ky][kx], dense; bias [out_channels] or null. The arrays x, v, y, v_x have
  // the given strides.
  void forward(std::ptrdiff_t batch, const T* x, const Strides& x_strides, const T* w, const T* bias, int threads,
               T* y, const Strides& y_strides, KeepSpectra keep = {}) const;
  // The adjoints are there for zeros and circular padding only; they throw std::logic_error for the others.
  void adjoint_input(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* w, int threads, T* v_x,
                     const Strides& v_x_strides) const;
  // v_w like w
  void adjoint_weight(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* x,
                      const Strides& x_strides, int threads, T* v_w) const;
  // Both at once, with the same bits: transforms of v serve both.
  void adjoints(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* x, const Strides& x_strides,
                const T* w, int threads, T* v_x, const Strides& v_x_strides, T* v_w) const;

 private:
  struct Plan;
  std::unique_ptr<const Plan> plan_;
};

}  // namespace fdsr
