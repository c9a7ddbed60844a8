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
    // Then a sixth more of all but the call, by 1056 later times of whole calls; median error 21%.
    {1.04e+05, 38.6, 70, 597, 4.2, 35, 5.8e+04, 503},
    {1.53e+04, 3.18, 0.0619, 0.291, 0.334, 0.349, 0.151, 0},  // sums: 752 times, median error 6%
    {9.4e+04, 9.89, 0.389, 1, 0.957, 1.62, 0.507, 0},  // sums, trained: 586 times, median error 13%
};
inline constexpr Rates kAvx2{  // sums to one output counted once in these fits, tasks in cache as if they shared vectors
    {1.37e+04, 8.89, 12.3, 63, 1.17, 6.36, 1.04e+03, 18.7},  // tiles: 632 times, median error 13%
    {9.52e+04, 26.4, 38.5, 248, 2.9, 28.6, 0, 260},  // tiles, trained: 408 later times, median error 16%
    {1.47e+04, 4.29, 0.101, 0.157, 0.211, 0.267, 0.35, 0},  // sums: 600 times, median error 8%
    {9.88e+04, 14.5, 0.38, 0.594, 0.638, 1.14, 1, 0},  // sums, trained: 536 times, median error 9%
};

}  // namespace fdsr::conv
