#include "spatial.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "conv/planes.hpp"
#include "fdsr/threads.hpp"

namespace fdsr::conv {
namespace {

using kernels::kPlaneRows;
using kernels::kSpatialOutputs;
using kernels::SpatialSum;

// The samples that one row of results needs should stay in the first-level cache, those of a task in the second.
constexpr Index kRowBytes = 20 << 10, kTaskBytes = 160 << 10;
constexpr Index kMostColumns = 512;
// Sums over positions are made in so many parts, whatever the number of threads, or fewer to keep them small.
constexpr Index kParts = 16, kPartsBytes = 64 << 20;

Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

// A depthwise convolution is as many groups as it has channels.
struct Groups {
  Index count, in, out;
  explicit Groups(const Channels& c)
      : count(c.depthwise ? c.in : c.groups), in(c.depthwise ? 1 : c.in), out(c.depthwise ? 1 : c.out) {}
  Index bundles() const { return ceil_div(out, kSpatialOutputs); }
  // Outputs that are summed together, about as many in every bundle.
  Index begin(Index bundle) const { return out * bundle / bundles(); }
};

// Positions cut into rectangles, equally wide and about equally high.
struct Cut {
  Index rows, columns;  // of a rectangle, at most
  Index count_y, count_x;

  Cut(Index height, Index width, Index most_rows, Index most_columns, Index lanes) {
    count_x = ceil_div(width, std::max(lanes, most_columns / lanes * lanes));
    columns = ceil_div(ceil_div(width, count_x), lanes) * lanes;
    count_x = ceil_div(width, columns);
    cut_rows(height, most_rows);
  }
  Index count() const { return count_y * count_x; }
  // Rectangles about equally high, of at most so many rows but of no fewer than sum_plane takes, if there are as many:
  // which kernel sums them must not depend on the batch, by which they are cut.
  void cut_rows(Index height, Index most_rows) {
    const Index most = std::max<Index>(1, height / kPlaneRows);
    count_y = std::clamp<Index>(ceil_div(height, std::max<Index>(1, most_rows)), 1, most);
    rows = ceil_div(height, count_y);
  }
};

struct Rectangle {
  Index y, x, rows, columns;
};

Rectangle rectangle(const Cut& cut, Index number, Index height, Index width) {
  const Index strip = number / cut.count_x, x = number % cut.count_x * cut.columns;
  const Index y = height * strip / cut.count_y;
  return {y, x, height * (strip + 1) / cut.count_y - y, std::min(cut.columns, width - x)};
}

// `count` positions of a row from x on, zeros where there are no samples.
template <class T>
void read_row(const Image<const T>& image, const T* plane, Index y, Index x, Index count, T* line) {
  const int sample_y = y < image.y->length() ? image.y->sample[y] : -1;
  if (sample_y < 0) {
    std::fill_n(line, count, T(0));
    return;
  }
  const T* row = plane + sample_y * image.strides.y;
  const Axis& axis = *image.x;
  const Index step = image.strides.x, end = std::min<Index>(x + count, axis.length());
  Index q = x;
  while (q < end) {
    const int s = axis.sample[q];
    if (s < 0) {
      line[q++ - x] = T(0);
      continue;
    }
    const Index run = std::min<Index>(axis.run_end[q], end) - q;
    const T* from = row + s * step;
    T* to = line + (q - x);
    if (step == 1)
      std::memcpy(to, from, std::size_t(run) * sizeof(T));
    else
      for (Index i = 0; i < run; ++i) to[i] = from[i * step];
    q += run;
  }
  std::fill(line + (q - x), line + count, T(0));
}

// Back to the samples that the positions name.
template <class T>
void write_row(const Image<T>& image, T* row, Index x, Index count, const T* line) {
  const Axis& axis = *image.x;
  const Index step = image.strides.x;
  for (Index i = 0; i < count; ++i)
    if (const int s = axis.sample[x + i]; s >= 0) row[s * step] = line[i];
}

// The samples under a rectangle of positions, channel by channel: [channel][row][pitch]. `rows` and `width` may become
// smaller.
template <class T>
struct Patch {
  Index rows, width, pitch, plane;
  Buffer memory;

