// The kernel of the emulated chip's frames and what runs it, as in stack_kernels.hpp.
#pragma once

#include <stdexcept>

#include "cuda/chip_operators.hpp"

namespace fdsr::cuda {

template <class T>
struct ChipFramesKernel {
  ChipFrameParams<T> p;
  static constexpr int kLeastBlocks = chip_blocks(sizeof(T));
  FDSR_BOTH int cluster() const { return 1; }
  template <class Team>
  FDSR_DEVICE void operator()(const Team& team, void* memory) const {
    run_frames(team, p, memory);
  }
};

template <class T>
bool ChipFrames<T>::fits(int device, bool keep) const {
  return choose_launch(1, keep, facts_of_device(device)).launch.cluster != 0;
}

template <class T>
void ChipFrames<T>::run(const Queue& queue, const ChipFrameCall<T>& call) const {
  ChipFramesKernel<T> kernel{params(call)};
  if (call.frames == 0) return;
  const OnDevice here(queue.device);
  const ChipLaunch chosen = choose_launch(call.frames, call.kept, facts_of_device(queue.device));
  if (!chosen.launch.cluster) throw std::runtime_error("a frame does not fit the shared memory of this device");
  kernel.p.frames_log = chosen.frames_log;
  launch_clusters(queue, chosen.launch, kernel);
}

}  // namespace fdsr::cuda
