// The device code of the fused stack and the windowed DFT, run by threads of the host, against the core.
#include <algorithm>
#include <cstdio>

#include "check.hpp"
#include "cuda/masks.hpp"
#include "cuda/plan.hpp"
#include "fdsr/four_f.hpp"
#include "fdsr/windowed_dft.hpp"
#include "host_team.hpp"

using namespace fdsr;
using namespace fdsr::test;
namespace dev = fdsr::cuda;

namespace {

constexpr int kThreads = 64;

template <class T>
const dev::Complex<T>* device(const std::complex<T>* p) {
  return reinterpret_cast<const dev::Complex<T>*>(p);
}
template <class T>
dev::Complex<T>* device(std::complex<T>* p) {
  return reinterpret_cast<dev::Complex<T>*>(p);
}

template <class T>
double tolerance() {
  return sizeof(T) == 4 ? 3e-6 : 1e-13;  // of the largest value: two layers of sums of some 50 terms
}

template <class T>
double apart(const std::vector<T>& a, const std::vector<T>& b) {
  double worst = 0, largest = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(double(a[i]) - double(b[i])));
    largest = std::max(largest, std::abs(double(b[i])));
    if (a[i] != a[i]) return 1e30;
  }
  return worst / largest;
}
template <class T>
double apart(const Field<T>& a, const Field<T>& b) {
  return largest_difference(a, b) / std::max(largest(b), 1e-30);
}

struct Case {
  Size window, support, band;
  Grid grid;
  int cluster;
  bool intensity = false, transfer = false, per_image = false, amplitude = false;
  Nonlinearity kind = Nonlinearity::kerr;
  NonlinearityParameters parameters{4, 0, 0, 0};
  std::int64_t batch = 2;
  int layers = 2;
};

