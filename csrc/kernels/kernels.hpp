// The dispatch table of the SIMD leaves: everything below it in the library is compiled once per instruction set,
// everything above it once.
//
// Shapes: a "planar row" is n real parts and n imaginary parts in two arrays. n is always a multiple of the granule
// (32 bytes), with padding lanes at zero.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fdsr::kernels {

using Index = std::ptrdiff_t;

// Rows are padded to 32 bytes whatever the instruction set, so that layouts do not depend on it.
template <class T>
inline constexpr int kGranule = 32 / static_cast<int>(sizeof(T));

template <class T>
struct KernelTable {
  const char* isa;

  // C[m][n] = A[m][k] B[k][n], row-major, n a multiple of the granule.
  void (*gemm)(Index m, Index n, Index k, const T* A, Index lda, const T* B, Index ldb, T* C, Index ldc);

  // Parity quadrants (ee, eo, oe, oo; each one row [re width | im width]) -> the mirrored samples
  // rows [2][re: x+ width, x- width | im: x+ width, x- width] of y+ and y-. `inverse` selects exp(+i), else exp(-i).
  void (*unfold)(Index width, const T* const quadrants[4], bool inverse, T* rows);
  // The mirrored samples -> even and odd parts (sums and differences).
  void (*fold)(Index width, const T* rows, T* const quadrants[4]);

  // Fused passes on one group of quadrants, in place: unfold, work on the mirrored samples, fold. Rows are as above.
  // Forward sign: z (saved if `z` is given) times the mask.
  void (*mask_quadrants)(Index width, T* const quadrants[4], const T* mask, T* z);
  // Forward sign: v becomes v conj(mask); v_phase [2][2 width] = or += Im(v conj(mask) conj(z)) if given. The result
  // is folded back only if `onward`.
  void (*mask_quadrants_adjoint)(Index width, T* const quadrants[4], const T* mask, const T* z, bool add, T* v_phase,
                                 bool onward);
  // Inverse sign: the nonlinearity of a field (saved if `e` is given), and its adjoint at the saved field. They
  // return false, having done nothing, for kinds that they do not cover. weight [2 width].
  bool (*nonlinear_quadrants)(int kind, Index width, T* const quadrants[4], const double* parameters, T* e);
  bool (*nonlinear_quadrants_adjoint)(int kind, Index width, T* const quadrants[4], const T* e, const T* weight,
                                      const double* parameters, double* v_parameters);

  // out = z t and out = z conj(t); rows [re n | im n]
  void (*multiply)(Index n, const T* z, const T* t, T* out);
  void (*multiply_conj)(Index n, const T* z, const T* t, T* out);
  // v_phase[n] = or += Im(v conj(z)): the gradient of a phase whose product with z has the cotangent v on its input
  // side
  void (*phase_gradient)(Index n, const T* v, const T* z, bool add, T* v_phase);
  // v_t = or += scale v conj(z), rows [re n | im n]
  void (*transfer_gradient)(Index n, const T* v, const T* z, T scale, bool add, T* v_t);
  // t = scale aperture exp(i phase); aperture may be null (one)
  void (*phase_to_transfer)(Index n, const T* phase, const T* aperture, T scale, T* t);

  // y = f(|E|^2) E and its adjoint at the saved E; v is overwritten by the cotangent of E. `weight` (0 or 1 per lane)
  // keeps mirrored duplicates and padding out of the parameters' gradients, v_parameters accumulates.
  void (*nonlinearity)(int kind, Index n, const T* e, const double* parameters, T* y);
  void (*nonlinearity_adjoint)(int kind, Index n, const T* e, const T* weight, const double* parameters, T* v,
                               double* v_parameters);
  // intensity[n] = |E|^2 and y = f E for a response that was evaluated elsewhere
  void (*intensity)(Index n, const T* e, T* intensity);
  // v := conj(f) v + 2 E Re(conj(v) f' E), rows f, df [re n | im n]
  void (*response_adjoint)(Index n, const T* e, const T* f, const T* df, T* v);
  // v := 2 v_intensity E
  void (*intensity_adjoint)(Index n, const T* e, const T* v_intensity, T* v);

  // acc[n] += x[n]
  void (*accumulate)(Index n, const T* x, T* acc);
  // Fused multiply-adds in registers only, for measuring the peak: returns the floating-point operations done.
  double (*fma_peak)(Index rounds);
};

enum NonlinearityKind : int {
  kNone = 0,
  kKerr,
  kSaturableKerr,
  kSaturableAbsorber,
  kTwoPhotonAbsorption,
  kOptoelectronicGate,
  kCustom,
};

// The table in use: the best instruction set of this processor, or the one PYFDSR_ISA names.
template <class T>
const KernelTable<T>& kernels();

const char* active_isa();
// Space-separated names of the instruction sets that were compiled in.
const char* compiled_isas();

}  // namespace fdsr::kernels
