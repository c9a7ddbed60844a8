// Kernels of the nonlinearities and what runs them, as in stack_kernels.hpp.
#pragma once

#include <algorithm>

#include "cuda/operators.hpp"

namespace fdsr::cuda {

constexpr std::int64_t kSums = 1 << 15;  // threads of the adjoint at most; each leaves its sums

constexpr std::int64_t kWorkspaceOfNonlinearity = kSums * 4 * std::int64_t{sizeof(double)};

template <class T>
struct ApplyNonlinearity {
  Nonlinearity kind;
  const double* parameters;
  const Complex<T>* x;
  Complex<T>* y;
  FDSR_DEVICE void operator()(std::int64_t i) const { y[i] = nonlinear(kind, parameters, x[i]); }
};

template <class T>
struct ApplyNonlinearityAdjoint {
  Nonlinearity kind;
  const double* parameters;
  std::int64_t count, threads;
  const Complex<T>*v, *x;
  Complex<T>* v_x;
  double* sums;  // [4, threads] or null
  FDSR_DEVICE void operator()(std::int64_t thread) const {
    double mine[4] = {0, 0, 0, 0};
    for (std::int64_t i = thread; i < count; i += threads)
      v_x[i] = nonlinear_adjoint(kind, parameters, x[i], v[i], sums ? mine : nullptr);
    if (sums)
      for (int k = 0; k < 4; ++k) sums[k * threads + thread] = mine[k];
  }
};

// Adds up in a fixed order: every thread a stretch, then one thread the stretches.
struct SumStretches {
  const double* sums;
  std::int64_t threads, stretches;
  double* totals;  // [4, stretches]
  FDSR_DEVICE void operator()(std::int64_t i) const {
    const std::int64_t k = i / stretches, s = i % stretches;
    double total = 0;
    for (std::int64_t t = s * threads / stretches; t < (s + 1) * threads / stretches; ++t)
      total += sums[k * threads + t];
    totals[i] = total;
  }
};

template <class T>
void nonlinearity(const Queue& queue, Nonlinearity kind, const double* parameters, std::int64_t count,
                  const Complex<T>* x, Complex<T>* y) {
  if (count == 0) return;
  const OnDevice here(queue.device);
  launch_values(queue, count, ApplyNonlinearity<T>{kind, parameters, x, y});
}

template <class T>
void nonlinearity_adjoint(const Queue& queue, Nonlinearity kind, const double* parameters, std::int64_t count,
                          const Complex<T>* v, const Complex<T>* x, Complex<T>* v_x, double* v_parameters) {
  const OnDevice here(queue.device);
  // Every thread works on its own samples where nothing is summed.
  const std::int64_t threads =
      std::max<std::int64_t>(1, v_parameters ? std::min<std::int64_t>(count, kSums / 2) : count);
  auto* sums = v_parameters ? static_cast<double*>(queue.workspace) : nullptr;
  launch_values(queue, threads, ApplyNonlinearityAdjoint<T>{kind, parameters, count, threads, v, x, v_x, sums});
  if (!v_parameters) return;
  const std::int64_t stretches = std::min<std::int64_t>(threads, 128);
  double* totals = sums + 4 * threads;
  launch_values(queue, 4 * stretches, SumStretches{sums, threads, stretches, totals});
  launch_values(queue, 4, SumStretches{totals, stretches, 1, v_parameters});
}

}  // namespace fdsr::cuda
