#include "correlation.hpp"

#include <algorithm>
#include <cstring>

#include "conv/phases.hpp"
#include "conv/planes.hpp"

namespace fdsr::conv {
namespace {

using kernels::LaneMatrix;
using kernels::ProductSteps;

// Spectra of a chunk of pairs should stay in the outer caches between the three phases.
constexpr Index kChunkBytes = Index{4} << 20;

Index padded(Index n, Index width) { return (n + width - 1) / width * width; }

template <class T>
void correlate_in_phases(const Correlation<T>& c, const LaneChoice& choice, const std::vector<Slots<T>>& weights,
                         const WeightOrder& order) {
  const Channels& channels = c.channels;
  const int lanes = kernels::conv_kernels<T>().lanes;
  const Index all = c.batch * c.tiling.pairs, chunk = chunk_of(c.transform, all, channels);
  for (Index group = 0; group < channels.groups; ++group)
    for (Index first = 0; first < all; first += chunk) {
      const Index pairs = std::min(chunk, all - first);
      const LaneOrder in = lane_order(choice.pairs_outside, pairs, channels.in, choice.width, lanes);
      const LaneOrder out = lane_order(choice.pairs_outside, pairs, channels.out, choice.width, lanes);
      const Slots<T> x(c.transform.slots(), 2 * in.lanes), y(c.transform.slots(), 2 * out.lanes);
      transform_tiles(c.transform, c.from, c.tiling, in, first, group * channels.in, c.transform.length(), false,
                      c.threads, x);
      for_each_run(c.transform, c.threads, [&](int column, Index slot, Index count, int) {
        multiply_slots<T>(choice, channels, in, out, x.from(slot), weights[group].from(slot), order.lanes.pitch,
                          y.from(slot), !c.transform.is_own_mirror(column), count);
      });
      write_tiles(c.transform, y, c.tiling, out, first, group * channels.out, c.bias, c.threads, c.to);
    }
}

}  // namespace

bool halves_are_rows(const LaneOrder& in, const LaneOrder& out) {
  return in.lanes % in.pitch == 0 && out.lanes % out.pitch == 0 && in.lanes / in.pitch == out.lanes / out.pitch;
}

Index pairs_of_chunk(std::size_t spectrum_bytes, Index pairs) {
  if (pairs == 0) return 1;
  const Index most = std::min(pairs, std::max<Index>(4, kChunkBytes / Index(spectrum_bytes)));
  const Index chunks = (pairs + most - 1) / most;
  return (pairs + chunks - 1) / chunks;
}

LaneChoice choose_lanes(Index pairs, const Channels& channels, int lanes, bool any_order) {
  const int narrowest = lanes >= 8 ? lanes / 4 : lanes >= 4 ? lanes / 2 : lanes;
  if (channels.depthwise) {  // a vector holds whole rows of channels, or a part of one row
    int width = narrowest;
    while (width < lanes && width < channels.in) width *= 2;
    return {true, width};
  }
  LaneChoice best;
  double least = -1;
  for (const bool outside : {true, false}) {
    if (!outside && !any_order) continue;
    for (int width = lanes; width >= narrowest; width /= 2) {
      const double in = double(outside ? pairs * padded(channels.in, width) : channels.in * padded(pairs, width));
      const double out = double(outside ? pairs * padded(channels.out, width) : channels.out * padded(pairs, width));
      // Vector operations a frequency: a transform takes about 12 a sample, the product 4 for each term.
      const double product = 4 * out / width * double(channels.in);
      const double cost = 30 * (padded(Index(in), lanes) + padded(Index(out), lanes)) / lanes + product;
      if (least < 0 || cost < least) {
        least = cost;
        best = {outside, width};
      }
    }
  }
  return best;
}

template <class T>
void read_tile(const TileTransform<T>& transform, const Image<const T>& image, const LaneVector& vector, Size used,
               const LineBuffers<T>& buffers, T* tile) {
  RowReader<T> reader(image, vector, used, transform.length().x);
  for (int r = 0; r < transform.length().y; ++r) {
    T* const row = tile + r * transform.pitch();
    if (r < used.y && reader.read(r, buffers.line))
      transform.row(Direction::forward, buffers.line, row, buffers.scratch);
    else
      std::memset(row, 0, std::size_t(transform.pitch()) * sizeof(T));
  }
}

template <class T>
void write_tile(const TileTransform<T>& transform, const Image<T>& image, const LaneVector& vector, const T* bias,
                const LineBuffers<T>& buffers, const T* tile) {
  RowWriter<T> writer(image, vector, bias);
  for (int r = 0; r < vector.tiling.pitch.y; ++r) {
    transform.row(Direction::inverse, tile + r * transform.pitch(), buffers.line, buffers.scratch);
    writer.write(r, buffers.line);
  }
}

template <class T>
void multiply_slots(const LaneChoice& choice, const Channels& channels, const LaneOrder& in, const LaneOrder& out,
                    SlotRun<const T> x, SlotRun<const T> w, Index w_pitch, SlotRun<T> y, bool mirrored, Index count) {
  const auto& table = kernels::conv_kernels<T>();
  const LaneMatrix<const T> W{w.first, w_pitch};
  const ProductSteps outside{x.stride, w.stride, y.stride}, inside{w.stride, x.stride, y.stride};
  const bool at_once = choice.pairs_outside && halves_are_rows(in, out);
  for (int half = 0; half <= (mirrored && !at_once ? 1 : 0); ++half) {
    const LaneMatrix<const T> X{x.first + half * 2 * in.lanes, in.pitch};
    const LaneMatrix<T> Y{y.first + half * 2 * out.lanes, out.pitch};
    if (choice.pairs_outside)
      table.product(choice.width, in.outer + (mirrored && at_once ? in.lanes / in.pitch : 0), out.pitch, channels.in, X,
                    W, Y, count, outside);
    else
      table.product(choice.width, channels.out, out.pitch, channels.in, W, X, Y, count, inside);
  }
}

template <class T>
void correlate(const Correlation<T>& call, KeepSpectra keep, const WeightCache& cache, std::size_t weight_count) {
  using Spectra = std::vector<Slots<T>>;
  const int lanes = kernels::conv_kernels<T>().lanes;
  const Channels& channels = call.channels;
  // Not of this batch: an image's bits must not depend on what else is in it.
  const LaneChoice choice = choose_lanes(2 * call.tiling.pairs, channels, lanes, true);
  Correlation<T> c = call;
  std::optional<Planes<T>> from, to;
  if (are_planes_better(call.from, choice, channels.in))
    c.from = read_planes(call.from, call.batch, channels.groups * channels.in, call.threads, from);
  if (are_planes_better(call.to, choice, channels.out))
    c.to = empty_planes(call.to, call.batch, channels.groups * channels.out, to);
  const WeightOrder order = weight_order(choice.pairs_outside, c.channels, choice.width, lanes);
  const WeightCache::Layout layout{choice.pairs_outside, choice.width};
  const std::size_t weight_bytes = weight_count * sizeof(T);
  auto weights = std::static_pointer_cast<const Spectra>(
      cache.find(c.kernels.data, weight_bytes, layout, keep, c.threads));
  const bool were_kept = weights != nullptr;
  if (!weights) {
    const T scale = T(1) / T(c.transform.length().area());
    auto made = std::make_shared<Spectra>(std::size_t(channels.groups));
    for_each_group(channels.groups, c.threads, [&](Index group, int threads) {
      (*made)[std::size_t(group)] = weight_spectra(c.transform, c.kernels, group, order, scale, threads);
    });
    const std::size_t bytes = made->size() * std::size_t(c.transform.slots() * made->front().stride()) * sizeof(T);
    weights = made;
    cache.keep(c.kernels.data, weight_bytes, layout, keep, made, bytes);
  }
  const std::size_t tile_bytes = c.transform.tile_size() * sizeof(T);
  Index most = pairs_in_cache(tile_bytes, false, c.channels, choice, lanes);
  if (!most && were_kept) {
    most = pairs_in_cache(tile_bytes, true, c.channels, choice, lanes);
    // Both ways give the same bits: the number of threads may decide.
    if (most && tasks_in_cache(most, c.batch * c.tiling.pairs, c.channels, choice, lanes) < c.threads) most = 0;
  }
  if (most)
    correlate_in_cache(c, choice, most, *weights, order);
  else
    correlate_in_phases(c, choice, *weights, order);
  if (to) to->write(call.to, call.threads);
}

#define FDSR_INSTANTIATE(T)                                                                                           \
  template void read_tile<T>(const TileTransform<T>&, const Image<const T>&, const LaneVector&, Size,                 \
                             const LineBuffers<T>&, T*);                                                              \
  template void write_tile<T>(const TileTransform<T>&, const Image<T>&, const LaneVector&, const T*,                  \
                              const LineBuffers<T>&, const T*);                                                       \
  template void multiply_slots<T>(const LaneChoice&, const Channels&, const LaneOrder&, const LaneOrder&,              \
                                  SlotRun<const T>, SlotRun<const T>, Index, SlotRun<T>, bool, Index);                \
  template void correlate<T>(const Correlation<T>&, KeepSpectra, const WeightCache&, std::size_t);
FDSR_INSTANTIATE(float)
FDSR_INSTANTIATE(double)

}  // namespace fdsr::conv
