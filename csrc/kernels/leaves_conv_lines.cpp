// Transforms of lines of blocks, and the change between real lines and blocks.
#include <utility>

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

// Transposes squares of `Side` elements in registers, side by side: exchanges ever larger parts of neighbours.
template <class T, int Side = kLanes<T>, int Step = 1, class V>
FDSR_INLINE void exchange(V* rows) {
  constexpr int L = kLanes<T>;
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  using Mask = Vec<Integer, L>;
  if constexpr (Step < Side) {
    Mask low{}, high{};
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) {
      const bool second = (i / Step) % 2;
      low[i] = Integer(second ? L + i - Step : i);
      high[i] = Integer(second ? L + i : i + Step);
    }
#pragma GCC unroll 16
    for (int i = 0; i < Side; ++i) {
      if ((i / Step) % 2) continue;
      const V a = rows[i], b = rows[i + Step];
      rows[i] = __builtin_shuffle(a, b, low);
      rows[i + Step] = __builtin_shuffle(a, b, high);
    }
    exchange<T, Side, Step * 2>(rows);
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
    exchange<T>(rows);
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) store(blocks + (i + l) * 2 * L, rows[l]);
    done = i + L;
  }
  if (n < L) {
    V rows[L]{};
    for (int l = 0; l < L; ++l) std::memcpy(&rows[l], lines[l], std::size_t(n) * sizeof(T));
    exchange<T>(rows);
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
    exchange<T>(rows);
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) store(lines[l] + i, rows[l]);
    done = i + L;
  }
  if (n < L) {
    V rows[L];
#pragma GCC unroll 16
    for (int l = 0; l < L; ++l) rows[l] = l < n ? load<V>(blocks + l * 2 * L) + plus : V{};
    exchange<T>(rows);
    for (int l = 0; l < L; ++l) std::memcpy(lines[l], &rows[l], std::size_t(n) * sizeof(T));
  }
}

// Parts of a vector, side by side. Through memory it would wait for their stores, but GCC 11 has nothing else.
template <class V, class Part, int Parts>
FDSR_INLINE V joined(const Part (&parts)[Parts]) {
  if constexpr (Parts == 1) {
    return parts[0];
  } else {
#if __has_builtin(__builtin_shufflevector)
    constexpr std::size_t kLength = 2 * sizeof(Part) / sizeof(parts[0][0]);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      using Pair = decltype(__builtin_shufflevector(parts[0], parts[1], I...));
      Pair pairs[Parts / 2];
#pragma GCC unroll 4
      for (int p = 0; p < Parts / 2; ++p) pairs[p] = __builtin_shufflevector(parts[2 * p], parts[2 * p + 1], I...);
      return joined<V>(pairs);
    }(std::make_index_sequence<kLength>());
#else
    V vector;
    std::memcpy(&vector, parts, sizeof(V));
    return vector;
#endif
  }
}

template <class T>
void transpose_singly(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step) {
  for (Index c = 0; c < columns; ++c)
    for (Index r = 0; r < rows; ++r) to[c * to_step + r] = from[r * from_step + c];
}

// Rows that are dense in memory and no longer than `Side`, or columns (of the result) that are: a vector takes parts of
// several, with what follows them.
template <int Side, class T>
void transpose_short(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step) {
  constexpr int L = kLanes<T>, kParts = L / Side;
  using Part = Vec<T, Side>;
  using V = Vec<T, L>;
  const bool rows_are_short = columns < rows;
  const Index length = rows_are_short ? columns : rows, all = rows_are_short ? rows : columns;
  const Index last = all - (Side - length + length - 1) / length;  // beyond this many, parts would pass the end
  Index n = 0;
  for (; n + L <= last; n += L) {
    V vectors[Side];
    if (rows_are_short) {
#pragma GCC unroll 16
      for (int i = 0; i < Side; ++i) {
        Part parts[kParts];
#pragma GCC unroll 4
        for (int p = 0; p < kParts; ++p) parts[p] = load<Part>(from + (n + p * Side + i) * length);
        vectors[i] = joined<V>(parts);
      }
      exchange<T, Side>(vectors);
#pragma GCC unroll 16
      for (int i = 0; i < Side; ++i)
        if (i < length) store(to + i * to_step + n, vectors[i]);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < Side; ++i) vectors[i] = i < length ? load<V>(from + i * from_step + n) : V{};
      exchange<T, Side>(vectors);
#pragma GCC unroll 4
      for (int p = 0; p < kParts; ++p)
#pragma GCC unroll 16
        for (int i = 0; i < Side; ++i) {
          Part part;
          std::memcpy(&part, reinterpret_cast<const T*>(&vectors[i]) + p * Side, sizeof(Part));
          store(to + (n + p * Side + i) * length, part);
        }
    }
  }
  if (rows_are_short)
    transpose_singly(rows - n, columns, from + n * from_step, from_step, to + n, to_step);
  else
    transpose_singly(rows, columns - n, from + n, from_step, to + n * to_step, to_step);
}

// Square by square; the last squares overlap those before them.
template <class T>
void transpose(Index rows, Index columns, const T* from, Index from_step, T* to, Index to_step) {
  constexpr Index L = kLanes<T>;
  using V = Vec<T, kLanes<T>>;
  if (const Index shorter = std::min(columns, rows); shorter < L) {
    const bool is_dense = columns < rows ? from_step == columns : to_step == rows;
    if (!is_dense) return transpose_singly(rows, columns, from, from_step, to, to_step);
    if constexpr (L > 4)
      if (shorter <= 4) return transpose_short<4>(rows, columns, from, from_step, to, to_step);
    if constexpr (L > 8)
      if (shorter <= 8) return transpose_short<8>(rows, columns, from, from_step, to, to_step);
    return transpose_short<L>(rows, columns, from, from_step, to, to_step);
  }
  for (Index r_done = 0; r_done < rows; r_done += L)
    for (Index c_done = 0; c_done < columns; c_done += L) {
      const Index r = r_done + L <= rows ? r_done : rows - L, c = c_done + L <= columns ? c_done : columns - L;
      V square[L];
#pragma GCC unroll 16
      for (Index l = 0; l < L; ++l) square[l] = load<V>(from + (r + l) * from_step + c);
      exchange<T>(square);
#pragma GCC unroll 16
      for (Index l = 0; l < L; ++l) store(to + (c + l) * to_step + r, square[l]);
    }
}

}  // namespace

template <class T>
void fill_conv_lines(ConvTable<T>& table) {
  table.transpose = transpose<T>;
  table.transform_line = transform_line<T>;
  table.lines_to_blocks = lines_to_blocks<T>;
  table.blocks_to_lines = blocks_to_lines<T>;
}
template void fill_conv_lines(ConvTable<float>&);
template void fill_conv_lines(ConvTable<double>&);

}  // namespace fdsr::kernels::FDSR_ISA