template <class T>
void check_stack(const Case& c, dev::FloatProducts products = dev::FloatProducts::fma) {
  using Complex = dev::Complex<T>;
  const std::vector<Nonlinearity> kinds(c.layers, c.kind);
  const FourFStack<T> core(c.window, c.support, c.band, c.grid, kinds, Algorithm::folded);
  dev::StackPlan<T> plan(c.window, c.support, c.band, c.grid, kinds, products);
  dev::StackParams<T>& p = plan.params;
  p.q.cluster = c.cluster;

  const std::int64_t masks = c.per_image ? c.batch : 1, area = c.band.area(), mask_area = masks * c.layers * area;
  const auto x = random_field<T>(c.batch * c.window.area(), 1);
  const auto amplitude = random_reals<T>(c.batch * c.window.area(), 2);
  const auto phase = random_reals<T>(mask_area, 3);
  const auto transfer = random_field<T>(mask_area, 4);
  auto aperture = random_reals<T>(area, 5);
  const auto v_out = random_field<T>(c.batch * c.support.area(), 6);
  const auto v_intensity = random_reals<T>(c.batch * c.support.area(), 7);

  // ---- the core
  StackMasks<T> m;
  m.masks = masks;
  (c.transfer ? (void)(m.transfer = transfer.data()) : (void)(m.phase = phase.data()));
  m.apertures = 1, m.aperture = aperture.data();
  m.parameters.assign(c.layers, c.parameters);
  StackInput<T> in;
  (c.amplitude ? (void)(in.amplitude = amplitude.data()) : (void)(in.field = x.data()));
  Field<T> out(c.batch * c.support.area()), fields(c.layers * out.size());
  std::vector<T> intensity(out.size()), tape(core.tape_size(c.batch));
  StackOutput<T> to;
  (c.intensity ? (void)(to.intensity = intensity.data()) : (void)(to.field = out.data()));
  to.fields = fields.data(), to.tape = tape.data();
  core.forward(c.batch, in, m, 1, to);
  StackCotangent<T> cotangent;
  (c.intensity ? (void)(cotangent.intensity = v_intensity.data()) : (void)(cotangent.field = v_out.data()));
  Field<T> v_x(x.size()), v_transfer(mask_area);
  std::vector<T> v_amplitude(x.size()), v_phase(mask_area);
  std::vector<NonlinearityParameters> v_parameters;
  StackGradients<T> v;
  (c.amplitude ? (void)(v.amplitude = v_amplitude.data()) : (void)(v.field = v_x.data()));
  (c.transfer ? (void)(v.transfer = v_transfer.data()) : (void)(v.phase = v_phase.data()));
  v.parameters = &v_parameters;
  core.adjoint(c.batch, cotangent, tape.data(), m, 1, v);

  // ---- the device code
  std::vector<double> parameters;
  for (int l = 0; l < c.layers; ++l) parameters.insert(parameters.end(), c.parameters.begin(), c.parameters.end());
  p.constants = plan.constants.data();
  p.parameters = parameters.data();
  p.mask_per_image = c.per_image;
  p.batch = c.batch;
  dev::GivenMasks<T> given;
  given.masks = masks;
  (c.transfer ? (void)(given.transfer = device(transfer.data())) : (void)(given.phase = phase.data()));
  given.apertures = 1, given.aperture = aperture.data();
  given.gauge = plan.gauge;
  given.scale = static_cast<T>(1 / (c.grid.y * c.grid.x));
  const std::int64_t prepared = masks * c.layers * 4ll * p.band_places();
  std::vector<Complex> mask_values(prepared);
  for (std::int64_t i = 0; i < prepared; ++i) mask_values[i] = dev::prepared_mask(p, given, i);
  p.masks = mask_values.data();

  Field<T> got_out(out.size()), got_fields(fields.size()), got_x(x.size()), got_transfer(mask_area);
  std::vector<T> got_intensity(out.size()), got_amplitude(x.size()), got_phase(mask_area);
  std::vector<Complex> got_tape(c.batch * c.layers * p.layer_tape());
  dev::StackForward<T> f;
  (c.amplitude ? (void)(f.amplitude = amplitude.data()) : (void)(f.field = device(x.data())));
  (c.intensity ? (void)(f.intensity = got_intensity.data()) : (void)(f.out = device(got_out.data())));
  f.fields = device(got_fields.data()), f.tape = got_tape.data();
  dev::StackAdjoint<T> a;
  (c.intensity ? (void)(a.v_intensity = v_intensity.data()) : (void)(a.v_out = device(v_out.data())));
  a.tape = got_tape.data();
  const std::int64_t sums = c.per_image ? c.batch : 1;  // one cluster runs all images
  std::vector<T> phase_sums(sums * c.layers * 4 * p.band_places());
  std::vector<Complex> transfer_sums(phase_sums.size());
  std::vector<double> parameter_sums(c.cluster * c.layers * 4);
  (c.transfer ? (void)(a.transfer = transfer_sums.data()) : (void)(a.phase = phase_sums.data()));
  a.parameters = parameter_sums.data();
  (c.amplitude ? (void)(a.amplitude = got_amplitude.data()) : (void)(a.field = device(got_x.data())));

  const std::size_t bytes = sizeof(T) * dev::shared_values(p.q, p.matrices);
  dev::with_products<T>(products, plan.tile_rows, [&]<class Products>() {
    run_cluster(c.cluster, kThreads, bytes + 32 * kThreads + 64, [&](const HostTeam& team) {
      T* shared = team.shared<T>();
      auto* scratch = reinterpret_cast<double*>(reinterpret_cast<char*>(shared) + (bytes + 15) / 16 * 16);
      dev::prepare_block(team, p, shared);
      for (std::int64_t image = 0; image < c.batch; ++image) dev::stack_forward<Products>(team, p, f, image, shared);
      for (std::int64_t image = 0; image < c.batch; ++image)
        dev::stack_adjoint<Products>(team, p, a, image, 0, image > 0, shared, scratch);
    });
  });
  for (std::int64_t i = 0; i < mask_area; ++i) {
    const std::int64_t count = c.per_image ? 1 : sums;
    if (c.transfer)
      device(got_transfer.data())[i] = dev::transfer_gradient(p, given, transfer_sums.data(), count, i);
    else
      got_phase[i] = dev::phase_gradient(p, phase_sums.data(), count, i);
  }

  const double bound = tolerance<T>();
  CHECK(c.intensity ? apart(got_intensity, intensity) < bound : apart(got_out, out) < bound);
  CHECK(apart(got_fields, fields) < bound);
  CHECK(c.amplitude ? apart(got_amplitude, v_amplitude) < bound : apart(got_x, v_x) < bound);
  CHECK(c.transfer ? apart(got_transfer, v_transfer) < bound : apart(got_phase, v_phase) < bound);
  for (int l = 0; l < c.layers; ++l)
    for (int i = 0; i < 4; ++i) {
      double got = 0, scale = 1e-3;
      for (int rank = 0; rank < c.cluster; ++rank) got += parameter_sums[(rank * c.layers + l) * 4 + i];
      for (const auto& all : v_parameters) for (const double value : all) scale = std::max(scale, std::abs(value));
      CHECK(std::abs(got - v_parameters[l][i]) < 4 * bound * scale);
    }
}

