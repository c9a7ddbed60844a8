// Kernels of the fused stack and what runs them: included behind the header that launches, on a device (launch.cuh)
// or by threads of the host (the tests).
#pragma once

#include <algorithm>
#include <stdexcept>

#include "cuda/operators.hpp"

namespace fdsr::cuda {

template <class Products>
struct StackForwardKernel {
  using T = typename Products::T;
  StackParams<T> p;
  StackForward<T> f;
  FDSR_BOTH int cluster() const { return p.q.cluster; }
  template <class Team>
  FDSR_DEVICE void operator()(const Team& team, void* memory) const {
    T* shared = static_cast<T*>(memory);
    prepare_block(team, p, shared);
    for (std::int64_t image = team.cluster(); image < p.batch; image += team.clusters())
      stack_forward<Products>(team, p, f, image, shared);
  }
};

template <class Products>
struct StackAdjointKernel {
  using T = typename Products::T;
  StackParams<T> p;
  StackAdjoint<T> a;
  FDSR_BOTH int cluster() const { return p.q.cluster; }
  template <class Team>
  FDSR_DEVICE void operator()(const Team& team, void* memory) const {
    T* shared = static_cast<T*>(memory);
    auto* scratch = reinterpret_cast<double*>(shared + (shared_values(p.q, p.matrices) + 3) / 4 * 4);
    prepare_block(team, p, shared);
    for (std::int64_t image = team.cluster(); image < p.batch; image += team.clusters())
      stack_adjoint<Products>(team, p, a, image, team.cluster(), image != team.cluster(), shared, scratch);
  }
};

template <class T>
struct PrepareMasks {
  StackParams<T> p;
  GivenMasks<T> g;
  Complex<T>* prepared;
  FDSR_DEVICE void operator()(std::int64_t i) const { prepared[i] = prepared_mask(p, g, i); }
};

template <class T>
struct SumPhases {
  StackParams<T> p;
  const T* sums;
  std::int64_t addends;
  T* v;
  FDSR_DEVICE void operator()(std::int64_t i) const { v[i] = phase_gradient(p, sums, addends, i); }
};

template <class T>
struct SumTransfers {
  StackParams<T> p;
  GivenMasks<T> g;
  const Complex<T>* sums;
  std::int64_t addends;
  Complex<T>* v;
  FDSR_DEVICE void operator()(std::int64_t i) const { v[i] = transfer_gradient(p, g, sums, addends, i); }
};

struct SumParameters {
  const double* sums;
  int addends;
  std::int64_t count;
  double* v;
  FDSR_DEVICE void operator()(std::int64_t i) const {
    double total = 0;
    for (int a = 0; a < addends; ++a) total += sums[a * count + i];
    v[i] = total;
  }
};

template <class T>
FourFStack<T>::FourFStack(Size window, Size support, Size band, const Grid& grid,
                          const std::vector<Nonlinearity>& kinds, FloatProducts products)
    : plan_(window, support, band, grid, kinds, products), scale_(static_cast<T>(1 / (grid.y * grid.x))) {}

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
typename FourFStack<T>::Workspace FourFStack<T>::workspace_of(int device, std::int64_t batch, std::int64_t masks,
                                                              std::int64_t value_bytes) const {
  const StackParams<T>& p = plan_.params;
  const std::int64_t one = std::int64_t{4} * p.layers * p.band_places();
  const auto aligned = [](std::int64_t bytes) { return (bytes + 255) / 256 * 256; };
  std::int64_t sums = 1, blocks = 1;
  for (const bool parameters : {false, true}) {
    const Launch launch = launch_of(device, batch, parameters);
    sums = std::max<std::int64_t>(sums, launch.clusters);
    blocks = std::max<std::int64_t>(blocks, std::int64_t{launch.clusters} * launch.cluster);
  }
  Workspace w;
  w.mask_sums = aligned(masks * one * std::int64_t{sizeof(Complex<T>)});
  w.parameter_sums = w.mask_sums + aligned((masks == 1 ? sums : batch) * one * value_bytes);
  w.bytes = w.parameter_sums + aligned(blocks * p.layers * 4 * std::int64_t{sizeof(double)});
  return w;
}

template <class T>
std::int64_t FourFStack<T>::workspace_bytes(int device, std::int64_t batch, std::int64_t masks,
                                            std::int64_t value_bytes) const {
  return workspace_of(device, batch, masks, value_bytes).bytes;
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
  launch_values(queue, count, PrepareMasks<T>{p, masks, prepared});
  return p;
}

template <class T>
void FourFStack<T>::forward(const Queue& queue, const T* constants, const double* parameters, std::int64_t batch,
                            GivenMasks<T> masks, const StackForward<T>& io) const {
  if (batch == 0) return;
  const OnDevice here(queue.device);
  const Launch launch = launch_of(queue.device, batch, false);
  const StackParams<T> p = params_of(queue, constants, parameters, batch, masks, launch);
  with_products<T>(plan_.products, plan_.tile_rows, [&]<class Products>() {
    launch_clusters(queue, launch, StackForwardKernel<Products>{p, io});
  });
}

template <class T>
void FourFStack<T>::adjoint(const Queue& queue, const T* constants, const double* parameters, std::int64_t batch,
                            GivenMasks<T> masks, StackAdjoint<T> io, const StackResults<T>& results) const {
  if (batch == 0) return;
  const OnDevice here(queue.device);
  const Launch launch = launch_of(queue.device, batch, results.parameters != nullptr);
  const StackParams<T> p = params_of(queue, constants, parameters, batch, masks, launch);
  const std::int64_t value_bytes = results.phase ? sizeof(T) : results.transfer ? sizeof(Complex<T>) : 0;
  const Workspace w = workspace_of(queue.device, batch, masks.masks, value_bytes);
  char* memory = static_cast<char*>(queue.workspace);
  io.phase = results.phase ? reinterpret_cast<T*>(memory + w.mask_sums) : nullptr;
  io.transfer = results.transfer ? reinterpret_cast<Complex<T>*>(memory + w.mask_sums) : nullptr;
  io.parameters = results.parameters ? reinterpret_cast<double*>(memory + w.parameter_sums) : nullptr;
  io.field = results.field, io.amplitude = results.amplitude;
  with_products<T>(plan_.products, plan_.tile_rows, [&]<class Products>() {
    launch_clusters(queue, launch, StackAdjointKernel<Products>{p, io});
  });
  const std::int64_t count = masks.masks * p.layers * p.band.area(), addends = p.mask_per_image ? 1 : launch.clusters;
  if (results.phase) launch_values(queue, count, SumPhases<T>{p, io.phase, addends, results.phase});
  if (results.transfer) launch_values(queue, count, SumTransfers<T>{p, masks, io.transfer, addends, results.transfer});
  if (results.parameters)
    launch_values(queue, 4 * p.layers,
                  SumParameters{io.parameters, launch.clusters * launch.cluster, 4 * p.layers, results.parameters});
}

}  // namespace fdsr::cuda
