// Complex products of spectra at one frequency: register tiles with a broadcast first factor.
#include <limits>

#include "conv_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 6, kTileVectors = 2;
#else
constexpr int kTileRows = 6, kTileVectors = 1;
#endif

template <class T>
inline Index address(Index lane) {
  constexpr int L = kLanes<T>;
  return lane / L * (2 * L) + lane % L;
}

// (re, im) += a b, or a conj(b)
template <bool Conjugate, class A, class V>
inline void multiply_add(A ar, A ai, V br, V bi, V& re, V& im) {
  re += ar * br;
  im += ai * br;
  if constexpr (Conjugate) {
    re += ai * bi;
    im -= ar * bi;
  } else {
    re -= ai * bi;
    im += ar * bi;
  }
}

// `Transposed`: A is [k][m] instead of [m][k], and B is conjugated.
template <class T, int W, int MR, int NV, bool Transposed>
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
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i)
      a[i] = Transposed ? A.data + p0 * A.pitch * 2 + address<T>(row + i)
                        : A.data + address<T>((row + i) * A.pitch + p0);
    const Index end = k - p0 < W ? k - p0 : W;
    const T* b_row = B.data + (p0 * B.pitch + column) * 2;
    for (Index p = 0; p < end; ++p, b_row += 2 * B.pitch) {
      V br[NV], bi[NV];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) {
        // Whole vectors follow one another; parts of them lie where their lanes are.
        const T* b = W == L ? b_row + j * 2 * L : B.data + address<T>((p0 + p) * B.pitch + column + j * W);
        br[j] = load<V>(b);
        bi[j] = load<V>(b + L);
      }
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) {
        const T* from = !Transposed ? a[i] + p
                        : W == L    ? a[i] + p * A.pitch * 2
                                    : A.data + address<T>((p0 + p) * A.pitch + row + i);
        const T ar = from[0], ai = from[L];
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) multiply_add<Transposed>(ar, ai, br[j], bi[j], re[i][j], im[i][j]);
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

template <class T, int W, bool Transposed>
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
            tile<T, W, R, kTileVectors, Transposed>(add, row, column, k, A, B, to);
          else
            tile<T, W, R, 1, Transposed>(add, row, column, k, A, B, to);
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
void product(int width, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B, LaneMatrix<T> C) {
  with_width<T>(width, [&](auto w) { tiles<T, decltype(w)::value, false>(false, m, n, k, A, B, C); });
}

template <class T>
void product_transposed(int width, bool add, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B,
                        LaneMatrix<T> C) {
  with_width<T>(width, [&](auto w) { tiles<T, decltype(w)::value, true>(add, m, n, k, A, B, C); });
}

template <class T>
void scale_blocks(Index count, const T* w, Index w_stride, T* z, Index z_stride) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  for (Index i = 0; i < count; ++i, w += w_stride, z += z_stride) {
    V re{}, im{};
    multiply_add<false>(load<V>(z), load<V>(z + L), load<V>(w), load<V>(w + L), re, im);
    store(z, re);
    store(z + L, im);
  }
}

template <class T>
void add_products(Index count, const T* x, Index x_stride, const T* v, Index v_stride, T* sums, Index sums_stride) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  for (Index i = 0; i < count; ++i, x += x_stride, v += v_stride, sums += sums_stride) {
    V re = load<V>(sums), im = load<V>(sums + L);
    multiply_add<true>(load<V>(x), load<V>(x + L), load<V>(v), load<V>(v + L), re, im);
    store(sums, re);
    store(sums + L, im);
  }
}

// conj(a), a = (z + m) / 2, and conj(b), b = (z - m) / 2i
template <class T>
void separate(Index count, const T* z, const T* m, Index stride, const T* factors, T* a, Index a_stride, T* b,
              Index b_stride) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const V half_a = T(0.5) * load<V>(factors), half_b = T(0.5) * load<V>(factors + L);
  for (Index i = 0; i < count; ++i) {
    const V zr = load<V>(z + i * stride), zi = load<V>(z + i * stride + L);
    const V mr = load<V>(m + i * stride), mi = load<V>(m + i * stride + L);
    store(a + i * a_stride, V(half_a * (zr + mr)));
    store(a + i * a_stride + L, V(-half_a * (zi + mi)));
    store(b + i * b_stride, V(half_b * (zi - mi)));
    store(b + i * b_stride + L, V(half_b * (zr - mr)));
  }
}

// z = a + i b, m = a - i b
template <class T>
void unite(Index count, const T* a, const T* b, Index stride, const T* factors, T* z, T* m, Index out_stride) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const V factor_a = load<V>(factors), factor_b = load<V>(factors + L);
  for (Index i = 0; i < count; ++i) {
    const V zero{};
    const V ar = factor_a != 0 ? factor_a * load<V>(a + i * stride) : zero;
    const V ai = factor_a != 0 ? factor_a * load<V>(a + i * stride + L) : zero;
    const V br = factor_b != 0 ? factor_b * load<V>(b + i * stride) : zero;
    const V bi = factor_b != 0 ? factor_b * load<V>(b + i * stride + L) : zero;
    store(z + i * out_stride, V(ar - bi));
    store(z + i * out_stride + L, V(ai + br));
    store(m + i * out_stride, V(ar + bi));
    store(m + i * out_stride + L, V(ai - br));
  }
}

template <class T>
void magnitudes(Index count, const T* blocks, Index stride, T* most) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  V largest = load<V>(most);
  const V infinity = V{} + std::numeric_limits<T>::infinity();
  for (Index i = 0; i < count; ++i)
    for (int part = 0; part < 2; ++part) {
      const V v = load<V>(blocks + i * stride + part * L), size = v < 0 ? -v : v;
      largest = size <= largest ? largest : size < infinity ? size : infinity;
    }
  store(most, largest);
}

}  // namespace

template <class T>
void fill_conv_products(ConvTable<T>& table) {
  table.product = product<T>;
  table.product_transposed = product_transposed<T>;
  table.scale_blocks = scale_blocks<T>;
  table.add_products = add_products<T>;
  table.separate = separate<T>;
  table.unite = unite<T>;
  table.magnitudes = magnitudes<T>;
}
template void fill_conv_products(ConvTable<float>&);
template void fill_conv_products(ConvTable<double>&);

template <class T>
ConvTable<T> make_conv_table() {
  ConvTable<T> table{};
  table.lanes = kLanes<T>;
  fill_conv_lines(table);
  fill_conv_products(table);
  fill_conv_spatial(table);
  fill_conv_planes(table);
  return table;
}
template ConvTable<float> make_conv_table();
template ConvTable<double> make_conv_table();

}  // namespace fdsr::kernels::FDSR_ISA
