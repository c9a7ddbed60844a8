// The spectra of a convolution: of tiles (slots of pairs and channels) and of weights (matrices of channels).
#pragma once

#include <algorithm>
#include <vector>

#include "conv/tile_transform.hpp"
#include "conv/tiling.hpp"
#include "threads/buffers.hpp"

namespace fdsr::conv {

// Channels of one group, and how often; a depthwise convolution is one group of `in` channels without mixing.
struct Channels {
  Index in = 1, out = 1, groups = 1;
  bool depthwise = false;
};
inline Channels channels_of(const Conv2dGeometry& g) {
  if (g.is_depthwise()) return {g.in_channels, g.out_channels, 1, true};
  return {g.in_channels / g.groups, g.out_channels / g.groups, g.groups, false};
}

// Kernels in memory: element (out, in, a, b) of a group lies at out * out_stride + ...; strides may be negative.
template <class P>
struct Kernels {
  P* data = nullptr;
  Size size, dilation;
  Index out_stride = 0, in_stride = 0, y_stride = 0, x_stride = 0;
  Index group_stride = 0;
};

// Neighbouring slots from `first` on.
template <class T>
struct SlotRun {
  T* first;
  Index stride;
  operator SlotRun<const T>() const { return {first, stride}; }
};

// Slots of lanes, `stride` elements apart.
template <class T>
class Slots {
 public:
  Slots() = default;
  Slots(Index slots, Index lanes)
      : stride_(padded_stride(lanes)), buffer_(std::size_t(slots) * std::size_t(stride_) * sizeof(T)) {}
  T* at(Index slot) const { return buffer_.template as<T>() + slot * stride_; }
  Index stride() const { return stride_; }
  SlotRun<T> from(Index slot) const { return {at(slot), stride_}; }

 private:
  // An odd number of blocks: slots a power of two apart would fall into the same cache lines' sets.
  static Index padded_stride(Index lanes) {
    const Index vectors = lanes / kernels::conv_kernels<T>().lanes;
    return (vectors | 1) * 2 * kernels::conv_kernels<T>().lanes;
  }
  Index stride_ = 0;
  Buffer buffer_;
};

// The order of a matrix of weights: rows are what the product sums over (or the output channels if the pairs of
// tiles are the columns of the product), columns the other. A depthwise convolution has one row, repeated to fill a
// vector.
struct WeightOrder {
  LaneOrder lanes;
  bool rows_are_inputs = true;
  bool depthwise = false;
  // (in, out) of a lane, used or not
  struct Item {
    Index in, out;
    bool used;
  };
  Item item(Index lane) const {
    if (depthwise) {
      const Index channel = lane % lanes.pitch;
      return {0, channel, channel < lanes.inner};
    }
    const auto [inner, outer, used] = lanes.item(lane);  // (pair, channel) of an order with the pairs inside
    return rows_are_inputs ? Item{outer, inner, used} : Item{inner, outer, used};
  }
};
WeightOrder weight_order(bool rows_are_inputs, const Channels& channels, int width, int lanes);

// Conjugate half spectra of the kernels of one group, times `scale`.
template <class T>
Slots<T> weight_spectra(const TileTransform<T>& transform, const Kernels<const T>& kernels, Index group,
                        const WeightOrder& order, T scale, int threads);
// The largest part of every lane's spectrum, infinity if any is not finite: what several threads find.
template <class T>
class Magnitudes {
 public:
  Magnitudes(Index lanes, int threads)
      : lanes_(lanes), most_(std::size_t(lanes) * std::size_t(std::max(threads, 1)), T(0)) {}
  T* of(int thread) { return most_.data() + thread * lanes_; }
  const T* of_all() {
    T* const most = most_.data();
    for (const T* next = most + lanes_; next < most + most_.size(); next += lanes_)
      for (Index lane = 0; lane < lanes_; ++lane) most[lane] = std::max(most[lane], next[lane]);
    return most;
  }

 private:
  Index lanes_;
  std::vector<T> most_;
};

// Half spectra -> the kernels' samples, times `scale`; the last sample lies at the tile's origin, the others before it,
// around the circle. most: the spectra's Magnitudes.
template <class T>
void kernels_from_spectra(const TileTransform<T>& transform, const Slots<T>& spectra, const T* most,
                          const WeightOrder& order, T scale, int threads, const Kernels<T>& kernels, Index group);

}  // namespace fdsr::conv
