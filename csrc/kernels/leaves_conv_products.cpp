// Complex products of spectra at one frequency: register tiles with a broadcast first factor.
#include <limits>

#include "conv_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

// Whether three real products make a complex one, for sums of so many terms at least. With s = (ar + ai) (br + bi),
// a b = (ar br - ai bi) + i (s - ar br - ai bi), and a conj(b) likewise with br - bi. A's parts are added beforehand, in
// the order of A; B's when they are loaded. Tiles that three sums leave smaller must still hide their loads.
constexpr bool kHasThree = kAccumulators >= 24;
constexpr Index kFewestForThree = 8;
// Of matrices of more terms, parts are summed one after another.
constexpr Index kBlockTerms = 256, kBlockRows = 16;

constexpr int kTileVectors = kAccumulators >= 24 ? 2 : 1;
constexpr int tile_rows(bool three, int vectors) { return kAccumulators / (three ? 3 : 2) / vectors; }

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

// Terms of one sum and rows of results that are worked on together: those of a matrix of sums of parts.
struct Block {
  Index row, rows, term, terms;
};

// `Transposed`: A is [k][m] instead of [m][k], and B is conjugated. `row` counts within the block.
template <class T, int W, int MR, int NV, bool Transposed, bool Three>
FDSR_INLINE void tile(bool add, const Block& block, Index row, Index column, LaneMatrix<const T> A, const T* sums,
                      Index sums_pitch, LaneMatrix<const T> B, LaneMatrix<T> to) {
  using V = Vec<T, W>;
  constexpr int L = kLanes<T>;
  // Of three: sums of the real parts' products, the imaginary parts' and the sums'.
  V re[MR][NV], im[MR][NV], mixed[Three ? MR : 1][NV];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      re[i][j] = im[i][j] = V{};
      if constexpr (Three) mixed[i][j] = V{};
    }
  for (Index done = 0; done < block.terms; done += W) {
    const Index p0 = block.term + done;
    const T *a[MR], *s[MR];
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const Index m = block.row + row + i;
      a[i] = Transposed ? A.data + p0 * A.pitch * 2 + address<T>(m) : A.data + address<T>(m * A.pitch + p0);
      if constexpr (Three) s[i] = sums + (Transposed ? done * sums_pitch + row + i : (row + i) * sums_pitch + done);
    }
    const Index end = block.terms - done < W ? block.terms - done : W;
    const T* b_row = B.data + (p0 * B.pitch + column) * 2;
    for (Index p = 0; p < end; ++p, b_row += 2 * B.pitch) {
      V br[NV], bi[NV], bs[NV]{};
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) {
        // Whole vectors follow one another; parts of them lie where their lanes are.
        const T* b = W == L ? b_row + j * 2 * L : B.data + address<T>((p0 + p) * B.pitch + column + j * W);
        br[j] = load<V>(b);
        bi[j] = load<V>(b + L);
        if constexpr (Three) bs[j] = Transposed ? br[j] - bi[j] : br[j] + bi[j];
      }
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        const T* from = !Transposed ? a[i] + p
                        : W == L    ? a[i] + p * A.pitch * 2
                                    : A.data + address<T>((p0 + p) * A.pitch + block.row + row + i);
        const T ar = from[0], ai = from[L];
        if constexpr (Three) {
          const T as = s[i][Transposed ? p * sums_pitch : p];
#pragma GCC unroll 4
          for (int j = 0; j < NV; ++j) {
            re[i][j] += ar * br[j];
            im[i][j] += ai * bi[j];
            mixed[i][j] += as * bs[j];
          }
        } else {
#pragma GCC unroll 4
          for (int j = 0; j < NV; ++j) multiply_add<Transposed>(ar, ai, br[j], bi[j], re[i][j], im[i][j]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      T* out = to.data + address<T>((block.row + row + i) * to.pitch + column + j * W);
      V real = re[i][j], imaginary = im[i][j];
      if constexpr (Three) {
        const V second = Transposed ? -imaginary : imaginary;
        imaginary = mixed[i][j] - real - second;
        real = real - second;
      }
      store(out, add ? load<V>(out) + real : real);
      store(out + L, add ? load<V>(out + L) + imaginary : imaginary);
    }
}

// Added parts of the elements [row, row + rows) x [column, column + columns) of A, columns beginning with a vector.
template <class T, int W>
inline void add_parts(Index row, Index rows, Index column, Index columns, LaneMatrix<const T> A, T* sums,
                      Index sums_pitch) {
  using V = Vec<T, W>;
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < columns; c += W) {
      const T* from = A.data + address<T>((row + r) * A.pitch + column + c);
      store(sums + r * sums_pitch + c, V(load<V>(from) + load<V>(from + kLanes<T>)));
    }
}

