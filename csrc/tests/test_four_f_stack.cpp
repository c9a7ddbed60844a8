// The stack's adjoint against central differences of a real loss, for every nonlinearity; threads change no bit.
#include <algorithm>

#include "check.hpp"
#include "fdsr/four_f.hpp"

using namespace fdsr;
using namespace fdsr::test;

namespace {

constexpr int kLayers = 2;

struct Problem {
  FourFStack<double> stack;
  StackMasks<double> masks;
  std::vector<double> phases;
  Field<double> x, v;
  std::int64_t batch;

  Problem(Size window, Size support, Nonlinearity kind, NonlinearityParameters parameters, std::int64_t images)
      : stack(window, support, {6, 7}, {24, 21}, std::vector<Nonlinearity>(kLayers, kind)),
        phases(random_reals<double>(kLayers * 6 * 7, 4)),
        x(random_field<double>(images * window.area(), 5)),
        v(random_field<double>(images * support.area(), 6)),
        batch(images) {
    masks.parameters.assign(kLayers, parameters);
    masks.phase = phases.data();
  }

  // L = Re <v, y>
  double loss() {
    masks.phase = phases.data();
    Field<double> y(v.size());
    StackInput<double> in;
    in.field = x.data();
    StackOutput<double> out;
    out.field = y.data();
    stack.forward(batch, in, masks, 1, out);
    return inner(v, y).real();
  }

  double difference(double& parameter) {
    constexpr double step = 1e-5;
    const double kept = parameter;
    parameter = kept + step;
    const double up = loss();
    parameter = kept - step;
    const double down = loss();
    parameter = kept;
    return (up - down) / (2 * step);
  }
};

// Central differences err by step^2 times third derivatives and eps / step: about 1e-9 of the gradient's scale.
void check_gradients(Problem p) {
  Field<double> y(p.v.size()), v_x(p.x.size());
  std::vector<double> tape(p.stack.tape_size(p.batch)), v_phase(p.phases.size());
  std::vector<NonlinearityParameters> v_parameters;
  StackInput<double> in;
  in.field = p.x.data();
  StackOutput<double> out;
  out.field = y.data();
  out.tape = tape.data();
  p.stack.forward(p.batch, in, p.masks, 1, out);
  StackCotangent<double> cotangent;
  cotangent.field = p.v.data();
  StackGradients<double> gradients;
  gradients.field = v_x.data();
  gradients.phase = v_phase.data();
  gradients.parameters = &v_parameters;
  p.stack.adjoint(p.batch, cotangent, tape.data(), p.masks, 1, gradients);

  const double scale = 1 + std::abs(p.loss());
  for (std::size_t i = 0; i < p.x.size(); i += 7) {
    auto* parts = reinterpret_cast<double*>(&p.x[i]);
    CHECK(std::abs(p.difference(parts[0]) - v_x[i].real()) < 1e-6 * scale);
    CHECK(std::abs(p.difference(parts[1]) - v_x[i].imag()) < 1e-6 * scale);
  }
  for (std::size_t i = 0; i < p.phases.size(); i += 5)
    CHECK(std::abs(p.difference(p.phases[i]) - v_phase[i]) < 1e-6 * scale);
  for (int l = 0; l < kLayers; ++l)
    for (int k = 0; k < 4; ++k)
      if (p.masks.parameters[l][k] != 0)
        CHECK(std::abs(p.difference(p.masks.parameters[l][k]) - v_parameters[l][k]) < 1e-6 * scale);
}

void check_threads() {
  const Problem p({9, 8}, {9, 8}, Nonlinearity::kerr, {2, 0, 0, 0}, 9);
  std::vector<std::vector<double>> results;
  for (const int threads : {1, 2, 4}) {
    Field<double> y(p.v.size());
    std::vector<double> tape(p.stack.tape_size(p.batch)), v_phase(p.phases.size());
    StackMasks<double> masks = p.masks;
    masks.phase = p.phases.data();
    StackInput<double> in;
    in.field = p.x.data();
    StackOutput<double> out;
    out.field = y.data();
    out.tape = tape.data();
    p.stack.forward(p.batch, in, masks, threads, out);
    StackCotangent<double> cotangent;
    cotangent.field = p.v.data();
    StackGradients<double> gradients;
    gradients.phase = v_phase.data();
    p.stack.adjoint(p.batch, cotangent, tape.data(), masks, threads, gradients);
    results.push_back(v_phase);
  }
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

}  // namespace

int main() {
  const Size even{8, 8}, odd{9, 7};
  check_gradients(Problem(even, even, Nonlinearity::none, {}, 2));
  check_gradients(Problem(even, odd, Nonlinearity::kerr, {1.5, 0, 0, 0}, 2));
  check_gradients(Problem(odd, odd, Nonlinearity::saturable_kerr, {3.0, 0.7, 0, 0}, 1));
  check_gradients(Problem(odd, even, Nonlinearity::saturable_absorber, {1.2, 0.5, 0, 0}, 2));
  check_gradients(Problem(even, even, Nonlinearity::two_photon_absorption, {0.8, 0, 0, 0}, 1));
  check_gradients(Problem(even, even, Nonlinearity::optoelectronic_gate, {0.1, 0.9, 0.6, 2.0}, 1));
  check_threads();
  std::puts("four_f_stack: ok");
}
