// Rates of the convolution's work, in nanoseconds of one thread; see Work for their order.
#pragma once

#include "conv/expected_time.hpp"

namespace fdsr::conv {

struct Rates {
  Work tiles, tiles_trained, sums, sums_trained;
};

inline constexpr Rates kAvx512{
    {1.21e+04, 13.8, 16.4, 125, 1.53, 14, 88.7, 1.11e+03},  // tiles: 1050 times, median error 13%
    {1.05e+05, 53.6, 73.5, 532, 3.38, 41.9, 9.38e+03, 2.65e+03},  // tiles, trained: 994 times, median error 17%
    {1.47e+04, 5.46, 0.108, 0.301, 0.305, 0.266, 0.59, 0},  // sums: 980 times, median error 9%
    {9.96e+04, 16.3, 0.416, 1.3, 0.978, 1.45, 1.94, 0},  // sums, trained: 936 times, median error 11%
};
inline constexpr Rates kAvx2{
    {1.35e+04, 9.12, 12.4, 63.1, 1.17, 7.05, 1.1e+03, 264},  // tiles: 632 times, median error 13%
    {1.04e+05, 33.7, 46.7, 254, 2.67, 21.2, 1.6e+03, 1.16e+03},  // tiles, trained: 580 times, median error 13%
    {1.47e+04, 4.29, 0.101, 0.157, 0.211, 0.267, 0.527, 0},  // sums: 600 times, median error 8%
    {9.88e+04, 14.5, 0.38, 0.594, 0.638, 1.14, 1.79, 0},  // sums, trained: 536 times, median error 9%
};

}  // namespace fdsr::conv
