// The passes between two transforms, built from unfolding, rows and folding: what an algorithm that fuses nothing does.
#include "transform/image_transform.hpp"

namespace fdsr {

template <class T>
void ImageTransform<T>::mask_frequency(T* array, Index group, const T* mask, T* z, T* rows) const {
  const auto& k = kernels::kernels<T>();
  T* masked = rows + frequency_.group_size();
  z = z ? z : rows;
  unfold_frequency(array, group, z);
  for (Index r = 0; r < frequency_.rows_per_group; ++r) {
    const Index at = r * frequency_.row_size();
    k.multiply(frequency_.n, z + at, mask + at, masked + at);
  }
  fold_frequency(masked, group, array);
}

template <class T>
void ImageTransform<T>::mask_frequency_adjoint(T* array, Index group, const T* mask, const T* z, bool add,
                                               T* v_phase, bool onward, T* rows) const {
  const auto& k = kernels::kernels<T>();
  T* v_z = rows + frequency_.group_size();
  unfold_frequency(array, group, rows);
  for (Index r = 0; r < frequency_.rows_per_group; ++r) {
    const Index at = r * frequency_.row_size();
    k.multiply_conj(frequency_.n, rows + at, mask + at, v_z + at);
    if (v_phase) k.phase_gradient(frequency_.n, v_z + at, z + at, add, v_phase + r * frequency_.n);
  }
  if (onward) fold_frequency(v_z, group, array);
}

template class ImageTransform<float>;
template class ImageTransform<double>;

}  // namespace fdsr
