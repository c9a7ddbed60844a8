#include "tiling.hpp"

#include <algorithm>
#include <array>

namespace fdsr::conv {
namespace {

constexpr int kMostLanes = 16;

// Where one tile of a lane begins.
template <class P>
struct Corner {
  P* plane = nullptr;  // null: no such tile
  int y = 0, x = 0;
};

template <class P>
std::array<std::array<Corner<P>, kMostLanes>, 2> corners_of(const Image<P>& image, const Tiling& tiling,
                                                             const LaneOrder& order, Index first_pair,
                                                             Index first_channel, Index lane, int lanes) {
  std::array<std::array<Corner<P>, kMostLanes>, 2> corners;
  for (int l = 0; l < lanes; ++l) {
    const auto [pair, channel, used] = order.item(lane + l);
    if (!used) continue;
    const Index number = first_pair + pair, batch = number / tiling.pairs;
    for (int half = 0; half < 2; ++half) {
      const int tile = static_cast<int>(number % tiling.pairs) * 2 + half;
      if (tile >= tiling.tiles()) continue;
      corners[half][l] = {image.data + batch * image.strides.batch + (first_channel + channel) * image.strides.channel,
                          tile / tiling.count.x * tiling.pitch, tile % tiling.count.x * tiling.pitch};
    }
  }
  return corners;
}

}  // namespace

Axis::Axis(std::vector<int> samples) : sample(std::move(samples)), run_end(sample.size()) {
  for (int p = length() - 1; p >= 0; --p) {
    const bool joined = p + 1 < length() && sample[p] >= 0 && sample[p + 1] == sample[p] + 1;
    run_end[p] = sample[p] < 0 ? p : joined ? run_end[p + 1] : p + 1;
  }
}

Axis sampled_axis(int length, int offset, int step, int samples) {
  std::vector<int> sample(length, -1);
  for (int p = std::max(offset, 0); p < length; ++p)
    if ((p - offset) % step == 0 && (p - offset) / step < samples) sample[p] = (p - offset) / step;
  return Axis(std::move(sample));
}

Tiling::Tiling(Size extent, int pitch)
    : extent(extent), count{(extent.y + pitch - 1) / pitch, (extent.x + pitch - 1) / pitch}, pitch(pitch) {
  pairs = (tiles() + 1) / 2;
}

LaneOrder lane_order(bool pairs_outside, Index pairs, Index channels, int width, int lanes) {
  LaneOrder order;
  order.pairs_outside = pairs_outside;
  order.inner = pairs_outside ? channels : pairs;
  order.outer = pairs_outside ? pairs : channels;
  order.pitch = (order.inner + width - 1) / width * width;
  order.lanes = (order.outer * order.pitch + lanes - 1) / lanes * lanes;
  return order;
}

template <class T>
void load_unit(const Image<const T>& image, const Tiling& tiling, const LaneOrder& order, Index first_pair,
               Index first_channel, Index lane, int used, int length, Index pitch, T* tile,
               std::vector<T>& scratch) {
  const auto& table = kernels::conv_kernels<T>();
  const int lanes = table.lanes;
  const auto corners = corners_of(image, tiling, order, first_pair, first_channel, lane, lanes);
  scratch.resize(std::max(scratch.size(), std::size_t(length) * (2 * lanes + 1)));
  T* const zeros = scratch.data() + std::size_t(length) * 2 * lanes;
  std::fill(zeros, zeros + length, T(0));
  const T* lines[2][kMostLanes];
  for (int r = 0; r < used; ++r) {
    for (int half = 0; half < 2; ++half)
      for (int l = 0; l < lanes; ++l) {
        const auto& corner = corners[half][l];
        lines[half][l] = zeros;
        const int p = corner.y + r;
        if (!corner.plane || p >= image.y->length() || image.y->sample[p] < 0) continue;
        const T* row = corner.plane + image.y->sample[p] * image.strides.y;
        const int begin = corner.x, end = std::min(begin + used, image.x->length());
        if (begin >= image.x->length()) continue;
        if (image.strides.x == 1 && end == begin + used && used == length && image.x->run_end[begin] >= end) {
          lines[half][l] = row + image.x->sample[begin];
          continue;
        }
        T* line = scratch.data() + std::size_t(half * lanes + l) * length;
        for (int q = begin; q < end;) {
          const int run = image.x->run_end[q], s = image.x->sample[q];
          if (run <= q) {
            line[q++ - begin] = 0;
            continue;
          }
          const int stop = std::min(run, end);
          if (image.strides.x == 1)
            std::copy(row + s, row + s + (stop - q), line + (q - begin));
          else
            for (int i = 0; i < stop - q; ++i) line[q - begin + i] = row[(s + i) * image.strides.x];
          q = stop;
        }
        std::fill(line + (end - begin), line + length, T(0));
        lines[half][l] = line;
      }
    table.lines_to_blocks(length, lines[0], lines[1], tile + r * pitch);
  }
}

template <class T>
void store_unit(const Image<T>& image, const Tiling& tiling, const LaneOrder& order, Index first_pair,
                Index first_channel, Index lane, Index tile_pitch, const T* bias, const T* tile,
                std::vector<T>& scratch) {
  const auto& table = kernels::conv_kernels<T>();
  const int lanes = table.lanes, pitch = tiling.pitch;
  const auto corners = corners_of(image, tiling, order, first_pair, first_channel, lane, lanes);
  if (scratch.size() < std::size_t(pitch) * 2 * lanes) scratch.resize(std::size_t(pitch) * 2 * lanes);
  T offset[kMostLanes] = {};
  if (bias)
    for (int l = 0; l < lanes; ++l)
      if (const auto item = order.item(lane + l); item.used) offset[l] = bias[first_channel + item.channel];
  T* lines[2][kMostLanes];
  T* copied[2][kMostLanes];
  for (int r = 0; r < pitch; ++r) {
    for (int half = 0; half < 2; ++half)
      for (int l = 0; l < lanes; ++l) {
        const auto& corner = corners[half][l];
        T* line = scratch.data() + std::size_t(half * lanes + l) * pitch;
        lines[half][l] = line;
        copied[half][l] = nullptr;
        const int p = corner.y + r;
        if (!corner.plane || p >= image.y->length() || image.y->sample[p] < 0) continue;
        T* row = corner.plane + image.y->sample[p] * image.strides.y;
        const int begin = corner.x, end = begin + pitch;
        if (image.strides.x == 1 && end <= image.x->length() && image.x->run_end[begin] >= end)
          lines[half][l] = row + image.x->sample[begin];
        else
          copied[half][l] = row;
      }
    table.blocks_to_lines(pitch, tile + r * tile_pitch, offset, lines[0], lines[1]);
    for (int half = 0; half < 2; ++half)
      for (int l = 0; l < lanes; ++l) {
        T* row = copied[half][l];
        if (!row) continue;
        const int begin = corners[half][l].x, end = std::min(begin + pitch, image.x->length());
        const T* line = lines[half][l];
        for (int q = begin; q < end;) {
          const int s = image.x->sample[q], stop = std::min(image.x->run_end[q], end);
          if (s < 0) {
            ++q;
          } else if (image.strides.x == 1) {
            std::copy(line + (q - begin), line + (stop - begin), row + s);
            q = stop;
          } else {
            for (int i = 0; i < stop - q; ++i) row[(s + i) * image.strides.x] = line[q - begin + i];
            q = stop;
          }
        }
      }
  }
}

#define FDSR_INSTANTIATE(T)                                                                                      \
  template void load_unit<T>(const Image<const T>&, const Tiling&, const LaneOrder&, Index, Index, Index, int, int, \
                             Index, T*, std::vector<T>&);                                                        \
  template void store_unit<T>(const Image<T>&, const Tiling&, const LaneOrder&, Index, Index, Index, Index, const T*,  \
                              const T*, std::vector<T>&);
FDSR_INSTANTIATE(float)
FDSR_INSTANTIATE(double)

}  // namespace fdsr::conv
