// Convolution by direct sums, for kernels so small and channels so few that transforms cost more.
#pragma once

#include "conv/spectra.hpp"

namespace fdsr::conv {

// `to` = `from` (*) kernels + bias, [channels of `to`] or null. The axes of `to` name the positions that are kept.
template <class T>
struct Maps {
  Index batch;
  Image<const T> from;
  Channels channels;
  Kernels<const T> kernels;
  const T* bias;
  int threads;
  Image<T> to;
};

template <class T>
void correlate_in_space(const Maps<T>& maps);

// kernels = the sum over batch and positions of v with x.
template <class T>
void correlate_maps_in_space(Index batch, const Image<const T>& x, const Image<const T>& v, const Channels& channels,
                             int threads, const Kernels<T>& kernels);

}  // namespace fdsr::conv
