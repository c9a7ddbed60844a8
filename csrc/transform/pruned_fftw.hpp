// FFTW on the needed rows and columns only: rows of the window padded to the grid, of whose frequencies the band is
// kept, then the columns of the band likewise.
#pragma once

#include "transform/image_transform.hpp"

namespace fdsr {

// Whether this build has FFTW in the precision of T.
template <class T>
bool has_fftw();

template <class T>
std::unique_ptr<ImageTransform<T>> make_pruned_fftw(Size window, Size band, const Grid& grid, Planner planner);

const char* fftw_provider();

}  // namespace fdsr
