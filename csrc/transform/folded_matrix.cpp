#include "transform/folded_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fdsr {
namespace {

template <class T>
Index padded(int count) {
  constexpr int granule = kernels::kGranule<T>;
  return (count + granule - 1) / granule * granule;
}

// exp(2 pi i product / grid)
template <class T>
std::complex<T> unit(double product, double grid) {
  const long double angle = 2 * std::numbers::pi_v<long double> * (std::fmod(product, grid) / static_cast<long double>(grid));
  return {static_cast<T>(std::cos(angle)), static_cast<T>(std::sin(angle))};
}

// The rows and lanes of the four mirrored samples of every folded one. The ramp of an axis is
// exp(-2 pi i (q p - q' p')/N) with q, p the true and q', p' the symmetric coordinates; here it is
// exp(-2 pi i slope (position + shift)/N) over the symmetric position.
struct AxisRamp {
  double slope, shift;
};

template <class T>
SampleLayout<T> make_layout(const AxisOrder order[2], const double grid[2], const AxisRamp ramp[2]) {
  SampleLayout<T> layout;
  const AxisOrder &y = order[0], &x = order[1];
  const Index half = padded<T>(x.count());
  layout.groups = y.count();
  layout.rows_per_group = 2;
  layout.n = 2 * half;
  layout.height = y.size;
  layout.width = x.size;
  layout.natural_x.assign(layout.n, -1);
  layout.weight.assign(layout.n, T(0));
  const bool ramped = ramp[0].slope != 0 || ramp[1].slope != 0;
  if (ramped) layout.ramp_x.assign(layout.n, {T(1), T(0)});
  for (const bool positive : {true, false}) {
    const Index begin = positive ? 0 : half;
    layout.spans.push_back({begin, begin + x.count()});
    for (int j = 0; j < x.count(); ++j) {
      const Index lane = begin + j;
      const bool centre = x.has_centre() && x.half[j] == 0;
      layout.natural_x[lane] = x.natural(j, positive);
      layout.weight[lane] = positive || !centre ? T(1) : T(0);
      const double position = positive ? x.coordinate(j) : -x.coordinate(j);
      if (ramped) layout.ramp_x[lane] = unit<T>(-ramp[1].slope * (position + ramp[1].shift), grid[1]);
    }
  }
  for (int j = 0; j < y.count(); ++j)
    for (const bool positive : {true, false}) {
      const bool centre = y.has_centre() && y.half[j] == 0;
      layout.natural_y.push_back(y.natural(j, positive));
      layout.counts.push_back(positive || !centre);
      const double position = positive ? y.coordinate(j) : -y.coordinate(j);
      if (ramped) layout.ramp_y.push_back(unit<T>(-ramp[0].slope * (position + ramp[0].shift), grid[0]));
    }
  return layout;
}

}  // namespace

template <class T>
FoldedTransform<T>::FoldedTransform(Size window, Size band, const Grid& grid, bool skeleton,
                                    const FoldedTransform* like) {
  const int windows[2] = {window.y, window.x}, bands[2] = {band.y, band.x};
  const double grids[2] = {grid.y, grid.x};
  int rank[2] = {0, 0};
  for (int axis = 0; axis < 2; ++axis) {
    window_[axis] = natural_order(windows[axis]);
    band_[axis] = like ? like->band_[axis] : natural_order(bands[axis]);
  }
  if (skeleton && !like) {
    SkeletonOrders found[2];
    for (int axis = 0; axis < 2; ++axis) {
      // Along x a rank is a number of lanes, along y of rows.
      const int step = axis == 0 ? 4 : kernels::kGranule<T>;
      found[axis] = skeleton_orders(windows[axis], bands[axis], grids[axis], kSkeletonTolerance<T>, step);
      if (found[axis].rank == 0) break;
    }
    if (found[0].rank > 0 && found[1].rank > 0)
      for (int axis = 0; axis < 2; ++axis) {
        window_[axis] = found[axis].window;
        band_[axis] = found[axis].band;
        rank[axis] = found[axis].rank;
      }
  }
  forward_ = make_direction(window_, band_, grid, {rank[0], rank[1]});
  inverse_ = make_direction(band_, window_, grid, {rank[0], rank[1]});
  scratch_size_ = std::max(forward_.scratch(), inverse_.scratch());

  // W[k, n] = exp(-2 pi i (k' + Q)(n' + P)/N) with k', n' symmetric: the ramp over n' has slope Q, the one over k'
  // slope P and shift Q.
  AxisRamp over_window[2], over_band[2];
  for (int axis = 0; axis < 2; ++axis) {
    const double q = band_centre(bands[axis]), p = window_centre(windows[axis], grids[axis], grid.centred);
    over_window[axis] = {q, 0};
    over_band[axis] = {p, q};
  }
  this->space_ = make_layout<T>(window_, grids, over_window);
  this->frequency_ = make_layout<T>(band_, grids, over_band);
}

