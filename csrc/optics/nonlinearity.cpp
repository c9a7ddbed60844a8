#include "fdsr/nonlinearity.hpp"

#include <algorithm>
#include <vector>

#include "fdsr/error.hpp"
#include "fdsr/threads.hpp"
#include "optics/pointwise.hpp"
#include "threads/buffers.hpp"

namespace fdsr {
namespace {

static_assert(static_cast<int>(Nonlinearity::none) == kernels::kNone &&
              static_cast<int>(Nonlinearity::kerr) == kernels::kKerr &&
              static_cast<int>(Nonlinearity::saturable_kerr) == kernels::kSaturableKerr &&
              static_cast<int>(Nonlinearity::saturable_absorber) == kernels::kSaturableAbsorber &&
              static_cast<int>(Nonlinearity::two_photon_absorption) == kernels::kTwoPhotonAbsorption &&
              static_cast<int>(Nonlinearity::optoelectronic_gate) == kernels::kOptoelectronicGate &&
              static_cast<int>(Nonlinearity::custom) == kernels::kCustom);

constexpr const char* kNames[] = {"none",
                                  "kerr",
                                  "saturable_kerr",
                                  "saturable_absorber",
                                  "two_photon_absorption",
                                  "optoelectronic_gate",
                                  "custom"};

// Samples per task of the elementwise functions: fixed, so that sums do not depend on the number of threads.
constexpr Index kBlock = 16384;
constexpr Index kRow = 256;

// Runs body(start, length, block) over [0, count) in blocks.
template <class Body>
void for_blocks(std::int64_t count, int threads, Body&& body) {
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
  parallel_for(blocks, threads, [&](std::int64_t block, int) {
    const std::int64_t start = block * kBlock;
    body(start, std::min<std::int64_t>(kBlock, count - start), block);
  });
}

template <class T>
void to_row(Index count, const std::complex<T>* from, T* row) {
  for (Index i = 0; i < count; ++i) {
    row[i] = from[i].real();
    row[kRow + i] = from[i].imag();
  }
  std::fill(row + count, row + kRow, T(0));
  std::fill(row + kRow + count, row + 2 * kRow, T(0));
}

template <class T>
void from_row(Index count, const T* row, std::complex<T>* to) {
  for (Index i = 0; i < count; ++i) to[i] = {row[i], row[kRow + i]};
}

}  // namespace

Nonlinearity nonlinearity_from_name(const std::string& name) {
  for (int kind = 0; kind < 7; ++kind)
    if (name == kNames[kind]) return static_cast<Nonlinearity>(kind);
  invalid_argument("nonlinearity='", name,
                   "': must be one of none, kerr, saturable_kerr, saturable_absorber, two_photon_absorption, "
                   "optoelectronic_gate, custom");
}

const char* name_of(Nonlinearity nonlinearity) { return kNames[static_cast<int>(nonlinearity)]; }

bool is_phase_only(Nonlinearity nonlinearity) {
  return nonlinearity == Nonlinearity::none || nonlinearity == Nonlinearity::kerr ||
         nonlinearity == Nonlinearity::saturable_kerr;
}

template <class T>
void NonlinearLayer<T>::forward(Index n, const T* e, T* scratch, T* y) const {
  const auto& k = kernels::kernels<T>();
  if (kind != Nonlinearity::custom) return k.nonlinearity(static_cast<int>(kind), n, e, parameters.data(), y);
  T *intensity = scratch, *f = scratch + n;
  k.intensity(n, e, intensity);
  custom.response(intensity, f, f + n, n);
  k.multiply(n, e, f, y);
}

template <class T>
void NonlinearLayer<T>::adjoint(Index n, const T* e, const T* weight, T* scratch, T* v, double* v_parameters) const {
  const auto& k = kernels::kernels<T>();
  if (kind != Nonlinearity::custom)
    return k.nonlinearity_adjoint(static_cast<int>(kind), n, e, weight, parameters.data(), v, v_parameters);
  T *intensity = scratch, *f = scratch + n, *df = scratch + 3 * n;
  k.intensity(n, e, intensity);
  custom.response(intensity, f, f + n, n);
  custom.derivative(intensity, df, df + n, n);
  k.response_adjoint(n, e, f, df, v);
}

template struct NonlinearLayer<float>;
template struct NonlinearLayer<double>;

template <class T>
void apply_nonlinearity(Nonlinearity kind, std::int64_t count, const std::complex<T>* field,
                        const NonlinearityParameters& parameters, const CustomResponse<T>& custom, int threads,
                        std::complex<T>* out) {
  const NonlinearLayer<T> layer{kind, parameters, custom};
  for_blocks(count, threads, [&](std::int64_t start, std::int64_t length, std::int64_t) {
    const Buffer buffer(sizeof(T) * 9 * kRow);
    T *e = buffer.as<T>(), *y = e + 2 * kRow, *scratch = y + 2 * kRow;
    for (std::int64_t i = 0; i < length; i += kRow) {
      const Index n = std::min<std::int64_t>(kRow, length - i);
      to_row(n, field + start + i, e);
      layer.forward(kRow, e, scratch, y);
      from_row(n, y, out + start + i);
    }
  });
}

template <class T>
void apply_nonlinearity_adjoint(Nonlinearity kind, std::int64_t count, const std::complex<T>* v_out,
                                const std::complex<T>* field, const NonlinearityParameters& parameters,
                                const CustomResponse<T>& custom, int threads, std::complex<T>* v_field,
                                NonlinearityParameters& v_parameters) {
  const NonlinearLayer<T> layer{kind, parameters, custom};
  std::vector<NonlinearityParameters> partial((count + kBlock - 1) / kBlock, NonlinearityParameters{});
  for_blocks(count, threads, [&](std::int64_t start, std::int64_t length, std::int64_t block) {
    const Buffer buffer(sizeof(T) * 10 * kRow);
    T *e = buffer.as<T>(), *v = e + 2 * kRow, *weight = v + 2 * kRow, *scratch = weight + kRow;
    for (std::int64_t i = 0; i < length; i += kRow) {
      const Index n = std::min<std::int64_t>(kRow, length - i);
      to_row(n, field + start + i, e);
      to_row(n, v_out + start + i, v);
      std::fill(weight, weight + n, T(1));
      std::fill(weight + n, weight + kRow, T(0));
      layer.adjoint(kRow, e, weight, scratch, v, partial[block].data());
      from_row(n, v, v_field + start + i);
    }
  });
  v_parameters = {};
  for (const NonlinearityParameters& p : partial)
    for (int i = 0; i < 4; ++i) v_parameters[i] += p[i];
}

#define FDSR_INSTANTIATE(T)                                                                                       \
  template void apply_nonlinearity(Nonlinearity, std::int64_t, const std::complex<T>*,                            \
                                   const NonlinearityParameters&, const CustomResponse<T>&, int, std::complex<T>*); \
  template void apply_nonlinearity_adjoint(Nonlinearity, std::int64_t, const std::complex<T>*,                    \
                                           const std::complex<T>*, const NonlinearityParameters&,                 \
                                           const CustomResponse<T>&, int, std::complex<T>*,                       \
                                           NonlinearityParameters&);
FDSR_INSTANTIATE(float)
FDSR_INSTANTIATE(double)
#undef FDSR_INSTANTIATE

}  // namespace fdsr
