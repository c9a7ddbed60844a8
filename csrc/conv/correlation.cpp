#include "correlation.hpp"

#include <algorithm>

#include "fdsr/threads.hpp"

namespace fdsr::conv {
namespace {

using kernels::Conjugate;
using kernels::LaneMatrix;

// Spectra of a chunk of pairs should stay in the outer caches between the three phases.
constexpr Index kChunkBytes = Index{4} << 20;

Index padded(Index n, Index width) { return (n + width - 1) / width * width; }

// Pairs that are transformed, multiplied and transformed back together. It must not depend on the number of threads.
template <class T>
Index pairs_of_chunk(const TileTransform<T>& transform, Index pairs, Index channels) {
  const Index bytes = Index{transform.length()} * transform.length() * 2 * sizeof(T) * channels;
  const Index most = std::min(pairs, std::max<Index>(4, kChunkBytes / bytes));
  const Index chunks = (pairs + most - 1) / most;
  return (pairs + chunks - 1) / chunks;
}

template <class T>
void transform_tiles(const TileTransform<T>& transform, const Image<const T>& image, const Tiling& tiling,
                     const LaneOrder& order, Index first_pair, Index first_channel, int rows, int threads,
                     const Slots<T>& slots) {
  const Index lanes = kernels::conv_kernels<T>().lanes;
  parallel_for(order.lanes / lanes, threads, [&](std::int64_t unit, int) {
    thread_local std::vector<T> scratch;
    Buffer memory(transform.scratch_size() * sizeof(T));
    T* tile = memory.as<T>();
    load_unit(image, tiling, order, first_pair, first_channel, unit * lanes, rows, transform.length(),
              transform.pitch(), tile, scratch);
    transform.forward(tile, rows, transform.length(), slots.at(0) + unit * 2 * lanes, slots.stride());
  });
}

// One frequency of the half plane and its mirror image.
struct Frequency {
  Index slot, mirrored, half_slot;
  bool self_mirrored_column;  // the mirror image lies in the half plane, too
};

// Calls body for every slot of the half plane, rows of frequencies as tasks.
template <class Body>
void for_each_frequency(Index n, int threads, Body&& body) {
  parallel_for(n, threads, [&](std::int64_t y, int) {
    const Index half = n / 2 + 1, pitch = n | 1;
    for (Index x = 0; x < half; ++x)
      body(Frequency{y * pitch + x, (n - y) % n * pitch + (n - x) % n, y * (half | 1) + x, x == 0 || 2 * x == n});
  });
}

}  // namespace

LaneChoice choose_lanes(Index pairs, const Channels& channels, int lanes, bool any_order) {
  const int narrowest = lanes >= 8 ? lanes / 4 : lanes >= 4 ? lanes / 2 : lanes;
  LaneChoice best;
  double least = -1;
  for (const bool outside : {true, false}) {
    if (!outside && (!any_order || channels.depthwise)) continue;
    for (int width = lanes; width >= narrowest; width /= 2) {
      const double in = double(outside ? pairs * padded(channels.in, width) : channels.in * padded(pairs, width));
      const double out = double(outside ? pairs * padded(channels.out, width) : channels.out * padded(pairs, width));
      // Vector operations a frequency: a transform takes about 12 a sample, the product 4 for each term.
      const double product = channels.depthwise ? 4 * out / width : 4 * out / width * double(channels.in);
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
void correlate(const TileTransform<T>& transform, Index batch, const Image<const T>& from, const Channels& channels,
               const Kernels<const T>& kernels, Size extent, const T* bias, int threads, const Image<T>& to,
               WeightCache<T>* cache, std::size_t weight_count) {
  const auto& table = kernels::conv_kernels<T>();
  const Index n = transform.length(), lanes = table.lanes;
  const Size reach = kernels.extent();
  const Tiling tiling(extent, static_cast<int>(n) - std::max(reach.y, reach.x) + 1);
  const Index all = batch * tiling.pairs, chunk = pairs_of_chunk(transform, all, channels.in + channels.out);
  // Not of this batch: an image's bits must not depend on what else is in it.
  const LaneChoice choice = choose_lanes(2 * tiling.pairs, channels, table.lanes, true);
  const WeightOrder weights_in = weight_order(choice.pairs_outside, channels, choice.width, table.lanes);
  const T scale = T(1) / (T(n) * T(n));
  auto spectra_of_all = [&] {
    std::vector<Slots<T>> spectra;
    for (Index group = 0; group < channels.groups; ++group)
      spectra.push_back(weight_spectra(transform, kernels, group, weights_in, scale, threads));
    return spectra;
  };
  std::shared_ptr<const std::vector<Slots<T>>> kept;
  if (cache) {
    const std::size_t bytes =
        std::size_t(channels.groups * n * transform.half() * weights_in.lanes.lanes * 2) * sizeof(T);
    kept = cache->get(kernels.data, weight_count, choice.pairs_outside, choice.width, bytes, spectra_of_all);
  }
  for (Index group = 0; group < channels.groups; ++group) {
    const Slots<T> made =
        kept ? Slots<T>() : weight_spectra(transform, kernels, group, weights_in, scale, threads);
    const Slots<T>& weights = kept ? (*kept)[group] : made;
    for (Index first = 0; first < all; first += chunk) {
      const Index pairs = std::min(chunk, all - first);
      const LaneOrder in = lane_order(choice.pairs_outside, pairs, channels.in, choice.width, table.lanes);
      const LaneOrder out = lane_order(choice.pairs_outside, pairs, channels.out, choice.width, table.lanes);
      const Index slots = transform.slots(transform.length());
      const Slots<T> x(slots, in.lanes), y(slots, out.lanes);
      transform_tiles(transform, from, tiling, in, first, group * channels.in, static_cast<int>(n), threads, x);
      for_each_frequency(n, threads, [&](const Frequency& f) {
        const T* w = weights.at(f.half_slot);
        auto multiply = [&](Index slot, bool conjugate) {
          const LaneMatrix<const T> X{x.at(slot), in.pitch}, W{w, weights_in.lanes.pitch};
          const LaneMatrix<T> Y{y.at(slot), out.pitch};
          if (channels.depthwise)
            table.scale_columns(choice.width, conjugate ? Conjugate::second : Conjugate::none, pairs, out.pitch, X, w,
                                Y);
          else if (choice.pairs_outside)
            table.product(choice.width, conjugate ? Conjugate::second : Conjugate::none, pairs, out.pitch, channels.in,
                          X, W, Y);
          else
            table.product(choice.width, conjugate ? Conjugate::first : Conjugate::none, channels.out, out.pitch,
                          channels.in, W, X, Y);
        };
        multiply(f.slot, true);
        if (!f.self_mirrored_column) multiply(f.mirrored, false);
      });
      parallel_for(out.lanes / lanes, threads, [&](std::int64_t unit, int) {
        thread_local std::vector<T> scratch;
        Buffer memory(transform.scratch_size() * sizeof(T));
        T* tile = memory.as<T>();
        transform.inverse(y.at(0) + unit * 2 * lanes, y.stride(), tiling.pitch, tile);
        store_unit(to, tiling, out, first, group * channels.out, unit * lanes, transform.pitch(), bias, tile,
                   scratch);
      });
    }
  }
}

template <class T>
void correlate_maps(const TileTransform<T>& transform, Index batch, const Image<const T>& x, const Image<const T>& v,
                    const Channels& channels, Size extent, int threads, const Kernels<T>& kernels) {
  const auto& table = kernels::conv_kernels<T>();
  const Index n = transform.length();
  const Size reach = kernels.extent();
  const Tiling tiling(extent, static_cast<int>(n) - std::max(reach.y, reach.x) + 1);
  const Index all = batch * tiling.pairs, chunk = pairs_of_chunk(transform, all, channels.in + channels.out);
  const LaneChoice choice = choose_lanes(2 * tiling.pairs, channels, table.lanes, false);
  const WeightOrder order = weight_order(true, channels, choice.width, table.lanes);
  const T scale = T(0.5) / (T(n) * T(n));
  for (Index group = 0; group < channels.groups; ++group) {
    const Slots<T> sums(transform.slots(transform.half()), order.lanes.lanes);
    for (Index first = 0; first < all; first += chunk) {
      const Index pairs = std::min(chunk, all - first);
      const LaneOrder in = lane_order(true, pairs, channels.in, choice.width, table.lanes);
      const LaneOrder out = lane_order(true, pairs, channels.out, choice.width, table.lanes);
      const Index slots = transform.slots(transform.length());
      const Slots<T> xs(slots, in.lanes), vs(slots, out.lanes);
      transform_tiles(transform, x, tiling, in, first, group * channels.in, static_cast<int>(n), threads, xs);
      transform_tiles(transform, v, tiling, out, first, group * channels.out, tiling.pitch, threads, vs);
      for_each_frequency(n, threads, [&](const Frequency& f) {
        auto add = [&](Index slot, Conjugate conjugate, bool more) {
          const LaneMatrix<const T> X{xs.at(slot), in.pitch}, V{vs.at(slot), out.pitch};
          if (channels.depthwise)
            table.column_products(choice.width, conjugate, more, pairs, out.pitch, X, V, sums.at(f.half_slot));
          else
            table.product_transposed(choice.width, conjugate, more, channels.in, out.pitch, pairs, X, V,
                                     {sums.at(f.half_slot), order.lanes.pitch});
        };
        add(f.slot, Conjugate::second, first > 0);
        add(f.mirrored, Conjugate::first, true);
      });
    }
    kernels_from_spectra(transform, sums, order, scale, threads, kernels, group);
  }
}

#define FDSR_INSTANTIATE(T)                                                                                          \
  template void correlate<T>(const TileTransform<T>&, Index, const Image<const T>&, const Channels&,                 \
                             const Kernels<const T>&, Size, const T*, int, const Image<T>&, WeightCache<T>*,         \
                             std::size_t);                                                                           \
  template void correlate_maps<T>(const TileTransform<T>&, Index, const Image<const T>&, const Image<const T>&,      \
                                  const Channels&, Size, int, const Kernels<T>&);
FDSR_INSTANTIATE(float)
FDSR_INSTANTIATE(double)

}  // namespace fdsr::conv
