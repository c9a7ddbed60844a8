// Maps whose channels are neighbours in memory, copied to planes: one channel's samples after another.
#pragma once

#include <algorithm>
#include <optional>

#include "conv/correlation.hpp"
#include "fdsr/threads.hpp"
#include "threads/buffers.hpp"

namespace fdsr::conv {

template <class P>
bool channels_are_neighbours(const Image<P>& image) {
  return image.strides.channel == 1 && image.strides.x != 1;
}

// Whether tiles are read and written faster from planes: where vectors take no lanes from neighbours, or so few that
// every group of channels would go through most of the image's cache lines for a quarter of each.
template <class P>
bool are_planes_better(const Image<P>& image, const LaneChoice& choice, Index channels) {
  constexpr Index kFewest = 16 / Index(sizeof(P));
  return channels_are_neighbours(image) &&
         (!choice.pairs_outside || std::min<Index>(choice.width, channels) <= kFewest);
}

template <class T>
class Planes {
 public:
  Planes(Index batch, Index channels, const Axis& y, const Axis& x)
      : batch_(batch),
        channels_(channels),
        height_(samples(y)),
        width_(samples(x)),
        plane_(odd_lines<T>(height_ * width_)),
        memory_(std::size_t(batch * channels * plane_) * sizeof(T)) {}

  template <class P>
  Image<P> image(const Axis* y, const Axis* x) const {
    return {memory_.as<T>(), {channels_ * plane_, plane_, width_, 1}, y, x};
  }
  void read(const Image<const T>& from, int threads) const {
    const auto& table = kernels::conv_kernels<T>();
    for_each_run(from.strides, threads, [&](Index b, Index y, Index pixels, T* row) {
      table.transpose(pixels, channels_, from.data + b * from.strides.batch + y * from.strides.y, from.strides.x, row,
                      plane_);
    });
  }
  void write(const Image<T>& to, int threads) const {
    const auto& table = kernels::conv_kernels<T>();
    for_each_run(to.strides, threads, [&](Index b, Index y, Index pixels, const T* row) {
      table.transpose(channels_, pixels, row, plane_, to.data + b * to.strides.batch + y * to.strides.y, to.strides.x);
    });
  }

 private:
  static Index samples(const Axis& axis) {
    return axis.length() ? 1 + *std::max_element(axis.sample.begin(), axis.sample.end()) : 0;
  }
  // Rows that follow one another in the image, too, go together: short ones would not fill vectors.
  template <class Body>
  void for_each_run(const Strides& strides, int threads, Body&& body) const {
    constexpr Index kPixels = 256;
    const bool are_joined = strides.y == width_ * strides.x;
    const Index most = are_joined ? std::max<Index>(1, kPixels / std::max<Index>(width_, 1)) : 1;
    const Index runs = (height_ + most - 1) / most;
    parallel_for(batch_ * runs, threads, [&](std::int64_t run, int) {
      const Index b = run / runs, y = run % runs * most;
      body(b, y, std::min(most, height_ - y) * width_, memory_.as<T>() + b * channels_ * plane_ + y * width_);
    });
  }
  Index batch_, channels_, height_, width_, plane_;
  Buffer memory_;
};

// The image in planes that `own` keeps.
template <class T>
Image<const T> read_planes(const Image<const T>& image, Index batch, Index channels, int threads,
                           std::optional<Planes<T>>& own) {
  own.emplace(batch, channels, *image.y, *image.x);
  own->read(image, threads);
  return own->template image<const T>(image.y, image.x);
}
// Planes that `own` keeps, to be filled and written to the image.
template <class T>
Image<T> empty_planes(const Image<T>& image, Index batch, Index channels, std::optional<Planes<T>>& own) {
  own.emplace(batch, channels, *image.y, *image.x);
  return own->template image<T>(image.y, image.x);
}

}  // namespace fdsr::conv
