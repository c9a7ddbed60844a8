// Maps that are cut into tiles, and where their samples lie: shared by host and device.
//
// A column is one tile of one channel. The columns of a map stand in the order [groups][images][tiles][channels of a
// group], which is that of the spectra: [frequencies][columns].
#pragma once

#include <cstdint>

#include "cuda/device.hpp"
#include "fdsr/conv2d.hpp"

namespace fdsr::cuda {

constexpr int kLeastTile = 8, kMostTile = 64;  // samples of a tile along an axis, a power of two

// One axis. What is cut is the wide map, of which less may be given: padding and zeros between samples are not.
struct TileAxis {
  int length = kLeastTile;  // samples of a tile
  int step = 1;             // from one tile to the next
  int count = 1;            // tiles
  int used = 1;             // first samples of a tile that stand for samples of the wide map; the others for none
  int wide = 1;             // samples of the wide map
  int before = 0;           // of these, before the first given; where it is negative, so many given ones are left out
  int spacing = 1;          // from one given sample to the next
  int size = 1;             // samples given

  FDSR_BOTH int length_log() const { return length == 8 ? 3 : length == 16 ? 4 : length == 32 ? 5 : 6; }
  // The given sample that a sample of a tile stands for, -1 for zero.
  FDSR_BOTH int place(int tile, int sample, Padding mode) const {
    const int at = tile * step + sample;
    if (sample >= used || at >= wide) return -1;
    const int i = at - before;
    if (mode == Padding::zeros) return i < 0 || i % spacing || i / spacing >= size ? -1 : i / spacing;
    if (mode == Padding::replicate) return i < 0 ? 0 : i < size ? i : size - 1;
    if (mode == Padding::reflect) return i < 0 ? -i : i < size ? i : 2 * (size - 1) - i;
    return i < 0 ? i + size : i < size ? i : i - size;
  }
};

struct TileMap {
  TileAxis y, x;
  Padding mode = Padding::zeros;
  std::int64_t groups = 1, images = 1, channels = 1;  // channels of a group
  std::int64_t group_stride = 0, image_stride = 0, channel_stride = 0, y_stride = 0, x_stride = 1;

  FDSR_BOTH std::int64_t columns() const { return groups * images * y.count * x.count * channels; }
  // A real tile is transformed as a complex image [length y][length x / 2]: even samples are real parts, odd ones
  // imaginary. Rows and images begin in different banks of shared memory.
  FDSR_BOTH int pitch() const { return x.length / 2 + 1; }
  FDSR_BOTH int image() const { return y.length * pitch() + 1; }
  FDSR_BOTH bool channels_lie_together() const { return channels > 1 && channel_stride < x_stride; }
};

// What a block keeps in shared memory for the columns that it transforms at once.
template <class T>
struct TileMemory {
  Complex<T>*roots, *images;  // [kMostTile], [columns][image]
  std::int64_t* base;         // [columns]: where a channel's samples begin
  T* bias;                    // [columns]
  int *tile_y, *tile_x;       // [columns]; -1 beyond the last column
  int *place_y, *place_x;     // [columns][place_pitch]

  // From a column's places to the next's: threads that take a sample of several columns, and as many neighbouring
  // samples as fill a warp, read different banks.
  static FDSR_BOTH int place_pitch(int length, int columns) {
    return length + (columns < kWarp ? kWarp / columns : 1);
  }
  static FDSR_BOTH std::int64_t bytes(const TileMap& map, int columns) {
    return std::int64_t{sizeof(Complex<T>)} * (kMostTile + columns * map.image()) +
           columns * static_cast<std::int64_t>(sizeof(std::int64_t) + sizeof(T)) +
           std::int64_t{sizeof(int)} * columns *
               (2 + place_pitch(map.y.length, columns) + place_pitch(map.x.length, columns));
  }
  FDSR_BOTH TileMemory(const TileMap& map, int columns, void* memory) {
    roots = static_cast<Complex<T>*>(memory);
    images = roots + kMostTile;
    base = reinterpret_cast<std::int64_t*>(images + columns * map.image());
    bias = reinterpret_cast<T*>(base + columns);
    tile_y = reinterpret_cast<int*>(bias + columns);
    tile_x = tile_y + columns;
    place_y = tile_x + columns;
    place_x = place_y + columns * place_pitch(map.y.length, columns);
  }
};

}  // namespace fdsr::cuda
