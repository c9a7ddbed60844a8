#include "cuda/plan.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fdsr/error.hpp"
#include "transform/folded_axis.hpp"

namespace fdsr::cuda {

Extent extent_of(Size size) { return {size.y, size.x}; }

double middle_of_window(int size, double grid, bool centred) {
  const int offset = (centred ? 0 : static_cast<int>(grid) / 2) - size / 2;
  return offset + 0.5 * (size - 1);
}
double middle_of_band(int size) { return 0.5 * (size - 1) - size / 2; }

// ------------------------------------------------------------------------------------------- constants

template <class T>
Constants<T>::Constants(int most_outputs, FloatProducts products) : products_(products) {
  for (const int rows : kTileRows)
    if (!tile_rows_ && kOutputGroups * rows >= most_outputs) tile_rows_ = rows;
}

template <class T>
Product Constants<T>::product(int in, int out, double grid) {
  for (const Kept& kept : kept_)
    if (kept.in == in && kept.out == out && kept.grid == grid) return kept.product;
  const AxisMatrices<double> matrices = left_matrices<double>(natural_order(in), natural_order(out), grid, 0);
  const Product product{matrices.in, matrices.out, static_cast<int>(values_.size())};
  const bool splits = sizeof(T) == sizeof(float) && products_ == FloatProducts::tf32x3;
  const double scale = splits ? 1 + kTruncated : 1;
  const int outputs = kOutputGroups * tile_rows_;
  for (const auto& rows : matrices.rows) {  // [out][in]
    const std::size_t first = values_.size();
    values_.resize(first + (splits ? split_size(tile_rows_, matrices.in) : matrices.in * outputs));
    for (int k = 0; k < matrices.in; ++k)
      for (int o = 0; o < matrices.out; ++o) {
        const int place = splits ? split_place(tile_rows_, k, o) : k * outputs + o;
        values_[first + place] = static_cast<T>(scale * rows[o * matrices.in + k]);
      }
  }
  kept_.push_back({in, out, grid, product});
  return product;
}

template <class T>
Transform Constants<T>::transform(Size in, Size out, const Grid& grid, bool inverse) {
  return {product(in.y, out.y, grid.y), product(in.x, out.x, grid.x), extent_of(in), extent_of(out), inverse};
}

template <class T>
int Constants<T>::ramp_axis(int size, double shift, double b, double grid, double sign) {
  values_.resize((values_.size() + 1) / 2 * 2);  // complex values are aligned
  const int at = static_cast<int>(values_.size());
  for (int n = 0; n < size; ++n) {
    const long double turns = std::fmod((n + static_cast<long double>(shift)) * b, static_cast<long double>(grid)) / grid;
    const long double angle = sign * 2 * std::numbers::pi_v<long double> * turns;
    values_.push_back(static_cast<T>(std::cos(angle)));
    values_.push_back(static_cast<T>(std::sin(angle)));
  }
  return at;
}

template <class T>
Ramp Constants<T>::ramp(Size size, double shift_y, double shift_x, double b_y, double b_x, const Grid& grid,
                        double sign) {
  Ramp ramp;
  ramp.y = ramp_axis(size.y, shift_y, b_y, grid.y, sign);
  ramp.x = ramp_axis(size.x, shift_x, b_x, grid.x, sign);
  return ramp;
}

template class Constants<float>;
template class Constants<double>;

// ------------------------------------------------------------------------------------------------ launch

bool fits_kernels(const std::vector<Size>& stages) {
  return std::all_of(stages.begin(), stages.end(), [](Size size) {
    return (size.y + 1) / 2 <= kMostFolded && (size.x + 1) / 2 <= kMostFolded;
  });
}

Quadrants quadrants_for(const std::vector<Size>& stages) {
  Quadrants q;
  int columns = 0;
  for (const Size size : stages) {
    q.rows = std::max(q.rows, (size.y + 1) / 2);
    columns = std::max(columns, (size.x + 1) / 2);
  }
  q.stride = (columns + 7) / 8 * 8 + 4;  // 4 modulo 8: a warp's rows start in different banks
  return q;
}

Launch choose_launch(Quadrants q, int matrices, std::size_t value_size, bool parameter_sums, std::int64_t batch,
                     const DeviceFacts& device) {
  constexpr double kExchange = 1.1;  // what dealing an image out to twice as many blocks costs; an estimate
  constexpr std::int64_t kReserved = 1024;
  Launch best;
  double least = 0;
  for (const int cluster : {1, 2, 4}) {
    if (cluster > 1 && !device.clusters) continue;
    q.cluster = cluster;
    Launch launch{cluster, 0, cluster == 4 ? 128 : 256, 0};
    launch.shared_bytes = static_cast<std::int64_t>(value_size) * shared_values(q, matrices);
    if (parameter_sums) launch.shared_bytes += std::int64_t{32} * launch.threads + 32;
    if (launch.shared_bytes > device.shared_per_block) continue;
    // A thread may take all the registers that 256 leave it.
    const std::int64_t resident = std::clamp<std::int64_t>(
        device.shared_per_multiprocessor / (launch.shared_bytes + kReserved), 1, 256 / launch.threads);
    const std::int64_t slots = std::max<std::int64_t>(1, device.multiprocessors * resident / cluster);
    launch.clusters = static_cast<int>(std::clamp<std::int64_t>(batch, 1, slots));
    // Blocks of one multiprocessor share its arithmetic: time goes with the images a multiprocessor has to do.
    const double waves = std::ceil(static_cast<double>(batch) * cluster / device.multiprocessors);
    const double time = waves / cluster * (cluster == 1 ? 1 : cluster == 2 ? kExchange : kExchange * kExchange);
    if (!best.cluster || time < least) best = launch, least = time;
  }
  return best;
}

// ------------------------------------------------------------------------------------------------- plans

template <class T>
StackPlan<T>::StackPlan(Size window, Size support, Size band, const Grid& grid,
                        const std::vector<Nonlinearity>& kinds, FloatProducts float_products)
    : products(float_products) {
  check_geometry(window, band, grid);
  check_geometry(support, band, grid);
  const std::vector<Size> stages{window, support, band};
  if (!fits_kernels(stages))
    invalid_argument("window, support and band must not exceed ", 2 * kMostFolded, " samples an axis");
  if (kinds.empty() || kinds.size() > kMostLayers)
    invalid_argument("nonlinearities: ", kinds.size(), " layers given, 1 to ", kMostLayers, " allowed");
  params.q = quadrants_for(stages);
  params.window = extent_of(window), params.support = extent_of(support), params.band = extent_of(band);
  params.layers = static_cast<int>(kinds.size());
  std::copy(kinds.begin(), kinds.end(), params.kinds);

  Constants<T> c(std::max(params.q.rows, params.q.stride - 4), products);
  tile_rows = c.tile_rows();
  params.first = c.transform(window, band, grid, false);
  params.to_band = c.transform(support, band, grid, false);
  params.to_space = c.transform(band, support, grid, true);
  params.back = c.transform(band, window, grid, true);
  c.end_matrices();
  params.matrices = c.matrices();
  const double q_y = middle_of_band(band.y), q_x = middle_of_band(band.x);
  const auto space_ramp = [&](Size size) {
    return c.ramp(size, -0.5 * (size.y - 1), -0.5 * (size.x - 1), q_y, q_x, grid, -1);
  };
  params.ramp_in = space_ramp(window);
  params.ramp_out = space_ramp(support);
  const double shift_y =
      middle_of_window(support.y, grid.y, grid.centred) - middle_of_window(window.y, grid.y, grid.centred);
  const double shift_x =
      middle_of_window(support.x, grid.x, grid.centred) - middle_of_window(window.x, grid.x, grid.centred);
  if (shift_y != 0 || shift_x != 0) gauge = c.ramp(band, -(band.y / 2), -(band.x / 2), shift_y, shift_x, grid, 1);
  constants = std::move(c).values();
}

template <class T>
TransformPlan<T>::TransformPlan(Size window, Size band, const Grid& grid, bool to_band, FloatProducts float_products)
    : products(float_products) {
  check_geometry(window, band, grid);
  const std::vector<Size> stages{window, band};
  if (!fits_kernels(stages)) invalid_argument("window and band must not exceed ", 2 * kMostFolded, " samples an axis");
  params.q = quadrants_for(stages);
  Constants<T> c(std::max(params.q.rows, params.q.stride - 4), products);
  tile_rows = c.tile_rows();
  params.transform = to_band ? c.transform(window, band, grid, false) : c.transform(band, window, grid, true);
  c.end_matrices();
  params.matrices = c.matrices();
  // q p = kappa nu + kappa p0 + q0 nu + q0 p0 with kappa, nu symmetric about zero: the matrices do the first term.
  const double sign = to_band ? -1 : 1;
  const Ramp space = c.ramp(window, -0.5 * (window.y - 1), -0.5 * (window.x - 1), middle_of_band(band.y),
                            middle_of_band(band.x), grid, sign);
  const Ramp frequency =
      c.ramp(band, -(band.y / 2), -(band.x / 2), middle_of_window(window.y, grid.y, grid.centred),
             middle_of_window(window.x, grid.x, grid.centred), grid, sign);
  params.before = to_band ? space : frequency;
  params.after = to_band ? frequency : space;
  constants = std::move(c).values();
}

template struct StackPlan<float>;
template struct StackPlan<double>;
template struct TransformPlan<float>;
template struct TransformPlan<double>;

}  // namespace fdsr::cuda
