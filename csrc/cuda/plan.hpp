// Host side of the fused kernels: geometry, constants, and how a batch is spread over a device. Plain C++.
#pragma once

#include <vector>

#include "cuda/split_product.hpp"
#include "cuda/stack_pass.hpp"
#include "cuda/transform_pass.hpp"
#include "fdsr/geometry.hpp"

namespace fdsr::cuda {

// What of a device decides how work is spread over it.
struct DeviceFacts {
  int multiprocessors = 1;
  std::int64_t shared_per_block = 0;
  std::int64_t shared_per_multiprocessor = 0;
  bool clusters = false;
};

// How a batch runs: blocks that share an image, clusters in all, threads of a block, bytes of shared memory.
struct Launch {
  int cluster = 0;  // 0: does not fit the device
  int clusters = 0;
  int threads = 0;
  std::int64_t shared_bytes = 0;
};

// How products with folded matrices are computed in float32; in float64 by multiply-adds.
enum class FloatProducts { fma, tf32x3 };

// Folded samples of an axis that the kernels are compiled for: 8 outputs per unit of TO.
constexpr int kTileRows[] = {4, 7, 8, 14};
constexpr int kMostFolded = 8 * 14;

// Constants of a plan in the making: matrices first, then ramps. Equal matrices are kept once.
template <class T>
class Constants {
 public:
  Constants(int most_outputs, FloatProducts products);

  int tile_rows() const { return tile_rows_; }
  Transform transform(Size in, Size out, const Grid& grid, bool inverse);
  void end_matrices() { matrices_ = static_cast<int>(values_.size()); }
  int matrices() const { return matrices_; }
  // exp(sign 2 pi i (a_n b) / N) for n = 0 .. size-1, a_n = n + shift, per axis.
  Ramp ramp(Size size, double shift_y, double shift_x, double b_y, double b_x, const Grid& grid, double sign);
  std::vector<T> values() && { return std::move(values_); }

 private:
  Product product(int in, int out, double grid);
  int ramp_axis(int size, double shift, double b, double grid, double sign);

  struct Kept {
    int in, out;
    double grid;
    Product product;
  };
  FloatProducts products_;
  int tile_rows_ = 0, matrices_ = 0;
  std::vector<Kept> kept_;
  std::vector<T> values_;
};

// Rows and stride that hold every stage of an image.
Quadrants quadrants_for(const std::vector<Size>& stages);
// The cheapest way to run `batch` images, or one with cluster 0.
Launch choose_launch(Quadrants q, int matrices, std::size_t value_size, bool parameter_sums, std::int64_t batch,
                     const DeviceFacts& device);
bool fits_kernels(const std::vector<Size>& stages);

Extent extent_of(Size size);
// Calls work<Products>() with what a plan was made for.
template <class T, class Work>
void with_products(FloatProducts products, int rows, const Work& work) {
  const auto with_tile = [&]<int TO>() {
    if constexpr (sizeof(T) == sizeof(float))
      if (products == FloatProducts::tf32x3) return work.template operator()<SplitProducts<TO>>();
    return work.template operator()<FmaProducts<T, TO>>();
  };
  switch (rows) {
    case 4: return with_tile.template operator()<4>();
    case 7: return with_tile.template operator()<7>();
    case 8: return with_tile.template operator()<8>();
    default: return with_tile.template operator()<14>();
  }
}

// Position of the middle of a window in the padded grid, and the frequency in the middle of a band.
double middle_of_window(int size, double grid, bool centred);
double middle_of_band(int size);

// A stack's geometry and constants, complete but for pointers.
template <class T>
struct StackPlan {
  StackParams<T> params;
  Ramp gauge;  // of the first mask, if window and support differ in parity; y = -1 otherwise
  FloatProducts products;
  int tile_rows = 0;
  std::vector<T> constants;

  StackPlan(Size window, Size support, Size band, const Grid& grid, const std::vector<Nonlinearity>& kinds,
            FloatProducts products);
};

// One windowed DFT or its adjoint: from window to band, or back.
template <class T>
struct TransformPlan {
  TransformParams<T> params;
  FloatProducts products;
  int tile_rows = 0;
  std::vector<T> constants;

  TransformPlan(Size window, Size band, const Grid& grid, bool to_band, FloatProducts products);
};

}  // namespace fdsr::cuda
