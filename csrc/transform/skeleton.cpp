#include "transform/skeleton.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fdsr {
namespace {

// Columns of a working copy, in extended precision: the matrices are nearly rank-deficient by design.
using Column = std::vector<long double>;

std::vector<Column> columns_of(const Matrix& a) {
  std::vector<Column> columns(a.columns, Column(a.rows));
  for (int j = 0; j < a.columns; ++j)
    for (int i = 0; i < a.rows; ++i) columns[j][i] = a(i, j);
  return columns;
}

long double dot(const Column& a, const Column& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0L);
}

void subtract(Column& a, long double factor, const Column& b) {
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
  std::vector<Column> residual[2] = {columns_of(cosine), columns_of(sine)};
  const int n = cosine.columns;
  Pivots pivots;
  pivots.order.resize(n);
  std::iota(pivots.order.begin(), pivots.order.end(), 0);
  std::vector<char> taken(n, 0);
  for (; pivots.count < most; ++pivots.count) {
    std::vector<long double> score(n, 0);
    long double longest = 0;
    for (auto& columns : residual) {
      std::vector<long double> energy(n, 0);
      for (int j = 0; j < n; ++j)
        if (!taken[j]) energy[j] = dot(columns[j], columns[j]);
      const long double total = std::accumulate(energy.begin(), energy.end(), 0.0L);
      longest = std::max(longest, *std::max_element(energy.begin(), energy.end()));
      if (total > 0)
        for (int j = 0; j < n; ++j) score[j] += energy[j] / total;
    }
    if (longest <= static_cast<long double>(tolerance) * tolerance) break;
    const int best = static_cast<int>(std::max_element(score.begin(), score.end()) - score.begin());
    taken[best] = 1;
    const auto next = pivots.order.begin() + pivots.count;
    const auto found = std::find(next, pivots.order.end(), best);
    std::rotate(next, found, found + 1);
    for (auto& columns : residual) {
      Column pivot = columns[best];
      const long double norm = std::sqrt(dot(pivot, pivot));
      if (norm == 0) continue;
      for (long double& value : pivot) value /= norm;
      for (int j = 0; j < n; ++j)
        if (!taken[j]) subtract(columns[j], dot(pivot, columns[j]), pivot);
    }
  }
  return pivots;
}

Matrix interpolation(const Matrix& a, int rank, double ridge) {
  std::vector<Column> q = columns_of(a);
  std::vector<Column> rest(q.begin() + rank, q.end());
  q.resize(rank);
  // The penalty as rows of its own: [A; ridge 1] C ~ [A_rest; 0].
  for (int j = 0; j < rank; ++j) {
    q[j].resize(a.rows + rank, 0);
    q[j][a.rows + j] = ridge;
  }
  for (Column& column : rest) column.resize(a.rows + rank, 0);
  std::vector<Column> r(rank, Column(rank, 0));  // r[j][i]: coefficient of q_i in column j
  const long double largest = std::sqrt(dot(q[0], q[0]));
  std::vector<char> dependent(rank, 0);
  for (int j = 0; j < rank; ++j) {
    for (int pass = 0; pass < 2; ++pass)
      for (int i = 0; i < j; ++i) {
        if (dependent[i]) continue;
        const long double c = dot(q[i], q[j]);
        r[j][i] += c;
        subtract(q[j], c, q[i]);
      }
    r[j][j] = std::sqrt(dot(q[j], q[j]));
    // A column without a part of its own (the sine of a central sample is zero) takes no weight.
    dependent[j] = r[j][j] <= 1e-18L * largest;
    if (!dependent[j])
      for (long double& value : q[j]) value /= r[j][j];
  }
  Matrix c(rank, a.columns - rank);
  for (int column = 0; column < c.columns; ++column) {
    Column projected(rank, 0);
    for (int pass = 0; pass < 2; ++pass)
      for (int i = 0; i < rank; ++i) {
        if (dependent[i]) continue;
        const long double coefficient = dot(q[i], rest[column]);
        projected[i] += coefficient;
        subtract(rest[column], coefficient, q[i]);
      }
    for (int i = rank - 1; i >= 0; --i) {
      if (dependent[i]) continue;
      const long double value = projected[i] / r[i][i];
      c(i, column) = static_cast<double>(value);
      for (int k = 0; k < i; ++k) projected[k] -= value * r[i][k];
    }
  }
  return c;
}

}  // namespace fdsr
