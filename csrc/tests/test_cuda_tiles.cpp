// The device code of a convolution's tiles, run by threads of the host, against sums over all samples of a tile.
#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "check.hpp"
#include "cuda/tile_operators.hpp"
#include "host_team.hpp"

using namespace fdsr;
using namespace fdsr::test;
namespace dev = fdsr::cuda;

namespace {

constexpr int kThreads = 32;

// A map [images][groups * channels][rows][columns] or, channels last, [images][rows][columns][groups * channels].
dev::TileMap map_of(dev::TileAxis y, dev::TileAxis x, bool channels_last) {
  dev::TileMap map{y, x};
  map.groups = 2, map.images = 2, map.channels = 3;
  const std::int64_t all = map.groups * map.channels, area = std::int64_t{y.size} * x.size;
  map.channel_stride = channels_last ? 1 : area;
  map.group_stride = map.channels * map.channel_stride;
  map.image_stride = all * area;
  map.x_stride = channels_last ? all : 1;
  map.y_stride = map.x_stride * x.size;
  return map;
}

std::int64_t values_of(const dev::TileMap& map) {
  return map.images * map.groups * map.channels * map.y.size * map.x.size;
}

template <class T, class Work>
void by_blocks(const dev::TileMap& map, int columns_log, const Work& work) {
  const auto p = dev::tile_params<T>(map, columns_log);
  const auto bytes = static_cast<std::size_t>(dev::TileMemory<T>::bytes(map, 1 << columns_log));
  for (int block = 0; block < 2; ++block)
    run_cluster(1, kThreads, bytes, [&](const HostTeam& team) {
      dev::for_stretches(team, p, team.shared<T>(), [&](std::int64_t first, const dev::TileMemory<T>& m) {
        work(team, p, first, m);
      });
    }, block, 2);
}

template <class T>
void check_tiles(const dev::TileMap& map, int columns_log, bool conjugate) {
  const int ny = map.y.length, nx = map.x.length, half = nx / 2 + 1;
  const std::int64_t columns = map.columns();
  const auto samples = random_reals<T>(values_of(map), 1);
  std::vector<dev::Complex<T>> spectra(columns * ny * half);
  by_blocks<T>(map, columns_log, [&](const auto& team, const auto& p, std::int64_t first, const auto& m) {
    dev::tile_spectra(team, p, first, samples.data(), conjugate, spectra.data(), m);
  });

  std::vector<T> all(columns * ny * nx);  // the tiles' samples, column by column
  std::int64_t column = 0;
  for (int g = 0; g < map.groups; ++g)
    for (int b = 0; b < map.images; ++b)
      for (int ty = 0; ty < map.y.count; ++ty)
        for (int tx = 0; tx < map.x.count; ++tx)
          for (int c = 0; c < map.channels; ++c, ++column)
            for (int y = 0; y < ny; ++y)
              for (int x = 0; x < nx; ++x) {
                const int at_y = map.y.place(ty, y, map.mode), at_x = map.x.place(tx, x, map.mode);
                if (at_y >= 0 && at_x >= 0)
                  all[(column * ny + y) * nx + x] =
                      samples[g * map.group_stride + b * map.image_stride + c * map.channel_stride +
                              at_y * map.y_stride + at_x * map.x_stride];
              }
  double worst = 0, largest = 0;
  for (std::int64_t k = 0; k < columns; k += std::max<std::int64_t>(1, columns / 5))
    for (int fy = 0; fy < ny; ++fy)
      for (int fx = 0; fx < half; ++fx) {
        std::complex<double> sum = 0;
        for (int y = 0; y < ny; ++y)
          for (int x = 0; x < nx; ++x)
            sum += double(all[(k * ny + y) * nx + x]) *
                   std::polar(1.0, -2 * std::numbers::pi * (double(fy * y % ny) / ny + double(fx * x % nx) / nx));
        const auto got = spectra[(std::int64_t{fy} * half + fx) * columns + k];
        const std::complex<double> found(got.re, conjugate ? -got.im : got.im);
        worst = worse(worst, std::abs(found - sum)), largest = std::max(largest, std::abs(sum));
      }
  const double bound = sizeof(T) == 4 ? 2e-6 : 4e-15;  // log2(64 * 64) steps of rounding
  CHECK(worst < bound * largest);

  // Back, where no sample belongs to two tiles.
  if (conjugate || map.y.used > map.y.step || map.x.used > map.x.step) return;
  const auto bias = random_reals<T>(map.groups * map.channels, 2);
  std::vector<T> back(samples.size());
  by_blocks<T>(map, columns_log, [&](const auto& team, const auto& p, std::int64_t first, const auto& m) {
    dev::tile_results(team, p, first, spectra.data(), bias.data(), back.data(), m);
  });
  double apart = 0;
  for (int g = 0; g < map.groups; ++g)
    for (int b = 0; b < map.images; ++b)
      for (int c = 0; c < map.channels; ++c)
        for (int y = 0; y < map.y.size; ++y)
          for (int x = 0; x < map.x.size; ++x) {
            const auto at = g * map.group_stride + b * map.image_stride + c * map.channel_stride + y * map.y_stride +
                            x * map.x_stride;
            apart = worse(apart,
                          std::abs(double(back[at]) - double(samples[at]) - double(bias[g * map.channels + c])));
          }
  CHECK(apart < 4 * bound);
}

// Kernels of one sample, another one in every channel, scale and shift the tiles, whose ends meet.
template <class T>
void check_depthwise(dev::TileMap map, int columns_log) {
  map.channels *= map.groups, map.groups = 1;
  dev::TileMap out = map;
  for (dev::TileAxis* axis : {&out.y, &out.x}) axis->used = axis->step;
  out.y_stride = out.x.size + 1, out.channel_stride = out.y.size * out.y_stride;  // another place in memory
  out.image_stride = map.channels * out.channel_stride, out.x_stride = 1;
  const int ny = map.y.length, nx = map.x.length, half = nx / 2 + 1, channels = static_cast<int>(map.channels);
  const auto shift_y = [&](int c) { return (3 + 5 * c) % ny; };
  const auto shift_x = [&](int c) { return (2 + 3 * c) % nx; };
  const auto samples = random_reals<T>(values_of(map), 3), factors = random_reals<T>(channels, 4);
  std::vector<dev::Complex<T>> kernels(ny * half * channels);
  for (int fy = 0; fy < ny; ++fy)
    for (int fx = 0; fx < half; ++fx)
      for (int c = 0; c < channels; ++c) {
        const double turns = double(fy * shift_y(c) % ny) / ny + double(fx * shift_x(c) % nx) / nx;
        const auto value = double(factors[c]) * std::polar(1.0, 2 * std::numbers::pi * turns);
        kernels[(fy * half + fx) * channels + c] = {static_cast<T>(value.real()), static_cast<T>(value.imag())};
      }
  std::vector<T> got(out.images * out.image_stride);
  by_blocks<T>(map, columns_log, [&](const auto& team, const auto& p, std::int64_t first, const auto& m) {
    dev::depthwise_tiles(team, p, first, samples.data(), kernels.data(), out, factors.data(), got.data(), m);
  });
  std::vector<double> wanted(got.size());
  for (int b = 0; b < map.images; ++b)
    for (int c = 0; c < channels; ++c)
      for (int ty = 0; ty < map.y.count; ++ty)
        for (int tx = 0; tx < map.x.count; ++tx)
          for (int y = 0; y < ny; ++y)
            for (int x = 0; x < nx; ++x) {
              const int to_y = out.y.place(ty, y, out.mode), to_x = out.x.place(tx, x, out.mode);
              if (to_y < 0 || to_x < 0) continue;
              const int at_y = map.y.place(ty, (y + shift_y(c)) % ny, map.mode);
              const int at_x = map.x.place(tx, (x + shift_x(c)) % nx, map.mode);
              const double sample = at_y < 0 || at_x < 0 ? 0.0
                                                         : samples[b * map.image_stride + c * map.channel_stride +
                                                                   at_y * map.y_stride + at_x * map.x_stride];
              wanted[b * out.image_stride + c * out.channel_stride + to_y * out.y_stride + to_x] =
                  (sample + 1) * factors[c];
            }
  double apart = 0;
  for (std::size_t i = 0; i < got.size(); ++i) apart = worse(apart, std::abs(got[i] - wanted[i]));
  CHECK(apart < (sizeof(T) == 4 ? 1e-5 : 2e-14));
}

void check_refusals() {
  const auto refused = [](const dev::TileAxis& axis, const std::string& message, Padding mode = Padding::zeros) {
    try {
      dev::check_tiles({axis, {8, 1, 1, 1, 1, 0, 1, 1}, mode});
    } catch (const std::invalid_argument& error) {
      return std::string(error.what()).find(message) != std::string::npos;
    }
    return false;
  };
  CHECK(refused({24, 1, 1, 1, 1, 0, 1, 1}, "length: 24"));
  CHECK(refused({128, 1, 1, 1, 1, 0, 1, 1}, "length: 128"));
  CHECK(refused({16, 1, 1, 17, 1, 0, 1, 1}, "used: 17"));
  CHECK(refused({16, 0, 1, 1, 1, 0, 1, 1}, "step, count, spacing and size: 0"));
  // Padding that would read beyond the samples; the last one is repeated any number of times.
  const dev::TileAxis before{16, 16, 1, 16, 9, 4, 1, 4}, after{16, 16, 1, 16, 9, 0, 1, 4};
  CHECK(refused(before, "before: 4 given, must be at most 3 of 4 samples in mode reflect", Padding::reflect));
  CHECK(refused(after, "wide - before - size: 5 given, must be at most 3", Padding::reflect));
  CHECK(refused(after, "wide - before - size: 5 given, must be at most 4 of 4 samples in mode circular",
                Padding::circular));
  CHECK(!refused(before, "", Padding::circular) && !refused(after, "", Padding::replicate));
  CHECK(!refused(after, "") && !refused({16, 16, 1, 16, 4, -1, 2, 4}, ""));
  CHECK(refused({16, 16, 1, 16, 4, -1, 1, 4}, "before: -1 given, must not be negative", Padding::circular));
  CHECK(refused({16, 16, 1, 16, 3, 0, 1, 4}, "wide - before - size: -1 given", Padding::replicate));
  CHECK(refused({16, 16, 1, 16, 7, 0, 2, 4}, "spacing: 2 given, must be 1", Padding::reflect));
  const dev::TileMap map = map_of({8, 1, 1, 1, 1, 0, 1, 1}, {8, 1, 1, 1, 1, 0, 1, 1}, false);
  for (const bool grouped : {true, false}) {
    dev::TileMap one = map, two;
    if (!grouped) one.groups = 1;
    two = one, two.y.count = grouped ? 1 : 2;
    try {
      dev::check_depthwise(one, two);
      CHECK(false);
    } catch (const std::invalid_argument& error) {
      CHECK(std::string(error.what()).find(grouped ? "groups: 2" : "out: 12 tiles of 8 x 8") != std::string::npos);
    }
  }
}

void check_launches() {
  const dev::DeviceFacts big{132, 232448, 233472, true}, small{108, 166912, 167936, false},
      least{128, 101376, 102400, false}, none{1, 0, 0, false};
  for (const int n : {8, 16, 32, 64}) {
    const dev::TileAxis axis{n, n, 16, n, 16 * n, 0, 1, 16 * n};
    dev::TileMap map = map_of(axis, axis, false);
    map.images = 64;
    for (const auto& device : {big, small, least})
      for (const std::size_t value : {4, 8}) {
        const auto chosen = dev::choose_tile_launch(map, value, device);
        CHECK(chosen.launch.cluster == 1 && chosen.columns_log >= (value == 4 ? 2 : 1));
        CHECK(chosen.launch.clusters <= (value == 4 ? 4 : 2) * device.multiprocessors);
        CHECK(chosen.launch.shared_bytes <= device.shared_per_block);
        CHECK((n << chosen.columns_log) * n >= 4 * 2 * 256);  // every thread has a transform of 4 samples or more
      }
    CHECK(dev::choose_tile_launch(map, 4, none).launch.cluster == 0);
    map.images = 1, map.y.count = 1;  // few tiles are dealt out to many blocks
    CHECK(dev::choose_tile_launch(map, 4, big).columns_log == 2);
    CHECK(dev::choose_tile_launch(map, 8, big).columns_log == 1);
  }
}

}  // namespace

