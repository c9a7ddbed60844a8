// Small real matrix products: register tiles that keep accumulators in vector registers and broadcast A.
// A and B are L1/L2 resident here (at most a few hundred rows), so nothing is packed.
#include "leaves.hpp"
#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

// Longest sum that is rounded term by term. Rounding errors grow with the square root of a sum's length: sums of
// partial sums of this length lose half as much at the price of one more pass over C.
constexpr Index kLongestSum = 32;

// One tile of MR rows by NV vectors (and one half vector more if Half), overwritten or added to.
template <class T, int MR, int NV, bool Half, bool Add>
inline void tile(Index k, const T* A, Index lda, const T* B, Index ldb, T* C, Index ldc) {
  using V = Vec<T, kLanes<T>>;
  using H = Vec<T, kGranule<T>>;
  constexpr int kFull = NV > 0 ? NV : 1;
  V acc[MR][kFull];
  H tail[MR];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = V{};
    if constexpr (Half) tail[i] = H{};
  }
#pragma GCC unroll 2
  for (Index p = 0; p < k; ++p) {
    const T* b = B + p * ldb;
    V row[kFull];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) row[j] = load<V>(b + j * kLanes<T>);
    H half{};
    if constexpr (Half) half = load<H>(b + NV * kLanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const T a = A[i * lda + p];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += a * row[j];
      if constexpr (Half) tail[i] += a * half;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      T* c = C + i * ldc + j * kLanes<T>;
      store(c, Add ? load<V>(c) + acc[i][j] : acc[i][j]);
    }
    if constexpr (Half) {
      T* c = C + i * ldc + NV * kLanes<T>;
      store(c, Add ? load<H>(c) + tail[i] : tail[i]);
    }
  }
}

// Rows in nearly equal tiles of at most MR: a short last tile would wait for the latency of its few accumulators.
template <class T, int MR, int NV, bool Half>
void rows_of_tiles(Index m, Index k, const T* A, Index lda, const T* B, Index ldb, T* C,
                   Index ldc) {
  const Index tiles = (m + MR - 1) / MR;
  for (Index t = 0, i = 0; t < tiles; ++t) {
    const Index rows = (m - i + (tiles - t) - 1) / (tiles - t);
    const T* a = A + i * lda;
    T* c = C + i * ldc;
    auto run = [&](auto rows_constant) {
      constexpr int R = decltype(rows_constant)::value;
      if constexpr (R <= MR) {
        const Index sums = (k + kLongestSum - 1) / kLongestSum;
        for (Index s = 0, p = 0; s < sums; ++s) {
          const Index length = (k - p + (sums - s) - 1) / (sums - s);
          if (s == 0)
            tile<T, R, NV, Half, false>(length, a, lda, B, ldb, c, ldc);
          else
            tile<T, R, NV, Half, true>(length, a + p, lda, B + p * ldb, ldb, c, ldc);
          p += length;
        }
      }
    };
    switch (rows) {
      case 1: run(Constant<1>{}); break;
      case 2: run(Constant<2>{}); break;
      case 3: run(Constant<3>{}); break;
      case 4: run(Constant<4>{}); break;
      case 5: run(Constant<5>{}); break;
      case 6: run(Constant<6>{}); break;
      case 7: run(Constant<7>{}); break;
      case 8: run(Constant<8>{}); break;
      case 9: run(Constant<9>{}); break;
      case 10: run(Constant<10>{}); break;
      case 11: run(Constant<11>{}); break;
      case 12: run(Constant<12>{}); break;
    }
    i += rows;
  }
}

template <class T>
void gemm(Index m, Index n, Index k, const T* A, Index lda, const T* B, Index ldb, T* C,
          Index ldc) {
  constexpr int W = kLanes<T>;
  Index j = 0;
  while (n - j >= W) {
    const Index left = (n - j) / W;
    // Panels two vectors wide keep most accumulators busy; an odd count is finished by one panel of three.
    if (left == 3 || (left > 3 && left % 2 == 1)) {
      rows_of_tiles<T, kAccumulators / 3, 3, false>(m, k, A, lda, B + j, ldb, C + j, ldc);
      j += 3 * W;
    } else if (left >= 2) {
      rows_of_tiles<T, kAccumulators / 2, 2, false>(m, k, A, lda, B + j, ldb, C + j, ldc);
      j += 2 * W;
    } else if (kLanes<T> > kGranule<T> && n - j > W) {
      rows_of_tiles<T, kAccumulators / 2, 1, true>(m, k, A, lda, B + j, ldb, C + j, ldc);
      j = n;
    } else {
      rows_of_tiles<T, 8, 1, false>(m, k, A, lda, B + j, ldb, C + j, ldc);
      j += W;
    }
  }
  if (j < n) rows_of_tiles<T, 8, 0, true>(m, k, A, lda, B + j, ldb, C + j, ldc);
}

// Twelve independent chains hide the latency of two fused multiply-adds a cycle.
template <class T>
double fma_peak(Index rounds) {
  using V = Vec<T, kLanes<T>>;
  constexpr int kChains = 12;
  V acc[kChains];
  const V x = V{} + T(1.0000001), y = V{} + T(1e-9);
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) acc[i] = V{} + T(i);
  for (Index r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) acc[i] = acc[i] * x + y;
  }
  V sum = acc[0];
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) sum += acc[i];
  T lanes[kLanes<T>];
  store(lanes, sum);
  volatile T kept = lanes[0];
  static_cast<void>(kept);
  return 2.0 * kChains * kLanes<T> * static_cast<double>(rounds);
}

}  // namespace

template <class T>
void fill_gemm(KernelTable<T>& table) {
  table.gemm = gemm<T>;
  table.fma_peak = fma_peak<T>;
}
template void fill_gemm(KernelTable<float>&);
template void fill_gemm(KernelTable<double>&);

}  // namespace fdsr::kernels::FDSR_ISA
