#include <algorithm>

#include "cuda/tile_operators.hpp"
#include "fdsr/error.hpp"

namespace fdsr::cuda {

namespace {

// Padding other than zeros repeats given samples: those that it asks for have to be there.
void check_padding(const TileAxis& axis, Padding mode) {
  if (mode == Padding::zeros) return;
  if (axis.spacing != 1) invalid_argument("spacing: ", axis.spacing, " given, must be 1 where padding is not zeros");
  const auto check = [&](const char* name, std::int64_t padding) {
    if (padding < 0) invalid_argument(name, ": ", padding, " given, must not be negative where padding is not zeros");
    const int most = mode == Padding::reflect ? axis.size - 1 : axis.size;
    if (mode != Padding::replicate && padding > most)
      invalid_argument(name, ": ", padding, " given, must be at most ", most, " of ", axis.size, " samples in mode ",
                       mode == Padding::reflect ? "reflect" : "circular");
  };
  check("before", axis.before);
  check("wide - before - size", std::int64_t{axis.wide} - axis.before - axis.size);
}

}  // namespace

void check_tiles(const TileMap& map) {
  for (const TileAxis* axis : {&map.y, &map.x}) {
    const int n = axis->length;
    if (n < kLeastTile || n > kMostTile || (n & (n - 1)))
      invalid_argument("length: ", n, " samples a tile given, must be a power of two from ", kLeastTile, " to ",
                       kMostTile);
    if (axis->used < 1 || axis->used > n)
      invalid_argument("used: ", axis->used, " samples of a tile of ", n, " given, must be 1 to all of them");
    if (axis->step < 1 || axis->count < 1 || axis->spacing < 1 || axis->size < 1)
      invalid_argument("step, count, spacing and size: ", axis->step, ", ", axis->count, ", ", axis->spacing, " and ",
                       axis->size, " given, must be at least 1");
    check_padding(*axis, map.mode);
  }
}

void check_depthwise(const TileMap& map, const TileMap& out) {
  check_tiles(map);
  check_tiles(out);
  if (map.groups != 1 || out.groups != 1)
    invalid_argument("groups: ", map.groups, " and ", out.groups, " given, must be 1");
  const auto same = [](const TileAxis& a, const TileAxis& b) { return a.length == b.length && a.count == b.count; };
  if (!same(map.y, out.y) || !same(map.x, out.x) || map.images != out.images || map.channels != out.channels)
    invalid_argument("out: ", out.columns(), " tiles of ", out.y.length, " x ", out.x.length, " samples given, must be ",
                     map.columns(), " of ", map.y.length, " x ", map.x.length, " as in the map");
}

TileLaunch choose_tile_launch(const TileMap& map, std::size_t value_size, const DeviceFacts& device) {
  constexpr int kMostColumnsLog = 6;  // 64 of the smallest tiles occupy all threads
  constexpr int kBlocks = 3;          // that a multiprocessor is to hold, so that one reads while others compute
  constexpr std::int64_t kReserved = 1024;
  const int neighbours_log = value_size == 4 ? 2 : 1;  // complex values that fill 32 bytes, a sector of memory
  TileLaunch best;
  for (int log = kMostColumnsLog; log >= 0; --log) {
    const int columns = 1 << log;
    const std::int64_t bytes =
        value_size == 4 ? TileMemory<float>::bytes(map, columns) : TileMemory<double>::bytes(map, columns);
    if (bytes > device.shared_per_block) continue;
    const std::int64_t stretches = (map.columns() + columns - 1) / columns;
    const std::int64_t resident = std::max<std::int64_t>(1, device.shared_per_multiprocessor / (bytes + kReserved));
    const std::int64_t slots = device.multiprocessors * std::min<std::int64_t>(resident, tile_blocks(value_size));
    best.columns_log = log;
    best.launch = {1, static_cast<int>(std::clamp<std::int64_t>(stretches, 1, slots)), 256, bytes};
    if (log <= neighbours_log || (resident >= kBlocks && stretches >= device.multiprocessors)) break;
  }
  return best;
}

}  // namespace fdsr::cuda
