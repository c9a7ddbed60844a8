// Tiles to half spectra and back, by blocks that take several columns at once: global memory is read and written
// along columns where these are neighbours there.
#pragma once

#include "cuda/small_fft.hpp"

namespace fdsr::cuda {

template <class T>
struct TileParams {
  TileMap map;
  int columns_log = 0;  // of the columns that a block takes at once
  Complex<T> roots[kMostTile];
};

// Calls work(first column, shared memory) for the columns of this block.
template <class T, class Team, class Work>
FDSR_DEVICE void for_stretches(const Team& team, const TileParams<T>& p, void* memory, Work&& work) {
  const int at_once = 1 << p.columns_log;
  const TileMemory<T> m(p.map, at_once, memory);
  for (int i = team.thread(); i < kMostTile; i += team.threads()) m.roots[i] = p.roots[i];
  const std::int64_t columns = p.map.columns(), stride = std::int64_t{at_once} * team.clusters();
  for (std::int64_t first = std::int64_t{at_once} * team.cluster(); first < columns; first += stride) work(first, m);
}

// Where the columns from `first` on lie, and the given samples that theirs stand for.
template <class T, class Team>
FDSR_DEVICE void find_columns(const Team& team, const TileMap& map, int columns_log, std::int64_t first, const T* bias,
                              const TileMemory<T>& m) {
  const int columns = 1 << columns_log, y_log = map.y.length_log(), x_log = map.x.length_log();
  const int pitch_y = m.place_pitch(map.y.length, columns), pitch_x = m.place_pitch(map.x.length, columns);
  const bool is_short = map.columns() <= INT32_MAX;  // divisions by 64 bits take several times as long
  for (int k = team.thread(); k < columns; k += team.threads()) {
    const std::int64_t column = first + k;
    const bool is_one = column < map.columns();
    std::int64_t rest = is_one ? column : 0;
    const auto split = [&](std::int64_t by) {  // the remainder; the quotient is left
      const std::int64_t whole =
          is_short ? static_cast<std::uint32_t>(rest) / static_cast<std::uint32_t>(by) : rest / by;
      const std::int64_t remainder = rest - whole * by;
      rest = whole;
      return remainder;
    };
    const std::int64_t channel = split(map.channels);
    const int tile_x = static_cast<int>(split(map.x.count)), tile_y = static_cast<int>(split(map.y.count));
    const std::int64_t image = split(map.images), group = rest;
    m.base[k] = group * map.group_stride + image * map.image_stride + channel * map.channel_stride;
    m.bias[k] = bias ? bias[group * map.channels + channel] : T(0);
    m.tile_y[k] = is_one ? tile_y : -1;
    m.tile_x[k] = tile_x;
  }
  team.sync_block();
  for (int i = team.thread(); i < columns << y_log; i += team.threads()) {
    const int k = i >> y_log, y = i & (map.y.length - 1), tile = m.tile_y[k];
    m.place_y[k * pitch_y + y] = tile < 0 ? -1 : map.y.place(tile, y, map.mode);
  }
  for (int i = team.thread(); i < columns << x_log; i += team.threads()) {
    const int k = i >> x_log, x = i & (map.x.length - 1);
    m.place_x[k * pitch_x + x] = map.x.place(m.tile_x[k], x, map.mode);
  }
  team.sync_block();
}

// Calls work(column, place in the image, offset of the sample or -1) for all samples of the block's tiles.
template <class T, class Team, class Work>
FDSR_DEVICE void for_samples(const Team& team, const TileMap& map, int k_log, const TileMemory<T>& m, Work&& work) {
  const int y_log = map.y.length_log(), x_log = map.x.length_log();
  const int pitch_y = m.place_pitch(map.y.length, 1 << k_log), pitch_x = m.place_pitch(map.x.length, 1 << k_log);
  const bool columns_first = map.channels_lie_together();
  for (int i = team.thread(); i < 1 << (k_log + y_log + x_log); i += team.threads()) {
    const int within = columns_first ? i >> k_log : i & ((1 << (y_log + x_log)) - 1);
    const int k = columns_first ? i & ((1 << k_log) - 1) : i >> (y_log + x_log);
    const int y = within >> x_log, x = within & (map.x.length - 1);
    const int at_y = m.place_y[k * pitch_y + y], at_x = m.place_x[k * pitch_x + x];
    const bool none = at_y < 0 || at_x < 0;
    work(k, 2 * (k * map.image() + y * map.pitch()) + x,
         none ? std::int64_t{-1} : m.base[k] + at_y * map.y_stride + at_x * map.x_stride);
  }
  team.sync_block();
}

template <bool Inverse, class T, class Team>
FDSR_DEVICE void transform_images(const Team& team, const TileParams<T>& p, const TileMemory<T>& m) {
  const TileMap& map = p.map;
  const int y_log = map.y.length_log(), x_log = map.x.length_log() - 1, images = 1 << p.columns_log;
  const Lines along_x{x_log, 1, y_log, map.pitch(), images, map.image()};
  const Lines along_y{y_log, map.pitch(), x_log, 1, images, map.image()};
  if constexpr (!Inverse) transform_lines<false>(team, along_x, m.roots, m.images);
  transform_lines<Inverse>(team, along_y, m.roots, m.images);
  if constexpr (Inverse) transform_lines<true>(team, along_x, m.roots, m.images);
}

// Two frequencies whose spectrum follows from the same two places of the complex image, f = (y, x) and (-y, M - x)
// with x up to M / 2, M half the length along x. At x = 0 and M / 2, the pair at -y has the same two places.
struct FrequencyPair {
  int column, x;
  bool is_repeated;            // the pair at -y stands for this one where both places are dealt with at once
  int place, mirrored;         // in the complex images
  int first, second;           // in a spectrum, [rows][M + 1]
  int root;                    // exp(-2 pi i x / length)
};

// Calls work(pair) for those of the block's columns, of which it leaves out what is beyond the last.
template <class T, class Team, class Work>
FDSR_DEVICE void for_frequencies(const Team& team, const TileParams<T>& p, const TileMemory<T>& m, Work&& work) {
  const TileMap& map = p.map;
  const int y_log = map.y.length_log(), x_log = map.x.length_log() - 1, k_log = p.columns_log;
  const int rows = map.y.length, half = map.x.length / 2;
  for (int i = team.thread(); i < (half / 2 + 1) << (k_log + y_log); i += team.threads()) {
    const int k = i & ((1 << k_log) - 1), y = i >> k_log & (rows - 1), x = i >> (k_log + y_log);
    if (m.tile_y[k] < 0) continue;
    const int y_back = (rows - y) & (rows - 1), x_back = (half - x) & (half - 1), image = k * map.image();
    const auto place = [&](int fy, int fx) {
      return image + place_of_frequency(y_log, fy) * map.pitch() + place_of_frequency(x_log, fx);
    };
    work(FrequencyPair{k, x, (x & (half / 2 - 1)) == 0 && y > y_back, place(y, x), place(y_back, x_back),
                       y * (half + 1) + x, y_back * (half + 1) + half - x, x * (kMostTile / map.x.length)});
  }
  team.sync_block();
}

template <class T>
struct TwoValues {
  Complex<T> first, second;
};

// The spectrum at both frequencies of a pair. The spectra of even and odd samples, E and O, are the two Hermitian
// parts of the image's.
template <class T>
FDSR_DEVICE TwoValues<T> spectrum_of(const TileMemory<T>& m, const FrequencyPair& f) {
  const Complex<T> a = m.images[f.place], b = conj(m.images[f.mirrored]);
  const Complex<T> e = T(0.5) * (a + b), o = m.roots[f.root] * (T(0.5) * turned<false>(a - b));
  return {e + o, conj(e - o)};
}

// The way back: both places of the image, of which the transform needs no further scaling.
template <class T>
FDSR_DEVICE TwoValues<T> image_of(const TileMap& map, const TileMemory<T>& m, const FrequencyPair& f,
                                  TwoValues<T> spectrum) {
  const T scale = T(1) / static_cast<T>(map.y.length * map.x.length);
  const Complex<T> a = spectrum.first, b = conj(spectrum.second);
  const Complex<T> e = a + b, o = turned<true>(conj(m.roots[f.root]) * (a - b));
  return {scale * (e + o), scale * conj(e - o)};
}

template <class T, class Team>
FDSR_DEVICE void read_tiles(const Team& team, const TileParams<T>& p, std::int64_t first, const T* samples,
                            const TileMemory<T>& m) {
  find_columns<T>(team, p.map, p.columns_log, first, nullptr, m);
  T* image = reinterpret_cast<T*>(m.images);
  for_samples(team, p.map, p.columns_log, m,
              [&](int, int place, std::int64_t at) { image[place] = at < 0 ? T(0) : samples[at]; });
  transform_images<false>(team, p, m);
}

// `map` differs from that of the parameters in what the samples are, not in the tiles.
template <class T, class Team>
FDSR_DEVICE void write_tiles(const Team& team, const TileParams<T>& p, const TileMap& map, T* samples,
                             const TileMemory<T>& m) {
  transform_images<true>(team, p, m);
  const T* image = reinterpret_cast<const T*>(m.images);
  for_samples(team, map, p.columns_log, m, [&](int k, int place, std::int64_t at) {
    if (at >= 0) samples[at] = image[place] + m.bias[k];
  });
}

template <class T, class Team>
FDSR_DEVICE void tile_spectra(const Team& team, const TileParams<T>& p, std::int64_t first, const T* samples,
                              bool conjugate, Complex<T>* spectra, const TileMemory<T>& m) {
  read_tiles(team, p, first, samples, m);
  const std::int64_t columns = p.map.columns();
  const int middle = p.map.x.length / 4;
  for_frequencies(team, p, m, [&](const FrequencyPair& f) {
    const TwoValues<T> x = spectrum_of(m, f);
    spectra[f.first * columns + first + f.column] = conjugate ? conj(x.first) : x.first;
    if (f.x != middle) spectra[f.second * columns + first + f.column] = conjugate ? conj(x.second) : x.second;
  });
}

template <class T, class Team>
FDSR_DEVICE void tile_results(const Team& team, const TileParams<T>& p, std::int64_t first, const Complex<T>* spectra,
                              const T* bias, T* samples, const TileMemory<T>& m) {
  find_columns(team, p.map, p.columns_log, first, bias, m);
  const std::int64_t columns = p.map.columns();
  for_frequencies(team, p, m, [&](const FrequencyPair& f) {
    if (f.is_repeated) return;
    const std::int64_t column = first + f.column;
    const TwoValues<T> x{spectra[f.first * columns + column], spectra[f.second * columns + column]};
    const TwoValues<T> z = image_of(p.map, m, f, x);
    m.images[f.place] = z.first;
    if (f.mirrored != f.place) m.images[f.mirrored] = z.second;
  });
  write_tiles(team, p, p.map, samples, m);
}

// Every channel with a kernel of its own, whose spectra [frequencies][channels] are given conjugate: nothing but the
// results goes to memory.
template <class T, class Team>
FDSR_DEVICE void depthwise_tiles(const Team& team, const TileParams<T>& p, std::int64_t first, const T* samples,
                                 const Complex<T>* kernels, const TileMap& out, const T* bias, T* results,
                                 const TileMemory<T>& m) {
  read_tiles(team, p, first, samples, m);
  const int channels = static_cast<int>(p.map.channels), start = static_cast<int>(first % channels);
  for_frequencies(team, p, m, [&](const FrequencyPair& f) {
    if (f.is_repeated) return;
    const int channel = (start + f.column) % channels;
    TwoValues<T> x = spectrum_of(m, f);
    x = {x.first * kernels[std::int64_t{f.first} * channels + channel],
         x.second * kernels[std::int64_t{f.second} * channels + channel]};
    const TwoValues<T> z = image_of(p.map, m, f, x);
    m.images[f.place] = z.first;
    if (f.mirrored != f.place) m.images[f.mirrored] = z.second;
  });
  find_columns(team, out, p.columns_log, first, bias, m);
  write_tiles(team, p, out, results, m);
}

}  // namespace fdsr::cuda
