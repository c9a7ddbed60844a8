#include "cuda/launch.cuh"
#include "cuda/transform_kernels.hpp"

namespace fdsr::cuda {

template class WindowedDft<float>;
template class WindowedDft<double>;

}  // namespace fdsr::cuda
