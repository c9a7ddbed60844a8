#include <algorithm>

#include "conv/spectra.hpp"
#include "fdsr/threads.hpp"

namespace fdsr::conv {

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
  const Index lanes = table.lanes, n = transform.length();
  Slots<T> spectra(transform.slots(transform.half()), order.lanes.lanes);
  const Size extent = kernels.extent();
  parallel_for(order.lanes.lanes / lanes, threads, [&](std::int64_t unit, int) {
    Buffer memory((transform.scratch_size() + std::size_t(n * (lanes + 1))) * sizeof(T));
    T* tile = memory.as<T>();
    T* samples = tile + transform.scratch_size();
    T* zeros = samples + n * lanes;
    std::fill(samples, zeros + n, T(0));
    const T* first[16];
    const T* second[16];
    for (int r = 0; r < extent.y; ++r) {
      for (Index l = 0; l < lanes; ++l) {
        first[l] = second[l] = zeros;
        const auto [in, out, used] = order.item(unit * lanes + l);
        if (!used || r % kernels.dilation.y) continue;
        const T* from = kernels.data + group * kernels.group_stride + out * kernels.out_stride +
                        in * kernels.in_stride + r / kernels.dilation.y * kernels.y_stride;
        for (int b = 0; b < kernels.size.x; ++b)
          samples[l * n + b * kernels.dilation.x] = scale * from[b * kernels.x_stride];
        first[l] = samples + l * n;
      }
      table.lines_to_blocks(n, first, second, tile + r * transform.pitch());
    }
    transform.forward(tile, extent.y, transform.half(), spectra.at(0) + unit * 2 * lanes, spectra.stride());
  });
  return spectra;
}

template <class T>
void kernels_from_spectra(const TileTransform<T>& transform, const Slots<T>& spectra, const WeightOrder& order,
                          T scale, int threads, const Kernels<T>& kernels, Index group) {
  const Index lanes = kernels::conv_kernels<T>().lanes;
  parallel_for(order.lanes.lanes / lanes, threads, [&](std::int64_t unit, int) {
    Buffer memory(transform.scratch_size() * sizeof(T));
    T* tile = memory.as<T>();
    transform.inverse_real(spectra.at(0) + unit * 2 * lanes, spectra.stride(), kernels.extent().y, tile);
    for (Index l = 0; l < lanes; ++l) {
      const auto [in, out, used] = order.item(unit * lanes + l);
      if (!used) continue;
      T* to = kernels.data + group * kernels.group_stride + out * kernels.out_stride + in * kernels.in_stride;
      for (Index a = 0; a < kernels.size.y; ++a)
        for (Index b = 0; b < kernels.size.x; ++b)
          to[a * kernels.y_stride + b * kernels.x_stride] =
              scale * tile[a * kernels.dilation.y * transform.pitch() + b * kernels.dilation.x * 2 * lanes + l];
    }
  });
}

#define FDSR_INSTANTIATE(T)                                                                                        \
  template Slots<T> weight_spectra<T>(const TileTransform<T>&, const Kernels<const T>&, Index, const WeightOrder&, \
                                      T, int);                                                                     \
  template void kernels_from_spectra<T>(const TileTransform<T>&, const Slots<T>&, const WeightOrder&, T, int,      \
                                        const Kernels<T>&, Index);
FDSR_INSTANTIATE(float)
FDSR_INSTANTIATE(double)

}  // namespace fdsr::conv
