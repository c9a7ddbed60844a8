// The operator behind a convolution and its adjoint to the input: tiles of a map correlated with kernels.
#pragma once

#include "conv/spatial.hpp"
#include "conv/tile_rows.hpp"
#include "conv/weight_cache.hpp"

namespace fdsr::conv {

// The vectors' width and the order of pairs and channels that waste the fewest operations for one image.
struct LaneChoice {
  bool pairs_outside = true;
  int width = 1;
};
LaneChoice choose_lanes(Index pairs, const Channels& channels, int lanes, bool any_order);

// Maps and how they are cut into tiles; the positions of `to` are the tiling's.
template <class T>
struct Correlation : Maps<T> {
  const TileTransform<T>& transform;
  const Tiling& tiling;
};

// The spectra of all `weight_count` weights are looked up in `cache` and kept there, if so wanted.
template <class T>
void correlate(const Correlation<T>& c, KeepSpectra keep, const WeightCache& cache, std::size_t weight_count);

// ------------------------------------------------------------------------------ steps that both ways of work share

// Reads one vector of lanes of an image, row by row, into a tile of transformed rows. used: samples that are not zero.
template <class T>
void read_tile(const TileTransform<T>& transform, const Image<const T>& image, const LaneVector& vector, Size used,
               const LineBuffers<T>& buffers, T* tile);
// Back: transforms the rows that are wanted and writes them.
template <class T>
void write_tile(const TileTransform<T>& transform, const Image<T>& image, const LaneVector& vector, const T* bias,
                const LineBuffers<T>& buffers, const T* tile);

// Whether both halves of the spectra of either side are rows of one matrix, as many rows apart.
bool halves_are_rows(const LaneOrder& in, const LaneOrder& out);

// Products at `count` slots, from those at which x, w and y begin: Y = X W for the pairs of both halves of the spectrum.
// `mirrored`: whether the second half is there; it lies in.lanes (out.lanes) after the first.
template <class T>
void multiply_slots(const LaneChoice& choice, const Channels& channels, const LaneOrder& in, const LaneOrder& out,
                    SlotRun<const T> x, SlotRun<const T> w, Index w_pitch, SlotRun<T> y, bool mirrored, Index count);

// ------------------------------------------------------------------------------ the two ways
// Pairs that are transformed, multiplied and transformed back together in phases over all threads, of `pairs` whose
// spectra take so many bytes each. It must not depend on the number of threads.
Index pairs_of_chunk(std::size_t spectrum_bytes, Index pairs);
// Tasks of a few pairs that go through all steps in a thread's own cache; for few channels and depthwise ones.
template <class T>
void correlate_in_cache(const Correlation<T>& c, const LaneChoice& choice, Index most_pairs,
                        const std::vector<Slots<T>>& weights, const WeightOrder& order);
// How many pairs such a task takes at most; 0: the spectra of the weights are too large to be read for so few.
// with_kept: whether those spectra were made in an earlier call.
Index pairs_in_cache(std::size_t tile_bytes, bool with_kept, const Channels& channels, const LaneChoice& choice,
                     Index lanes);
// How many tasks `all` pairs are, of at most so many.
Index tasks_in_cache(Index most, Index all, const Channels& channels, const LaneChoice& choice, Index lanes);

}  // namespace fdsr::conv
