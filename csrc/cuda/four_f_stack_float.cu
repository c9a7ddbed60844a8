#include "cuda/launch.cuh"
#include "cuda/stack_kernels.hpp"

namespace fdsr::cuda {

template class FourFStack<float>;

}  // namespace fdsr::cuda
