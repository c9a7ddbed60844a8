// A simulator of one's own around the engine: propagate a field through two 4f layers with a Kerr medium after each,
// back-propagate the gradient of a loss to the phase masks, and take steps of gradient descent.
//
//   cmake --install build/release --prefix /some/prefix
//   cmake -S examples/embed_cpp -B build/embed -DCMAKE_PREFIX_PATH=/some/prefix && cmake --build build/embed
#include <complex>
#include <cstdio>
#include <vector>

#include "fdsr/build_info.hpp"
#include "fdsr/four_f.hpp"

int main() {
  constexpr int layers = 2, size = 32, samples = size * size;
  const fdsr::Size window{size, size};
  const fdsr::FourFStack<float> stack(window, window, window, {96, 96}, {layers, fdsr::Nonlinearity::kerr});

  // A square object; the light is to be gathered in the middle of the output plane.
  std::vector<std::complex<float>> field(samples, 0.0f);
  std::vector<float> wanted(samples, 0.0f);
  for (int y = 8; y < 24; ++y)
    for (int x = 8; x < 24; ++x) field[y * size + x] = 1.0f;
  for (int y = 14; y < 18; ++y)
    for (int x = 14; x < 18; ++x) wanted[y * size + x] = 1.0f;

  std::vector<float> phases(layers * samples, 0.0f), intensity(samples), tape(stack.tape_size(1));
  std::vector<float> v_intensity(samples), v_phases(phases.size());
  fdsr::StackMasks<float> masks;
  masks.phase = phases.data();
  masks.parameters.assign(layers, {1.0, 0, 0, 0});
  fdsr::StackInput<float> in;
  in.field = field.data();
  fdsr::StackOutput<float> out;
  out.intensity = intensity.data();
  out.tape = tape.data();
  fdsr::StackCotangent<float> cotangent;
  cotangent.intensity = v_intensity.data();
  fdsr::StackGradients<float> gradients;
  gradients.phase = v_phases.data();

  std::printf("engine: %s kernels, algorithm %s\n", fdsr::build_info().isa.c_str(), fdsr::name_of(stack.algorithm()));
  float first = 0, gathered = 0;
  for (int step = 0; step < 100; ++step) {
    stack.forward(1, in, masks, 1, out);
    gathered = 0;
    for (int i = 0; i < samples; ++i) {
      gathered += wanted[i] * intensity[i];
      v_intensity[i] = -wanted[i];  // loss = -gathered
    }
    if (step == 0) first = gathered;
    stack.adjoint(1, cotangent, tape.data(), masks, 1, gradients);
    for (std::size_t i = 0; i < phases.size(); ++i) phases[i] -= 0.1f * v_phases[i];
  }
  std::printf("energy in the middle: %.3f before, %.3f after training\n", first, gathered);
  return gathered > 1.2f * first ? 0 : 1;
}
