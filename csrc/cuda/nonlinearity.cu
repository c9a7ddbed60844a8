#include "cuda/four_f_stack.hpp"
#include "cuda/launch.cuh"

namespace fdsr::cuda {
namespace {

constexpr int kBlocks = 1024;  // of the adjoint; each leaves one sum, in the order of its threads

template <class T>
__global__ void forward_kernel(Nonlinearity kind, const double* parameters, std::int64_t count, const Complex<T>* x,
                               Complex<T>* y) {
  const std::int64_t i = value_index();
  if (i < count) y[i] = nonlinear(kind, parameters, x[i]);
}

template <class T>
__global__ void adjoint_kernel(Nonlinearity kind, const double* parameters, std::int64_t count, const Complex<T>* v,
                               const Complex<T>* x, Complex<T>* v_x, double* block_sums) {
  __shared__ double scratch[4 * kThreads];
  double sums[4] = {0, 0, 0, 0};
  for (std::int64_t i = value_index(); i < count; i += std::int64_t{gridDim.x} * blockDim.x)
    v_x[i] = nonlinear_adjoint(kind, parameters, x[i], v[i], block_sums ? sums : nullptr);
  if (block_sums) add_parameters(DeviceTeam(1), sums, false, scratch, block_sums + 4 * blockIdx.x);
}

__global__ void sum_kernel(const double* sums, int addends, double* total) {
  double sum = 0;
  for (int i = 0; i < addends; ++i) sum += sums[4 * i + threadIdx.x];
  total[threadIdx.x] = sum;
}

}  // namespace

std::int64_t nonlinearity_workspace() { return std::int64_t{kBlocks} * 4 * sizeof(double); }

template <class T>
void nonlinearity(const Queue& queue, Nonlinearity kind, const double* parameters, std::int64_t count,
                  const Complex<T>* x, Complex<T>* y) {
  if (count == 0) return;
  const OnDevice here(queue.device);
  forward_kernel<T><<<blocks_for(count), kThreads, 0, static_cast<cudaStream_t>(queue.stream)>>>(kind, parameters,
                                                                                               count, x, y);
  check(cudaGetLastError(), "nonlinearity");
}

template <class T>
void nonlinearity_adjoint(const Queue& queue, Nonlinearity kind, const double* parameters, std::int64_t count,
                          const Complex<T>* v, const Complex<T>* x, Complex<T>* v_x, double* v_parameters) {
  const OnDevice here(queue.device);
  const auto stream = static_cast<cudaStream_t>(queue.stream);
  auto* sums = v_parameters ? static_cast<double*>(queue.workspace) : nullptr;
  const unsigned blocks = count == 0 ? 1u : blocks_for(count);
  const unsigned used = blocks < kBlocks ? blocks : kBlocks;
  adjoint_kernel<T><<<used, kThreads, 0, stream>>>(kind, parameters, count, v, x, v_x, sums);
  if (v_parameters) sum_kernel<<<1, 4, 0, stream>>>(sums, static_cast<int>(used), v_parameters);
  check(cudaGetLastError(), "nonlinearity");
}

template void nonlinearity(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<float>*,
                           Complex<float>*);
template void nonlinearity(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<double>*,
                           Complex<double>*);
template void nonlinearity_adjoint(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<float>*,
                                   const Complex<float>*, Complex<float>*, double*);
template void nonlinearity_adjoint(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<double>*,
                                   const Complex<double>*, Complex<double>*, double*);

}  // namespace fdsr::cuda