template <class T>
typename FoldedTransform<T>::Direction FoldedTransform<T>::make_direction(const AxisOrder in[2],
                                                                          const AxisOrder out[2], const Grid& grid,
                                                                          Size rank) const {
  Direction d;
  d.padded_in = padded<T>(in[1].count());
  d.padded_out = padded<T>(out[1].count());
  d.y = left_matrices<T>(in[0], out[0], grid.y, rank.y);
  d.x = right_matrices<T>(in[1], out[1], grid.x, rank.x, static_cast<int>(d.padded_out));
  const double y_first = double(d.y.out) * d.y.in * d.padded_in + double(d.y.out) * d.x.in * d.padded_out;
  const double x_first = double(d.y.in) * d.x.in * d.padded_out + double(d.y.out) * d.y.in * d.padded_out;
  d.y_first = y_first <= x_first;
  return d;
}

template <class T>
double FoldedTransform<T>::Direction::flops() const {
  const double yi = y.in, yo = y.out, xi = x.in, xo = x.out;
  double products;
  if (y.rank) {
    const double ry = y.rank, rx = x.rank;
    products = ry * yi * 2 * xi + 2 * ry * xi * rx + (yo - ry) * ry * 2 * rx + 2 * yo * rx * (xo - rx);
  } else if (y_first) {
    products = yo * yi * 2 * xi + 2 * yo * xi * xo;
  } else {
    products = 2 * yi * xi * xo + yo * yi * 2 * xo;
  }
  return 4 * 2 * products;
}

template <class T>
Index FoldedTransform<T>::Direction::scratch() const {
  if (y.rank) return y.rank * 2 * padded_in;
  return y_first ? y.out * 2 * padded_in : y.in * 2 * padded_out;
}

template <class T>
double FoldedTransform<T>::flops() const {
  return 0.5 * (forward_.flops() + inverse_.flops());
}

template <class T>
std::size_t FoldedTransform<T>::nbytes() const {
  return forward_.y.nbytes() + forward_.x.nbytes() + inverse_.y.nbytes() + inverse_.x.nbytes();
}

template <class T>
void FoldedTransform<T>::apply_dense(const Direction& d, int parity_y, int parity_x, const T* in, T* out,
                                     T* scratch) const {
  const auto& k = kernels::kernels<T>();
  const T* ay = d.y.rows[parity_y].data();
  const T* ax = d.x.rows[parity_x].data();
  const Index in2 = 2 * d.padded_in, out2 = 2 * d.padded_out;
  if (d.y_first) {
    k.gemm(d.y.out, in2, d.y.in, ay, d.y.in, in, in2, scratch, in2);
    k.gemm(2 * d.y.out, d.padded_out, d.x.in, scratch, d.padded_in, ax, d.padded_out, out, d.padded_out);
  } else {
    k.gemm(2 * d.y.in, d.padded_out, d.x.in, in, d.padded_in, ax, d.padded_out, scratch, d.padded_out);
    k.gemm(d.y.out, out2, d.y.in, ay, d.y.in, scratch, out2, out, out2);
  }
}

template <class T>
void FoldedTransform<T>::apply_skeleton(const Direction& d, int parity_y, int parity_x, const T* in, T* out,
                                        T* scratch) const {
  const auto& k = kernels::kernels<T>();
  const Index ry = d.y.rank, rx = d.x.rank, xi = d.padded_in, xo = d.padded_out;
  k.gemm(ry, 2 * xi, d.y.in, d.y.rows[parity_y].data(), d.y.in, in, 2 * xi, scratch, 2 * xi);
  // The skeleton rows and columns of the output are written in place; the rest is interpolated from them.
  k.gemm(2 * ry, rx, d.x.in, scratch, xi, d.x.rows[parity_x].data(), rx, out, xo);
  for (int part = 0; part < 2; ++part)
    k.gemm(d.y.out - ry, rx, ry, d.y.expand[parity_y].data(), ry, out + part * xo, 2 * xo,
           out + ry * 2 * xo + part * xo, 2 * xo);
  k.gemm(2 * d.y.out, xo - rx, rx, out, xo, d.x.expand[parity_x].data(), xo - rx, out + rx, xo);
}

