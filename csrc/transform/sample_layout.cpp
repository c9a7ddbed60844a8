#include "transform/sample_layout.hpp"

#include <algorithm>

namespace fdsr {
namespace {

template <class T>
std::complex<T> row_factor(const SampleLayout<T>& layout, Index row, Ramp ramp, T scale) {
  if (layout.ramp_y.empty() || ramp == Ramp::none) return {scale, 0};
  const std::complex<T> along = layout.ramp_y[row];
  return scale * (ramp == Ramp::conjugate ? std::conj(along) : along);
}

// Real arithmetic by hand: std::complex products check for infinities.
template <class T>
struct Product {
  T re, im;
  Product(std::complex<T> a, std::complex<T> b)
      : re(a.real() * b.real() - a.imag() * b.imag()), im(a.real() * b.imag() + a.imag() * b.real()) {}
};

template <class T>
void clear_padding(const SampleLayout<T>& layout, T* lanes) {
  Index from = 0;
  for (const auto& span : layout.spans) {
    std::fill(lanes + from, lanes + span.begin, T(0));
    from = span.end;
  }
  std::fill(lanes + from, lanes + layout.n, T(0));
}

// Calls put(lane, natural x, ramp) for the lanes of one row.
template <class T, class Put>
void for_lanes(const SampleLayout<T>& layout, Index row, Ramp ramp, T scale, Put&& put) {
  const std::complex<T> factor = row_factor(layout, row, ramp, scale);
  const bool ramped = !layout.ramp_x.empty() && ramp != Ramp::none;
  for (const auto& span : layout.spans) {
    if (!ramped) {
      for (Index lane = span.begin; lane < span.end; ++lane) put(lane, layout.natural_x[lane], factor);
      continue;
    }
    for (Index lane = span.begin; lane < span.end; ++lane) {
      const std::complex<T> along =
          ramp == Ramp::conjugate ? std::conj(layout.ramp_x[lane]) : layout.ramp_x[lane];
      const Product<T> product(factor, along);
      put(lane, layout.natural_x[lane], std::complex<T>(product.re, product.im));
    }
  }
}

}  // namespace

template <class T>
void SampleLayout<T>::import_group(Index group, const std::complex<T>* natural, Ramp ramp, T scale,
                                   T* rows) const {
  for (Index r = 0; r < rows_per_group; ++r, rows += row_size()) {
    const Index row = group * rows_per_group + r;
    const std::complex<T>* in = natural + static_cast<Index>(natural_y[row]) * width;
    clear_padding(*this, rows);
    clear_padding(*this, rows + n);
    for_lanes(*this, row, ramp, scale, [&](Index lane, int x, std::complex<T> factor) {
      const Product<T> value(in[x], factor);
      rows[lane] = value.re;
      rows[n + lane] = value.im;
    });
  }
}

template <class T>
void SampleLayout<T>::import_group(Index group, const T* natural, Ramp ramp, T scale, T* rows) const {
  for (Index r = 0; r < rows_per_group; ++r, rows += row_size()) {
    const Index row = group * rows_per_group + r;
    const T* in = natural + static_cast<Index>(natural_y[row]) * width;
    clear_padding(*this, rows);
    clear_padding(*this, rows + n);
    for_lanes(*this, row, ramp, scale, [&](Index lane, int x, std::complex<T> factor) {
      rows[lane] = in[x] * factor.real();
      rows[n + lane] = in[x] * factor.imag();
    });
  }
}

template <class T>
void SampleLayout<T>::import_real(Index group, const T* natural, T* out) const {
  for (Index r = 0; r < rows_per_group; ++r, out += n) {
    const T* in = natural + static_cast<Index>(natural_y[group * rows_per_group + r]) * width;
    clear_padding(*this, out);
    for (const Span& span : spans)
      for (Index lane = span.begin; lane < span.end; ++lane) out[lane] = in[natural_x[lane]];
  }
}

template <class T>
void SampleLayout<T>::export_group(Index group, const T* rows, Ramp ramp, T scale,
                                   std::complex<T>* natural) const {
  for (Index r = 0; r < rows_per_group; ++r, rows += row_size()) {
    const Index row = group * rows_per_group + r;
    std::complex<T>* out = natural + static_cast<Index>(natural_y[row]) * width;
    for_lanes(*this, row, ramp, scale, [&](Index lane, int x, std::complex<T> factor) {
      const Product<T> value({rows[lane], rows[n + lane]}, factor);
      out[x] = {value.re, value.im};
    });
  }
}

template <class T>
void SampleLayout<T>::export_real_part(Index group, const T* rows, Ramp ramp, T scale, T* natural) const {
  for (Index r = 0; r < rows_per_group; ++r, rows += row_size()) {
    const Index row = group * rows_per_group + r;
    T* out = natural + static_cast<Index>(natural_y[row]) * width;
    for_lanes(*this, row, ramp, scale, [&](Index lane, int x, std::complex<T> factor) {
      out[x] = rows[lane] * factor.real() - rows[n + lane] * factor.imag();
    });
  }
}

template <class T>
void SampleLayout<T>::export_real(Index group, const T* in, T scale, T* natural) const {
  for (Index r = 0; r < rows_per_group; ++r, in += n) {
    T* out = natural + static_cast<Index>(natural_y[group * rows_per_group + r]) * width;
    for (const Span& span : spans)
      for (Index lane = span.begin; lane < span.end; ++lane) out[natural_x[lane]] = scale * in[lane];
  }
}

template struct SampleLayout<float>;
template struct SampleLayout<double>;

}  // namespace fdsr