template <class T>
void check_transforms(Size window, Size band, const Grid& grid, int cluster,
                      dev::FloatProducts products = dev::FloatProducts::fma) {
  const WindowedDft<T> core(window, band, grid, Algorithm::folded);
  for (const bool to_band : {true, false}) {
    dev::TransformPlan<T> plan(window, band, grid, to_band, products);
    auto& p = plan.params;
    p.q.cluster = cluster, p.batch = 2, p.constants = plan.constants.data();
    const Size from = to_band ? window : band, to = to_band ? band : window;
    const auto x = random_field<T>(2 * from.area(), 8);
    Field<T> wanted(2 * to.area()), got(2 * to.area());
    to_band ? core.forward(2, x.data(), 1, wanted.data()) : core.adjoint(2, x.data(), 1, wanted.data());
    p.in = device(x.data()), p.out = device(got.data());
    const std::size_t bytes = sizeof(T) * dev::shared_values(p.q, p.matrices);
    dev::with_products<T>(products, plan.tile_rows, [&]<class Products>() {
      run_cluster(cluster, kThreads, bytes, [&](const HostTeam& team) {
        T* shared = team.shared<T>();
        dev::prepare_block(team, p, shared);
        for (std::int64_t image = 0; image < 2; ++image) dev::windowed_dft<Products>(team, p, image, shared);
      });
    });
    CHECK(apart(got, wanted) < tolerance<T>());
    if constexpr (sizeof(T) == sizeof(float)) {
      // Against sums in float64: tensor cores lose no more than multiply-adds, both some 1.8e-7.
      const WindowedDft<double> exact(window, band, grid, Algorithm::folded);
      const Field<double> x_exact(x.begin(), x.end());
      Field<double> y(got.size());
      to_band ? exact.forward(2, x_exact.data(), 1, y.data()) : exact.adjoint(2, x_exact.data(), 1, y.data());
      double error = 0, power = 0;
      for (std::size_t i = 0; i < y.size(); ++i)
        error += std::norm(std::complex<double>(got[i]) - y[i]), power += std::norm(y[i]);
      CHECK(std::sqrt(error / power) < 2.5e-7);
    }
  }
}

}  // namespace

int main() {
  constexpr auto kSplit = dev::FloatProducts::tf32x3;
  for (const int cluster : {1, 2, 4}) {
    check_transforms<float>({112, 112}, {112, 112}, {336, 336}, cluster, kSplit);
    check_transforms<float>({70, 66}, {120, 33}, {224, 224}, cluster, kSplit);
    check_transforms<float>({7, 10}, {8, 5}, {24, 21}, cluster, kSplit);
    check_transforms<float>({131, 150}, {149, 150}, {400, 450}, cluster, kSplit);
    check_stack<float>({{6, 9}, {7, 8}, {9, 12}, {24, 21}, cluster, true, true}, kSplit);
    check_stack<float>({{9, 8}, {12, 11}, {7, 6}, {33.5, 40.5, true}, cluster, false, true, true, true}, kSplit);
    check_transforms<double>({7, 10}, {8, 5}, {24, 21}, cluster);
    check_transforms<double>({12, 12}, {12, 12}, {30.5, 41.25, true}, cluster);
    check_transforms<float>({112, 112}, {112, 112}, {336, 336}, cluster);
    check_transforms<float>({70, 66}, {120, 33}, {224, 224}, cluster);
    check_stack<double>({{6, 7}, {6, 7}, {5, 8}, {24, 21}, cluster});
    check_stack<double>({{6, 9}, {7, 8}, {9, 12}, {24, 21}, cluster, true, true});
    check_stack<double>({{12, 12}, {12, 12}, {12, 12}, {36, 36}, cluster, true, false, true, true});
    check_stack<double>({{9, 8}, {12, 11}, {7, 6}, {33.5, 40.5, true}, cluster, false, true, true, true});
  }
  check_stack<float>({{112, 112}, {112, 112}, {112, 112}, {336, 336}, 4, true});
  check_stack<float>({{112, 112}, {112, 112}, {112, 112}, {336, 336}, 4, true}, kSplit);
  check_stack<float>({{16, 16}, {16, 16}, {16, 16}, {48, 48}, 2});
  const Case base{{8, 9}, {8, 9}, {7, 8}, {24, 21}, 2};
  for (const auto& [kind, parameters] : std::initializer_list<std::pair<Nonlinearity, NonlinearityParameters>>{
           {Nonlinearity::none, {}},
           {Nonlinearity::saturable_kerr, {3, 0.7}},
           {Nonlinearity::saturable_absorber, {1.5, 0.6}},
           {Nonlinearity::two_photon_absorption, {0.8}},
           {Nonlinearity::optoelectronic_gate, {0.1, 0.9, 0.5, 2.5}}})
    for (const bool intensity : {false, true}) {
      Case c = base;
      c.kind = kind, c.parameters = parameters, c.intensity = intensity;
      check_stack<double>(c);
      check_stack<float>(c);
    }
  // A device that cannot hold an image is told apart, and a small batch is dealt out to more blocks.
  dev::DeviceFacts big{132, 232448, 233472, true}, small{108, 166912, 167936, false};
  const dev::StackPlan<float> paper({112, 112}, {112, 112}, {112, 112}, {336, 336}, {Nonlinearity::kerr},
                                    kSplit);
  const auto& q = paper.params.q;
  CHECK(dev::choose_launch(q, paper.params.matrices, 4, false, 40, big).cluster > 1);
  CHECK(dev::choose_launch(q, paper.params.matrices, 4, false, 40, small).cluster == 1);
  CHECK(dev::choose_launch(q, paper.params.matrices, 8, false, 40, small).cluster == 0);
  std::puts("ok");
}
