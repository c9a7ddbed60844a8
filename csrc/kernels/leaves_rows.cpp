// Pointwise passes over planar rows: parity folding, complex products, gradients of masks.
#include <cstring>

#include "leaves.hpp"
#include "simd.hpp"
#include "sincos.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

// Unfolding: with c = -i (forward) or +i (inverse), value(sy, sx) = ee + sx c eo + sy c oe + sy sx c^2 oo, c^2 = -1.
template <class T, bool Inverse>
void unfold_rows(Index width, const T* const quadrants[4], T* rows) {
  const T *ee = quadrants[0], *eo = quadrants[1], *oe = quadrants[2], *oo = quadrants[3];
  T *up = rows, *down = rows + 4 * width;  // y+ and y-: [re x+, re x-, im x+, im x-], each `width` long
  for_each_vector<T>(width, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    const auto at = [&](const T* p) { return load<V>(p + i); };
    const V a_re = at(ee), a_im = at(ee + width);
    const V e_re = -at(oo), e_im = -at(oo + width);
    V b_re = at(eo + width), b_im = at(eo), d_re = at(oe + width), d_im = at(oe);
    if constexpr (Inverse) {
      b_re = -b_re;
      d_re = -d_re;
    } else {
      b_im = -b_im;
      d_im = -d_im;
    }
    const auto put = [&](T* p, V v) { store(p + i, v); };
    const V p_re = a_re + e_re, p_im = a_im + e_im, q_re = b_re + d_re, q_im = b_im + d_im;
    const V r_re = a_re - e_re, r_im = a_im - e_im, t_re = b_re - d_re, t_im = b_im - d_im;
    put(up, p_re + q_re);
    put(up + width, r_re - t_re);
    put(up + 2 * width, p_im + q_im);
    put(up + 3 * width, r_im - t_im);
    put(down, r_re + t_re);
    put(down + width, p_re - q_re);
    put(down + 2 * width, r_im + t_im);
    put(down + 3 * width, p_im - q_im);
  });
}

template <class T>
void unfold(Index width, const T* const quadrants[4], bool inverse, T* rows) {
  inverse ? unfold_rows<T, true>(width, quadrants, rows) : unfold_rows<T, false>(width, quadrants, rows);
}

template <class T>
void fold(Index width, const T* rows, T* const quadrants[4]) {
  for (int part = 0; part < 2; ++part) {  // real, imaginary
    const T* up = rows + 2 * part * width;
    const T* down = rows + (4 + 2 * part) * width;
    const Index to = part * width;
    for_each_vector<T>(width, [&]<int L>(Index i) {
      using V = Vec<T, L>;
      const V pp = load<V>(up + i), pm = load<V>(up + width + i);
      const V mp = load<V>(down + i), mm = load<V>(down + width + i);
      const V even_up = pp + pm, odd_up = pp - pm, even_down = mp + mm, odd_down = mp - mm;
      store(quadrants[0] + to + i, even_up + even_down);
      store(quadrants[1] + to + i, odd_up + odd_down);
      store(quadrants[2] + to + i, even_up - even_down);
      store(quadrants[3] + to + i, odd_up - odd_down);
    });
  }
}

template <class T, bool Conj>
void multiply_rows(Index n, const T* z, const T* t, T* out) {
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    const V a = load<V>(z + i), b = load<V>(z + n + i), c = load<V>(t + i);
    const V d = Conj ? -load<V>(t + n + i) : load<V>(t + n + i);
    store(out + i, a * c - b * d);
    store(out + n + i, a * d + b * c);
  });
}

template <class T>
void multiply(Index n, const T* z, const T* t, T* out) {
  multiply_rows<T, false>(n, z, t, out);
}

template <class T>
void multiply_conj(Index n, const T* z, const T* t, T* out) {
  multiply_rows<T, true>(n, z, t, out);
}

template <class V, class T>
void put(V value, bool add, T* to) {
  store(to, add ? load<V>(to) + value : value);
}

template <class T>
void phase_gradient(Index n, const T* v, const T* z, bool add, T* v_phase) {
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    put(V(load<V>(v + n + i) * load<V>(z + i) - load<V>(v + i) * load<V>(z + n + i)), add, v_phase + i);
  });
}

template <class T>
void transfer_gradient(Index n, const T* v, const T* z, T scale, bool add, T* v_t) {
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    const V a = load<V>(v + i), b = load<V>(v + n + i), c = load<V>(z + i), d = load<V>(z + n + i);
    put(V(scale * (a * c + b * d)), add, v_t + i);
    put(V(scale * (b * c - a * d)), add, v_t + n + i);
  });
}

template <class T>
void phase_to_transfer(Index n, const T* phase, const T* aperture, T scale, T* t) {
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    V s, c;
    sincos<T, L>(load<V>(phase + i), s, c);
    const V amplitude = aperture ? scale * load<V>(aperture + i) : V{} + scale;
    store(t + i, amplitude * c);
    store(t + n + i, amplitude * s);
  });
}

template <class T>
void intensity(Index n, const T* e, T* out) {
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    const V a = load<V>(e + i), b = load<V>(e + n + i);
    store(out + i, a * a + b * b);
  });
}

template <class T>
void intensity_adjoint(Index n, const T* e, const T* v_intensity, T* v) {
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    const V twice = load<V>(v_intensity + i) * T(2);
    store(v + i, twice * load<V>(e + i));
    store(v + n + i, twice * load<V>(e + n + i));
  });
}

template <class T>
void accumulate(Index n, const T* x, T* acc) {
  for_each_vector<T>(n, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    store(acc + i, load<V>(acc + i) + load<V>(x + i));
  });
}

}  // namespace

template <class T>
void fill_rows(KernelTable<T>& table) {
  table.unfold = unfold<T>;
  table.fold = fold<T>;
  table.multiply = multiply<T>;
  table.multiply_conj = multiply_conj<T>;
  table.phase_gradient = phase_gradient<T>;
  table.transfer_gradient = transfer_gradient<T>;
  table.phase_to_transfer = phase_to_transfer<T>;
  table.intensity = intensity<T>;
  table.intensity_adjoint = intensity_adjoint<T>;
  table.accumulate = accumulate<T>;
}
template void fill_rows(KernelTable<float>&);
template void fill_rows(KernelTable<double>&);

template <class T>
KernelTable<T> make_table(const char* name) {
  KernelTable<T> table{};
  table.isa = name;
  fill_gemm(table);
  fill_rows(table);
  fill_nonlinear(table);
  return table;
}
template KernelTable<float> make_table(const char*);
template KernelTable<double> make_table(const char*);

}  // namespace fdsr::kernels::FDSR_ISA
