// The library fdsr_cuda without CUDA: the same kernels and the same code that launches them, on threads of the host.
// With csrc/cuda/python it makes the module with which the tests run pyfdsr's CUDA backend on any machine.
#include <algorithm>

#include "cuda/operators.hpp"
#include "host_team.hpp"

namespace fdsr::cuda {
namespace {

struct OnDevice {
  explicit OnDevice(int) {}
};

template <class Kernel>
void launch_clusters(const Queue&, const Launch& launch, const Kernel& kernel) {
  const int threads = std::min(launch.threads, 64);  // fewer than on a device: these are dear
  for (int index = 0; index < launch.clusters; ++index)
    test::run_cluster(
        launch.cluster, threads, static_cast<std::size_t>(launch.shared_bytes),
        [&](const test::HostTeam& team) { kernel(team, team.shared<double>()); }, index, launch.clusters);
}

template <class Kernel>
void launch_values(const Queue&, std::int64_t count, const Kernel& kernel) {
  for (std::int64_t i = 0; i < count; ++i) kernel(i);
}

}  // namespace

// An H100 with five multiprocessors: small batches are dealt out, larger ones take turns.
DeviceFacts facts_of_device(int) { return {5, 232448, 233472, true}; }

}  // namespace fdsr::cuda

#include "cuda/chip_kernels.hpp"
#include "cuda/pointwise_kernels.hpp"
#include "cuda/stack_kernels.hpp"
#include "cuda/tile_kernels.hpp"
#include "cuda/transform_kernels.hpp"

namespace fdsr::cuda {

template class FourFStack<float>;
template class FourFStack<double>;
template class WindowedDft<float>;
template class WindowedDft<double>;
template bool ChipFrames<float>::fits(int, bool) const;
template bool ChipFrames<double>::fits(int, bool) const;
template void ChipFrames<float>::run(const Queue&, const ChipFrameCall<float>&) const;
template void ChipFrames<double>::run(const Queue&, const ChipFrameCall<double>&) const;
std::int64_t nonlinearity_workspace() { return kWorkspaceOfNonlinearity; }
template void nonlinearity(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<float>*,
                           Complex<float>*);
template void nonlinearity(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<double>*,
                           Complex<double>*);
template void nonlinearity_adjoint(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<float>*,
                                   const Complex<float>*, Complex<float>*, double*);
template void nonlinearity_adjoint(const Queue&, Nonlinearity, const double*, std::int64_t, const Complex<double>*,
                                   const Complex<double>*, Complex<double>*, double*);
template void tile_spectra(const Queue&, const TileMap&, bool, const float*, Complex<float>*);
template void tile_spectra(const Queue&, const TileMap&, bool, const double*, Complex<double>*);
template void tile_results(const Queue&, const TileMap&, const Complex<float>*, const float*, float*);
template void tile_results(const Queue&, const TileMap&, const Complex<double>*, const double*, double*);
template void depthwise_tiles(const Queue&, const TileMap&, const float*, const Complex<float>*, const TileMap&,
                              const float*, float*);
template void depthwise_tiles(const Queue&, const TileMap&, const double*, const Complex<double>*, const TileMap&,
                              const double*, double*);

}  // namespace fdsr::cuda
