// Frames of the emulated chip on a CUDA device, as operators.hpp says it of the others.
#pragma once

#include "cuda/chip_frame.hpp"
#include "cuda/operators.hpp"

namespace fdsr::cuda {

// Blocks of 256 threads whose registers a multiprocessor has room for.
constexpr int chip_blocks(std::size_t value_size) { return value_size == 4 ? 3 : 2; }

// How a device takes the frames of a call.
struct ChipLaunch {
  Launch launch;
  int frames_log = 0;  // of the frames that a block takes at once
};

// One chip.
template <class T>
class ChipFrames {
 public:
  // `settings` as frames need them: errors that change from frame to frame are scaled already.
  ChipFrames(Size frame, const kernels::FrameSettings& settings);

  // Whether frames fit the device's shared memory, with the shares of readings that did not clip or without.
  bool fits(int device, bool keep) const;
  // Write, transform, read all frames.
  void run(const Queue& queue, const ChipFrameCall<T>& call) const;

  ChipFrameParams<T> params(const ChipFrameCall<T>& call) const;
  ChipLaunch choose_launch(std::int64_t frames, bool keep, const DeviceFacts& device) const;

 private:
  Size frame_;
  kernels::FrameSettings settings_;
};

}  // namespace fdsr::cuda
