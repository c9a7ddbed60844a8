// Kernels of the windowed DFT and what runs them, as in stack_kernels.hpp.
#pragma once

#include <stdexcept>

#include "cuda/operators.hpp"

namespace fdsr::cuda {

template <class Products>
struct WindowedDftKernel {
  using T = typename Products::T;
  TransformParams<T> p;
  FDSR_BOTH int cluster() const { return p.q.cluster; }
  template <class Team>
  FDSR_DEVICE void operator()(const Team& team, void* memory) const {
    T* shared = static_cast<T*>(memory);
    prepare_block(team, p, shared);
    for (std::int64_t image = team.cluster(); image < p.batch; image += team.clusters())
      windowed_dft<Products>(team, p, image, shared);
  }
};

template <class T>
WindowedDft<T>::WindowedDft(Size window, Size band, const Grid& grid, bool to_band, double scale,
                            FloatProducts products)
    : plan_(window, band, grid, to_band, products) {
  plan_.params.scale = static_cast<T>(scale);
}

template <class T>
Launch WindowedDft<T>::launch_of(int device, std::int64_t batch) const {
  return choose_launch(plan_.params.q, plan_.params.matrices, sizeof(T), false, batch, facts_of_device(device));
}

template <class T>
bool WindowedDft<T>::fits(int device) const {
  return launch_of(device, 1).cluster > 0;
}

template <class T>
void WindowedDft<T>::apply(const Queue& queue, const T* constants, std::int64_t batch, const Complex<T>* in,
                           Complex<T>* out) const {
  if (batch == 0) return;
  const OnDevice here(queue.device);
  const Launch launch = launch_of(queue.device, batch);
  if (!launch.cluster) throw std::runtime_error("the transform does not fit the shared memory of this device");
  TransformParams<T> p = plan_.params;
  p.q.cluster = launch.cluster;
  p.constants = constants, p.batch = batch, p.in = in, p.out = out;
  with_products<T>(plan_.products, plan_.tile_rows, [&]<class Products>() {
    launch_clusters(queue, launch, WindowedDftKernel<Products>{p});
  });
}

}  // namespace fdsr::cuda