template <class T, int W, bool Transposed, bool Three>
inline void tiles(bool add, const Block& block, Index n, LaneMatrix<const T> A, const T* sums, Index sums_pitch,
                  LaneMatrix<const T> B, LaneMatrix<T> to, Index count = 1, const ProductSteps& steps = {}) {
  constexpr bool kRepeats = !Transposed && !Three;
  for (Index column = 0; column < n;) {
    const bool wide = kTileVectors > 1 && n - column >= kTileVectors * W;
    const auto run = [&](auto vectors) {
      constexpr int NV = decltype(vectors)::value;
      in_parts<tile_rows(Three, NV)>(block.rows, [&](auto rows, Index row) {
        if constexpr (kRepeats)
          for (Index i = 0; i < count; ++i)
            tile<T, W, decltype(rows)::value, NV, Transposed, Three>(
                add, block, row, column, {A.data + i * steps.a, A.pitch}, sums, sums_pitch,
                {B.data + i * steps.b, B.pitch}, {to.data + i * steps.c, to.pitch});
        else
          tile<T, W, decltype(rows)::value, NV, Transposed, Three>(add, block, row, column, A, sums, sums_pitch, B, to);
      });
      column += NV * W;
    };
    wide ? run(Constant<kTileVectors>{}) : run(Constant<1>{});
  }
}

template <class T, int W, bool Transposed>
void three_products(bool add, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B,
                    LaneMatrix<T> to) {
  alignas(64) T sums[kBlockTerms * kBlockRows];
  for (Block block{0, 0, 0, 0}; block.term < k; block.term += kBlockTerms) {
    block.terms = k - block.term < kBlockTerms ? k - block.term : kBlockTerms;
    // Few terms leave room for more rows.
    const Index padded_terms = (block.terms + W - 1) / W * W;
    constexpr Index kMost = kBlockTerms * kBlockRows;
    const Index most_rows = (m + W) * padded_terms <= kMost ? m : kMost / padded_terms / W * W;
    for (block.row = 0; block.row < m; block.row += most_rows) {
      block.rows = m - block.row < most_rows ? m - block.row : most_rows;
      const Index pitch = Transposed ? (block.rows + W - 1) / W * W : padded_terms;
      if constexpr (Transposed)
        add_parts<T, W>(block.term, block.terms, block.row, block.rows, A, sums, pitch);
      else
        add_parts<T, W>(block.row, block.rows, block.term, block.terms, A, sums, pitch);
      tiles<T, W, Transposed, true>(add || block.term > 0, block, n, A, sums, pitch, B, to);
    }
  }
}

template <class T, int W, bool Transposed>
void products(bool add, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B, LaneMatrix<T> to) {
  if constexpr (kHasThree)
    if (k >= kFewestForThree) return three_products<T, W, Transposed>(add, m, n, k, A, B, to);
  tiles<T, W, Transposed, false>(add, {0, m, 0, k}, n, A, nullptr, 0, B, to);
}

// Transposed, of rows that are parts of vectors: every part sums up by itself, and the sums of all are added at last.
template <class T, int W, int M>
void parts(bool add, Index k, const T* a, const T* b, T* to) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  V re[M]{}, im[M]{};
  for (Index done = 0; done < k * W; done += L, a += 2 * L, b += 2 * L) {
    const V ar = load<V>(a), ai = load<V>(a + L), br = load<V>(b), bi = load<V>(b + L);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
      Vec<Integer, L> chosen{};
#pragma GCC unroll 16
      for (int l = 0; l < L; ++l) chosen[l] = Integer(l / W * W + i);
      multiply_add<true>(__builtin_shuffle(ar, chosen), __builtin_shuffle(ai, chosen), br, bi, re[i], im[i]);
    }
  }
  for (int i = 0; i < M; ++i)
    for (int part = 0; part < 2; ++part) {
      const V& sums = part ? im[i] : re[i];
      T* const out = to + address<T>(Index{i} * W) + part * L;
      for (int l = 0; l < W; ++l) {
        T sum = sums[l];
        for (int other = W; other < L; other += W) sum += sums[l + other];
        out[l] = add ? out[l] + sum : sum;
      }
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

// Products of few terms take less time than to find their tiles: one after another at every place of those.
template <class T>
void product(int width, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B, LaneMatrix<T> C,
             Index count, const ProductSteps& steps) {
  with_width<T>(width, [&](auto w) {
    constexpr int W = decltype(w)::value;
    if (k < kFewestForThree) return tiles<T, W, false, false>(false, {0, m, 0, k}, n, A, nullptr, 0, B, C, count, steps);
    for (Index i = 0; i < count; ++i)
      products<T, W, false>(false, m, n, k, {A.data + i * steps.a, A.pitch}, {B.data + i * steps.b, B.pitch},
                            {C.data + i * steps.c, C.pitch});
  });
}

template <class T>
void product_transposed(int width, bool add, Index m, Index n, Index k, LaneMatrix<const T> A, LaneMatrix<const T> B,
                        LaneMatrix<T> C) {
  with_width<T>(width, [&](auto w) {
    constexpr int W = decltype(w)::value;
    if constexpr (W < kLanes<T>)
      if (A.pitch == W && B.pitch == W && C.pitch == W)
        return with_constant<W>(m,
                                [&](auto rows) { parts<T, W, decltype(rows)::value>(add, k, A.data, B.data, C.data); });
    products<T, W, true>(add, m, n, k, A, B, C);
  });
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
void magnitudes(Index count, const T* blocks, T* most) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const V infinity = V{} + std::numeric_limits<T>::infinity();
  for (Index i = 0; i < count; ++i, blocks += 2 * L, most += L) {
    V largest = load<V>(most);
    for (int part = 0; part < 2; ++part) {
      const V v = load<V>(blocks + part * L), size = v < 0 ? -v : v;
      largest = size <= largest ? largest : size < infinity ? size : infinity;
    }
    store(most, largest);
  }
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
