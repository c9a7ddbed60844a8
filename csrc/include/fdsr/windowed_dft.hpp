// The windowed DFT: from a window of S samples in the middle of an N-point grid to the M frequencies around zero.
#pragma once

#include <complex>
#include <cstdint>
#include <memory>

#include "fdsr/geometry.hpp"

namespace fdsr {

template <class T>
class ImageTransform;

// An immutable plan; one plan may run in several threads at once. Batches are [B][y][x], C-contiguous; results do not
// depend on `threads`.
template <class T>
class WindowedDft {
 public:
  WindowedDft(Size window, Size band, const Grid& grid, Algorithm algorithm = Algorithm::automatic,
              Planner planner = Planner::estimate);
  ~WindowedDft();
  WindowedDft(WindowedDft&&) noexcept;

  // X[k] = sum_n x[n] exp(-2 pi i q_k p_n / N), zero frequency at index M//2; unnormalised.
  void forward(std::int64_t batch, const std::complex<T>* x /* [B, S, S] */, int threads,
               // outputs
               std::complex<T>* spectrum /* [B, M, M] */) const;
  void adjoint(std::int64_t batch, const std::complex<T>* v_spectrum /* [B, M, M] */, int threads,
               // outputs
               std::complex<T>* v_x /* [B, S, S] */) const;

  // x[n] = 1/N^2 sum_k X[k] exp(+2 pi i q_k p_n / N)
  void inverse(std::int64_t batch, const std::complex<T>* spectrum /* [B, M, M] */, int threads,
               // outputs
               std::complex<T>* x /* [B, S, S] */) const;
  void inverse_adjoint(std::int64_t batch, const std::complex<T>* v_x /* [B, S, S] */, int threads,
                       // outputs
                       std::complex<T>* v_spectrum /* [B, M, M] */) const;

  Size window() const { return window_; }
  Size band() const { return band_; }
  std::size_t nbytes() const;
  Algorithm algorithm() const;
  Size rank() const;     // of the skeletons, (0, 0) without
  double flops() const;  // arithmetic of one transform of one image

 private:
  void to_band(std::int64_t batch, const std::complex<T>* x, T scale, int threads, std::complex<T>* out) const;
  void to_window(std::int64_t batch, const std::complex<T>* x, T scale, int threads, std::complex<T>* out) const;

  Size window_, band_;
  Grid grid_;
  std::unique_ptr<ImageTransform<T>> transform_;
};

}  // namespace fdsr
