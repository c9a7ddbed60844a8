// Complex products of spectra at one frequency: register tiles with a broadcast first factor.
#include "conv_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 6, kTileVectors = 2;
#else
constexpr int kTileRows = 5, kTileVectors = 1;
#endif

template <class T>
inline Index address(Index lane) {
  constexpr int L = kLanes<T>;
  return lane / L * (2 * L) + lane % L;
}

// acc += a b with one factor conjugated
template <Conjugate C, class A, class V>
inline void multiply_add(A ar, A ai, V br, V bi, V& re, V& im) {
  re += ar * br;
  im += ar * (C == Conjugate::second ? -bi : bi);
  if constexpr (C == Conjugate::none)
    re -= ai * bi;
  else
    re += ai * bi;
  if constexpr (C == Conjugate::first)
    im -= ai * br;
  else
    im += ai * br;
}

// `Transposed`: A is [k][m] instead of [m][k].
template <class T, int W, int MR, int NV, Conjugate C, bool Transposed>
inline void tile(bool add, Index row, Index column, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B,
                 LaneMatrix<T> to) {
  using V = Vec<T, W>;
  constexpr int L = kLanes<T>;
  V re[MR][NV], im[MR][NV];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) re[i][j] = im[i][j] = V{};
  for (Index p0 = 0; p0 < k; p0 += W) {
    const T* a[MR];
    if constexpr (!Transposed)
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) a[i] = A.data + address<T>((row + i) * A.pitch + p0);
    const Index end = k - p0 < W ? k - p0 : W;
    for (Index p = 0; p < end; ++p) {
      V br[NV], bi[NV];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) {
        const T* b = B.data + address<T>((p0 + p) * B.pitch + column + j * W);
        br[j] = load<V>(b);
        bi[j] = load<V>(b + L);
      }
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) {
        const T* from = Transposed ? A.data + address<T>((p0 + p) * A.pitch + row + i) : a[i] + p;
        const T ar = from[0], ai = from[L];
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) multiply_add<C>(ar, ai, br[j], bi[j], re[i][j], im[i][j]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      T* out = to.data + address<T>((row + i) * to.pitch + column + j * W);
      store(out, add ? load<V>(out) + re[i][j] : re[i][j]);
      store(out + L, add ? load<V>(out + L) + im[i][j] : im[i][j]);
    }
}

template <class T, int W, Conjugate C, bool Transposed>
void tiles(bool add, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B, LaneMatrix<T> to) {
  for (Index column = 0; column < n;) {
    const bool wide = n - column >= kTileVectors * W;
    const Index count = (m + kTileRows - 1) / kTileRows;
    for (Index t = 0, row = 0; t < count; ++t) {
      const Index rows = (m - row + (count - t) - 1) / (count - t);
      auto run = [&](auto rows_constant) {
        constexpr int R = decltype(rows_constant)::value;
        if constexpr (R <= kTileRows) {
          if (wide)
            tile<T, W, R, kTileVectors, C, Transposed>(add, row, column, k, A, B, to);
          else
            tile<T, W, R, 1, C, Transposed>(add, row, column, k, A, B, to);
        }
      };
      switch (rows) {
        case 1: run(Constant<1>{}); break;
        case 2: run(Constant<2>{}); break;
        case 3: run(Constant<3>{}); break;
        case 4: run(Constant<4>{}); break;
        case 5: run(Constant<5>{}); break;
        case 6: run(Constant<6>{}); break;
      }
      row += rows;
    }
    column += wide ? kTileVectors * W : W;
  }
}

template <class Run>
void with_conjugate(Conjugate conjugate, Run&& run) {
  switch (conjugate) {
    case Conjugate::none: return run.template operator()<Conjugate::none>();
    case Conjugate::first: return run.template operator()<Conjugate::first>();
    case Conjugate::second: return run.template operator()<Conjugate::second>();
  }
}

// Widths: all lanes, half of them, a quarter.
template <class T, class Run>
void with_width(int width, Run&& run) {
  constexpr int L = kLanes<T>;
  if (width == L) return run(Constant<L>{});
  if constexpr (L >= 4)
    if (width == L / 2) return run(Constant<L / 2>{});
  if constexpr (L >= 8)
    if (width == L / 4) return run(Constant<L / 4>{});
}

template <class T>
void product(int width, Conjugate conjugate, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B,
             LaneMatrix<T> C) {
  with_width<T>(width, [&](auto w) {
    with_conjugate(conjugate, [&]<Conjugate J>() { tiles<T, decltype(w)::value, J, false>(false, m, n, k, A, B, C); });
  });
}

template <class T>
void product_transposed(int width, Conjugate conjugate, bool add, Index m, Index n, Index k, LaneMatrix<const T> A,
                        LaneMatrix<const T> B, LaneMatrix<T> C) {
  with_width<T>(width, [&](auto w) {
    with_conjugate(conjugate, [&]<Conjugate J>() { tiles<T, decltype(w)::value, J, true>(add, m, n, k, A, B, C); });
  });
}

template <class T>
void scale_columns(int width, Conjugate conjugate, Index m, Index n, LaneMatrix<const T> A, const T* B,
                   LaneMatrix<T> C) {
  constexpr int L = kLanes<T>;
  with_width<T>(width, [&](auto w) {
    with_conjugate(conjugate, [&]<Conjugate J>() {
      constexpr int W = decltype(w)::value;
      using V = Vec<T, W>;
      for (Index j = 0; j < n; j += W) {
        const T* b = B + address<T>(j);
        const V br = load<V>(b), bi = load<V>(b + L);
        for (Index i = 0; i < m; ++i) {
          const T* a = A.data + address<T>(i * A.pitch + j);
          T* to = C.data + address<T>(i * C.pitch + j);
          V re{}, im{};
          multiply_add<J>(load<V>(a), load<V>(a + L), br, bi, re, im);
          store(to, re);
          store(to + L, im);
        }
      }
    });
  });
}

template <class T>
void column_products(int width, Conjugate conjugate, bool add, Index m, Index n, LaneMatrix<const T> A,
                     LaneMatrix<const T> B, T* C) {
  constexpr int L = kLanes<T>;
  with_width<T>(width, [&](auto w) {
    with_conjugate(conjugate, [&]<Conjugate J>() {
      constexpr int W = decltype(w)::value;
      using V = Vec<T, W>;
      for (Index j = 0; j < n; j += W) {
        V re{}, im{};
        for (Index i = 0; i < m; ++i) {
          const T* a = A.data + address<T>(i * A.pitch + j);
          const T* b = B.data + address<T>(i * B.pitch + j);
          multiply_add<J>(load<V>(a), load<V>(a + L), load<V>(b), load<V>(b + L), re, im);
        }
        T* to = C + address<T>(j);
        store(to, add ? load<V>(to) + re : re);
        store(to + L, add ? load<V>(to + L) + im : im);
      }
    });
  });
}

}  // namespace

template <class T>
void fill_conv_products(ConvTable<T>& table) {
  table.product = product<T>;
  table.product_transposed = product_transposed<T>;
  table.scale_columns = scale_columns<T>;
  table.column_products = column_products<T>;
}
template void fill_conv_products(ConvTable<float>&);
template void fill_conv_products(ConvTable<double>&);

template <class T>
ConvTable<T> make_conv_table() {
  ConvTable<T> table{};
  table.lanes = kLanes<T>;
  fill_conv_lines(table);
  fill_conv_products(table);
  return table;
}
template ConvTable<float> make_conv_table();
template ConvTable<double> make_conv_table();

}  // namespace fdsr::kernels::FDSR_ISA
