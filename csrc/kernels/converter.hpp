// Converters of the emulated chip over lanes; part of leaves_chip_frame.cpp.
#pragma once

#include <limits>

#include "chip_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {
// Full scales below this are as good as dark: steps per unit would overflow.
template <class T>
constexpr T kDark = std::numeric_limits<T>::min() * T(1 << 20);

// Signed: levels -most ... most of `step`; unsigned: 0 ... 2 most of half a step.
template <class T>
struct Converter {
  using V = Vec<T, kLanes<T>>;
  using I = Vec<IntOf<T>, kLanes<T>>;
  V full_scale, step, per_step;
  T most;

  Converter(int bits, V full_scale, bool is_unsigned = false) : full_scale(full_scale) {
    most = T((IntOf<T>{1} << (bits - 1)) - 1);
    if (is_unsigned) most *= 2;
    step = full_scale / most;
    per_step = full_scale > kDark<T> ? most / full_scale : V{};
  }
  V operator()(V x, I& clipped) const {
    clipped -= magnitude(x) > full_scale;
    return rounded(clamped(x * per_step, V{} - most, V{} + most)) * step;
  }
  // Negative values beyond half a step are clipped too: intensities with noise may be.
  V from_zero(V x, I& clipped) const {
    clipped -= (x > full_scale) | (x * per_step < T(-0.5));
    return rounded(clamped(x * per_step, V{}, V{} + most)) * step;
  }
};

}  // namespace fdsr::kernels::FDSR_ISA
