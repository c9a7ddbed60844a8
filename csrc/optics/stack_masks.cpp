#include "optics/stack_masks.hpp"

#include <algorithm>

#include "fdsr/threads.hpp"

namespace fdsr {
namespace {

// The aperture of a layer in natural order, or null.
template <class T>
const T* aperture_of(const StackMasks<T>& masks, int layer, Index area) {
  return layer < masks.apertures ? masks.aperture + layer * area : nullptr;
}

template <class T>
void multiply_by_rows(Index rows, Index n, const T* real, T* z) {
  for (Index r = 0; r < rows; ++r)
    for (int part = 0; part < 2; ++part)
      for (Index i = 0; i < n; ++i) z[(2 * r + part) * n + i] *= real[r * n + i];
}

}  // namespace

template <class T>
PreparedMasks<T>::PreparedMasks(const StackMasks<T>& masks, int layers, const SampleLayout<T>& layout,
                                const std::vector<T>& gauge, T scale, int threads)
    : masks_(masks.masks),
      layers_(layers),
      size_(layout.size()),
      values_(sizeof(T) * masks.masks * layers * layout.size()) {
  const auto& k = kernels::kernels<T>();
  const Index area = static_cast<Index>(layout.width) * layout.height;
  parallel_for(masks.masks * layers, threads, [&](std::int64_t task, int) {
    const int layer = static_cast<int>(task % layers);
    const T* aperture = aperture_of(masks, layer, area);
    const Buffer rows(sizeof(T) * 2 * layout.rows_per_group * layout.n);
    T *phase = rows.as<T>(), *open = phase + layout.rows_per_group * layout.n;
    T* out = values_.as<T>() + task * size_;
    for (Index group = 0; group < layout.groups; ++group, out += layout.group_size()) {
      if (aperture) layout.import_real(group, aperture, open);
      if (masks.phase) {
        layout.import_real(group, masks.phase + task * area, phase);
        for (Index r = 0; r < layout.rows_per_group; ++r)
          k.phase_to_transfer(layout.n, phase + r * layout.n, aperture ? open + r * layout.n : nullptr, scale,
                              out + r * layout.row_size());
      } else {
        layout.import_group(group, masks.transfer + task * area, Ramp::none, scale, out);
        if (aperture) multiply_by_rows(layout.rows_per_group, layout.n, open, out);
      }
      if (layer == 0 && !gauge.empty())
        for (Index r = 0; r < layout.rows_per_group; ++r) {
          T* row = out + r * layout.row_size();
          k.multiply(layout.n, row, gauge.data() + group * layout.group_size() + r * layout.row_size(), row);
        }
    }
  });
}

template <class T>
MaskGradients<T>::MaskGradients(std::int64_t accumulators, int layers, const SampleLayout<T>& layout, bool complex)
    : accumulators_(accumulators),
      layers_(layers),
      layout_(layout),
      complex_(complex),
      size_(layout.rows() * (complex ? 2 : 1) * layout.n),
      values_(sizeof(T) * accumulators * layers * size_) {}

template <class T>
void MaskGradients<T>::reduce(const StackMasks<T>& masks, const std::vector<T>& gauge, int threads,
                              const StackGradients<T>& v) const {
  const auto& k = kernels::kernels<T>();
  const Index area = static_cast<Index>(layout_.width) * layout_.height;
  const std::int64_t addends = masks.masks == 1 ? accumulators_ : 1;
  parallel_for(masks.masks * layers_, threads, [&](std::int64_t task, int) {
    const std::int64_t mask = task / layers_;
    const int layer = static_cast<int>(task % layers_);
    const T* aperture = aperture_of(masks, layer, area);
    const Index group_size = layout_.rows_per_group * row_size();
    const Buffer buffer(sizeof(T) * (group_size + layout_.rows_per_group * layout_.n));
    T *sum = buffer.as<T>(), *open = sum + group_size;
    for (Index group = 0; group < layout_.groups; ++group) {
      std::fill_n(sum, group_size, T(0));
      for (std::int64_t a = 0; a < addends; ++a)
        k.accumulate(group_size, of(mask + a, layer) + group * group_size, sum);
      if (!complex_) {
        layout_.export_real(group, sum, T(1), v.phase + task * area);
        continue;
      }
      for (Index r = 0; r < layout_.rows_per_group && layer == 0 && !gauge.empty(); ++r) {
        T* row = sum + r * row_size();
        k.multiply_conj(layout_.n, row, gauge.data() + group * layout_.group_size() + r * layout_.row_size(), row);
      }
      if (aperture) {
        layout_.import_real(group, aperture, open);
        multiply_by_rows(layout_.rows_per_group, layout_.n, open, sum);
      }
      layout_.export_group(group, sum, Ramp::none, T(1), v.transfer + task * area);
    }
  });
}

template class PreparedMasks<float>;
template class PreparedMasks<double>;
template class MaskGradients<float>;
template class MaskGradients<double>;

}  // namespace fdsr
