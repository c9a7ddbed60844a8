#include <map>
#include <mutex>

#include "cuda/launch.cuh"

namespace fdsr::cuda {
namespace {

__global__ void probe_kernel() {}

DeviceFacts found(int device) {
  const OnDevice here(device);
  cudaFuncAttributes code{};
  if (cudaFuncGetAttributes(&code, probe_kernel) != cudaSuccess) {
    cudaGetLastError();
    return {1, 0, 0, false};  // no code for this device: nothing fits it
  }
  const auto attribute = [device](cudaDeviceAttr name) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, name, device), "cudaDeviceGetAttribute");
    return value;
  };
  // Clusters need the device and code that was compiled for them.
  const bool clusters = attribute(cudaDevAttrComputeCapabilityMajor) >= 9 && code.ptxVersion >= 90;
  return {attribute(cudaDevAttrMultiProcessorCount), attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin),
          attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor), clusters};
}

}  // namespace

DeviceFacts facts_of_device(int device) {
  static std::mutex mutex;
  static std::map<int, DeviceFacts> known;
  const std::lock_guard lock(mutex);
  const auto at = known.find(device);
  return at != known.end() ? at->second : known.emplace(device, found(device)).first->second;
}

}  // namespace fdsr::cuda
