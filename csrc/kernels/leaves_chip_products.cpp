// Products of spectra over lanes of frames, the mean of a pack, random numbers.
#include "philox.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

template <class T>
void remove_mean(Index elements, T* in, T* mean) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  V re{}, im{};
  for (Index e = 0; e < elements; ++e) {
    re += load<V>(in + e * 2 * L);
    im += load<V>(in + e * 2 * L + L);
  }
  re *= T(1) / T(elements);
  im *= T(1) / T(elements);
  for (Index e = 0; e < elements; ++e) {
    store(in + e * 2 * L, load<V>(in + e * 2 * L) - re);
    store(in + e * 2 * L + L, load<V>(in + e * 2 * L + L) - im);
  }
  store(mean, re);
  store(mean + L, im);
}

// Outputs share the load of X.
template <class T, int Outputs>
inline void product_rows(Index in, Index pitch, const T* X, const T* W, T* G) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  V re[Outputs], im[Outputs];
#pragma GCC unroll 4
  for (int o = 0; o < Outputs; ++o) re[o] = im[o] = V{};
  for (Index c = 0; c < in; ++c) {
    const V xr = load<V>(X + c * pitch), xi = load<V>(X + c * pitch + L);
#pragma GCC unroll 4
    for (int o = 0; o < Outputs; ++o) {
      const T wr = W[(o * in + c) * 2], wi = W[(o * in + c) * 2 + 1];
      re[o] += wr * xr;
      im[o] += wr * xi;
      re[o] -= wi * xi;
      im[o] += wi * xr;
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < Outputs; ++o) {
    store(G + o * pitch, re[o]);
    store(G + o * pitch + L, im[o]);
  }
}

template <class T>
void product(Index elements, Index in, Index out, const T* X, const T* W, T* G) {
  constexpr int L = kLanes<T>;
  const Index pitch = elements * 2 * L;
  for (Index e = 0; e < elements; ++e) {
    const T* x = X + e * 2 * L;
    const T* w = W + e * out * in * 2;
    T* g = G + e * 2 * L;
    Index o = 0;
    for (; o + 4 <= out; o += 4) product_rows<T, 4>(in, pitch, x, w + o * in * 2, g + o * pitch);
    for (; o < out; ++o) product_rows<T, 1>(in, pitch, x, w + o * in * 2, g + o * pitch);
  }
}

template <class T>
void correlate(Index elements, Index first, Index end, Index in, Index out, Index packs, Index pitch, const T* X,
               const T* Vs, T* S) {
  constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  const Index channel = elements * 2 * L;
  const auto sum_of = [](V values) {
    T sum = 0;
    for (int lane = 0; lane < L; ++lane) sum += values[lane];
    return sum;
  };
  for (Index e = first; e < end; ++e)
    for (Index o = 0; o < out; ++o)
      for (Index c = 0; c < in; ++c) {
        const T* v = Vs + o * channel + e * 2 * L;
        const T* x = X + c * channel + e * 2 * L;
        V re{}, im{};
        for (Index pack = 0; pack < packs; ++pack, v += pitch, x += pitch) {
          const V vr = load<V>(v), vi = load<V>(v + L), xr = load<V>(x), xi = load<V>(x + L);
          re += xr * vr + xi * vi;
          im += xi * vr - xr * vi;
        }
        T* s = S + ((e * out + o) * in + c) * 2;
        s[0] += sum_of(re);
        s[1] += sum_of(im);
      }
}

template <class T>
void normals(const NoiseLanes& lanes, std::uint32_t purpose, Index count, float* out) {
  fill_normals<kLanes<T>>(lanes, purpose, count, out);
}

}  // namespace

template <class T>
void fill_chip_products(ChipTable<T>& table) {
  table.remove_mean = remove_mean<T>;
  table.product = product<T>;
  table.correlate = correlate<T>;
  table.normals = normals<T>;
}
template void fill_chip_products(ChipTable<float>&);
template void fill_chip_products(ChipTable<double>&);

template <class T>
ChipTable<T> make_chip_table() {
  ChipTable<T> table{};
  table.lanes = kLanes<T>;
  fill_chip_frame(table);
  fill_chip_products(table);
  return table;
}
template ChipTable<float> make_chip_table();
template ChipTable<double> make_chip_table();

}  // namespace fdsr::kernels::FDSR_ISA
