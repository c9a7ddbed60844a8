// Rates of the convolution's work, in nanoseconds of one thread; see Work for their order.
#pragma once

#include "conv/expected_time.hpp"

namespace fdsr::conv {

struct Rates {
  Work tiles, tiles_trained, sums, sums_trained;
};

inline constexpr Rates kAvx512{
    {1.2e+04, 14, 16.6, 131, 1.63, 14.5, 157, 1.12e+03},  // tiles: 536 times, median error 15%
    {9.9e+04, 50.4, 78.3, 549, 4.09, 43.6, 1.45e+04, 2.68e+03},  // tiles, trained: 526 times, median error 17%
    {1.47e+04, 4.94, 0.114, 0.308, 0.289, 0.279, 0.627, 0},  // sums: 500 times, median error 12%
    {1.02e+05, 16.7, 0.414, 1.34, 1.03, 1.64, 2.1, 0},  // sums, trained: 504 times, median error 13%
};
inline constexpr Rates kAvx2{
    {1.31e+04, 8.75, 12, 62, 1.25, 7.39, 1.5e+03, 0},  // tiles: 628 times, median error 12%
    {1.06e+05, 31.2, 37.8, 251, 3.79, 22.2, 3.5e+03, 0},  // tiles, trained: 552 times, median error 13%
    {1.42e+04, 2.92, 0.138, 0.162, 0.191, 0.23, 0.569, 0},  // sums: 586 times, median error 13%
    {9.43e+04, 10.4, 0.523, 0.589, 0.797, 1.04, 1.79, 0},  // sums, trained: 506 times, median error 11%
};

}  // namespace fdsr::conv
