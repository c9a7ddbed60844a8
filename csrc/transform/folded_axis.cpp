#include "transform/folded_axis.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "transform/skeleton.hpp"

namespace fdsr {
namespace {

// cos or sin(2 pi k n / N) between two orders. The centre of an odd input stands for two coincident mirror samples,
// so its column is halved where `halve` is set.
Matrix folded_matrix(const AxisOrder& in, const AxisOrder& out, double grid, bool sine, bool halve) {
  Matrix a(out.count(), in.count());
  for (int i = 0; i < a.rows; ++i)
    for (int j = 0; j < a.columns; ++j) {
      // In double, the rounding of an angle of many turns would be the largest error of the whole transform.
      const long double turns = std::fmod(static_cast<long double>(out.coordinate(i)) * in.coordinate(j), grid) / grid;
      const long double angle = 2 * std::numbers::pi_v<long double> * turns;
      a(i, j) = static_cast<double>(sine ? std::sin(angle) : std::cos(angle));
      if (halve && in.has_centre() && in.half[j] == 0) a(i, j) *= 0.5;
    }
  return a;
}

AxisOrder reordered(int size, const std::vector<int>& order) {
  AxisOrder result;
  result.size = size;
  result.half = order;
  return result;
}

Matrix first_rows(const Matrix& a, int rows) {
  Matrix b(rows, a.columns);
  std::copy_n(a.values.begin(), b.values.size(), b.values.begin());
  return b;
}

// E with A[rank:, :] ~ E A[:rank, :]
Matrix expansion(const Matrix& a, int rank, double tolerance) {
  // Under this penalty weights stay of order one, which is what keeps float32 as exact as the dense product.
  return interpolation(a.transposed(), rank, 3 * tolerance).transposed();
}

// Largest entry of A - [1; E] A[:rank, :].
double skeleton_error(const Matrix& a, int rank, double tolerance) {
  const Matrix e = expansion(a, rank, tolerance);
  double worst = 0;
  for (int i = rank; i < a.rows; ++i)
    for (int j = 0; j < a.columns; ++j) {
      double sum = 0;
      for (int k = 0; k < rank; ++k) sum += e(i - rank, k) * a(k, j);
      const double error = std::abs(sum - a(i, j));
      if (!(error <= worst)) worst = error;  // NaN counts as the worst
    }
  return worst;
}

template <class T>
std::vector<T> narrowed(const Matrix& a, int padded_columns) {
  std::vector<T> values(static_cast<std::size_t>(a.rows) * padded_columns, T(0));
  for (int i = 0; i < a.rows; ++i)
    for (int j = 0; j < a.columns; ++j)
      values[static_cast<std::size_t>(i) * padded_columns + j] = static_cast<T>(a(i, j));
  return values;
}

}  // namespace

AxisOrder natural_order(int size) {
  AxisOrder order;
  order.size = size;
  order.half.resize((size + 1) / 2);
  std::iota(order.half.begin(), order.half.end(), 0);
  return order;
}

// Finding a skeleton takes n^3 operations: seconds at this folded size, beyond which FFTW wins in any case.
constexpr int kLargestSkeleton = 192;

SkeletonOrders skeleton_orders(int window, int band, double grid, double tolerance, int step) {
  SkeletonOrders orders{natural_order(window), natural_order(band), 0};
  const int half = std::min(orders.window.count(), orders.band.count());
  if (std::max(orders.window.count(), orders.band.count()) > kLargestSkeleton) return orders;
  const Matrix cosine = folded_matrix(orders.window, orders.band, grid, false, false);
  const Matrix sine = folded_matrix(orders.window, orders.band, grid, true, false);
  const int most = static_cast<int>(0.8 * half);
  const Pivots columns = pivot_columns(cosine, sine, most, tolerance);
  const Pivots rows = pivot_columns(cosine.transposed(), sine.transposed(), most, tolerance);
  // The pivots go on to where nothing is left to gain: the smallest rank that does lies a few steps below.
  const int enough = std::max(columns.count, rows.count);
  for (int rank = (std::max(enough - 2 * step, 1) + step - 1) / step * step; rank <= most; rank += step) {
    const AxisOrder in = reordered(window, columns.order), out = reordered(band, rows.order);
    bool good = true;
    for (const bool sine : {false, true})
      good = good && skeleton_error(folded_matrix(in, out, grid, sine, true), rank, tolerance) <= tolerance &&
             skeleton_error(folded_matrix(out, in, grid, sine, true), rank, tolerance) <= tolerance;
    if (good) return {in, out, rank};
  }
  return orders;
}

template <class T>
std::size_t AxisMatrices<T>::nbytes() const {
  std::size_t count = 0;
  for (int parity = 0; parity < 2; ++parity) count += rows[parity].size() + expand[parity].size();
  return count * sizeof(T);
}

template <class T>
AxisMatrices<T> left_matrices(const AxisOrder& in, const AxisOrder& out, double grid, int rank) {
  AxisMatrices<T> m{in.count(), out.count(), rank, {}, {}};
  for (int parity = 0; parity < 2; ++parity) {
    const Matrix a = folded_matrix(in, out, grid, parity == 1, true);
    m.rows[parity] = narrowed<T>(rank ? first_rows(a, rank) : a, a.columns);
    if (rank) m.expand[parity] = narrowed<T>(expansion(a, rank, kSkeletonTolerance<T>), rank);
  }
  return m;
}

template <class T>
AxisMatrices<T> right_matrices(const AxisOrder& in, const AxisOrder& out, double grid, int rank, int padded_out) {
  AxisMatrices<T> m{in.count(), out.count(), rank, {}, {}};
  for (int parity = 0; parity < 2; ++parity) {
    const Matrix a = folded_matrix(in, out, grid, parity == 1, true);
    m.rows[parity] = narrowed<T>((rank ? first_rows(a, rank) : a).transposed(), rank ? rank : padded_out);
    if (rank) m.expand[parity] = narrowed<T>(expansion(a, rank, kSkeletonTolerance<T>).transposed(), padded_out - rank);
  }
  return m;
}

template struct AxisMatrices<float>;
template struct AxisMatrices<double>;
template AxisMatrices<float> left_matrices(const AxisOrder&, const AxisOrder&, double, int);
template AxisMatrices<double> left_matrices(const AxisOrder&, const AxisOrder&, double, int);
template AxisMatrices<float> right_matrices(const AxisOrder&, const AxisOrder&, double, int, int);
template AxisMatrices<double> right_matrices(const AxisOrder&, const AxisOrder&, double, int, int);

}  // namespace fdsr
