// Stacks, windowed DFTs and nonlinearities on a CUDA device: the interface of the Python module, without any of
// CUDA's headers. All pointers are to memory of the device, all work is queued on the given stream, nothing is
// allocated and nothing waits.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

#include "cuda/masks.hpp"
#include "cuda/plan.hpp"

namespace fdsr::cuda {

DeviceFacts facts_of_device(int device);

// Where a call runs and the memory that it was lent.
struct Queue {
  int device = 0;
  void* stream = nullptr;
  void* workspace = nullptr;
};

// What a stack's adjoint computes; null pointers are not.
template <class T>
struct StackResults {
  T* phase = nullptr;                // [masks, L, M, M], or
  Complex<T>* transfer = nullptr;
  double* parameters = nullptr;      // [L, 4]
  Complex<T>* field = nullptr;       // [B, S, S], or
  T* amplitude = nullptr;
};

template <class T>
class FourFStack {
 public:
  FourFStack(Size window, Size support, Size band, const Grid& grid, const std::vector<Nonlinearity>& kinds,
             FloatProducts products);

  // To be copied to the device once; every call is given the copy.
  const std::vector<T>& constants() const { return plan_.constants; }
  bool fits(int device) const;
  std::int64_t tape_size(std::int64_t batch) const { return 2 * batch * plan_.params.layers * plan_.params.layer_tape(); }
  // value_bytes: of one value of the masks' gradient, 0 where none is asked for, as in a forward call.
  std::int64_t workspace_bytes(int device, std::int64_t batch, std::int64_t masks, std::int64_t value_bytes) const;

  void forward(const Queue& queue, const T* constants, const double* parameters, std::int64_t batch,
               GivenMasks<T> masks, const StackForward<T>& io) const;
  // `io` holds the cotangent and the tape.
  void adjoint(const Queue& queue, const T* constants, const double* parameters, std::int64_t batch,
               GivenMasks<T> masks, StackAdjoint<T> io, const StackResults<T>& results) const;

 private:
  struct Workspace;
  Launch launch_of(int device, std::int64_t batch, bool parameter_sums) const;
  Workspace workspace_of(int device, std::int64_t batch, std::int64_t masks, std::int64_t value_bytes) const;
  StackParams<T> params_of(const Queue& queue, const T* constants, const double* parameters, std::int64_t batch,
                           GivenMasks<T>& masks, const Launch& launch) const;

  StackPlan<T> plan_;
  T scale_;
};

// One windowed DFT (to_band) or its adjoint, times `scale`.
template <class T>
class WindowedDft {
 public:
  WindowedDft(Size window, Size band, const Grid& grid, bool to_band, double scale, FloatProducts products);
  const std::vector<T>& constants() const { return plan_.constants; }
  bool fits(int device) const;
  void apply(const Queue& queue, const T* constants, std::int64_t batch, const Complex<T>* in, Complex<T>* out) const;

 private:
  Launch launch_of(int device, std::int64_t batch) const;
  TransformPlan<T> plan_;
};

// y = f(|x|^2) x on `count` values; the adjoint adds up the parameters' cotangents in a fixed order, with
// nonlinearity_workspace() bytes.
std::int64_t nonlinearity_workspace();
template <class T>
void nonlinearity(const Queue& queue, Nonlinearity kind, const double* parameters, std::int64_t count,
                  const Complex<T>* x, Complex<T>* y);
template <class T>
void nonlinearity_adjoint(const Queue& queue, Nonlinearity kind, const double* parameters, std::int64_t count,
                          const Complex<T>* v, const Complex<T>* x, Complex<T>* v_x, double* v_parameters);

}  // namespace fdsr::cuda
