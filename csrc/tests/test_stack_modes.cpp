// Every mode of the stack in both precisions and algorithms: the adjoint's directional derivative against central
// differences of the loss, and the layers against their pieces.
#include <optional>

#include "check.hpp"
#include "fdsr/build_info.hpp"
#include "fdsr/four_f.hpp"

using namespace fdsr;
using namespace fdsr::test;

namespace {

struct Mode {
  bool real_input, intensity, transfer, per_image, aperture, custom;
};

// f(I) = 1 / (1 + I) and its derivative, as a caller's own response.
template <class T>
void response(const T* intensity, T* re, T* im, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    re[i] = 1 / (1 + intensity[i]);
    im[i] = 0;
  }
}
template <class T>
void derivative(const T* intensity, T* re, T* im, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    re[i] = -1 / ((1 + intensity[i]) * (1 + intensity[i]));
    im[i] = 0;
  }
}

constexpr int kLayers = 2, kBatch = 3;

template <class T>
struct Problem {
  Mode mode;
  FourFStack<T> stack;
  std::int64_t masks;
  std::vector<T> phase, aperture, amplitude, v_intensity;
  Field<T> transfer, field, v_field;

  Problem(const Mode& m, Size window, Size support, Size band, const Grid& grid, Algorithm algorithm)
      : mode(m),
        stack(window, support, band, grid,
              {m.custom ? Nonlinearity::custom : Nonlinearity::saturable_absorber, Nonlinearity::kerr}, algorithm),
        masks(m.per_image ? kBatch : 1),
        phase(random_reals<T>(masks * kLayers * band.area(), 1)),
        aperture(random_reals<T>(band.area(), 2)),
        amplitude(random_reals<T>(kBatch * window.area(), 3)),
        v_intensity(random_reals<T>(kBatch * support.area(), 4)),
        transfer(random_field<T>(masks * kLayers * band.area(), 5)),
        field(random_field<T>(kBatch * window.area(), 6)),
        v_field(random_field<T>(kBatch * support.area(), 7)) {}

  StackMasks<T> stack_masks() const {
    StackMasks<T> m;
    m.masks = masks;
    if (mode.transfer)
      m.transfer = transfer.data();
    else
      m.phase = phase.data();
    if (mode.aperture) {
      m.apertures = 1;
      m.aperture = aperture.data();
    }
    m.parameters = {{0.9, 0.7, 0, 0}, {0.3, 0, 0, 0}};
    m.custom = {{response<T>, derivative<T>}, {}};
    return m;
  }

  double loss(std::vector<T>* tape = nullptr, Field<T>* fields = nullptr) const {
    StackInput<T> in;
    if (mode.real_input)
      in.amplitude = amplitude.data();
    else
      in.field = field.data();
    std::vector<T> intensity(v_intensity.size());
    Field<T> out_field(v_field.size());
    StackOutput<T> out;
    if (mode.intensity)
      out.intensity = intensity.data();
    else
      out.field = out_field.data();
    if (tape) out.tape = tape->data();
    if (fields) out.fields = fields->data();
    stack.forward(kBatch, in, stack_masks(), 2, out);
    if (!mode.intensity) return inner(v_field, out_field).real();
    double sum = 0;
    for (std::size_t i = 0; i < intensity.size(); ++i) sum += double(v_intensity[i]) * intensity[i];
    return sum;
  }
};

template <class V, class W>
void step(V& values, const W& direction, double size) {
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] += static_cast<typename V::value_type>(direction[i] * static_cast<typename W::value_type>(size));
}

template <class T>
double along(const std::vector<T>& v, const std::vector<T>& direction) {
  double sum = 0;
  for (std::size_t i = 0; i < v.size(); ++i) sum += double(v[i]) * direction[i];
  return sum;
}

template <class T>
void check_mode(const Mode& mode, Size window, Size support, Size band, const Grid& grid, Algorithm algorithm) {
  Problem<T> p(mode, window, support, band, grid, algorithm);
  std::vector<T> tape(p.stack.tape_size(kBatch));
  Field<T> fields(kLayers * p.v_field.size());
  const double value = p.loss(&tape, &fields);
  CHECK(std::abs(p.loss() - value) <= 1e-6 * (1 + std::abs(value)));  // saving changes nothing but rounding

  StackCotangent<T> v_out;
  if (mode.intensity)
    v_out.intensity = p.v_intensity.data();
  else
    v_out.field = p.v_field.data();
  std::vector<T> v_amplitude(p.amplitude.size()), v_phase(p.phase.size());
  Field<T> v_field(p.field.size()), v_transfer(p.transfer.size());
  StackGradients<T> v;
  if (mode.real_input)
    v.amplitude = v_amplitude.data();
  else
    v.field = v_field.data();
  if (mode.transfer)
    v.transfer = v_transfer.data();
  else
    v.phase = v_phase.data();
  p.stack.adjoint(kBatch, v_out, tape.data(), p.stack_masks(), 2, v);

  const auto d_amplitude = random_reals<T>(p.amplitude.size(), 8), d_phase = random_reals<T>(p.phase.size(), 9);
  const auto d_field = random_field<T>(p.field.size(), 10), d_transfer = random_field<T>(p.transfer.size(), 11);
  double predicted = mode.real_input ? along(v_amplitude, d_amplitude) : inner(v_field, d_field).real();
  predicted += mode.transfer ? inner(v_transfer, d_transfer).real() : along(v_phase, d_phase);
  // The step balances truncation (step^2) against rounding (eps / step).
  const double h = sizeof(T) == 4 ? 3e-3 : 1e-5;
  double ends[2];
  for (const int side : {0, 1}) {
    Problem<T> moved(mode, window, support, band, grid, algorithm);
    const double size = side == 0 ? h : -h;
    step(moved.amplitude, d_amplitude, size);
    step(moved.phase, d_phase, size);
    step(moved.field, d_field, size);
    step(moved.transfer, d_transfer, size);
    ends[side] = moved.loss();
  }
  const double difference = (ends[0] - ends[1]) / (2 * h);
  CHECK(std::abs(difference - predicted) <= (sizeof(T) == 4 ? 1e-2 : 1e-6) * (1 + std::abs(predicted)));
}

}  // namespace

int main() {
  const struct {
    Size window, support, band;
    Grid grid;
  } geometries[] = {{{8, 9}, {8, 9}, {7, 8}, {24, 25}}, {{8, 9}, {9, 9}, {7, 8}, {24, 25}}};
  for (int bits = 0; bits < 64; ++bits) {
    const Mode mode{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0,
                    (bits & 32) != 0};
    for (const auto& g : geometries)
      for (const Algorithm algorithm : {Algorithm::folded, Algorithm::fftw}) {
        const bool fftw = algorithm == Algorithm::fftw;
        if (!fftw || build_info().fftw_double)
          check_mode<double>(mode, g.window, g.support, g.band, g.grid, algorithm);
        if (!fftw || build_info().fftw_single)
          check_mode<float>(mode, g.window, g.support, g.band, g.grid, algorithm);
      }
  }
  // Through skeletons: one window, and a first layer that borrows the order of the others.
  const Mode plain{false, true, false, false, true, false};
  check_mode<double>(plain, {80, 81}, {80, 81}, {77, 80}, {400, 391}, Algorithm::skeleton);
  check_mode<double>(plain, {60, 71}, {80, 81}, {77, 80}, {400, 391}, Algorithm::skeleton);
  check_mode<float>(plain, {80, 81}, {81, 80}, {77, 80}, {400, 391}, Algorithm::skeleton);
  std::puts("stack_modes: ok");
}
