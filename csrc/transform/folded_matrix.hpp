// The folded real matrix transform of one image in four parity quadrants.
#pragma once

#include "transform/folded_axis.hpp"
#include "transform/image_transform.hpp"

namespace fdsr {

// Quadrants (ee, eo, oe, oo in y, x), each [half y][re padded half x | im padded half x].
template <class T>
class FoldedTransform final : public ImageTransform<T> {
 public:
  // Without `like`, a skeleton is looked for where `skeleton` asks for it. With `like`, its order of frequencies is
  // taken over and the matrices are dense.
  FoldedTransform(Size window, Size band, const Grid& grid, bool skeleton, const FoldedTransform* like);

  void to_frequency(const T* space, T* spectrum, T* scratch) const override;
  void to_space(const T* spectrum, T* space, T* scratch) const override;
  void unfold_space(const T* array, Index group, T* rows) const override;
  void fold_space(const T* rows, Index group, T* array) const override;
  void unfold_frequency(const T* array, Index group, T* rows) const override;
  void fold_frequency(const T* rows, Index group, T* array) const override;
  void mask_frequency(T* array, Index group, const T* mask, T* z, T* rows) const override;
  void mask_frequency_adjoint(T* array, Index group, const T* mask, const T* z, bool add, T* v_phase, bool onward,
                              T* rows) const override;
  bool nonlinear_space(int kind, const double* parameters, T* array, Index group, T* e) const override;
  bool nonlinear_space_adjoint(int kind, const double* parameters, const T* e, T* array, Index group,
                               double* v_parameters) const override;
  Index scratch_size() const override { return scratch_size_; }
  std::size_t nbytes() const override;
  double flops() const override;
  Size rank() const override { return {forward_.y.rank, forward_.x.rank}; }
  Algorithm algorithm() const override { return rank().y ? Algorithm::skeleton : Algorithm::folded; }

 private:
  struct Direction {
    AxisMatrices<T> y, x;
    Index padded_in = 0, padded_out = 0;
    bool y_first = true;
    double flops() const;
    Index scratch() const;
  };

  Direction make_direction(const AxisOrder in[2], const AxisOrder out[2], const Grid& grid, Size rank) const;
  void apply(const Direction& d, const T* in, T* out, T* scratch) const;
  void apply_dense(const Direction& d, int parity_y, int parity_x, const T* in, T* out, T* scratch) const;
  void apply_skeleton(const Direction& d, int parity_y, int parity_x, const T* in, T* out, T* scratch) const;

  AxisOrder window_[2], band_[2];  // y, x
  Direction forward_, inverse_;
  Index scratch_size_ = 0;
};

}  // namespace fdsr
