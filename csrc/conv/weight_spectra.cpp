#include <algorithm>
#include <cmath>
#include <limits>

#include "conv/spectra.hpp"
#include "fdsr/threads.hpp"

namespace fdsr::conv {
namespace {

using kernels::kMostLanes;

// Powers of two that bring lanes of these magnitudes to about one: kernels that share a transform leave rounding errors
// of their own size in one another. Lanes that are not finite are left out of the transform: their factor is zero.
template <class T>
void to_factors(Index lanes, T* most) {
  for (Index l = 0; l < lanes; ++l) {
    int exponent = 0;
    if (most[l] > 0 && std::isfinite(most[l])) std::frexp(most[l], &exponent);
    most[l] = std::isfinite(most[l]) ? std::ldexp(T(1), std::clamp(-exponent, -100, 100)) : T(0);
  }
}

// What takes such a factor back: NaN for lanes that were left out.
template <class T>
T inverse_of(T factor, T scale) {
  return factor == T(0) ? std::numeric_limits<T>::quiet_NaN() : scale / factor;
}

// Two kernels of every lane are transformed at once, as real and imaginary part: those of two vectors of lanes.
template <class T>
struct Task {
  explicit Task(const TileTransform<T>& transform)
      : buffers(transform),
        memory((transform.tile_size() + 2 * std::size_t(transform.column() * transform.block())) * sizeof(T)),
        tile(memory.template as<T>()),
        z(tile + transform.tile_size()),
        mirrored(z + transform.column() * transform.block()) {}
  LineBuffers<T> buffers;
  Buffer memory;
  T *tile, *z, *mirrored;
  T factors[2 * kMostLanes] = {};  // [2][lanes]
};

}  // namespace

WeightOrder weight_order(bool rows_are_inputs, const Channels& channels, int width, int lanes) {
  WeightOrder order;
  order.rows_are_inputs = rows_are_inputs;
  order.depthwise = channels.depthwise;
  const Index rows = channels.depthwise ? 1 : rows_are_inputs ? channels.in : channels.out;
  const Index columns = rows_are_inputs ? channels.out : channels.in;
  order.lanes = lane_order(false, columns, rows, width, lanes);
  return order;
}

template <class T>
Slots<T> weight_spectra(const TileTransform<T>& transform, const Kernels<const T>& kernels, Index group,
                        const WeightOrder& order, T scale, int threads) {
  const auto& table = kernels::conv_kernels<T>();
  const Index lanes = table.lanes, block = transform.block(), vectors = order.lanes.lanes / lanes;
  const Size length = transform.length();
  Slots<T> spectra(transform.slots(), order.lanes.lanes);
  parallel_for((vectors + 1) / 2, threads, [&](std::int64_t unit, int) {
    Task<T> task(transform);
    T* const line = task.buffers.line;
    const T* from[2 * kMostLanes] = {};
    for (Index l = 0; l < 2 * lanes; ++l) {
      const Index lane = 2 * unit * lanes + l;
      const auto [in, out, used] = order.item(std::min(lane, order.lanes.lanes - 1));
      if (lane >= order.lanes.lanes || !used) continue;
      from[l] = kernels.data + group * kernels.group_stride + out * kernels.out_stride + in * kernels.in_stride;
      for (int a = 0; a < kernels.size.y; ++a)
        for (int b = 0; b < kernels.size.x; ++b)
          if (const T size = std::abs(from[l][a * kernels.y_stride + b * kernels.x_stride]); !(size <= task.factors[l]))
            task.factors[l] = std::isfinite(size) ? size : std::numeric_limits<T>::infinity();
    }
    to_factors(2 * lanes, task.factors);
    std::fill(task.tile, task.tile + transform.tile_size(), T(0));
    std::fill(line, line + length.x * block, T(0));
    for (int a = 0; a < kernels.size.y; ++a) {
      for (Index l = 0; l < 2 * lanes; ++l) {
        if (!from[l] || task.factors[l] == T(0)) continue;
        const T* row = from[l] + a * kernels.y_stride;
        for (int b = 0; b < kernels.size.x; ++b)
          line[Index{b} * kernels.dilation.x * block + l] = task.factors[l] * row[b * kernels.x_stride];
      }
      transform.row(Direction::forward, line, task.tile + Index{a} * kernels.dilation.y * transform.pitch(),
                    task.buffers.scratch);
    }
    for (Index l = 0; l < 2 * lanes; ++l) task.factors[l] = inverse_of(task.factors[l], scale);
    const bool odd = 2 * unit + 1 == vectors;  // the second half of the last task has no place of its own
    for (int x = 0; x < transform.half(); ++x) {
      transform.to_column(task.tile, x, task.z, task.mirrored, block, task.buffers.scratch);
      T* first = spectra.at(x * transform.column()) + 2 * unit * block;
      table.separate(length.y, task.z, task.mirrored, block, task.factors, first, spectra.stride(),
                     odd ? task.z : first + block, odd ? block : spectra.stride());
    }
  });
  return spectra;
}

namespace {
// Where sample n of a kernel lies that ends at the origin.
Index place(Index n, Index count, Index dilation, Index length) {
  const Index before = (count - 1 - n) * dilation;
  return before ? length - before : 0;
}
}  // namespace

template <class T>
void kernels_from_spectra(const TileTransform<T>& transform, const Slots<T>& spectra, const T* most,
                          const WeightOrder& order, T scale, int threads, const Kernels<T>& kernels, Index group) {
  const auto& table = kernels::conv_kernels<T>();
  const Index lanes = table.lanes, block = transform.block(), vectors = order.lanes.lanes / lanes;
  parallel_for((vectors + 1) / 2, threads, [&](std::int64_t unit, int) {
    Task<T> task(transform);
    const bool odd = 2 * unit + 1 == vectors;
    const T* const spectrum = spectra.at(0) + 2 * unit * block;
    std::copy_n(most + 2 * unit * lanes, (odd ? 1 : 2) * lanes, task.factors);
    to_factors(2 * lanes, task.factors);
    if (odd) std::fill_n(task.factors + lanes, lanes, T(0));
    for (int x = 0; x < transform.half(); ++x) {
      const T* first = spectrum + x * transform.column() * spectra.stride();
      table.unite(transform.length().y, first, odd ? first : first + block, spectra.stride(), task.factors, task.z,
                  task.mirrored, block);
      transform.from_column(task.z, task.mirrored, block, x, task.tile, task.buffers.scratch);
    }
    for (int a = 0; a < kernels.size.y; ++a) {
      const Index y = place(a, kernels.size.y, kernels.dilation.y, transform.length().y);
      transform.row(Direction::inverse, task.tile + y * transform.pitch(), task.buffers.line, task.buffers.scratch);
      for (Index l = 0; l < 2 * lanes; ++l) {
        const Index lane = 2 * unit * lanes + l;
        if (lane >= order.lanes.lanes) break;
        const auto [in, out, used] = order.item(lane);
        if (!used) continue;
        T* to = kernels.data + group * kernels.group_stride + out * kernels.out_stride + in * kernels.in_stride +
                a * kernels.y_stride;
        const T factor = inverse_of(task.factors[l], scale);
        for (int b = 0; b < kernels.size.x; ++b) {
          const Index x = place(b, kernels.size.x, kernels.dilation.x, transform.length().x);
          to[b * kernels.x_stride] = factor * task.buffers.line[x * block + l];
        }
      }
    }
  });
}

#define FDSR_INSTANTIATE(T)                                                                                        \
  template Slots<T> weight_spectra<T>(const TileTransform<T>&, const Kernels<const T>&, Index, const WeightOrder&, \
                                      T, int);                                                                     \
  template void kernels_from_spectra<T>(const TileTransform<T>&, const Slots<T>&, const T*, const WeightOrder&, T, \
                                        int, const Kernels<T>&, Index);
FDSR_INSTANTIATE(float)
FDSR_INSTANTIATE(double)

}  // namespace fdsr::conv
