// Rates of the convolution's work, in nanoseconds of one thread; see Work for their order.
#pragma once

#include "conv/expected_time.hpp"

namespace fdsr::conv {

struct Rates {
  Work tiles, tiles_trained, sums, sums_trained;
};

inline constexpr Rates kAvx512{
    {1.12e+04, 12.3, 19.2, 130, 1.41, 14.6, 1.41e+03, 142},  // tiles: 662 times, median error 17%
    // tiles, trained: 650 times, and 260 of many tiles for twenty shapes; median errors 23% and 11%
    {9.11e+04, 33.7, 63.8, 507, 3.46, 43.9, 4.91e+04, 373},
    {1.47e+04, 5.46, 0.108, 0.301, 0.305, 0.266, 0.59, 0},  // sums: 980 times, median error 9%
    {9.96e+04, 16.3, 0.416, 1.3, 0.978, 1.45, 1.94, 0},  // sums, trained: 936 times, median error 11%
};
inline constexpr Rates kAvx2{
    {1.37e+04, 8.89, 12.3, 63, 1.17, 6.36, 1.04e+03, 18.7},  // tiles: 632 times, median error 13%
    {9.52e+04, 26.4, 38.5, 248, 2.9, 28.6, 0, 260},  // tiles, trained: 408 times, median error 16%
    {1.47e+04, 4.29, 0.101, 0.157, 0.211, 0.267, 0.527, 0},  // sums: 600 times, median error 8%
    {9.88e+04, 14.5, 0.38, 0.594, 0.638, 1.14, 1.79, 0},  // sums, trained: 536 times, median error 9%
};

}  // namespace fdsr::conv
