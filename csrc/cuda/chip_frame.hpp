// Optical frames of the emulated chip, several by a block at once: all slices and shots of a frame stay in shared
// memory. Frames share no arithmetic: none feels another.
#pragma once

#include "cuda/chip_lines.hpp"
#include "cuda/chip_reading.hpp"

namespace fdsr::cuda {

// The image along x into `between`, and along y back into the image.
template <class T, class Team>
FDSR_DEVICE void transform_frame(const FrameState<T, Team>& f, Complex<T>* image, Complex<T>* between) {
  const ChipFrameParams<T>& p = f.p;
  const int rows = p.call.rows, columns = p.call.columns;
  const FrameLines lines{p.ny, p.nx, 1}, rows_between{p.ny, columns, 1}, along_y{columns, 1, columns};
  const Complex<T>*const roots_y = f.memory.roots_y, *const roots_x = f.memory.roots_x;
  if (p.real_field)
    transform_lines<true, false>(f.lanes, roots_x, p.nx, columns, T(1), image, lines, between, rows_between);
  else
    transform_lines<false, false>(f.lanes, roots_x, p.nx, columns, T(1), image, lines, between, rows_between);
  if (p.real_result)
    transform_lines<false, true>(f.lanes, roots_y, p.ny, rows, p.unit, between, along_y, image, along_y);
  else
    transform_lines<false, false>(f.lanes, roots_y, p.ny, rows, p.unit, between, along_y, image, along_y);
}

template <class T, class Team>
FDSR_DEVICE void run_frame(FrameState<T, Team>& f) {
  const ChipFrameParams<T>& p = f.p;
  take_field(f);
  const bool disturbed = p.noisy_field() || p.phase_noise != 0 || p.call.factor;
  const T repeats = T(1) / static_cast<T>(p.shots);
  double weight = p.weight;
  Complex<T>* sum = nullptr;
  for (int slice = 0; slice < p.slices; ++slice, weight *= p.growth)
    for (int shot = 0; shot < p.shots; ++shot, ++f.noise.frame) {
      const bool first = slice == 0 && shot == 0;
      Complex<T>*light = f.memory.first, *other = f.memory.second;
      encode(f, slice, first, light);
      if (p.crosstalk != 0) {
        leak(f, light, other);
        light = f.memory.second, other = f.memory.first;
      }
      if (disturbed) disturb(f, light);
      transform_frame(f, light, other);
      sum = f.memory.sum ? f.memory.sum : other;
      read_frame(FrameReading<T, Team>{f, light, sum, static_cast<T>(weight) * repeats, first});
    }
  const int values = f.is_one ? p.values() : 0, step = p.call.real_output ? 2 : 1;
  for (int value = f.lanes.lane; value < values; value += f.lanes.count) {
    p.call.out[f.frame * values + value] = reinterpret_cast<const T*>(sum)[step * value];
    if (p.call.kept) p.call.kept[f.frame * values + value] = f.memory.kept[value];
  }
  f.lanes.sync();
}

// A block's counts are added up before they go to memory, which all blocks share.
template <class Team>
FDSR_DEVICE void add_counts(const Team& team, const std::uint64_t (&mine)[kChipCounts], std::uint64_t* totals,
                            void* memory) {
  auto* const of_threads = static_cast<std::uint64_t*>(memory);  // [kChipCounts][threads]
  auto* const of_warp = of_threads + kChipCounts * team.threads();  // [kChipCounts][kWarp]
  team.sync_block();
  for (int k = 0; k < kChipCounts; ++k) of_threads[k * team.threads() + team.thread()] = mine[k];
  team.sync_block();
  for (int i = team.thread(); i < kChipCounts * kWarp; i += team.threads()) {
    const std::uint64_t* const from = of_threads + i / kWarp * team.threads();
    std::uint64_t total = 0;
    for (int thread = i % kWarp; thread < team.threads(); thread += kWarp) total += from[thread];
    of_warp[i] = total;
  }
  team.sync_block();
  for (int k = team.thread(); k < kChipCounts; k += team.threads()) {
    std::uint64_t total = 0;
    for (int i = 0; i < kWarp; ++i) total += of_warp[k * kWarp + i];
    if (total) add_atomically(totals + k, total);
  }
}

template <class T, class Team>
FDSR_DEVICE void run_frames(const Team& team, const ChipFrameParams<T>& p, void* shared) {
  const int lanes = team.threads() >> p.frames_log;  // of a frame
  const int lane = team.thread() & (lanes - 1), place = team.thread() / lanes;
  const ChipMemory<T> memory(p.elements(), p.repeats() > 1, p.call.kept, team.threads(), place, shared);
  for (int i = team.thread(); i < kMostChipSide; i += team.threads())
    memory.roots_y[i] = p.roots_y[i], memory.roots_x[i] = p.roots_x[i];
  team.sync_block();
  std::uint64_t counts[kChipCounts] = {};
  const std::int64_t at_once = std::int64_t{1} << p.frames_log, frames = p.call.frames;
  for (std::int64_t first = at_once * team.cluster(); first < frames; first += at_once * team.clusters()) {
    const bool is_one = first + place < frames;
    const std::int64_t frame = is_one ? first + place : frames - 1;
    const auto sample = static_cast<std::uint64_t>(p.call.samples[frame]);
    const NoiseSource noise{{p.call.key[0], p.call.key[1]},
                            static_cast<std::uint32_t>(p.call.numbers[frame]),
                            static_cast<std::uint32_t>(sample),
                            static_cast<std::uint32_t>(sample >> 32)};
    FrameState<T, Team> f{p, {team, lane, lanes}, memory, frame, is_one, noise, T(0), T(0), counts};
    run_frame(f);
  }
  if (p.call.counts) add_counts(team, counts, p.call.counts, shared);
}

}  // namespace fdsr::cuda
