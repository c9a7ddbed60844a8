// The masks of a stack in the order of its transform, and the way back for their gradients.
#pragma once

#include "fdsr/four_f.hpp"
#include "threads/buffers.hpp"
#include "transform/sample_layout.hpp"

namespace fdsr {

// [masks][L][frequency layout], with aperture, gauge and the inverse transform's 1/N^2 included.
template <class T>
class PreparedMasks {
 public:
  PreparedMasks(const StackMasks<T>& masks, int layers, const SampleLayout<T>& layout, const std::vector<T>& gauge,
                T scale, int threads);
  const T* of(std::int64_t image, int layer) const {
    return values_.as<T>() + ((masks_ == 1 ? 0 : image) * layers_ + layer) * size_;
  }

 private:
  std::int64_t masks_;
  int layers_;
  Index size_;
  Buffer values_;
};

// Gradients of the masks: one accumulator a chunk of images (shared masks) or an image (one mask each), in the
// layout's order; reduced in chunk order and written back in natural order.
template <class T>
class MaskGradients {
 public:
  MaskGradients(std::int64_t accumulators, int layers, const SampleLayout<T>& layout, bool complex);
  // Rows of one layer: [rows][n] for phases, [rows][re n | im n] for transfers; the first image overwrites them.
  T* of(std::int64_t accumulator, int layer) const {
    return values_.as<T>() + (accumulator * layers_ + layer) * size_;
  }
  Index row_size() const { return complex_ ? 2 * layout_.n : layout_.n; }
  void reduce(const StackMasks<T>& masks, const std::vector<T>& gauge, int threads, const StackGradients<T>& v) const;

 private:
  std::int64_t accumulators_;
  int layers_;
  const SampleLayout<T>& layout_;
  bool complex_;
  Index size_;
  Buffer values_;
};

}  // namespace fdsr
