#include "cuda/launch.cuh"
#include "cuda/pointwise_kernels.hpp"

namespace fdsr::cuda {

std::int64_t nonlinearity_workspace() { return kWorkspaceOfNonlinearity; }

template void nonlinearity(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<float>*,
                           Complex<float>*);
template void nonlinearity(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<double>*,
                           Complex<double>*);
template void nonlinearity_adjoint(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<float>*,
                                   const Complex<float>*, Complex<float>*, double*);
template void nonlinearity_adjoint(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<double>*,
                                   const Complex<double>*, Complex<double>*, double*);

}  // namespace fdsr::cuda
