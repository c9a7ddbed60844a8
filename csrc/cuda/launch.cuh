// The team of threads of a launched kernel, and how kernels are launched.
#pragma once

#include <cooperative_groups.h>
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#include "cuda/plan.hpp"

namespace fdsr::cuda {

inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
}

// The blocks of a cluster, or one block.
class DeviceTeam {
 public:
  __device__ explicit DeviceTeam(int cluster) : cluster_(cluster) {}

  __device__ int thread() const { return static_cast<int>(threadIdx.x); }
  __device__ int threads() const { return static_cast<int>(blockDim.x); }
  __device__ void sync_warp() const { __syncwarp(); }
  __device__ void sync_block() const { __syncthreads(); }
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  __device__ int rank() const { return static_cast<int>(blockIdx.x) % cluster_; }
  __device__ void sync_cluster() const {
    if (cluster_ > 1)
      cooperative_groups::this_cluster().sync();
    else
      __syncthreads();
  }
  template <class T>
  __device__ T* of(int rank, T* own) const {
    return cluster_ > 1 ? cooperative_groups::this_cluster().map_shared_rank(own, rank) : own;
  }
#else
  __device__ int rank() const { return 0; }
  __device__ void sync_cluster() const { __syncthreads(); }
  template <class T>
  __device__ T* of(int, T* own) const {
    return own;
  }
#endif
  // Which of how many clusters this is.
  __device__ int cluster() const { return static_cast<int>(blockIdx.x) / cluster_; }
  __device__ int clusters() const { return static_cast<int>(gridDim.x) / cluster_; }

 private:
  int cluster_;
};

// Makes a device current for a scope.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    check(cudaGetDevice(&before_), "cudaGetDevice");
    if (device != before_) check(cudaSetDevice(device), "cudaSetDevice");
  }
  ~OnDevice() { cudaSetDevice(before_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
};

template <class... Parameters, class... Arguments>
void launch_clusters(void (*kernel)(Parameters...), const Launch& launch, cudaStream_t stream,
                     const Arguments&... arguments) {
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(launch.shared_bytes)),
        "shared memory of a kernel");
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(launch.clusters * launch.cluster));
  config.blockDim = dim3(static_cast<unsigned>(launch.threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(launch.shared_bytes);
  config.stream = stream;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = static_cast<unsigned>(launch.cluster);
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  config.attrs = &attribute;
  config.numAttrs = launch.cluster > 1 ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, arguments...), "kernel");
}

// One thread for each of `count` values.
constexpr int kThreads = 256;
inline unsigned blocks_for(std::int64_t count) { return static_cast<unsigned>((count + kThreads - 1) / kThreads); }
__device__ inline std::int64_t value_index() { return std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }

// Calls work<TO>() with the tile that a plan was made for.
template <class Work>
void with_tile(int rows, const Work& work) {
  switch (rows) {
    case 4: return work.template operator()<4>();
    case 7: return work.template operator()<7>();
    case 8: return work.template operator()<8>();
    default: return work.template operator()<14>();
  }
}

}  // namespace fdsr::cuda
