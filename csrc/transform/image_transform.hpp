// The transform of one image, whatever the algorithm: to the band and back, on arrays that only the algorithm
// understands, and the passes between those arrays and rows of samples.
#pragma once

#include <memory>

#include "fdsr/geometry.hpp"
#include "transform/sample_layout.hpp"

namespace fdsr {

template <class T>
class ImageTransform {
 public:
  virtual ~ImageTransform() = default;

  const SampleLayout<T>& space() const { return space_; }
  const SampleLayout<T>& frequency() const { return frequency_; }

  // Unnormalised, in the gauge of the layouts (ramps are applied on import and export). space and spectrum are
  // [size() of the layout], scratch is [scratch_size()], all aligned to 64 bytes.
  virtual void to_frequency(const T* space, T* spectrum, T* scratch) const = 0;
  virtual void to_space(const T* spectrum, T* space, T* scratch) const = 0;

  virtual void unfold_space(const T* array, Index group, T* rows) const = 0;
  virtual void fold_space(const T* rows, Index group, T* array) const = 0;
  virtual void unfold_frequency(const T* array, Index group, T* rows) const = 0;
  virtual void fold_frequency(const T* rows, Index group, T* array) const = 0;

  // The passes between two transforms, one group at a time and in place. z and e are the saved rows of the group
  // (written if given); rows is scratch of two groups.
  // z = the group's samples; array := mask z
  virtual void mask_frequency(T* array, Index group, const T* mask, T* z, T* rows) const;
  // array := conj(mask) array; v_phase = or += Im(array conj(z)) if given
  virtual void mask_frequency_adjoint(T* array, Index group, const T* mask, const T* z, bool add, T* v_phase,
                                      bool onward, T* rows) const;
  // A nonlinearity that the algorithm fuses into its own pass, or false (nothing done).
  virtual bool nonlinear_space(int, const double*, T*, Index, T*) const { return false; }
  virtual bool nonlinear_space_adjoint(int, const double*, const T*, T*, Index, double*) const { return false; }

  virtual Index scratch_size() const = 0;
  virtual std::size_t nbytes() const = 0;
  // Floating-point operations of one direction (the mean of both) that the arithmetic needs.
  virtual double flops() const = 0;
  virtual Size rank() const { return {0, 0}; }
  virtual Algorithm algorithm() const = 0;

 protected:
  SampleLayout<T> space_, frequency_;
};

// The phase origin of a window of `size` samples: its centre's position on the axis, and of a band of that many
// frequencies.
double window_centre(int size, double grid, bool centred);
double band_centre(int size);

// `like` gives the order of the frequencies when several windows share one band (null: free choice). `automatic` is
// decided by the cost model, or by timing both when the planner measures.
template <class T>
std::unique_ptr<ImageTransform<T>> make_transform(Size window, Size band, const Grid& grid, Algorithm algorithm,
                                                  Planner planner, const ImageTransform<T>* like = nullptr);

// exp(2 pi i shift q / N) over the band in the order of `frequency` as rows [re n | im n]: what a mask must carry
// when the windows before and after it differ in parity.
template <class T>
std::vector<T> parity_gauge(const SampleLayout<T>& frequency, Size band, const Grid& grid, double shift_y,
                            double shift_x);

}  // namespace fdsr
