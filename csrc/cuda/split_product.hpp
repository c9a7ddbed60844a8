// Products of parity quadrants with folded matrices by tensor cores, in place in shared memory, with the accuracy of
// float32.
//
// Tensor cores multiply numbers of 11 bits (TF32) and add up in float32. A value is the sum of two such numbers, high
// and low, to its last bit or the one before; of a product of two values, the three larger parts are taken. The adders
// truncate, so partial sums of eight terms each are added up outside, where they are rounded (Ootomo and Yokota,
// "Recovering single precision accuracy from Tensor Cores while surpassing the FP32 theoretical peak performance",
// Int. J. High Perform. Comput. Appl. 36, 475, 2022). What truncation takes from these is given back by the matrices.
//
// A warp takes tiles of 16 lines (columns or rows) of one quadrant and all their results, eight at once.
#pragma once

#include <bit>

#include "cuda/folded_product.hpp"

namespace fdsr::cuda {

constexpr int kTileLines = 16, kTileDepth = 8, kTileOutputs = 8;

// Truncated sums are too small by half a unit of their last place in the mean: by this part for eight terms, 2.9e-8 to
// 3.9e-8 in models of adders that keep one or two bits more (Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior of
// NVIDIA tensor cores", PeerJ Comput. Sci. 7, e330, 2021). Layers would add it up, while what is rounded averages out.
constexpr double kTruncated = 3.3e-8;

// The two parts of a value: the nearest number of 11 bits, halves away from zero, and the rest, of which tensor cores
// read as many bits. NaN stays in the rest.
FDSR_DEVICE void split(float x, float& high, float& low) {
#if defined(__CUDA_ARCH__)
  high = __uint_as_float((__float_as_uint(x) + 0x1000u) & 0xffffe000u);
#else
  high = std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) + 0x1000u) & 0xffffe000u);
#endif
  low = x - high;
}

// Where a value of a folded matrix stands among those of its parity: lanes find what they need of eight terms and eight
// outputs, two values each, side by side. Of neighbouring columns of a product's tile one is the output four further, so
// that what lanes write falls into different banks. What is padded is zero.
FDSR_BOTH int split_place(int output_tiles, int term, int output) {
  const int column = output % 4 * 2 + output % kTileOutputs / 4, lane = column * 4 + term % 4;
  return ((term / kTileDepth * output_tiles + output / kTileOutputs) * kWarp + lane) * 2 + term % kTileDepth / 4;
}
FDSR_BOTH int split_size(int output_tiles, int terms) {
  return (terms + kTileDepth - 1) / kTileDepth * output_tiles * kWarp * 2;
}

template <int TO>
struct SplitProducts {
  using T = float;
  static constexpr int kTiles = TO <= 8 ? 2 : 1;  // of a warp: their sums stay in registers
  static constexpr int kLines = kTiles * kTileLines;

  FDSR_BOTH static int matrix_size(const Product& p) { return split_size(TO, p.in); }
  FDSR_BOTH static int sets_along_y(int columns) { return (2 * columns + kLines - 1) / kLines; }
  FDSR_BOTH static int sets_along_x(int rows) { return (rows + kLines - 1) / kLines; }

  template <class Team>
  FDSR_DEVICE static void along_y(const Team& team, const Quadrants& q, const Product& p, const float* matrix,
                                  int columns, float* quadrant, int set) {
    run(team, p, matrix, 2 * columns, set, 2 * q.stride, [&](int column) {
      return quadrant + (column < columns ? column : q.stride + column - columns);
    });
  }
  template <class Team>
  FDSR_DEVICE static void along_x(const Team& team, const Quadrants& q, const Product& p, const float* matrix, int rows,
                                  float* quadrant, int set) {
    run(team, p, matrix, rows, set, 1, [&](int row) { return quadrant + row * q.stride; });
  }

 private:
  template <class Team, class LineAt>
  FDSR_DEVICE static void run(const Team& team, const Product& p, const float* matrix, int lines, int set, int step,
                              const LineAt& line_at) {
    const int first = set * kLines;
    if (kTiles > 1 && first + kTileLines < lines)
      run_tiles<kTiles>(team, p, matrix, lines, first, step, line_at);
    else
      run_tiles<1>(team, p, matrix, lines, first, step, line_at);
  }

  // Samples of a line are `step` apart, and so are its results. No condition may stand in the loop over terms: the
  // compiler would let the warp meet at each, and one product wait for the other.
  template <int Tiles, class Team, class LineAt>
  FDSR_DEVICE static void run_tiles(const Team& team, const Product& p, const float* matrix, int lines, int first,
                                    int step, const LineAt& line_at) {
    const int lane = team.thread() % kWarp, group = lane / 4, within = lane % 4;
    float* line[Tiles][2];
    FDSR_UNROLL for (int m = 0; m < Tiles; ++m) FDSR_UNROLL for (int h = 0; h < 2; ++h) {
      const int number = first + m * kTileLines + 8 * h + group;
      line[m][h] = line_at(number < lines ? number : lines - 1);  // beyond the last: read again, not written
    }
    float sums[Tiles][TO][4];
    FDSR_UNROLL for (int m = 0; m < Tiles; ++m) FDSR_UNROLL for (int n = 0; n < TO; ++n)
      FDSR_UNROLL for (int i = 0; i < 4; ++i) sums[m][n][i] = 0;
    const auto* fragment = reinterpret_cast<const Complex<float>*>(matrix) + lane;
    for (int k = 0; k < p.in; k += kTileDepth) {
      float a[Tiles][8];  // high parts, then low ones
      FDSR_UNROLL for (int m = 0; m < Tiles; ++m) FDSR_UNROLL for (int i = 0; i < 4; ++i) {
        const int term = k + within + i / 2 * 4;
        split(term < p.in ? line[m][i % 2][term * step] : 0.0f, a[m][i], a[m][4 + i]);
      }
      FDSR_UNROLL for (int n = 0; n < TO; ++n, fragment += kWarp) {
        const Complex<float> both = *fragment;
        float b[4];
        split(both.re, b[0], b[2]);
        split(both.im, b[1], b[3]);
        FDSR_UNROLL for (int m = 0; m < Tiles; ++m) team.add_split_product(sums[m][n], a[m], b);
      }
    }
    team.sync_warp();
    FDSR_UNROLL for (int m = 0; m < Tiles; ++m) FDSR_UNROLL for (int h = 0; h < 2; ++h) {
      if (first + m * kTileLines + 8 * h + group >= lines) continue;
      FDSR_UNROLL for (int n = 0; n < TO; ++n) FDSR_UNROLL for (int i = 0; i < 2; ++i) {
        const int output = n * kTileOutputs + within + 4 * i;
        if (output < p.out) line[m][h][output * step] = sums[m][n][2 * h + i];
      }
    }
  }
};

}  // namespace fdsr::cuda
