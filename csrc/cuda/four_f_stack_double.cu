#include "cuda/four_f_stack.cuh"

namespace fdsr::cuda {

template class FourFStack<double>;

}  // namespace fdsr::cuda
