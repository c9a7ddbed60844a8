// The optical transform of a frame: direct sums along each axis.
#pragma once

#include "cuda/device.hpp"

namespace fdsr::cuda {

// Where lines lie: `count` of them `line` apart, of values `step` apart.
struct FrameLines {
  int count, line, step;
};

// The first `outputs` frequencies of lines of n values, times `scale`. Frequencies k and n - k have their products in
// common, and a thread takes both, of a few lines, which have their roots in common.
template <bool RealIn, bool RealOut, class T, class Lanes>
FDSR_DEVICE void transform_lines(const Lanes& lanes, const Complex<T>* roots, int n, int outputs, T scale,
                                 const Complex<T>* in, FrameLines from, Complex<T>* out, FrameLines to) {
  constexpr int kLines = 3;
  const int pairs = n / 2 + 1 < outputs ? n / 2 + 1 : outputs, groups = (from.count + kLines - 1) / kLines;
  for (int task = lanes.lane; task < pairs * groups; task += lanes.count) {
    const int group = task / pairs, k = task - group * pairs;
    int at[kLines];
    T re_cos[kLines] = {}, im_sin[kLines] = {}, re_sin[kLines] = {}, im_cos[kLines] = {};
    FDSR_UNROLL
    for (int l = 0; l < kLines; ++l) {
      const int line = group * kLines + l;
      at[l] = (line < from.count ? line : from.count - 1) * from.line;
    }
    int angle = 0;  // j k modulo n
    for (int j = 0; j < n; ++j) {
      const Complex<T> root = roots[angle];
      angle += k;
      angle = angle < n ? angle : angle - n;
      FDSR_UNROLL
      for (int l = 0; l < kLines; ++l) {
        const Complex<T> x = in[at[l] + j * from.step];
        re_cos[l] += x.re * root.re;
        if (!RealIn) im_sin[l] += x.im * root.im;
        if (!RealOut) re_sin[l] += x.re * root.im;
        if (!RealIn && !RealOut) im_cos[l] += x.im * root.re;
      }
    }
    const int mirrored = n - k;
    FDSR_UNROLL
    for (int l = 0; l < kLines; ++l) {
      const int line = group * kLines + l;
      if (line >= from.count) continue;
      Complex<T>* const at_line = out + line * to.line;
      const auto put = [&](int frequency, T re, T im) {
        if (RealOut)
          at_line[frequency * to.step].re = re * scale;
        else
          at_line[frequency * to.step] = {re * scale, im * scale};
      };
      put(k, re_cos[l] - im_sin[l], re_sin[l] + im_cos[l]);
      if (mirrored < outputs && mirrored != k) put(mirrored, re_cos[l] + im_sin[l], im_cos[l] - re_sin[l]);
    }
  }
  lanes.sync();
}

}  // namespace fdsr::cuda
