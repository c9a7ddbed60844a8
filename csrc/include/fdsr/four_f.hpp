// Layers of a 4f system with a mask in the Fourier plane and a nonlinearity in the image plane:
//
//   E_l = windowed_idft(t_l windowed_dft(y_{l-1})),   y_l = f_l(|E_l|^2) E_l,   l = 1 .. L
//
// (the convolutional unit of the AOSRNN paper; one layer without nonlinearity is the bare 4f operator). An image stays
// in cache through all layers; images are the parallel tasks.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>
#include <vector>

#include "fdsr/geometry.hpp"
#include "fdsr/nonlinearity.hpp"

namespace fdsr {

template <class T>
class ImageTransform;

// What the layers do. masks is 1 (shared by the batch) or B (one set an image). Exactly one of phase and transfer is
// given: t = aperture exp(i phase) or t = aperture transfer.
template <class T>
struct StackMasks {
  std::int64_t masks = 1;
  const T* phase = nullptr;                   // [masks, L, M, M]
  const std::complex<T>* transfer = nullptr;  // [masks, L, M, M]
  int apertures = 0;                          // the first `apertures` layers have one
  const T* aperture = nullptr;                // [apertures, M, M]
  std::vector<NonlinearityParameters> parameters;  // [L]
  std::vector<CustomResponse<T>> custom;           // [L], or empty
};

// Real input or output is chosen by the pointer that is set.
template <class T>
struct StackInput {
  const std::complex<T>* field = nullptr;  // [B, S, S]
  const T* amplitude = nullptr;            // [B, S, S], a real field
};
template <class T>
struct StackOutput {
  std::complex<T>* field = nullptr;   // [B, Y, Y]
  T* intensity = nullptr;             // [B, Y, Y], |y_L|^2
  std::complex<T>* fields = nullptr;  // [L, B, Y, Y], every y_l, or null
  T* tape = nullptr;                  // [tape_size(B)], what the adjoint needs, or null
};
template <class T>
struct StackCotangent {
  const std::complex<T>* field = nullptr;  // [B, Y, Y]
  const T* intensity = nullptr;            // [B, Y, Y]
};
// Null pointers are not computed.
template <class T>
struct StackGradients {
  std::complex<T>* field = nullptr;     // [B, S, S]
  T* amplitude = nullptr;               // [B, S, S]
  T* phase = nullptr;                   // [masks, L, M, M], if phases were given
  std::complex<T>* transfer = nullptr;  // [masks, L, M, M], if transfers were given
  std::vector<NonlinearityParameters>* parameters = nullptr;  // [L]
};

// An immutable plan; one plan may run in several threads at once. Results do not depend on `threads`: gradients that
// sum over the batch are added in chunks of images fixed by the batch alone.
template <class T>
class FourFStack {
 public:
  // window: of the input; support: of every layer's output; one nonlinearity a layer.
  FourFStack(Size window, Size support, Size band, const Grid& grid, std::vector<Nonlinearity> nonlinearities,
             Algorithm algorithm = Algorithm::automatic, Planner planner = Planner::estimate);
  ~FourFStack();
  FourFStack(FourFStack&&) noexcept;

  void forward(std::int64_t batch, const StackInput<T>& x, const StackMasks<T>& masks, int threads,
               // outputs
               const StackOutput<T>& out) const;
  void adjoint(std::int64_t batch, const StackCotangent<T>& v_out, const T* tape, const StackMasks<T>& masks,
               int threads,
               // outputs
               const StackGradients<T>& v) const;

  Size window() const { return window_; }
  Size support() const { return support_; }
  Size band() const { return band_; }
  int layers() const { return static_cast<int>(nonlinearities_.size()); }
  std::int64_t tape_size(std::int64_t batch) const;
  std::size_t nbytes() const;
  Algorithm algorithm() const;
  Size rank() const;
  double flops() const;  // transforms of one image, forward

 private:
  struct Pass;
  const ImageTransform<T>& first() const { return first_ ? *first_ : *inner_; }
  void check(std::int64_t batch, const StackMasks<T>& masks) const;

  Size window_, support_, band_;
  Grid grid_;
  std::vector<Nonlinearity> nonlinearities_;
  std::unique_ptr<ImageTransform<T>> inner_, first_;  // first_ only if window and support differ
  std::vector<T> gauge_;                              // of the first mask, if the windows differ in parity
};

}  // namespace fdsr
