#include "tiling.hpp"

#include <algorithm>

namespace fdsr::conv {

Axis::Axis(std::vector<int> samples) : sample(std::move(samples)), run_end(sample.size()) {
  for (int p = length() - 1; p >= 0; --p) {
    const bool joined = p + 1 < length() && sample[p] >= 0 && sample[p + 1] == sample[p] + 1;
    run_end[p] = sample[p] < 0 ? p : joined ? run_end[p + 1] : p + 1;
  }
}

Axis sampled_axis(int length, int offset, int step, int samples, int period) {
  std::vector<int> sample(length, -1);
  for (int p = 0; p < length; ++p) {
    const int q = period ? ((p - offset) % period + period) % period : p - offset;
    if (q >= 0 && q % step == 0 && q / step < samples) sample[p] = q / step;
  }
  return Axis(std::move(sample));
}

Axis padded_axis(int length, int offset, int samples, Padding padding) {
  if (padding == Padding::zeros) return sampled_axis(length, offset, 1, samples);
  if (padding == Padding::circular) return sampled_axis(length, offset, 1, samples, samples);
  std::vector<int> sample(length);
  for (int p = 0; p < length; ++p) {
    const int q = p - offset, last = samples - 1;
    const int mirrored = q < 0 ? -q : q > last ? 2 * last - q : q;
    sample[p] = std::clamp(padding == Padding::reflect ? mirrored : q, 0, last);
  }
  return Axis(std::move(sample));
}

int shortest_circle(const Axis& axis, int extent) {
  const auto zeros = [](auto begin, auto end) {
    return static_cast<int>(std::find_if(begin, end, [](int s) { return s >= 0; }) - begin);
  };
  const int leading = zeros(axis.sample.begin(), axis.sample.end());
  const int trailing = zeros(axis.sample.rbegin(), axis.sample.rend());
  return std::max({extent, axis.length() - leading, axis.length() - trailing});
}

Tiling::Tiling(Size extent, Size pitch)
    : pitch(pitch), count{(extent.y + pitch.y - 1) / pitch.y, (extent.x + pitch.x - 1) / pitch.x} {
  pairs = (tiles() + 1) / 2;
}

LaneOrder lane_order(bool pairs_outside, Index pairs, Index channels, int width, int lanes) {
  LaneOrder order;
  order.pairs_outside = pairs_outside;
  order.width = width;
  order.inner = pairs_outside ? channels : pairs;
  order.outer = pairs_outside ? pairs : channels;
  order.pitch = (order.inner + width - 1) / width * width;
  order.lanes = (order.outer * order.pitch + lanes - 1) / lanes * lanes;
  return order;
}

}  // namespace fdsr::conv
