// Rates of the convolution's work, in nanoseconds of one thread; see Work for their order.
#pragma once

#include "conv/expected_time.hpp"

namespace fdsr::conv {

struct Rates {
  Work tiles, tiles_trained, sums, sums_trained;
};

inline constexpr Rates kAvx512{
    // tiles: 662 times, and 450 of many tiles for 32 shapes; median errors 18% and 13%
    {9.26e+03, 12.7, 15.6, 130, 1.53, 14, 6.52e+03, 98.3},
    // tiles, trained: 650 times, and 360 of many tiles for 28 shapes; median errors 23% and 13%. The weights' rate, by
    // these 42, is that with which two threads lose least against the best of the tiles that they were timed with (2 %).
    {1.04e+05, 33, 60, 510, 3.6, 30, 5e+04, 430},
    {1.47e+04, 5.46, 0.108, 0.301, 0.305, 0.266, 0.35, 0},  // sums: 980 times, median error 9%
    // sums, trained: 936 times, median error 11%; then, by timings of seven shapes, a sixth less for several outputs.
    // Samples of other orders, also beside: by timings of eight shapes, since they are transposed by squares.
    {9.96e+04, 16.3, 0.35, 1.1, 0.978, 1.45, 1, 0},
};
inline constexpr Rates kAvx2{
    {1.37e+04, 8.89, 12.3, 63, 1.17, 6.36, 1.04e+03, 18.7},  // tiles: 632 times, median error 13%
    {9.52e+04, 26.4, 38.5, 248, 2.9, 28.6, 0, 260},  // tiles, trained: 408 later times, median error 16%
    {1.47e+04, 4.29, 0.101, 0.157, 0.211, 0.267, 0.35, 0},  // sums: 600 times, median error 8%
    {9.88e+04, 14.5, 0.38, 0.594, 0.638, 1.14, 1, 0},  // sums, trained: 536 times, median error 9%
};

}  // namespace fdsr::conv
