// Pointwise passes over planar rows: parity folding, complex products, gradients of masks.
#include "leaves.hpp"
#include "quadrants.hpp"
#include "simd.hpp"
#include "sincos.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

template <class T, bool Inverse>
void unfold_rows(Index width, const T* const quadrants[4], T* rows) {
  for_each_vector<T>(width, [&]<int L>(Index i) {
    const auto m = unfold_at<Vec<T, L>, Inverse>(width, quadrants, i);
    for (int s = 0; s < 4; ++s) {
      store(rows + re_at(width, s, i), m.re[s]);
      store(rows + im_at(width, s, i), m.im[s]);
    }
  });
}

template <class T>
void unfold(Index width, const T* const quadrants[4], bool inverse, T* rows) {
  inverse ? unfold_rows<T, true>(width, quadrants, rows) : unfold_rows<T, false>(width, quadrants, rows);
}

template <class T>
void fold(Index width, const T* rows, T* const quadrants[4]) {
  for_each_vector<T>(width, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    Mirrored<V> m;
    for (int s = 0; s < 4; ++s) {
      m.re[s] = load<V>(rows + re_at(width, s, i));
      m.im[s] = load<V>(rows + im_at(width, s, i));
    }
    fold_at<V>(width, m, quadrants, i);
  });
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
  fill_fused(table);
  return table;
}
template KernelTable<float> make_table(const char*);
template KernelTable<double> make_table(const char*);

}  // namespace fdsr::kernels::FDSR_ISA
