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
FDSR_DEVICE void find_columns(const Team& team, const TileParams<T>& p, std::int64_t first, const T* bias,
                              const TileMemory<T>& m) {
  const TileMap& map = p.map;
  const int columns = 1 << p.columns_log, y_log = map.y.length_log(), x_log = map.x.length_log();
  for (int k = team.thread(); k < columns; k += team.threads()) {
    const std::int64_t column = first + k;
    const bool is_one = column < map.columns();
    std::int64_t rest = is_one ? column : 0;
    const std::int64_t channel = rest % map.channels;
    rest /= map.channels;
    const int tile_x = static_cast<int>(rest % map.x.count);
    rest /= map.x.count;
    const int tile_y = static_cast<int>(rest % map.y.count);
    rest /= map.y.count;
    const std::int64_t image = rest % map.images, group = rest / map.images;
    m.base[k] = group * map.group_stride + image * map.image_stride + channel * map.channel_stride;
    m.bias[k] = bias ? bias[group * map.channels + channel] : T(0);
    m.tile_y[k] = is_one ? tile_y : -1;
    m.tile_x[k] = tile_x;
  }
  team.sync_block();
  for (int i = team.thread(); i < columns << y_log; i += team.threads()) {
    const int tile = m.tile_y[i >> y_log];
    m.place_y[i] = tile < 0 ? -1 : map.y.place(tile, i & (map.y.length - 1), map.mode);
  }
  for (int i = team.thread(); i < columns << x_log; i += team.threads())
    m.place_x[i] = map.x.place(m.tile_x[i >> x_log], i & (map.x.length - 1), map.mode);
  team.sync_block();
}

// Calls work(column, place in the image, offset of the sample or -1) for all samples of the block's tiles.
template <class T, class Team, class Work>
FDSR_DEVICE void for_samples(const Team& team, const TileParams<T>& p, const TileMemory<T>& m, Work&& work) {
  const TileMap& map = p.map;
  const int y_log = map.y.length_log(), x_log = map.x.length_log(), k_log = p.columns_log;
  const bool columns_first = map.channels_lie_together();
  for (int i = team.thread(); i < 1 << (k_log + y_log + x_log); i += team.threads()) {
    const int within = columns_first ? i >> k_log : i & ((1 << (y_log + x_log)) - 1);
    const int k = columns_first ? i & ((1 << k_log) - 1) : i >> (y_log + x_log);
    const int y = within >> x_log, x = within & (map.x.length - 1);
    const int at_y = m.place_y[(k << y_log) + y], at_x = m.place_x[(k << x_log) + x];
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
// with x up to M / 2, M half the length along x; at x = M / 2 the second is the first of another such pair.
struct FrequencyPair {
  int column, x;
  int place, mirrored;          // in the complex images
  std::int64_t first, second;   // in the spectrum
  int root;                     // exp(-2 pi i x / length)
};

// Calls work(pair) for those of the block's columns, of which it leaves out what is beyond the last.
template <class T, class Team, class Work>
FDSR_DEVICE void for_frequencies(const Team& team, const TileParams<T>& p, const TileMemory<T>& m, std::int64_t first,
                                 Work&& work) {
  const TileMap& map = p.map;
  const int y_log = map.y.length_log(), x_log = map.x.length_log() - 1, k_log = p.columns_log;
  const int rows = map.y.length, half = map.x.length / 2;
  const std::int64_t columns = map.columns();
  for (int i = team.thread(); i < (half / 2 + 1) << (k_log + y_log); i += team.threads()) {
    const int k = i & ((1 << k_log) - 1), y = i >> k_log & (rows - 1), x = i >> (k_log + y_log);
    if (m.tile_y[k] < 0) continue;
    const int y_back = (rows - y) & (rows - 1), x_back = (half - x) & (half - 1), image = k * map.image();
    const auto place = [&](int fy, int fx) {
      return image + place_of_frequency(y_log, fy) * map.pitch() + place_of_frequency(x_log, fx);
    };
    const std::int64_t column = first + k;
    work(FrequencyPair{k, x, place(y, x), place(y_back, x_back), (std::int64_t{y} * (half + 1) + x) * columns + column,
                       (std::int64_t{y_back} * (half + 1) + half - x) * columns + column,
                       x * (kMostTile / map.x.length)});
  }
  team.sync_block();
}

template <class T, class Team>
FDSR_DEVICE void tile_spectra(const Team& team, const TileParams<T>& p, std::int64_t first, const T* samples,
                              bool conjugate, Complex<T>* spectra, const TileMemory<T>& m) {
  find_columns<T>(team, p, first, nullptr, m);
  T* image = reinterpret_cast<T*>(m.images);
  for_samples(team, p, m, [&](int, int place, std::int64_t at) { image[place] = at < 0 ? T(0) : samples[at]; });
  transform_images<false>(team, p, m);
  const int middle = p.map.x.length / 4;
  for_frequencies(team, p, m, first, [&](const FrequencyPair& f) {
    // The spectra of even and odd samples, E and O, are the two Hermitian parts of the image's.
    const Complex<T> a = m.images[f.place], b = conj(m.images[f.mirrored]);
    const Complex<T> e = T(0.5) * (a + b), o = m.roots[f.root] * (T(0.5) * turned<false>(a - b));
    const Complex<T> at_first = e + o, at_second = e - o;
    spectra[f.first] = conjugate ? conj(at_first) : at_first;
    if (f.x != middle) spectra[f.second] = conjugate ? at_second : conj(at_second);
  });
}

template <class T, class Team>
FDSR_DEVICE void tile_results(const Team& team, const TileParams<T>& p, std::int64_t first, const Complex<T>* spectra,
                              const T* bias, T* samples, const TileMemory<T>& m) {
  find_columns(team, p, first, bias, m);
  const int middle = p.map.x.length / 4;
  const T scale = T(1) / static_cast<T>(p.map.y.length * p.map.x.length);
  for_frequencies(team, p, m, first, [&](const FrequencyPair& f) {
    const Complex<T> a = spectra[f.first], b = conj(spectra[f.second]);
    const Complex<T> e = a + b, o = turned<true>(conj(m.roots[f.root]) * (a - b));
    m.images[f.place] = scale * (e + o);
    if (f.x != 0 && f.x != middle) m.images[f.mirrored] = scale * conj(e - o);
  });
  transform_images<true>(team, p, m);
  const T* image = reinterpret_cast<const T*>(m.images);
  for_samples(team, p, m, [&](int k, int place, std::int64_t at) {
    if (at >= 0) samples[at] = image[place] + m.bias[k];
  });
}

}  // namespace fdsr::cuda