int main() {
  for (const int ny : {8, 16, 32, 64})
    for (const int nx : {8, 16, 32, 64}) {
      const dev::TileAxis y{ny, ny, 1, ny, ny, 0, 1, ny}, x{nx, nx, 1, nx, nx, 0, 1, nx};
      check_tiles<double>(map_of(y, x, (ny + nx) % 16 == 0), ny > 8 ? 1 : 4, false);
    }
  for (const bool channels_last : {false, true})
    for (const int columns_log : {0, 2, 3}) {
      // Tiles that end beyond the map, tiles with zeros behind, samples with zeros between, kernels.
      const auto whole = map_of({8, 5, 3, 5, 13, 0, 1, 13}, {16, 9, 2, 9, 17, 0, 1, 17}, channels_last);
      const auto cropped = map_of({16, 12, 2, 12, 21, 2, 3, 6}, {8, 4, 4, 4, 15, -1, 2, 7}, channels_last);
      const auto spaced = map_of({16, 12, 2, 12, 21, 2, 3, 6}, {8, 4, 4, 4, 14, 0, 2, 7}, channels_last);
      const auto kernel = map_of({32, 28, 1, 28, 28, 0, 4, 7}, {32, 30, 1, 30, 30, 0, 1, 30}, channels_last);
      check_tiles<double>(whole, columns_log, false);
      check_tiles<float>(cropped, columns_log, true);
      check_tiles<double>(spaced, columns_log, false);
      check_tiles<float>(kernel, columns_log, false);
      for (const Padding mode : {Padding::circular, Padding::replicate, Padding::reflect}) {
        auto map = map_of({16, 11, 2, 16, 22, 3, 1, 15}, {8, 5, 3, 8, 17, 2, 1, 11}, channels_last);
        map.mode = mode;
        check_tiles<double>(map, columns_log, false);
      }
      check_depthwise<double>(spaced, columns_log);
      check_depthwise<double>(map_of({16, 12, 2, 16, 21, 2, 1, 17}, {8, 4, 4, 8, 15, -1, 1, 16}, channels_last),
                              columns_log);
      check_depthwise<float>(map_of({8, 5, 3, 5, 13, 0, 1, 13}, {64, 33, 2, 33, 60, 0, 1, 60}, channels_last),
                             columns_log);
    }
  check_refusals();
  check_launches();
  std::puts("ok");
}
