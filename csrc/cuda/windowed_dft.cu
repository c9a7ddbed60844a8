#include "cuda/four_f_stack.hpp"
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

template <class T, int TO>
__global__ void __launch_bounds__(256) windowed_dft_kernel(const __grid_constant__ TransformParams<T> p) {
  extern __shared__ __align__(16) unsigned char memory[];
  T* shared = reinterpret_cast<T*>(memory);
  const DeviceTeam team(p.q.cluster);
  prepare_block(team, p, shared);
  for (std::int64_t image = team.cluster(); image < p.batch; image += team.clusters())
    windowed_dft<T, TO>(team, p, image, shared);
}

template <class T>
WindowedDft<T>::WindowedDft(Size window, Size band, const Grid& grid, bool to_band, double scale)
    : plan_(window, band, grid, to_band) {
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
  with_tile(plan_.tile_rows, [&]<int TO>() {
    launch_clusters(windowed_dft_kernel<T, TO>, launch, static_cast<cudaStream_t>(queue.stream), p);
  });
}

template class WindowedDft<float>;
template class WindowedDft<double>;

}  // namespace fdsr::cuda
