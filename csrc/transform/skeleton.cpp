#include "transform/skeleton.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fdsr {
namespace {

template <class Real>
using Column = std::vector<Real>;

template <class Real>
std::vector<Column<Real>> columns_of(const Matrix& a) {
  std::vector<Column<Real>> columns(a.columns, Column<Real>(a.rows));
  for (int j = 0; j < a.columns; ++j)
    for (int i = 0; i < a.rows; ++i) columns[j][i] = a(i, j);
  return columns;
}

template <class Real>
Real dot(const Column<Real>& a, const Column<Real>& b) {
  Real sum[4] = {0, 0, 0, 0};  // four chains: the compiler may not reorder one
  std::size_t i = 0;
  for (; i + 4 <= a.size(); i += 4)
    for (int k = 0; k < 4; ++k) sum[k] += a[i + k] * b[i + k];
  for (; i < a.size(); ++i) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

template <class Real>
void subtract(Column<Real>& a, Real factor, const Column<Real>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= factor * b[i];
}

}  // namespace

Matrix Matrix::transposed() const {
  Matrix t(columns, rows);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) t(j, i) = (*this)(i, j);
  return t;
}

Pivots pivot_columns(const Matrix& cosine, const Matrix& sine, int most, double tolerance) {
  std::vector<Column<double>> residual[2] = {columns_of<double>(cosine), columns_of<double>(sine)};
  const int n = cosine.columns;
  Pivots pivots;
  pivots.order.resize(n);
  std::iota(pivots.order.begin(), pivots.order.end(), 0);
  std::vector<char> taken(n, 0);
  for (; pivots.count < most; ++pivots.count) {
    std::vector<double> score(n, 0);
    double longest = 0;
    for (auto& columns : residual) {
      std::vector<double> energy(n, 0);
      for (int j = 0; j < n; ++j)
        if (!taken[j]) energy[j] = dot(columns[j], columns[j]);
      const double total = std::accumulate(energy.begin(), energy.end(), 0.0);
      longest = std::max(longest, *std::max_element(energy.begin(), energy.end()));
      if (total > 0)
        for (int j = 0; j < n; ++j) score[j] += energy[j] / total;
    }
    if (longest <= tolerance * tolerance) break;
    const int best = static_cast<int>(std::max_element(score.begin(), score.end()) - score.begin());
    taken[best] = 1;
    const auto next = pivots.order.begin() + pivots.count;
    const auto found = std::find(next, pivots.order.end(), best);
    std::rotate(next, found, found + 1);
    for (auto& columns : residual) {
      Column<double> pivot = columns[best];
      const double norm = std::sqrt(dot(pivot, pivot));
      if (norm == 0) continue;
      for (double& value : pivot) value /= norm;
      for (int j = 0; j < n; ++j)
        if (!taken[j]) subtract(columns[j], dot(pivot, columns[j]), pivot);
    }
  }
  return pivots;
}

Matrix interpolation(const Matrix& a, int rank, double ridge) {
  // In extended precision: the skeleton is nearly dependent by design.
  using Real = long double;
  std::vector<Column<Real>> q = columns_of<Real>(a);
  std::vector<Column<Real>> rest(q.begin() + rank, q.end());
  q.resize(rank);
  // The penalty as rows of its own: [A; ridge 1] C ~ [A_rest; 0].
  for (int j = 0; j < rank; ++j) {
    q[j].resize(a.rows + rank, 0);
    q[j][a.rows + j] = ridge;
  }
  for (Column<Real>& column : rest) column.resize(a.rows + rank, 0);
  std::vector<Column<Real>> r(rank, Column<Real>(rank, 0));  // r[j][i]: coefficient of q_i in column j
  const Real largest = std::sqrt(dot(q[0], q[0]));
  std::vector<char> dependent(rank, 0);
  for (int j = 0; j < rank; ++j) {
    for (int pass = 0; pass < 2; ++pass)
      for (int i = 0; i < j; ++i) {
        if (dependent[i]) continue;
        const Real c = dot(q[i], q[j]);
        r[j][i] += c;
        subtract(q[j], c, q[i]);
      }
    r[j][j] = std::sqrt(dot(q[j], q[j]));
    // A column without a part of its own (the sine of a central sample is zero) takes no weight.
    dependent[j] = r[j][j] <= 1e-18L * largest;
    if (!dependent[j])
      for (Real& value : q[j]) value /= r[j][j];
  }
  Matrix c(rank, a.columns - rank);
  for (int column = 0; column < c.columns; ++column) {
    Column<Real> projected(rank, 0);
    for (int pass = 0; pass < 2; ++pass)
      for (int i = 0; i < rank; ++i) {
        if (dependent[i]) continue;
        const Real coefficient = dot(q[i], rest[column]);
        projected[i] += coefficient;
        subtract(rest[column], coefficient, q[i]);
      }
    for (int i = rank - 1; i >= 0; --i) {
      if (dependent[i]) continue;
      const Real value = projected[i] / r[i][i];
      c(i, column) = static_cast<double>(value);
      for (int k = 0; k < i; ++k) projected[k] -= value * r[i][k];
    }
  }
  return c;
}

}  // namespace fdsr
