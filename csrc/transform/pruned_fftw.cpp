#include "transform/pruned_fftw.hpp"

#include <algorithm>
#include <cmath>

#include "transform/fftw_lines.hpp"

namespace fdsr {
namespace {

constexpr int kLanes = FftwLines<float>::kLanes;

// One axis: where the samples of window and band lie on the line of the padded grid.
template <class T>
struct Axis {
  Axis(int window_size, int band_size, int n, Planner planner)
      : length(n), forward(n, false, planner), backward(n, true, planner) {
    const int offset = n / 2 - window_size / 2;
    for (int i = 0; i < window_size; ++i) window.push_back(offset + i);
    for (int k = 0; k < band_size; ++k) band.push_back(((k - band_size / 2) % n + n) % n);
  }
  int length;
  std::vector<int> window, band;
  FftwLines<T> forward, backward;
};

template <class T>
SampleLayout<T> natural_layout(Size size) {
  constexpr int granule = kernels::kGranule<T>;
  SampleLayout<T> layout;
  layout.groups = size.y;
  layout.rows_per_group = 1;
  layout.n = (size.x + granule - 1) / granule * granule;
  layout.height = size.y;
  layout.width = size.x;
  for (int y = 0; y < size.y; ++y) layout.natural_y.push_back(y);
  layout.spans = {{0, size.x}};
  for (Index lane = 0; lane < layout.n; ++lane) {
    layout.natural_x.push_back(lane < size.x ? static_cast<int>(lane) : -1);
    layout.weight.push_back(lane < size.x ? T(1) : T(0));
  }
  layout.counts.assign(size.y, 1);
  return layout;
}

// Arrays are the rows of the layout themselves.
template <class T>
class PrunedFftw final : public ImageTransform<T> {
 public:
  PrunedFftw(Size window, Size band, const Grid& grid, Planner planner)
      : y_(window.y, band.y, static_cast<int>(grid.y), planner),
        x_(window.x, band.x, static_cast<int>(grid.x), planner) {
    this->space_ = natural_layout<T>(window);
    this->frequency_ = natural_layout<T>(band);
  }

  void to_frequency(const T* space, T* spectrum, T* scratch) const override {
    run(space, this->space_, y_.window, x_.window, x_.forward, y_.forward, y_.band, x_.band, this->frequency_,
        spectrum, scratch);
  }
  void to_space(const T* spectrum, T* space, T* scratch) const override {
    run(spectrum, this->frequency_, y_.band, x_.band, x_.backward, y_.backward, y_.window, x_.window, this->space_,
        space, scratch);
  }
  void unfold_space(const T* array, Index group, T* rows) const override { copy(this->space_, array, group, rows); }
  void unfold_frequency(const T* array, Index group, T* rows) const override {
    copy(this->frequency_, array, group, rows);
  }
  void fold_space(const T* rows, Index group, T* array) const override {
    std::copy(rows, rows + this->space_.row_size(), array + group * this->space_.row_size());
  }
  void fold_frequency(const T* rows, Index group, T* array) const override {
    std::copy(rows, rows + this->frequency_.row_size(), array + group * this->frequency_.row_size());
  }
  Index scratch_size() const override {
    const Index line = 2 * kLanes * static_cast<Index>(std::max(y_.length, x_.length));
    const Index rows = static_cast<Index>(std::max(y_.window.size(), y_.band.size()));
    return line + 2 * rows * static_cast<Index>(std::max(x_.window.size(), x_.band.size()));
  }
  std::size_t nbytes() const override { return 0; }
  double flops() const override {
    return pruned_fftw_flops({static_cast<int>(y_.window.size()), static_cast<int>(x_.window.size())},
                             {static_cast<int>(y_.band.size()), static_cast<int>(x_.band.size())},
                             {static_cast<double>(y_.length), static_cast<double>(x_.length)});
  }
  Algorithm algorithm() const override { return Algorithm::fftw; }