  Patch(Index channels, Index rows, Index width, Index lanes)
      : rows(rows),
        width(width),
        pitch(ceil_div(width, lanes) * lanes + lanes),
        plane(odd_lines<T>(rows * pitch)),
        memory(std::size_t(channels * plane + lanes) * sizeof(T)) {}
  T* at(Index channel, Index row) const { return memory.template as<T>() + channel * plane + row * pitch; }

  void read(const Image<const T>& image, const T* from, Index channels, Index y, Index x) {
    const auto& table = kernels::conv_kernels<T>();
    const Axis &along = *image.x, &down = *image.y;
    const Index end = std::min<Index>(x + width, along.length());
    Index first = x;
    while (first < end && along.sample[first] < 0) ++first;
    const Index last = first < end ? std::min<Index>(along.run_end[first], end) : end;
    Index next = last;
    while (next < end && along.sample[next] < 0) ++next;
    // Most rows are neighbouring samples between zeros.
    const bool plain = image.strides.x == 1 && first < end && next == end;
    for (Index c = 0; c < channels; ++c) {
      const T* plane = from + c * image.strides.channel;
      for (Index r = 0, run; r < rows; r += run) {
        run = 1;
        if (plain && y + r < down.length() && down.sample[y + r] >= 0) {
          run = std::min(down.run_end[y + r] - (y + r), rows - r);
          table.copy_rows(run, last - first, plane + down.sample[y + r] * image.strides.y + along.sample[first],
                          image.strides.y, first - x, x + width - last, at(c, r), pitch);
        } else {
          read_row(image, plane, y + r, x, width, at(c, r));
        }
      }
    }
  }
};

// Weights in the order of their use: [group][bundle][in][y][x][output of the bundle].
template <class T>
Buffer in_order(const Kernels<const T>& kernels, const Groups& groups) {
  Buffer memory(std::size_t(groups.count * groups.out * groups.in * kernels.size.area()) * sizeof(T));
  T* to = memory.as<T>();
  for (Index g = 0; g < groups.count; ++g)
    for (Index b = 0; b < groups.bundles(); ++b)
      for (Index i = 0; i < groups.in; ++i)
        for (Index p = 0; p < kernels.size.y; ++p)
          for (Index q = 0; q < kernels.size.x; ++q)
            for (Index o = groups.begin(b); o < groups.begin(b + 1); ++o)
              *to++ = kernels.data[g * kernels.group_stride + o * kernels.out_stride + i * kernels.in_stride +
                                   p * kernels.y_stride + q * kernels.x_stride];
  return memory;
}

template <class P>
Size reach_of(const Kernels<P>& k) {
  return {k.dilation.y * (k.size.y - 1), k.dilation.x * (k.size.x - 1)};
}

// Memory of one thread, for all of its tasks: there are many short ones.
template <class T>
struct Scratch {
  Scratch(const Groups& groups, const Cut& cut, Size reach, Index lanes)
      : patch(groups.in, cut.rows + reach.y, cut.columns + reach.x, lanes),
        lines(std::size_t(kSpatialOutputs * cut.columns) * sizeof(T)) {}
  Patch<T> patch;
  Buffer lines;
};

template <class T>
void sum_rectangle(const Maps<T>& m, const Groups& groups, Index batch, Index group, const Rectangle& where,
                   const T* weights, Scratch<T>& scratch) {
  const auto& table = kernels::conv_kernels<T>();
  const Size reach = reach_of(m.kernels);
  Patch<T>& patch = scratch.patch;
  patch.rows = where.rows + reach.y;
  patch.width = where.columns + reach.x;
  patch.read(m.from, m.from.data + batch * m.from.strides.batch + group * groups.in * m.from.strides.channel,
             groups.in, where.y, where.x);
  const SpatialSum sum{groups.in,
                       m.kernels.size.y,
                       m.kernels.size.x,
                       patch.plane,
                       m.kernels.dilation.y * patch.pitch,
                       m.kernels.dilation.x};
  const Axis &axis = *m.to.x, &axis_y = *m.to.y;
  const bool straight = m.to.strides.x == 1 && axis.sample[where.x] >= 0 &&
                        axis.run_end[where.x] >= where.x + where.columns;
  if (straight && groups.out == 1 && kernels::is_plane_window(sum.rows) && m.kernels.dilation.y == 1 &&
      where.rows >= kPlaneRows && axis_y.sample[where.y] >= 0 &&
      axis_y.run_end[where.y] >= where.y + where.rows) {
    T* const to = m.to.data + batch * m.to.strides.batch + group * m.to.strides.channel +
                  axis_y.sample[where.y] * m.to.strides.y + axis.sample[where.x];
    table.sum_plane(sum, where.rows, where.columns, patch.at(0, 0), weights + group * groups.in * m.kernels.size.area(),
                    m.bias ? m.bias[group] : T(0), to, m.to.strides.y);
    return;
  }
  for (Index r = 0; r < where.rows; ++r) {
    const int y = axis_y.sample[where.y + r];
    if (y < 0) continue;
    for (Index b = 0; b < groups.bundles(); ++b) {
      const Index first = groups.begin(b), outputs = groups.begin(b + 1) - first;
      T *rows[kSpatialOutputs], *to[kSpatialOutputs], offset[kSpatialOutputs];
      for (Index o = 0; o < outputs; ++o) {
        const Index channel = group * groups.out + first + o;
        rows[o] = m.to.data + batch * m.to.strides.batch + channel * m.to.strides.channel + y * m.to.strides.y;
        to[o] = straight ? rows[o] + axis.sample[where.x] : scratch.lines.template as<T>() + o * where.columns;
        offset[o] = m.bias ? m.bias[channel] : T(0);
      }
      const T* w = weights + (group * groups.out + first) * groups.in * m.kernels.size.area();
      table.sum_row(sum, static_cast<int>(outputs), where.columns, patch.at(0, r), w, offset, to);
      for (Index o = 0; o < outputs && !straight; ++o) write_row(m.to, rows[o], where.x, where.columns, to[o]);
    }
  }
}

template <class T>
void correlate_planes(const Maps<T>& m) {
  const Groups groups(m.channels);
  const Index lanes = kernels::conv_kernels<T>().lanes, height = m.to.y->length(), width = m.to.x->length();
  const Size reach = reach_of(m.kernels);
  const Index most_columns =
      std::min(kMostColumns, kRowBytes / (groups.in * m.kernels.size.y * Index(sizeof(T))) - reach.x);
  Cut cut(height, width, 1, std::max(most_columns, 4 * lanes), lanes);
  const Index most_rows = kTaskBytes / (groups.in * (cut.columns + reach.x) * Index(sizeof(T))) - reach.y;
  // Rows that reach over one another are copied twice.
  const Index strips = ceil_div(kLeastTasks, std::max<Index>(m.batch * groups.count * cut.count_x, 1));
  const Index few_rows = std::max<Index>(ceil_div(height, strips), 2 * reach.y);
  cut.cut_rows(height, std::min(most_rows, few_rows));
  const Buffer weights = in_order(m.kernels, groups);
  std::vector<std::optional<Scratch<T>>> scratch(std::size_t(std::max(m.threads, 1)));
  parallel_for(m.batch * groups.count * cut.count(), m.threads, [&](std::int64_t task, int thread) {
    std::optional<Scratch<T>>& own = scratch[std::size_t(thread)];
    if (!own) own.emplace(groups, cut, reach, lanes);
    const Index plane = task / cut.count();
    sum_rectangle(m, groups, plane / groups.count, plane % groups.count,
                  rectangle(cut, task % cut.count(), height, width), weights.as<T>(), *own);
  });
}

}  // namespace

template <class T>
void correlate_in_space(const Maps<T>& maps) {
  Maps<T> m = maps;
  const Groups groups(m.channels);
  std::optional<Planes<T>> from, to;
  // Sums go along rows of samples.
  if (channels_are_neighbours(m.from)) m.from = read_planes(m.from, m.batch, groups.count * groups.in, m.threads, from);
  if (channels_are_neighbours(m.to)) m.to = empty_planes(m.to, m.batch, groups.count * groups.out, to);
  correlate_planes(m);
  if (to) to->write(maps.to, m.threads);
}

template <class T>
void correlate_maps_in_space(Index batch, const Image<const T>& x_map, const Image<const T>& v_map,
                             const Channels& channels, int threads, const Kernels<T>& kernels) {
  const auto& table = kernels::conv_kernels<T>();
  const Groups groups(channels);
  std::optional<Planes<T>> x_planes, v_planes;
  Image<const T> x = x_map, v = v_map;
  if (channels_are_neighbours(x)) x = read_planes(x, batch, groups.count * groups.in, threads, x_planes);
  if (channels_are_neighbours(v)) v = read_planes(v, batch, groups.count * groups.out, threads, v_planes);
  const Index height = v.y->length(), width = v.x->length(), lanes = table.lanes;
  const Size reach = reach_of(kernels);
  const Index area = kernels.size.area(), count = groups.count * groups.out * groups.in * area;
  const Index most_columns = 128;
  const Index channels_at_once = std::min<Index>(groups.out, kSpatialOutputs) + 1;
  const Cut cut(height, width, kRowBytes / (channels_at_once * std::min(width, most_columns) * Index(sizeof(T))),
                most_columns, lanes);
  const Index tasks = batch * cut.count(), most_parts = kPartsBytes / (count * Index(sizeof(double)));
  const Index parts = std::min({tasks, kParts, std::max<Index>(1, most_parts)});
  const Buffer memory(std::size_t(parts * count) * sizeof(double));
  double* const totals = memory.as<double>();
  parallel_for(parts, threads, [&](std::int64_t part, int) {
    double* const sums = totals + part * count;
    std::fill_n(sums, count, 0.0);
    Patch<T> samples(groups.in, cut.rows + reach.y, cut.columns + reach.x, lanes);
    Patch<T> cotangents(groups.out, cut.rows, cut.columns, lanes);
    const SpatialSum sum{groups.in,
                         kernels.size.y,
                         kernels.size.x,
                         samples.plane,
                         samples.pitch,
                         kernels.dilation.x};
    for (Index task = part; task < tasks; task += parts) {
      const Index b = task / cut.count();
      const Rectangle where = rectangle(cut, task % cut.count(), height, width);
      for (Index g = 0; g < groups.count; ++g) {
        samples.read(x, x.data + b * x.strides.batch + g * groups.in * x.strides.channel, groups.in, where.y, where.x);
        cotangents.read(v, v.data + b * v.strides.batch + g * groups.out * v.strides.channel, groups.out, where.y,
                        where.x);
        for (Index bundle = 0; bundle < groups.bundles(); ++bundle) {
          const Index first = groups.begin(bundle), outputs = groups.begin(bundle + 1) - first;
          for (Index i = 0; i < groups.in; ++i) {
            double* const to = sums + ((g * groups.out + first) * groups.in + i) * area;
            if (outputs == 1 && kernels.dilation.y == 1)
              table.sum_window(sum, where.rows, cut.columns, cotangents.at(first, 0), cotangents.pitch,
                               samples.at(i, 0), to);
            else
              for (Index p = 0; p < kernels.size.y; ++p)
                table.sum_columns(sum, static_cast<int>(outputs), where.rows, cut.columns, cotangents.at(first, 0),
                                  cotangents.plane, cotangents.pitch, samples.at(i, p * kernels.dilation.y),
                                  to + p * kernels.size.x, groups.in * area);
          }
        }
      }
    }
  });
  for (Index part = 1; part < parts; ++part)
    for (Index n = 0; n < count; ++n) totals[n] += totals[part * count + n];
  const double* total = totals;
  for (Index g = 0; g < groups.count; ++g)
    for (Index o = 0; o < groups.out; ++o)
      for (Index i = 0; i < groups.in; ++i)
        for (Index p = 0; p < kernels.size.y; ++p)
          for (Index q = 0; q < kernels.size.x; ++q, ++total)
            kernels.data[g * kernels.group_stride + o * kernels.out_stride + i * kernels.in_stride +
                         p * kernels.y_stride + q * kernels.x_stride] = parts ? T(*total) : T(0);
}

#define FDSR_INSTANTIATE(T)                                                                               \
  template void correlate_in_space<T>(const Maps<T>&);                                                    \
  template void correlate_maps_in_space<T>(Index, const Image<const T>&, const Image<const T>&,           \
                                           const Channels&, int, const Kernels<T>&);
FDSR_INSTANTIATE(float)
FDSR_INSTANTIATE(double)

}  // namespace fdsr::conv
