#include "cuda/launch.cuh"

namespace fdsr::cuda {

DeviceFacts facts_of_device(int device) {
  const auto attribute = [device](cudaDeviceAttr name) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, name, device), "cudaDeviceGetAttribute");
    return value;
  };
  return {attribute(cudaDevAttrMultiProcessorCount), attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin),
          attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor), attribute(cudaDevAttrComputeCapabilityMajor) >= 9};
}

}  // namespace fdsr::cuda
