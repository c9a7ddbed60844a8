// The pointwise passes between two transforms in one sweep over the parity quadrants.
#include "leaves.hpp"
#include "phase_laws.hpp"
#include "quadrants.hpp"
#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

// Calls body(sample, offset of re, offset of im, re, im) for the four mirrored samples of every lane.
template <class T, bool Inverse, class Body>
inline void for_samples(Index width, T* const quadrants[4], bool onward, Body&& body) {
  for_each_vector<T>(width, [&]<int L>(Index i) {
    using V = Vec<T, L>;
    auto m = unfold_at<V, Inverse>(width, static_cast<const T* const*>(quadrants), i);
#pragma GCC unroll 4
    for (int s = 0; s < 4; ++s) body.template operator()<L>(s, i, m.re[s], m.im[s]);
    if (onward) fold_at<V>(width, m, quadrants, i);
  });
}

template <class T>
void mask_quadrants(Index width, T* const quadrants[4], const T* mask, T* z) {
  for_samples<T, false>(width, quadrants, true, [&]<int L>(int s, Index i, Vec<T, L>& re, Vec<T, L>& im) {
    using V = Vec<T, L>;
    const Index at_re = re_at(width, s, i), at_im = im_at(width, s, i);
    if (z) {
      store(z + at_re, re);
      store(z + at_im, im);
    }
    const V c = load<V>(mask + at_re), d = load<V>(mask + at_im), masked = re * c - im * d;
    im = re * d + im * c;
    re = masked;
  });
}

template <class T>
void mask_quadrants_adjoint(Index width, T* const quadrants[4], const T* mask, const T* z, bool add, T* v_phase,
                            bool onward) {
  for_samples<T, false>(width, quadrants, onward, [&]<int L>(int s, Index i, Vec<T, L>& re, Vec<T, L>& im) {
    using V = Vec<T, L>;
    const Index at_re = re_at(width, s, i), at_im = im_at(width, s, i);
    const V c = load<V>(mask + at_re), d = load<V>(mask + at_im), v_re = re * c + im * d;
    im = im * c - re * d;
    re = v_re;
    if (!v_phase) return;
    T* to = v_phase + real_at(width, s, i);
    const V gradient = im * load<V>(z + at_re) - re * load<V>(z + at_im);
    store(to, add ? load<V>(to) + gradient : gradient);
  });
}

template <class T, class Law>
void turn_quadrants(Index width, T* const quadrants[4], const double* parameters, T* e) {
  const Law law(parameters);
  for_samples<T, true>(width, quadrants, true, [&]<int L>(int s, Index i, Vec<T, L>& re, Vec<T, L>& im) {
    if (e) {
      store(e + re_at(width, s, i), re);
      store(e + im_at(width, s, i), im);
    }
    turn<T, L>(law, re, im);
  });
}

template <class T, class Law>
void turn_quadrants_adjoint(Index width, T* const quadrants[4], const T* e, const T* weight,
                            const double* parameters, double* v_parameters) {
  const Law law(parameters);
  for_samples<T, true>(width, quadrants, true, [&]<int L>(int s, Index i, Vec<T, L>& re, Vec<T, L>& im) {
    using V = Vec<T, L>;
    turn_adjoint<T, L>(law, V(load<V>(e + re_at(width, s, i))), V(load<V>(e + im_at(width, s, i))),
                       weight + (s % 2) * width + i, v_parameters, re, im);
  });
}

template <class T>
bool nonlinear_quadrants(int kind, Index width, T* const quadrants[4], const double* parameters, T* e) {
  if (kind == kKerr)
    turn_quadrants<T, KerrLaw<T>>(width, quadrants, parameters, e);
  else if (kind == kSaturableKerr)
    turn_quadrants<T, SaturableKerrLaw<T>>(width, quadrants, parameters, e);
  else
    return false;
  return true;
}

template <class T>
bool nonlinear_quadrants_adjoint(int kind, Index width, T* const quadrants[4], const T* e, const T* weight,
                                 const double* parameters, double* v_parameters) {
  if (kind == kKerr)
    turn_quadrants_adjoint<T, KerrLaw<T>>(width, quadrants, e, weight, parameters, v_parameters);
  else if (kind == kSaturableKerr)
    turn_quadrants_adjoint<T, SaturableKerrLaw<T>>(width, quadrants, e, weight, parameters, v_parameters);
  else
    return false;
  return true;
}

}  // namespace

template <class T>
void fill_fused(KernelTable<T>& table) {
  table.mask_quadrants = mask_quadrants<T>;
  table.mask_quadrants_adjoint = mask_quadrants_adjoint<T>;
  table.nonlinear_quadrants = nonlinear_quadrants<T>;
  table.nonlinear_quadrants_adjoint = nonlinear_quadrants_adjoint<T>;
}
template void fill_fused(KernelTable<float>&);
template void fill_fused(KernelTable<double>&);

}  // namespace fdsr::kernels::FDSR_ISA
