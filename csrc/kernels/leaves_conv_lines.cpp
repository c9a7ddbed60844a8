// Transforms of lines of blocks, and the change between real lines and blocks.
#include "conv_leaves.hpp"
#include "small_dft.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

// First step: b transforms of length A over samples b apart, twiddled, into scratch [A][b].
template <class T, int A, bool Mirrored>
void first_step(Index b, bool inverse, const T* in, Index stride, const T* twiddles, T* scratch) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const Index real = inverse ? L : 0, imaginary = inverse ? 0 : L;  // exp(+i): real and imaginary parts change places
  for (Index j = 0; j < b; ++j) {
    V re[A], im[A];
#pragma GCC unroll 12
    for (int p = 0; p < A; ++p) {
      const T* from = in + (j + b * p) * stride;
      re[p] = load<V>(from + real);
      im[p] = load<V>(from + imaginary);
      if constexpr (Mirrored) im[p] = -im[p];
    }
    SmallDft<A, T, V>::run(re, im);
    const T* w = twiddles + j * A * 2;
#pragma GCC unroll 12
    for (int k = 0; k < A; ++k) {
      T* to = scratch + (k * b + j) * 2 * L;
      if (k == 0) {
        store(to, re[0]);
        store(to + L, im[0]);
      } else {
        const T c = w[2 * k], s = w[2 * k + 1];
        store(to, V(re[k] * c - im[k] * s));
        store(to + L, V(re[k] * s + im[k] * c));
      }
    }
  }
}

// Second step: a transforms of length B over neighbours.
template <class T, int B>
void second_step(Index a, bool inverse, const T* scratch, T* out, Index stride) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const Index real = inverse ? L : 0, imaginary = inverse ? 0 : L;
  for (Index k = 0; k < a; ++k) {
    V re[B], im[B];
#pragma GCC unroll 12
    for (int j = 0; j < B; ++j) {
      const T* from = scratch + (k * B + j) * 2 * L;
      re[j] = load<V>(from);
      im[j] = load<V>(from + L);
    }
    SmallDft<B, T, V>::run(re, im);
#pragma GCC unroll 12
    for (int j = 0; j < B; ++j) {
      T* to = out + (k + a * j) * stride;
      store(to + real, re[j]);
      store(to + imaginary, im[j]);
    }
  }
}

template <class Run>
void with_radix(int radix, Run&& run) {
  switch (radix) {
    case 2: return run(Constant<2>{});
    case 3: return run(Constant<3>{});
    case 4: return run(Constant<4>{});
    case 5: return run(Constant<5>{});
    case 6: return run(Constant<6>{});
    case 7: return run(Constant<7>{});
    case 8: return run(Constant<8>{});
    case 9: return run(Constant<9>{});
    case 10: return run(Constant<10>{});
    case 12: return run(Constant<12>{});
  }
}

template <class T>
void transform_line(const LineTransform<T>& line, Direction direction, const T* in, Index in_stride, T* out,
                    Index out_stride, T* scratch) {
  const bool inverse = direction == Direction::inverse;
  with_radix(line.a, [&](auto a) {
    constexpr int A = decltype(a)::value;
    if (direction == Direction::mirrored)
      first_step<T, A, true>(line.b, false, in, in_stride, line.twiddles, scratch);
    else
      first_step<T, A, false>(line.b, inverse, in, in_stride, line.twiddles, scratch);
  });
  with_radix(line.b,
             [&](auto b) { second_step<T, decltype(b)::value>(line.a, inverse, scratch, out, out_stride); });
}

// Transposes a square of vectors in registers: exchanges ever larger halves of neighbours.
template <class T, int Step, class V>
FDSR_INLINE void exchange(V* rows) {
  constexpr int L = kLanes<T>;
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  using Mask = Vec<Integer, L>;
  if constexpr (Step < L) {
    Mask low{}, high{};
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) {
      const bool second = (i / Step) % 2;
      low[i] = Integer(second ? L + i - Step : i);
      high[i] = Integer(second ? L + i : i + Step);
    }
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) {
      if ((i / Step) % 2) continue;
      const V a = rows[i], b = rows[i + Step];
      rows[i] = __builtin_shuffle(a, b, low);
      rows[i + Step] = __builtin_shuffle(a, b, high);
    }
    exchange<T, Step * 2>(rows);
  }
}

