// Rates of the convolution's work, in nanoseconds of one thread; see Work for their order.
#pragma once

#include "conv/expected_time.hpp"

namespace fdsr::conv {

struct Rates {
  Work tiles, tiles_trained, sums, sums_trained;
};

inline constexpr Rates kAvx512{
    {1.19e+04, 13.9, 16.5, 121, 1.91, 15.6, 1.91e+03},  // tiles: 690 times, median error 17%
    {1.2e+05, 46.2, 61.3, 470, 4.94, 46.8, 1.2e+04},  // tiles, trained: 658 times, median error 16%
    {1.42e+04, 4.62, 0.125, 0.317, 0.316, 0.285, 0.643},  // sums: 634 times, median error 15%
    {1.06e+05, 11.4, 0.511, 1.36, 1.37, 1.36, 2.01},  // sums, trained: 624 times, median error 11%
};
inline constexpr Rates kAvx2{
    {1.31e+04, 8.75, 12, 62, 1.25, 7.39, 1.5e+03},  // tiles: 628 times, median error 12%
    {1.06e+05, 31.2, 37.8, 251, 3.79, 22.2, 3.5e+03},  // tiles, trained: 552 times, median error 13%
    {1.42e+04, 2.92, 0.138, 0.162, 0.191, 0.23, 0.569},  // sums: 586 times, median error 13%
    {9.43e+04, 10.4, 0.523, 0.589, 0.797, 1.04, 1.79},  // sums, trained: 506 times, median error 11%
};

}  // namespace fdsr::conv
