// FFTW on the needed rows and columns only: rows of the window padded to the grid, of whose frequencies the band is
// kept, then the columns of the band likewise.
#pragma once

#include "transform/fftw_lines.hpp"
#include "transform/image_transform.hpp"

namespace fdsr {

template <class T>
std::unique_ptr<ImageTransform<T>> make_pruned_fftw(Size window, Size band, const Grid& grid, Planner planner);

// Its arithmetic, the mean of both directions, 5 n log2 n a line.
double pruned_fftw_flops(Size window, Size band, const Grid& grid);

}  // namespace fdsr
