#include "cuda/launch.cuh"
#include "cuda/chip_kernels.hpp"

namespace fdsr::cuda {

template bool ChipFrames<float>::fits(int, bool) const;
template bool ChipFrames<double>::fits(int, bool) const;
template void ChipFrames<float>::run(const Queue&, const ChipFrameCall<float>&) const;
template void ChipFrames<double>::run(const Queue&, const ChipFrameCall<double>&) const;

}  // namespace fdsr::cuda
