// The team of threads of a launched kernel, and how kernels are launched.
#pragma once

#include <cooperative_groups.h>
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#include "cuda/operators.hpp"

namespace fdsr::cuda {

inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // else the next launch would report it again
  throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(status));
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
  // One tile of a product by the warp's tensor cores, m16n8k8. High parts, then low ones, of line 8 h + lane / 4 and
  // term lane % 4 + 4 j at 2 j + h of a, of term lane % 4 + 4 j and column lane / 4 at j of b; line 8 h + lane / 4 and
  // column 2 (lane % 4) + i at 2 h + i of the sums.
  __device__ void add_split_product(float (&sums)[4], const float (&a)[8], const float (&b)[4]) const {
    float part[4] = {0, 0, 0, 0};
    multiply_tile(part, a + 4, b);
    multiply_tile(part, a, b + 2);
    multiply_tile(part, a, b);
    for (int i = 0; i < 4; ++i) sums[i] += part[i];
  }
  // Which of how many clusters this is.
  __device__ int cluster() const { return static_cast<int>(blockIdx.x) / cluster_; }
  __device__ int clusters() const { return static_cast<int>(gridDim.x) / cluster_; }

 private:
  __device__ static void multiply_tile(float (&c)[4], const float* a, const float* b) {
    asm(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
          "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
  }

  int cluster_;
};

// Makes a device current for a scope.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    check(cudaGetDevice(&before_), "cudaGetDevice");
    changed_ = device != before_;
    if (changed_) check(cudaSetDevice(device), "cudaSetDevice");
  }
  ~OnDevice() {
    if (changed_) cudaSetDevice(before_);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_ = 0;
  bool changed_ = false;
};

// Blocks of a multiprocessor that a kernel wants registers for; 0 leaves it to the compiler.
template <class Kernel>
constexpr int least_blocks() {
  if constexpr (requires { Kernel::kLeastBlocks; })
    return Kernel::kLeastBlocks;
  else
    return 0;
}

template <class Kernel>
__global__ void __launch_bounds__(256, least_blocks<Kernel>()) cluster_kernel(const __grid_constant__ Kernel kernel) {
  extern __shared__ __align__(16) unsigned char memory[];
  kernel(DeviceTeam(kernel.cluster()), memory);
}

template <class Kernel>
void launch_clusters(const Queue& queue, const Launch& launch, const Kernel& kernel) {
  const auto entry = cluster_kernel<Kernel>;
  // All that the device has: launches of other sizes may wait in captured graphs.
  const std::int64_t most = facts_of_device(queue.device).shared_per_block;
  check(cudaFuncSetAttribute(reinterpret_cast<const void*>(entry), cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(most)),
        "shared memory of a kernel");
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(launch.clusters * launch.cluster));
  config.blockDim = dim3(static_cast<unsigned>(launch.threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(launch.shared_bytes);
  config.stream = static_cast<cudaStream_t>(queue.stream);
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = static_cast<unsigned>(launch.cluster);
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  config.attrs = &attribute;
  config.numAttrs = launch.cluster > 1 ? 1 : 0;
  check(cudaLaunchKernelEx(&config, entry, kernel), "kernel");
}

template <class Kernel>
__global__ void value_kernel(const __grid_constant__ Kernel kernel, std::int64_t count) {
  const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) kernel(i);
}

// One thread for each of `count` values.
template <class Kernel>
void launch_values(const Queue& queue, std::int64_t count, const Kernel& kernel) {
  constexpr int kThreads = 256;
  const auto blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  value_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(queue.stream)>>>(kernel, count);
  check(cudaGetLastError(), "kernel");
}

}  // namespace fdsr::cuda
