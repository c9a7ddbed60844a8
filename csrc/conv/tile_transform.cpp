#include "tile_transform.hpp"

#include <cmath>
#include <cstring>
#include <numbers>

#include "fdsr/error.hpp"

namespace fdsr::conv {
namespace {

struct Factors {
  int a, b;
};
constexpr Factors kFactors[] = {{2, 4}, {3, 4}, {4, 4},  {4, 5},  {4, 6},  {4, 8},  {6, 6},   {5, 8},   {6, 8},
                                {6, 10}, {8, 8}, {8, 9}, {8, 10}, {8, 12}, {9, 12}, {10, 12}, {12, 12}};

Factors factors_of(int length) {
  for (const Factors& f : kFactors)
    if (f.a * f.b == length) return f;
  invalid_argument("tile: ", length, " is no length of a transform that exists");
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

template <class T>
TileTransform<T>::TileTransform(int length) {
  const auto [a, b] = factors_of(length);
  twiddles_.resize(std::size_t(length) * 2);
  for (int j = 0; j < b; ++j)
    for (int k = 0; k < a; ++k) {
      const double angle = -2 * std::numbers::pi * j * k / length;
      twiddles_[2 * (j * a + k)] = T(std::cos(angle));
      twiddles_[2 * (j * a + k) + 1] = T(std::sin(angle));
    }
  line_ = {length, a, b, twiddles_.data()};
}

template <class T>
void TileTransform<T>::forward(T* tile, int rows, int columns, T* spectrum, Index stride) const {
  const Index n = length(), width = pitch();
  T* scratch = scratch_of(tile);
  for (Index y = 0; y < rows; ++y)
    table().transform_line(line_, false, tile + y * width, block(), tile + y * width, block(), scratch);
  std::memset(tile + rows * width, 0, std::size_t(n - rows) * width * sizeof(T));
  for (Index x = 0; x < columns; ++x)
    table().transform_line(line_, false, tile + x * block(), width, spectrum + x * stride, (columns | 1) * stride,
                           scratch);
}

template <class T>
void TileTransform<T>::inverse(const T* spectrum, Index stride, int rows, T* tile) const {
  const Index n = length(), width = pitch();
  T* scratch = scratch_of(tile);
  for (Index x = 0; x < n; ++x)
    table().transform_line(line_, true, spectrum + x * stride, (n | 1) * stride, tile + x * block(), width, scratch);
  for (Index y = 0; y < rows; ++y)
    table().transform_line(line_, true, tile + y * width, block(), tile + y * width, block(), scratch);
}

template <class T>
void TileTransform<T>::inverse_real(const T* spectrum, Index stride, int rows, T* tile) const {
  const Index n = length(), width = pitch(), lanes = table().lanes;
  T* scratch = scratch_of(tile);
  for (Index x = 0; x < half(); ++x)
    table().transform_line(line_, true, spectrum + x * stride, (half() | 1) * stride, tile + x * block(), width,
                           scratch);
  for (Index y = 0; y < rows; ++y) {
    T* row = tile + y * width;
    for (Index x = half(); x < n; ++x)
      for (Index l = 0; l < lanes; ++l) {
        row[x * block() + l] = row[(n - x) * block() + l];
        row[x * block() + lanes + l] = -row[(n - x) * block() + lanes + l];
      }
    table().transform_line(line_, true, row, block(), row, block(), scratch);
  }
}

template class TileTransform<float>;
template class TileTransform<double>;

}  // namespace fdsr::conv
