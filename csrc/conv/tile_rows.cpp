#include "tile_rows.hpp"

#include <algorithm>
#include <cstring>

namespace fdsr::conv {
namespace {

template <class P>
void find_run(const Image<P>& image, int width, LaneTile<P>& tile) {
  const Axis& axis = *image.x;
  const int end = std::min(tile.x + width, axis.length());
  int q = tile.x;
  while (q < end && axis.sample[q] < 0) ++q;
  tile.begin = q - tile.x;
  tile.count = q < end ? std::min(axis.run_end[q], end) - q : 0;
  tile.sample = q < end ? axis.sample[q] : 0;
  q += tile.count;
  while (q < end && axis.sample[q] < 0) ++q;
  tile.is_run = q >= end;
}

template <class P>
void place_tiles(const Image<P>& image, const LaneVector& vector, int lanes, int width,
                 LaneTile<P> (*tiles)[kMostLanes]) {
  const Tiling& tiling = vector.tiling;
  for (int l = 0; l < lanes; ++l) {
    const auto [pair, channel, used] = vector.order.item(vector.lane + l);
    if (!used) continue;
    const Index number = vector.first_pair + pair, batch = number / tiling.pairs;
    for (int half = 0; half < 2; ++half) {
      const int t = static_cast<int>(number % tiling.pairs) * 2 + half;
      if (t >= tiling.tiles()) continue;
      LaneTile<P>& tile = tiles[half][l];
      tile.plane =
          image.data + batch * image.strides.batch + (vector.first_channel + channel) * image.strides.channel;
      tile.y = t / tiling.count.x * tiling.pitch.y;
      tile.x = t % tiling.count.x * tiling.pitch.x;
      find_run(image, width, tile);
    }
  }
}

template <class P>
Alike alike_tiles(const Image<P>& image, const LaneTile<P>* tiles, int lanes) {
  const LaneTile<P>* first = nullptr;
  if (image.strides.x != 1) return {};
  for (int l = 0; l < lanes; ++l) {
    const LaneTile<P>& tile = tiles[l];
    if (!tile.plane) continue;
    if (!first) first = &tile;
    if (!tile.is_run || tile.begin != first->begin || tile.count != first->count) return {};
  }
  return first ? Alike{true, first->begin, first->count} : Alike{true, 0, 0};
}

// Lanes that are neighbours in memory: those of one pair's channels in a channels-last array. 0 if there are none.
template <class P>
int group_lanes(const Image<P>& image, const LaneVector& vector, int lanes, int* count) {
  if (image.strides.channel != 1 || image.strides.x == 1 || !vector.order.pairs_outside) return 0;
  const int group = std::min(vector.order.width, lanes);
  for (int g = 0; g * group < lanes; ++g)
    for (int l = 0; l < group; ++l) count[g] += vector.order.item(vector.lane + g * group + l).used;
  return group;
}

template <class T>
inline void copy(const T* from, int count, T* to) {
  constexpr int kStep = 32 / static_cast<int>(sizeof(T));
  int i = 0;
  for (; i + kStep <= count; i += kStep) std::memcpy(to + i, from + i, 32);
  for (; i < count; ++i) to[i] = from[i];
}

// `count` of `group` neighbouring channels
template <class T>
inline void copy_channels(const T* from, int count, int group, T* to) {
  if (count == group && group * sizeof(T) == 64) {
    std::memcpy(to, from, 64);
  } else if (count == group && group * sizeof(T) == 32) {
    std::memcpy(to, from, 32);
  } else {
    for (int i = 0; i < count; ++i) to[i] = from[i];
  }
}

}  // namespace

template <class T>
RowReader<T>::RowReader(const Image<const T>& image, const LaneVector& vector, Size used, int length)
    : image_(image),
      used_(used),
      length_(length),
      memory_((std::size_t(length) * (2 * kernels::conv_kernels<T>().lanes + 1) + kMostLanes) * sizeof(T)),
      zeros_(memory_.as<T>()),
      lines_(zeros_ + length + kMostLanes) {
  const int lanes = kernels::conv_kernels<T>().lanes;
  place_tiles(image, vector, lanes, used.x, tiles_);
  group_ = group_lanes(image, vector, lanes, group_count_);
  for (int half = 0; half < 2; ++half) alike_[half] = alike_tiles(image, tiles_[half], lanes);
  std::memset(zeros_, 0, (std::size_t(length) * (2 * lanes + 1) + kMostLanes) * sizeof(T));
}

template <class T>
const T* RowReader<T>::row_of(const LaneTile<const T>& tile, int r) const {
  const int p = tile.y + r;
  if (!tile.plane || p >= image_.y->length() || image_.y->sample[p] < 0) return nullptr;
  return tile.plane + image_.y->sample[p] * image_.strides.y;
}

// What lies outside of the runs stays zero from row to row.
template <class T>
void RowReader<T>::copy_row(const LaneTile<const T>& tile, const T* row, T* line) const {
  const Index step = image_.strides.x;
  if (tile.is_run && step == 1) return copy(row + tile.sample, tile.count, line + tile.begin);
  const Axis& axis = *image_.x;
  const int end = std::min(tile.x + used_.x, axis.length());
  for (int q = tile.x; q < end;) {
    const int s = axis.sample[q], stop = std::min(axis.run_end[q], end);
    if (s < 0) {
      ++q;
      continue;
    }
    for (int i = 0; q < stop; ++q, ++i) line[q - tile.x] = row[(s + i) * step];
  }
}

template <class T>
bool RowReader<T>::read(int r, T* blocks) {
  const int lanes = kernels::conv_kernels<T>().lanes;
  bool any = false;
  const T* rows[2][kMostLanes];
  for (int half = 0; half < 2; ++half)
    for (int l = 0; l < lanes; ++l) {
      rows[half][l] = row_of(tiles_[half][l], r);
      any |= rows[half][l] != nullptr;
    }
  if (!any) return false;
  if (!written_) std::memset(blocks, 0, std::size_t(length_) * 2 * lanes * sizeof(T));
  written_ = true;
  if (group_) {
    read_channels_last(r, blocks);
    return true;
  }
  for (int half = 0; half < 2; ++half) read_half(half, rows[half], blocks + half * lanes);
  return true;
}

template <class T>
void RowReader<T>::read_half(int half, const T** rows, T* blocks) {
  const auto& table = kernels::conv_kernels<T>();
  const Alike& alike = alike_[half];
  for (int l = 0; l < table.lanes; ++l) {
    const LaneTile<const T>& tile = tiles_[half][l];
    if (!rows[l]) {
      rows[l] = zeros_;
    } else if (alike.is || (tile.is_run && image_.strides.x == 1 && tile.count == length_)) {
      rows[l] += tile.sample;
    } else {
      T* line = lines_ + std::size_t(half * table.lanes + l) * length_;
      copy_row(tile, rows[l], line);
      rows[l] = line;
    }
  }
  if (alike.is)
    table.lines_to_blocks(alike.count, rows, blocks + Index{alike.begin} * 2 * table.lanes);
  else
    table.lines_to_blocks(length_, rows, blocks);
}

template <class T>
void RowReader<T>::read_channels_last(int r, T* blocks) const {
  const int lanes = kernels::conv_kernels<T>().lanes;
  const Axis& axis = *image_.x;
  for (int half = 0; half < 2; ++half)
    for (int g = 0; g * group_ < lanes; ++g) {
      const LaneTile<const T>& tile = tiles_[half][g * group_];
      if (!tile.plane) continue;
      const T* row = row_of(tile, r);
      const int end = std::min(tile.x + used_.x, axis.length());
      T* to = blocks + half * lanes + g * group_;
      for (int q = tile.x; q < end; ++q)
        if (const int s = axis.sample[q]; s >= 0)
          copy_channels(row ? row + s * image_.strides.x : zeros_, group_count_[g], group_,
                        to + Index{q - tile.x} * 2 * lanes);
    }
}

template <class T>
RowWriter<T>::RowWriter(const Image<T>& image, const LaneVector& vector, const T* bias)
    : image_(image),
      width_(vector.tiling.pitch.x),
      memory_(std::size_t(width_) * 2 * kernels::conv_kernels<T>().lanes * sizeof(T)),
      lines_(memory_.as<T>()) {
  const int lanes = kernels::conv_kernels<T>().lanes;
  place_tiles(image, vector, lanes, width_, tiles_);
  group_ = group_lanes(image, vector, lanes, group_count_);
  for (int half = 0; half < 2; ++half) alike_[half] = alike_tiles(image, tiles_[half], lanes);
  if (!bias) return;
  for (int l = 0; l < lanes; ++l)
    if (const auto item = vector.order.item(vector.lane + l); item.used)
      offset_[l] = bias[vector.first_channel + item.channel];
}

template <class T>
T* RowWriter<T>::row_of(const LaneTile<T>& tile, int r) const {
  const int p = tile.y + r;
  if (!tile.plane || p >= image_.y->length() || image_.y->sample[p] < 0) return nullptr;
  return tile.plane + image_.y->sample[p] * image_.strides.y;
}

template <class T>
void RowWriter<T>::copy_row(const LaneTile<T>& tile, const T* line, T* row) const {
  const Index step = image_.strides.x;
  if (tile.is_run && step == 1) return copy(line + tile.begin, tile.count, row + tile.sample);
  const Axis& axis = *image_.x;
  const int end = std::min(tile.x + width_, axis.length());
  for (int q = tile.x; q < end;) {
    const int s = axis.sample[q], stop = std::min(axis.run_end[q], end);
    if (s < 0) {
      ++q;
      continue;
    }
    for (int i = 0; q < stop; ++q, ++i) row[(s + i) * step] = line[q - tile.x];
  }
}

template <class T>
void RowWriter<T>::write(int r, const T* blocks) {
  if (group_) return write_channels_last(r, blocks);
  for (int half = 0; half < 2; ++half) write_half(half, r, blocks + half * kernels::conv_kernels<T>().lanes);
}

template <class T>
void RowWriter<T>::write_half(int half, int r, const T* blocks) {
  const auto& table = kernels::conv_kernels<T>();
  const Alike& alike = alike_[half];
  T* lines[kMostLanes];
  T* rows[kMostLanes];
  bool any = false;
  for (int l = 0; l < table.lanes; ++l) {
    const LaneTile<T>& tile = tiles_[half][l];
    T* const row = row_of(tile, r);
    any |= row != nullptr;
    const bool straight = row && (alike.is || (tile.is_run && image_.strides.x == 1 && tile.count == width_));
    lines[l] = straight ? row + tile.sample : lines_ + std::size_t(half * table.lanes + l) * width_;
    rows[l] = straight ? nullptr : row;
  }
  if (!any) return;
  if (alike.is) {
    table.blocks_to_lines(alike.count, blocks + Index{alike.begin} * 2 * table.lanes, offset_, lines);
    return;
  }
  table.blocks_to_lines(width_, blocks, offset_, lines);
  for (int l = 0; l < table.lanes; ++l)
    if (rows[l]) copy_row(tiles_[half][l], lines[l], rows[l]);
}

template <class T>
void RowWriter<T>::write_channels_last(int r, const T* blocks) const {
  const int lanes = kernels::conv_kernels<T>().lanes;
  const Axis& axis = *image_.x;
  for (int half = 0; half < 2; ++half)
    for (int g = 0; g * group_ < lanes; ++g) {
      const LaneTile<T>& tile = tiles_[half][g * group_];
      T* row = row_of(tile, r);
      if (!row || !group_count_[g]) continue;
      const int end = std::min(tile.x + width_, axis.length());
      const T* from = blocks + half * lanes + g * group_;
      T sum[kMostLanes];
      for (int q = tile.x; q < end; ++q)
        if (const int s = axis.sample[q]; s >= 0) {
          const T* block = from + Index{q - tile.x} * 2 * lanes;
          for (int l = 0; l < group_; ++l) sum[l] = block[l] + offset_[g * group_ + l];
          copy_channels(sum, group_count_[g], group_, row + s * image_.strides.x);
        }
    }
}

template class RowReader<float>;
template class RowReader<double>;
template class RowWriter<float>;
template class RowWriter<double>;

}  // namespace fdsr::conv
