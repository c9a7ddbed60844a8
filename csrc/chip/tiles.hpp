// Overlap-save tiles of a batch of maps, between memory and packs.
#pragma once

#include <algorithm>
#include <cstring>

#include "fdsr/chip.hpp"
#include "kernels/kernels.hpp"

namespace fdsr::chip {

using kernels::Index;

// Items are tiles of the batch: item = image * tiles + tile. Tile (ty, tx) has the valid outputs
// [ty valid.y, (ty + 1) valid.y) × ... of the convolution with stride 1, the `dense` one.
struct TileGrid {
  Conv2dGeometry geometry;
  Size dense, valid, count;

  TileGrid(const Conv2dGeometry& g, Size valid) : geometry(g), valid(valid) {
    dense = {g.padded().y - g.extent().y + 1, g.padded().x - g.extent().x + 1};
    count = {(dense.y + valid.y - 1) / valid.y, (dense.x + valid.x - 1) / valid.x};
  }
  Index tiles() const { return count.area(); }

  struct Place {
    Index image;
    int y, x;  // of the first output
  };
  Place place(Index item) const {
    const Index tile = item % tiles();
    return {item / tiles(), int(tile / count.x) * valid.y, int(tile % count.x) * valid.x};
  }

  // Samples of one channel under each tile, zeros beyond the map. field [side][2][lanes]
  template <class T>
  void gather_input(const T* x, const Strides& s, Index item, int used, int lanes, Size side, T* field) const {
    std::memset(static_cast<void*>(field), 0, sizeof(T) * side.area() * 2 * lanes);
    for (int lane = 0; lane < used; ++lane) {
      const Place p = place(item + lane);
      const int y0 = p.y - geometry.top, x0 = p.x - geometry.left;
      const int first = std::max(0, -x0), end = std::min(side.x, geometry.input.x - x0);
      for (int i = std::max(0, -y0); i < std::min(side.y, geometry.input.y - y0); ++i) {
        const T* row = x + p.image * s.batch + (y0 + i) * s.y;
        T* to = field + (Index{i} * side.x) * 2 * lanes + lane;
        for (int j = first; j < end; ++j) to[Index{j} * 2 * lanes] = row[(x0 + j) * s.x];
      }
    }
  }

  // Elements under each tile that are none of the map. outside [lanes]
  void count_outside(Index item, int used, Size side, std::int32_t* outside) const {
    const auto inside = [](int first, int side, int map) {
      return std::max(0, std::min(side, map - first) - std::max(0, -first));
    };
    for (int lane = 0; lane < used; ++lane) {
      const Place p = place(item + lane);
      outside[lane] = std::int32_t(side.area() - Index{inside(p.y - geometry.top, side.y, geometry.input.y)} *
                                                     inside(p.x - geometry.left, side.x, geometry.input.x));
    }
  }

  // -1 for the valid outputs of each tile that are outputs of the map, else 0; returns whether all are.
  // counted [valid][lanes]
  bool mark_outputs(Index item, int used, int lanes, std::int8_t* counted) const {
    std::fill(counted, counted + valid.area() * lanes, std::int8_t{0});
    Index marked = 0;
    for (int lane = 0; lane < used; ++lane)
      for_outputs(place(item + lane), Strides{}, [&](Index, int i, int j) {
        counted[(Index{i} * valid.x + j) * lanes + lane] = -1;
        ++marked;
      });
    return marked == used * valid.area();
  }

  // body(memory offset, index of the output in its tile) for the outputs that the stride picks.
  template <class Body>
  void for_outputs(const Place& p, const Strides& s, Body&& body) const {
    const Size step = geometry.stride;
    const int y_end = std::min(valid.y, dense.y - p.y), x_end = std::min(valid.x, dense.x - p.x);
    const int y0 = (step.y - p.y % step.y) % step.y, x0 = (step.x - p.x % step.x) % step.x;
    for (int i = y0; i < y_end; i += step.y) {
      const Index row = p.image * s.batch + (p.y + i) / step.y * s.y;
      Index column = (p.x + x0) / step.x;
      for (int j = x0; j < x_end; j += step.x, ++column) body(row + column * s.x, i, j);
    }
  }

  // values [valid][lanes]
  template <class T>
  void scatter_output(const T* values, T bias, Index item, int used, int lanes, T* y, const Strides& s) const {
    for (int lane = 0; lane < used; ++lane)
      for_outputs(place(item + lane), s, [&](Index to, int i, int j) {
        y[to] = values[(Index{i} * valid.x + j) * lanes + lane] + bias;
      });
  }

  // A channel of the cotangent at the places of the outputs, zeros elsewhere. field [side][2][lanes]
  template <class T>
  void gather_output(const T* v, const Strides& s, Index item, int used, int lanes, Size side, T* field) const {
    std::memset(static_cast<void*>(field), 0, sizeof(T) * side.area() * 2 * lanes);
    for (int lane = 0; lane < used; ++lane)
      for_outputs(place(item + lane), s, [&](Index from, int i, int j) {
        field[(Index{i} * side.x + j) * 2 * lanes + lane] = v[from];
      });
  }

  // Adds the powers of the ideal values and of the differences to them. ideal, actual [valid][lanes]
  template <class T>
  void compare(const T* ideal, const T* actual, Index item, int used, int lanes, ChipTally& tally) const {
    for (int lane = 0; lane < used; ++lane)
      for_outputs(place(item + lane), Strides{}, [&](Index, int i, int j) {
        const Index at = (Index{i} * valid.x + j) * lanes + lane;
        const double wanted = double(ideal[at]), difference = double(actual[at]) - wanted;
        tally.signal += wanted * wanted;
        tally.error += difference * difference;
        ++tally.compared;
      });
  }
};

}  // namespace fdsr::chip
