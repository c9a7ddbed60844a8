// Two-dimensional multichannel convolution in the Fourier domain, and its two adjoints.
//
//   y[b, o, n] = sum_i sum_d x[b, i, stride n + dilation d - padding] w[o, i, d]
//
// (cross-correlation, as neural networks call convolution), by overlap-save tiles or one transform of the whole map.
#pragma once

#include <cstddef>
#include <memory>

#include "fdsr/geometry.hpp"

namespace fdsr {

struct Conv2dGeometry {
  int in_channels = 1;
  int out_channels = 1;
  Size kernel{1, 1};
  Size input{1, 1};
  Size stride{1, 1};
  int top = 0, bottom = 0, left = 0, right = 0;  // zeros around the input
  Size dilation{1, 1};
  int groups = 1;

  Size extent() const { return {dilation.y * (kernel.y - 1) + 1, dilation.x * (kernel.x - 1) + 1}; }
  Size padded() const { return {input.y + top + bottom, input.x + left + right}; }
  Size output() const {
    return {(padded().y - extent().y) / stride.y + 1, (padded().x - extent().x) / stride.x + 1};
  }
};

// Elements between neighbours along the axes of an array [batch, channel, y, x].
struct Strides {
  std::ptrdiff_t batch = 0, channel = 0, y = 0, x = 0;
};

enum class ConvAlgorithm { automatic, tiled, fourier };

template <class T>
class FourierConv2d {
 public:
  // tile: length of the transforms, 0 lets the plan choose. Throws std::invalid_argument for impossible geometries.
  explicit FourierConv2d(const Conv2dGeometry& geometry, ConvAlgorithm algorithm = ConvAlgorithm::automatic,
                         int tile = 0);
  ~FourierConv2d();
  FourierConv2d(FourierConv2d&&) noexcept;

  const Conv2dGeometry& geometry() const;
  int tile() const;
  bool whole_map() const;

  // w [out_channels][in_channels / groups][ky][kx], dense; bias [out_channels] or null. The arrays x, v, y, v_x have
  // the given strides. keep_spectra: the weights' spectra are kept for the next call with the same weights (compared
  // by content); for inference.
  void forward(std::ptrdiff_t batch, const T* x, const Strides& x_strides, const T* w, const T* bias, int threads,
               T* y, const Strides& y_strides, bool keep_spectra = false) const;
  void adjoint_input(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* w, int threads, T* v_x,
                     const Strides& v_x_strides) const;
  // v_w like w
  void adjoint_weight(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* x,
                      const Strides& x_strides, int threads, T* v_w) const;

 private:
  struct Plan;
  std::unique_ptr<const Plan> plan_;
};

}  // namespace fdsr