template <class T>
void FoldedTransform<T>::apply(const Direction& d, const T* in, T* out, T* scratch) const {
  const Index in_size = d.y.in * 2 * d.padded_in, out_size = d.y.out * 2 * d.padded_out;
  for (int quadrant = 0; quadrant < 4; ++quadrant) {
    const T* from = in + quadrant * in_size;
    T* to = out + quadrant * out_size;
    d.y.rank ? apply_skeleton(d, quadrant / 2, quadrant % 2, from, to, scratch)
             : apply_dense(d, quadrant / 2, quadrant % 2, from, to, scratch);
  }
}

template <class T>
void FoldedTransform<T>::to_frequency(const T* space, T* spectrum, T* scratch) const {
  apply(forward_, space, spectrum, scratch);
}

template <class T>
void FoldedTransform<T>::to_space(const T* spectrum, T* space, T* scratch) const {
  apply(inverse_, spectrum, space, scratch);
}

namespace {

// One row of each of the four quadrants; a layout row's n = 2 padded halves = [re | im] of one quadrant row.
template <class T, class P>
struct QuadrantRows {
  P* rows[4];
  QuadrantRows(const SampleLayout<T>& layout, P* array, Index group) {
    for (int q = 0; q < 4; ++q) rows[q] = array + q * layout.groups * layout.n + group * layout.n;
  }
};

template <class T>
void unfold_group(const SampleLayout<T>& layout, const T* array, Index group, bool inverse, T* rows) {
  const QuadrantRows<T, const T> quadrants(layout, array, group);
  kernels::kernels<T>().unfold(layout.n / 2, quadrants.rows, inverse, rows);
}

template <class T>
void fold_group(const SampleLayout<T>& layout, const T* rows, Index group, T* array) {
  const QuadrantRows<T, T> quadrants(layout, array, group);
  kernels::kernels<T>().fold(layout.n / 2, rows, quadrants.rows);
}

}  // namespace

template <class T>
void FoldedTransform<T>::mask_frequency(T* array, Index group, const T* mask, T* z, T*) const {
  const QuadrantRows<T, T> quadrants(this->frequency_, array, group);
  kernels::kernels<T>().mask_quadrants(this->frequency_.n / 2, quadrants.rows, mask, z);
}

template <class T>
void FoldedTransform<T>::mask_frequency_adjoint(T* array, Index group, const T* mask, const T* z, bool add,
                                                T* v_phase, bool onward, T*) const {
  const QuadrantRows<T, T> quadrants(this->frequency_, array, group);
  kernels::kernels<T>().mask_quadrants_adjoint(this->frequency_.n / 2, quadrants.rows, mask, z, add, v_phase, onward);
}

template <class T>
bool FoldedTransform<T>::nonlinear_space(int kind, const double* parameters, T* array, Index group, T* e) const {
  const QuadrantRows<T, T> quadrants(this->space_, array, group);
  return kernels::kernels<T>().nonlinear_quadrants(kind, this->space_.n / 2, quadrants.rows, parameters, e);
}

template <class T>
bool FoldedTransform<T>::nonlinear_space_adjoint(int kind, const double* parameters, const T* e, T* array,
                                                 Index group, double* v_parameters) const {
  // The row through the centre of an odd window stands for two: only the general pass counts it once.
  if (v_parameters && !(this->space_.counts[2 * group] && this->space_.counts[2 * group + 1])) return false;
  const QuadrantRows<T, T> quadrants(this->space_, array, group);
  return kernels::kernels<T>().nonlinear_quadrants_adjoint(kind, this->space_.n / 2, quadrants.rows, e,
                                                           this->space_.weight.data(), parameters, v_parameters);
}

template <class T>
void FoldedTransform<T>::unfold_space(const T* array, Index group, T* rows) const {
  unfold_group(this->space_, array, group, true, rows);
}
template <class T>
void FoldedTransform<T>::fold_space(const T* rows, Index group, T* array) const {
  fold_group(this->space_, rows, group, array);
}
template <class T>
void FoldedTransform<T>::unfold_frequency(const T* array, Index group, T* rows) const {
  unfold_group(this->frequency_, array, group, false, rows);
}
template <class T>
void FoldedTransform<T>::fold_frequency(const T* rows, Index group, T* array) const {
  fold_group(this->frequency_, rows, group, array);
}

template class FoldedTransform<float>;
template class FoldedTransform<double>;

}  // namespace fdsr