 private:
  static void copy(const SampleLayout<T>& layout, const T* array, Index group, T* rows) {
    const T* row = array + group * layout.row_size();
    std::copy(row, row + layout.row_size(), rows);
  }

  // Rows first, then columns; kLanes lines at a time, interleaved. middle [rows in][columns out].
  void run(const T* in, const SampleLayout<T>& in_layout, const std::vector<int>& in_y, const std::vector<int>& in_x,
           const FftwLines<T>& along_x, const FftwLines<T>& along_y, const std::vector<int>& out_y,
           const std::vector<int>& out_x, const SampleLayout<T>& out_layout, T* out, T* scratch) const {
    using Complex = std::complex<T>;
    auto* line = reinterpret_cast<Complex*>(scratch);
    Complex* middle = line + static_cast<Index>(kLanes) * std::max(y_.length, x_.length);
    const Index rows = static_cast<Index>(in_y.size()), columns = static_cast<Index>(out_x.size());
    const Index inputs = static_cast<Index>(in_x.size()), outputs = static_cast<Index>(out_y.size());
    for (Index row = 0; row < rows; row += kLanes) {
      const Index lanes = std::min<Index>(kLanes, rows - row);
      std::fill(line, line + static_cast<Index>(x_.length) * kLanes, Complex{});
      for (Index lane = 0; lane < lanes; ++lane) {
        const T* re = in + (row + lane) * in_layout.row_size();
        const T* im = re + in_layout.n;
        for (Index i = 0; i < inputs; ++i) line[in_x[i] * kLanes + lane] = {re[i], im[i]};
      }
      along_x.execute(line);
      for (Index lane = 0; lane < lanes; ++lane)
        for (Index k = 0; k < columns; ++k) middle[(row + lane) * columns + k] = line[out_x[k] * kLanes + lane];
    }
    for (Index column = 0; column < columns; column += kLanes) {
      const Index lanes = std::min<Index>(kLanes, columns - column);
      std::fill(line, line + static_cast<Index>(y_.length) * kLanes, Complex{});
      for (Index i = 0; i < rows; ++i) {
        const Complex* from = middle + i * columns + column;
        std::copy(from, from + lanes, line + in_y[i] * kLanes);
      }
      along_y.execute(line);
      for (Index k = 0; k < outputs; ++k) {
        const Complex* from = line + out_y[k] * kLanes;
        T* re = out + k * out_layout.row_size() + column;
        for (Index lane = 0; lane < lanes; ++lane) {
          re[lane] = from[lane].real();
          re[out_layout.n + lane] = from[lane].imag();
        }
      }
    }
    for (Index k = 0; k < outputs; ++k)
      for (int part = 0; part < 2; ++part) {
        T* row = out + k * out_layout.row_size() + part * out_layout.n;
        std::fill(row + columns, row + out_layout.n, T(0));
      }
  }

  Axis<T> y_, x_;
};

}  // namespace

double pruned_fftw_flops(Size window, Size band, const Grid& grid) {
  const auto line = [](double n) { return 5 * n * std::log2(n); };
  return 0.5 * (window.y + band.y) * line(grid.x) + 0.5 * (window.x + band.x) * line(grid.y);
}

template <class T>
std::unique_ptr<ImageTransform<T>> make_pruned_fftw(Size window, Size band, const Grid& grid, Planner planner) {
  if (!has_fftw<T>())
    throw std::runtime_error(std::string("algorithm='fftw': this build has no FFTW in ") +
                             (sizeof(T) == 4 ? "single" : "double") + " precision");
  return std::make_unique<PrunedFftw<T>>(window, band, grid, planner);
}
template std::unique_ptr<ImageTransform<float>> make_pruned_fftw(Size, Size, const Grid&, Planner);
template std::unique_ptr<ImageTransform<double>> make_pruned_fftw(Size, Size, const Grid&, Planner);

}  // namespace fdsr
