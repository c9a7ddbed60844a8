#include "tile_transform.hpp"

#include <cmath>
#include <complex>
#include <numbers>

#include "fdsr/error.hpp"

namespace fdsr::conv {
namespace {

struct Factors {
  int a, b;
};
constexpr Factors kFactors[] = {
    {2, 2}, {2, 3}, {2, 4}, {3, 3}, {2, 5},  {3, 4}, {2, 7}, {3, 5},  {4, 4},  {3, 6},   {4, 5},  {3, 7},   {4, 6},
    {5, 5}, {3, 9}, {4, 7}, {5, 6}, {4, 8},  {5, 7}, {6, 6}, {5, 8},  {6, 7},  {5, 9},   {6, 8},  {7, 7},   {5, 10},
    {6, 9}, {7, 8}, {6, 10}, {7, 9}, {8, 8}, {7, 10}, {8, 9}, {8, 10}, {7, 12}, {9, 10}, {8, 12}, {10, 10}, {9, 12},
    {10, 12}, {12, 12}};

Factors factors_of(int length) {
  for (const Factors& f : kFactors)
    if (f.a * f.b == length) return f;
  return {0, 0};
}

}  // namespace

const std::vector<int>& tile_lengths() {
  static const std::vector<int> lengths = [] {
    std::vector<int> all;
    for (const Factors& f : kFactors) all.push_back(f.a * f.b);
    return all;
  }();
  return lengths;
}

int long_tile_length(int n) {
  for (int length = n;; ++length) {
    int rest = length;
    for (const int factor : {2, 3, 5, 7})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1 && length % 2 == 0) return length;
  }
}

template <class T>
Lines<T>::Lines(int length) {
  const auto [a, b] = factors_of(length);
  line_ = {length, a, b, nullptr};
  if (!a) {
    if (length <= tile_lengths().back() || long_tile_length(length) != length)
      invalid_argument("tile: ", length, " is no length of a transform that exists");
    if (!has_fftw<T>())
      invalid_argument("tile: transforms of ", length, " samples need FFTW in ", sizeof(T) == 4 ? "single" : "double",
                       " precision, which is not built in");
    forward_ = std::make_unique<const FftwLines<T>>(length, false, Planner::estimate);
    inverse_ = std::make_unique<const FftwLines<T>>(length, true, Planner::estimate);
    return;
  }
  twiddles_.resize(std::size_t(length) * 2);
  for (int j = 0; j < b; ++j)
    for (int k = 0; k < a; ++k) {
      const double angle = -2 * std::numbers::pi * j * k / length;
      twiddles_[2 * (j * a + k)] = T(std::cos(angle));
      twiddles_[2 * (j * a + k) + 1] = T(std::sin(angle));
    }
  line_.twiddles = twiddles_.data();
}

template <class T>
void Lines<T>::transform(Direction direction, const T* in, Index in_stride, T* out, Index out_stride,
                         T* scratch) const {
  if (line_.a)
    kernels::conv_kernels<T>().transform_line(line_, direction, in, in_stride, out, out_stride, scratch);
  else
    transform_long(direction, in, in_stride, out, out_stride);
}

// FFTW's lines are interleaved complex numbers of a fixed number of lanes.
template <class T>
void Lines<T>::transform_long(Direction direction, const T* in, Index in_stride, T* out, Index out_stride) const {
  constexpr int kWidth = FftwLines<T>::kLanes;
  const int lanes = kernels::conv_kernels<T>().lanes, n = length();
  const T sign = direction == Direction::mirrored ? T(-1) : T(1);
  Buffer memory(std::size_t(n) * kWidth * sizeof(std::complex<T>));
  auto* data = memory.template as<std::complex<T>>();
  for (int first = 0; first < lanes; first += kWidth) {
    const int count = std::min(lanes - first, kWidth);
    for (int i = 0; i < n; ++i) {
      const T* from = in + i * in_stride + first;
      for (int l = 0; l < kWidth; ++l)
        data[i * kWidth + l] = l < count ? std::complex<T>(from[l], sign * from[lanes + l]) : std::complex<T>();
    }
    (direction == Direction::inverse ? inverse_ : forward_)->execute(data);
    for (int i = 0; i < n; ++i)
      for (int l = 0; l < count; ++l) {
        out[i * out_stride + first + l] = data[i * kWidth + l].real();
        out[i * out_stride + lanes + first + l] = data[i * kWidth + l].imag();
      }
  }
}

template <class T>
void TileTransform<T>::to_column(const T* tile, int x, T* z, T* mirrored, Index stride, T* scratch) const {
  columns_.transform(Direction::forward, tile + x * block(), pitch(), z, stride, scratch);
  const Index opposite = (length().x - x) % length().x;
  if (mirrored)
    columns_.transform(Direction::mirrored, tile + opposite * block(), pitch(), mirrored, stride, scratch);
}

template <class T>
void TileTransform<T>::from_column(const T* z, const T* mirrored, Index stride, int x, T* tile, T* scratch) const {
  columns_.transform(Direction::inverse, z, stride, tile + x * block(), pitch(), scratch);
  if (!is_own_mirror(x))
    columns_.transform(Direction::mirrored, mirrored, stride, tile + (length().x - x) * block(), pitch(), scratch);
}

template <class T>
LineBuffers<T>::LineBuffers(const TileTransform<T>& transform)
    : memory(2 * transform.line_size() * sizeof(T)),
      line(memory.template as<T>()),
      scratch(line + transform.line_size()) {}

template class Lines<float>;
template class Lines<double>;
template class TileTransform<float>;
template class TileTransform<double>;
template struct LineBuffers<float>;
template struct LineBuffers<double>;

}  // namespace fdsr::conv