template <class T>
void lines_to_blocks(Index n, const T* const* lines, T* blocks) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  for (Index done = 0; n >= L && done < n;) {
    const Index i = done + L <= n ? done : n - L;  // the last square overlaps the one before it
    V rows[L];
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) rows[l] = load<V>(lines[l] + i);
    exchange<T, 1>(rows);
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) store(blocks + (i + l) * 2 * L, rows[l]);
    done = i + L;
  }
  if (n < L) {
    V rows[L]{};
    for (int l = 0; l < L; ++l) std::memcpy(&rows[l], lines[l], std::size_t(n) * sizeof(T));
    exchange<T, 1>(rows);
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l)
      if (l < n) store(blocks + l * 2 * L, rows[l]);
  }
}

template <class T>
void blocks_to_lines(Index n, const T* blocks, const T* offset, T* const* lines) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const V plus = load<V>(offset);
  for (Index done = 0; n >= L && done < n;) {
    const Index i = done + L <= n ? done : n - L;
    V rows[L];
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) rows[l] = load<V>(blocks + (i + l) * 2 * L) + plus;
    exchange<T, 1>(rows);
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) store(lines[l] + i, rows[l]);
    done = i + L;
  }
  if (n < L) {
    V rows[L];
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) rows[l] = l < n ? load<V>(blocks + l * 2 * L) + plus : V{};
    exchange<T, 1>(rows);
    for (int l = 0; l < L; ++l) std::memcpy(lines[l], &rows[l], std::size_t(n) * sizeof(T));
  }
}

// Square by square: to[c * to_step + r] = from[r * from_step + c]. The last squares overlap those before them.
template <class T>
void transpose(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step) {
  constexpr Index L = kLanes<T>;
  using V = Vec<T, kLanes<T>>;
  for (Index r_done = 0; r_done < rows; r_done += L)
    for (Index c_done = 0; c_done < columns; c_done += L) {
      const Index r = rows < L ? 0 : r_done + L <= rows ? r_done : rows - L;
      const Index c = columns < L ? 0 : c_done + L <= columns ? c_done : columns - L;
      V square[L];
#pragma GCC unroll 16
      for (Index l = 0; l < L; ++l) {
        const T* row = from + (r + l) * from_step + c;
        if (columns >= L && rows >= L) {
          square[l] = load<V>(row);
        } else {
          square[l] = V{};
          if (l < rows) std::memcpy(&square[l], row, std::size_t(columns < L ? columns : L) * sizeof(T));
        }
      }
      exchange<T, 1>(square);
#pragma GCC unroll 16
      for (Index l = 0; l < L; ++l) {
        T* column = to + (c + l) * to_step + r;
        if (columns >= L && rows >= L)
          store(column, square[l]);
        else if (l < columns)
          std::memcpy(column, &square[l], std::size_t(rows < L ? rows : L) * sizeof(T));
      }
    }
}

template <class T>
void pixels_to_planes(Index pixels, Index channels, const T* from, Index step, T* to, Index plane) {
  transpose(pixels, channels, from, step, to, plane);
}

template <class T>
void planes_to_pixels(Index pixels, Index channels, const T* from, Index plane, T* to, Index step) {
  transpose(channels, pixels, from, plane, to, step);
}

}  // namespace

template <class T>
void fill_conv_lines(ConvTable<T>& table) {
  table.pixels_to_planes = pixels_to_planes<T>;
  table.planes_to_pixels = planes_to_pixels<T>;
  table.transform_line = transform_line<T>;
  table.lines_to_blocks = lines_to_blocks<T>;
  table.blocks_to_lines = blocks_to_lines<T>;
}
template void fill_conv_lines(ConvTable<float>&);
template void fill_conv_lines(ConvTable<double>&);

}  // namespace fdsr::kernels::FDSR_ISA
