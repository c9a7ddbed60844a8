#include "fdsr/windowed_dft.hpp"

#include <algorithm>

#include "fdsr/threads.hpp"
#include "threads/buffers.hpp"
#include "transform/image_transform.hpp"

namespace fdsr {

template <class T>
WindowedDft<T>::WindowedDft(Size window, Size band, const Grid& grid, Algorithm algorithm, Planner planner)
    : window_(window),
      band_(band),
      grid_(grid),
      transform_(make_transform<T>(window, band, grid, algorithm, planner)) {}

template <class T>
WindowedDft<T>::~WindowedDft() = default;
template <class T>
WindowedDft<T>::WindowedDft(WindowedDft&&) noexcept = default;

template <class T>
void WindowedDft<T>::to_band(std::int64_t batch, const std::complex<T>* x, T scale, int threads,
                             std::complex<T>* out) const {
  const ImageTransform<T>& t = *transform_;
  const SampleLayout<T>&in = t.space(), &band = t.frequency();
  parallel_for(batch, threads, [&](std::int64_t image, int) {
    const Buffer space(sizeof(T) * in.size()), spectrum(sizeof(T) * band.size());
    const Buffer scratch(sizeof(T) * t.scratch_size());
    const Buffer rows(sizeof(T) * std::max(in.group_size(), band.group_size()));
    for (Index group = 0; group < in.groups; ++group) {
      in.import_group(group, x + image * window_.area(), Ramp::plain, T(1), rows.as<T>());
      t.fold_space(rows.as<T>(), group, space.as<T>());
    }
    t.to_frequency(space.as<T>(), spectrum.as<T>(), scratch.as<T>());
    for (Index group = 0; group < band.groups; ++group) {
      t.unfold_frequency(spectrum.as<T>(), group, rows.as<T>());
      band.export_group(group, rows.as<T>(), Ramp::plain, scale, out + image * band_.area());
    }
  });
}

template <class T>
void WindowedDft<T>::to_window(std::int64_t batch, const std::complex<T>* x, T scale, int threads,
                               std::complex<T>* out) const {
  const ImageTransform<T>& t = *transform_;
  const SampleLayout<T>&window = t.space(), &in = t.frequency();
  parallel_for(batch, threads, [&](std::int64_t image, int) {
    const Buffer space(sizeof(T) * window.size()), spectrum(sizeof(T) * in.size());
    const Buffer scratch(sizeof(T) * t.scratch_size());
    const Buffer rows(sizeof(T) * std::max(in.group_size(), window.group_size()));
    for (Index group = 0; group < in.groups; ++group) {
      in.import_group(group, x + image * band_.area(), Ramp::conjugate, T(1), rows.as<T>());
      t.fold_frequency(rows.as<T>(), group, spectrum.as<T>());
    }
    t.to_space(spectrum.as<T>(), space.as<T>(), scratch.as<T>());
    for (Index group = 0; group < window.groups; ++group) {
      t.unfold_space(space.as<T>(), group, rows.as<T>());
      window.export_group(group, rows.as<T>(), Ramp::conjugate, scale, out + image * window_.area());
    }
  });
}

template <class T>
void WindowedDft<T>::forward(std::int64_t batch, const std::complex<T>* x, int threads,
                             std::complex<T>* spectrum) const {
  to_band(batch, x, T(1), threads, spectrum);
}

template <class T>
void WindowedDft<T>::adjoint(std::int64_t batch, const std::complex<T>* v_spectrum, int threads,
                             std::complex<T>* v_x) const {
  to_window(batch, v_spectrum, T(1), threads, v_x);
}

template <class T>
void WindowedDft<T>::inverse(std::int64_t batch, const std::complex<T>* spectrum, int threads,
                             std::complex<T>* x) const {
  to_window(batch, spectrum, static_cast<T>(1 / (grid_.y * grid_.x)), threads, x);
}

template <class T>
void WindowedDft<T>::inverse_adjoint(std::int64_t batch, const std::complex<T>* v_x, int threads,
                                     std::complex<T>* v_spectrum) const {
  to_band(batch, v_x, static_cast<T>(1 / (grid_.y * grid_.x)), threads, v_spectrum);
}

template <class T>
std::size_t WindowedDft<T>::nbytes() const {
  return transform_->nbytes();
}
template <class T>
Algorithm WindowedDft<T>::algorithm() const {
  return transform_->algorithm();
}
template <class T>
Size WindowedDft<T>::rank() const {
  return transform_->rank();
}
template <class T>
double WindowedDft<T>::flops() const {
  return transform_->flops();
}

template class WindowedDft<float>;
template class WindowedDft<double>;

}  // namespace fdsr
