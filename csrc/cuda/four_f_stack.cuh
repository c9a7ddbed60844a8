// Kernels and launches of the fused stack; instantiated once per precision.
#pragma once

#include <algorithm>

#include "cuda/four_f_stack.hpp"
#include "cuda/launch.cuh"

namespace fdsr::cuda {

template <class T, int TO>
__global__ void __launch_bounds__(256) stack_forward_kernel(const __grid_constant__ StackParams<T> p,
                                                           const __grid_constant__ StackForward<T> f) {
  extern __shared__ __align__(16) unsigned char memory[];
  T* shared = reinterpret_cast<T*>(memory);
  const DeviceTeam team(p.q.cluster);
  prepare_block(team, p, shared);
  for (std::int64_t image = team.cluster(); image < p.batch; image += team.clusters())
    stack_forward<T, TO>(team, p, f, image, shared);
}

template <class T, int TO>
__global__ void __launch_bounds__(256) stack_adjoint_kernel(const __grid_constant__ StackParams<T> p,
                                                           const __grid_constant__ StackAdjoint<T> a) {
  extern __shared__ __align__(16) unsigned char memory[];
  T* shared = reinterpret_cast<T*>(memory);
  auto* scratch = reinterpret_cast<double*>(shared + (shared_values(p.q, p.matrices) + 3) / 4 * 4);
  const DeviceTeam team(p.q.cluster);
  prepare_block(team, p, shared);
  for (std::int64_t image = team.cluster(); image < p.batch; image += team.clusters())
    stack_adjoint<T, TO>(team, p, a, image, team.cluster(), image != team.cluster(), shared, scratch);
}

template <class T>
__global__ void prepare_masks_kernel(const __grid_constant__ StackParams<T> p,
                                     const __grid_constant__ GivenMasks<T> g, Complex<T>* prepared,
                                     std::int64_t count) {
  const std::int64_t i = value_index();
  if (i < count) prepared[i] = prepared_mask(p, g, i);
}

template <class T>
__global__ void phase_gradient_kernel(const __grid_constant__ StackParams<T> p, const T* sums, std::int64_t addends,
                                      T* v, std::int64_t count) {
  const std::int64_t i = value_index();
  if (i < count) v[i] = phase_gradient(p, sums, addends, i);
}

template <class T>
__global__ void transfer_gradient_kernel(const __grid_constant__ StackParams<T> p,
                                         const __grid_constant__ GivenMasks<T> g, const Complex<T>* sums,
                                         std::int64_t addends, Complex<T>* v, std::int64_t count) {
  const std::int64_t i = value_index();
  if (i < count) v[i] = transfer_gradient(p, g, sums, addends, i);
}

template <class T>
__global__ void parameter_gradient_kernel(const double* sums, int addends, int count, double* v) {
  const int i = static_cast<int>(value_index());
  if (i >= count) return;
  double total = 0;
  for (int a = 0; a < addends; ++a) total += sums[std::int64_t{a} * count + i];
  v[i] = total;
}

template <class T>
FourFStack<T>::FourFStack(Size window, Size support, Size band, const Grid& grid,
                          const std::vector<Nonlinearity>& kinds)
    : plan_(window, support, band, grid, kinds), scale_(static_cast<T>(1 / (grid.y * grid.x))) {}

template <class T>
Launch FourFStack<T>::launch_of(int device, std::int64_t batch, bool parameter_sums) const {
  return choose_launch(plan_.params.q, plan_.params.matrices, sizeof(T), parameter_sums, batch,
                       facts_of_device(device));
}

template <class T>
bool FourFStack<T>::fits(int device) const {
  return launch_of(device, 1, true).cluster > 0;
}

// Prepared masks, sums of their gradients, sums of the parameters', in bytes from the workspace's beginning.
template <class T>
struct FourFStack<T>::Workspace {
  std::int64_t masks = 0, mask_sums = 0, parameter_sums = 0, bytes = 0;
};

template <class T>
typename FourFStack<T>::Workspace FourFStack<T>::workspace_of(int device, std::int64_t batch,
                                                              std::int64_t masks) const {
  const StackParams<T>& p = plan_.params;
  const std::int64_t one = std::int64_t{4} * p.layers * p.band_places() * sizeof(Complex<T>);
  const auto aligned = [](std::int64_t bytes) { return (bytes + 255) / 256 * 256; };
  std::int64_t sums = 1, blocks = 1;
  for (const bool parameters : {false, true}) {
    const Launch launch = launch_of(device, batch, parameters);
    sums = std::max<std::int64_t>(sums, launch.clusters);
    blocks = std::max<std::int64_t>(blocks, std::int64_t{launch.clusters} * launch.cluster);
  }
  Workspace w;
  w.mask_sums = aligned(masks * one);
  w.parameter_sums = w.mask_sums + aligned((masks == 1 ? sums : batch) * one);
  w.bytes = w.parameter_sums + aligned(blocks * p.layers * 4 * std::int64_t{sizeof(double)});
  return w;
}

template <class T>
std::int64_t FourFStack<T>::workspace_bytes(int device, std::int64_t batch, std::int64_t masks) const {
  return workspace_of(device, batch, masks).bytes;
}

template <class T>
StackParams<T> FourFStack<T>::params_of(const Queue& queue, const T* constants, const double* parameters,
                                        std::int64_t batch, GivenMasks<T>& masks, const Launch& launch) const {
  if (!launch.cluster) throw std::runtime_error("the stack does not fit the shared memory of this device");
  StackParams<T> p = plan_.params;
  p.q.cluster = launch.cluster;
  p.constants = constants;
  p.parameters = parameters;
  p.batch = batch;
  p.mask_per_image = masks.masks != 1;
  masks.gauge = plan_.gauge;
  masks.scale = scale_;
  auto* prepared = static_cast<Complex<T>*>(queue.workspace);
  p.masks = prepared;
  const std::int64_t count = masks.masks * p.layers * 4 * p.band_places();
  prepare_masks_kernel<T>
      <<<blocks_for(count), kThreads, 0, static_cast<cudaStream_t>(queue.stream)>>>(p, masks, prepared, count);
  check(cudaGetLastError(), "masks");
  return p;
}

template <class T>
void FourFStack<T>::forward(const Queue& queue, const T* constants, const double* parameters, std::int64_t batch,
                            GivenMasks<T> masks, const StackForward<T>& io) const {
  if (batch == 0) return;
  const OnDevice here(queue.device);
  const Launch launch = launch_of(queue.device, batch, false);
  const StackParams<T> p = params_of(queue, constants, parameters, batch, masks, launch);
  with_tile(plan_.tile_rows, [&]<int TO>() {
    launch_clusters(stack_forward_kernel<T, TO>, launch, static_cast<cudaStream_t>(queue.stream), p, io);
  });
}

template <class T>
void FourFStack<T>::adjoint(const Queue& queue, const T* constants, const double* parameters, std::int64_t batch,
                            GivenMasks<T> masks, StackAdjoint<T> io, const StackResults<T>& results) const {
  if (batch == 0) return;
  const OnDevice here(queue.device);
  const auto stream = static_cast<cudaStream_t>(queue.stream);
  const Launch launch = launch_of(queue.device, batch, results.parameters != nullptr);
  const StackParams<T> p = params_of(queue, constants, parameters, batch, masks, launch);
  const Workspace w = workspace_of(queue.device, batch, masks.masks);
  char* memory = static_cast<char*>(queue.workspace);
  io.phase = results.phase ? reinterpret_cast<T*>(memory + w.mask_sums) : nullptr;
  io.transfer = results.transfer ? reinterpret_cast<Complex<T>*>(memory + w.mask_sums) : nullptr;
  io.parameters = results.parameters ? reinterpret_cast<double*>(memory + w.parameter_sums) : nullptr;
  io.field = results.field, io.amplitude = results.amplitude;
  with_tile(plan_.tile_rows,
            [&]<int TO>() { launch_clusters(stack_adjoint_kernel<T, TO>, launch, stream, p, io); });
  const std::int64_t count = masks.masks * p.layers * p.band.area(), addends = p.mask_per_image ? 1 : launch.clusters;
  if (results.phase)
    phase_gradient_kernel<T>
        <<<blocks_for(count), kThreads, 0, stream>>>(p, io.phase, addends, results.phase, count);
  if (results.transfer)
    transfer_gradient_kernel<T>
        <<<blocks_for(count), kThreads, 0, stream>>>(p, masks, io.transfer, addends, results.transfer, count);
  if (results.parameters)
    parameter_gradient_kernel<T><<<blocks_for(4 * p.layers), kThreads, 0, stream>>>(
        io.parameters, launch.clusters * launch.cluster, 4 * p.layers, results.parameters);
  check(cudaGetLastError(), "gradients");
}

}  // namespace fdsr::cuda
