// One nonlinear layer on planar rows [re n | im n], compiled or the caller's own.
#pragma once

#include "fdsr/nonlinearity.hpp"
#include "kernels/kernels.hpp"

namespace fdsr {

using kernels::Index;

template <class T>
struct NonlinearLayer {
  Nonlinearity kind = Nonlinearity::none;
  NonlinearityParameters parameters{};
  CustomResponse<T> custom;

  // scratch [5 n] for custom responses
  void forward(Index n, const T* e, T* scratch, T* y) const;
  // v is overwritten by the cotangent of E; v_parameters (or null) accumulates over the lanes of weight 1.
  void adjoint(Index n, const T* e, const T* weight, T* scratch, T* v, double* v_parameters) const;
};

}  // namespace fdsr
