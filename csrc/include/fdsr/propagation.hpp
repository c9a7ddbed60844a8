// Free-space propagation by the angular spectrum.
#pragma once

#include <complex>

#include "fdsr/geometry.hpp"

namespace fdsr {

// exp(2 pi i z sqrt(1/wavelength^2 - f^2)) over the frequencies f = q/(M pitch) of an M-point grid, zero frequency at
// index M//2, to be used as the transfer of a 4f layer whose band is its grid. Evanescent waves decay over |z|. With
// band_limit, frequencies that the sampling of the transfer function aliases are cut (Matsushima and Shimobaba 2009,
// Opt. Express 17, 19662, Eq. 13 along each axis). Lengths in metres.
template <class T>
void angular_spectrum_transfer(Size grid, double distance, double pitch_y, double pitch_x, double wavelength,
                               bool band_limit,
                               // outputs
                               std::complex<T>* transfer /* [M, M] */);

}  // namespace fdsr
