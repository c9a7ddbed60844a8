// The Python module pyfdsr._cuda: plans of the CUDA kernels on addresses of device memory.
//
// The caller owns all memory and the stream; addresses are integers, 0 for what is not given.
#include <pybind11/numpy.h>

#include <array>
#include <string>

#include "cuda/python/bindings.hpp"
#include "cuda/tile_operators.hpp"

namespace fdsr::cuda {
namespace {

FloatProducts products_of(const std::string& name) {
  if (name == "3xtf32") return FloatProducts::tf32x3;
  if (name == "fma") return FloatProducts::fma;
  throw py::value_error("products: '" + name + "' given, must be '3xtf32' or 'fma'");
}

template <class T>
py::array constants_of(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

template <class T>
void bind_stack(py::module_& module, const char* name) {
  using Stack = FourFStack<T>;
  py::class_<Stack>(module, name, py::module_local())
      .def(py::init([](Pair window, Pair support, Pair band, std::pair<double, double> grid, bool centred,
                       const std::vector<std::string>& kinds, const std::string& products) {
             std::vector<Nonlinearity> layers;
             for (const auto& kind : kinds) layers.push_back(nonlinearity_from_name(kind));
             return std::make_unique<Stack>(size_of(window), size_of(support), size_of(band),
                                            Grid{grid.first, grid.second, centred}, layers, products_of(products));
           }),
           py::arg("window"), py::arg("support"), py::arg("band"), py::arg("grid"), py::arg("centred"),
           py::arg("kinds"), py::arg("products"))
      .def("constants", [](const Stack& s) { return constants_of(s.constants()); })
      .def("fits", &Stack::fits, py::arg("device"))
      .def("tape_size", &Stack::tape_size, py::arg("batch"))
      .def("workspace_bytes", &Stack::workspace_bytes, py::arg("device"), py::arg("batch"), py::arg("masks"),
           py::arg("value_bytes"))
      .def(
          "forward",
          [](const Stack& s, int device, Address stream, Address workspace, Address constants, Address parameters,
             std::int64_t batch, std::int64_t masks, Address phase, Address transfer, int apertures, Address aperture,
             Address field, Address amplitude, Address out, Address intensity, Address fields, Address tape) {
            GivenMasks<T> given{masks, at<T>(phase), at<Complex<T>>(transfer), apertures, at<T>(aperture), {}, T(1)};
            const StackForward<T> io{at<Complex<T>>(field), at<T>(amplitude),        at<Complex<T>>(out),
                                     at<T>(intensity),      at<Complex<T>>(fields), at<Complex<T>>(tape)};
            s.forward(queue_of(device, stream, workspace), at<T>(constants), at<double>(parameters), batch, given, io);
          },
          py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("workspace"), py::arg("constants"),
          py::arg("parameters"), py::arg("batch"), py::arg("masks"), py::arg("phase"), py::arg("transfer"),
          py::arg("apertures"), py::arg("aperture"), py::arg("field"), py::arg("amplitude"), py::arg("out"),
          py::arg("intensity"), py::arg("fields"), py::arg("tape"))
      .def(
          "adjoint",
          [](const Stack& s, int device, Address stream, Address workspace, Address constants, Address parameters,
             std::int64_t batch, std::int64_t masks, Address phase, Address transfer, int apertures, Address aperture,
             Address v_out, Address v_intensity, Address tape, Address v_phase, Address v_transfer,
             Address v_parameters, Address v_field, Address v_amplitude) {
            GivenMasks<T> given{masks, at<T>(phase), at<Complex<T>>(transfer), apertures, at<T>(aperture), {}, T(1)};
            StackAdjoint<T> io;
            io.v_out = at<Complex<T>>(v_out), io.v_intensity = at<T>(v_intensity), io.tape = at<Complex<T>>(tape);
            const StackResults<T> results{at<T>(v_phase), at<Complex<T>>(v_transfer), at<double>(v_parameters),
                                          at<Complex<T>>(v_field), at<T>(v_amplitude)};
            s.adjoint(queue_of(device, stream, workspace), at<T>(constants), at<double>(parameters), batch, given, io,
                      results);
          },
          py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("workspace"), py::arg("constants"),
          py::arg("parameters"), py::arg("batch"), py::arg("masks"), py::arg("phase"), py::arg("transfer"),
          py::arg("apertures"), py::arg("aperture"), py::arg("v_out"), py::arg("v_intensity"), py::arg("tape"),
          py::arg("v_phase"), py::arg("v_transfer"), py::arg("v_parameters"), py::arg("v_field"),
          py::arg("v_amplitude"));
}

template <class T>
void bind_transform(py::module_& module, const char* name) {
  using Plan = WindowedDft<T>;
  py::class_<Plan>(module, name, py::module_local())
      .def(py::init([](Pair window, Pair band, std::pair<double, double> grid, bool centred, bool to_band,
                       double scale, const std::string& products) {
             return std::make_unique<Plan>(size_of(window), size_of(band), Grid{grid.first, grid.second, centred},
                                           to_band, scale, products_of(products));
           }),
           py::arg("window"), py::arg("band"), py::arg("grid"), py::arg("centred"), py::arg("to_band"),
           py::arg("scale"), py::arg("products"))
      .def("constants", [](const Plan& p) { return constants_of(p.constants()); })
      .def("fits", &Plan::fits, py::arg("device"))
      .def(
          "apply",
          [](const Plan& p, int device, Address stream, Address constants, std::int64_t batch, Address in,
             Address out) {
            p.apply(queue_of(device, stream, 0), at<T>(constants), batch, at<Complex<T>>(in), at<Complex<T>>(out));
          },
          py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("constants"), py::arg("batch"), py::arg("in_"),
          py::arg("out"));
}

template <class T>
void bind_nonlinearity(py::module_& module, const std::string& precision) {
  module.def(
      ("nonlinearity_" + precision).c_str(),
      [](int device, Address stream, const std::string& kind, Address parameters, std::int64_t count, Address x,
         Address y) {
        nonlinearity<T>(queue_of(device, stream, 0), nonlinearity_from_name(kind), at<double>(parameters), count,
                        at<Complex<T>>(x), at<Complex<T>>(y));
      },
      py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("kind"), py::arg("parameters"), py::arg("count"),
      py::arg("x"), py::arg("y"));
  module.def(
      ("nonlinearity_adjoint_" + precision).c_str(),
      [](int device, Address stream, Address workspace, const std::string& kind, Address parameters,
         std::int64_t count, Address v, Address x, Address v_x, Address v_parameters) {
        nonlinearity_adjoint<T>(queue_of(device, stream, workspace), nonlinearity_from_name(kind),
                                at<double>(parameters), count, at<Complex<T>>(v), at<Complex<T>>(x),
                                at<Complex<T>>(v_x), at<double>(v_parameters));
      },
      py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("workspace"), py::arg("kind"),
      py::arg("parameters"), py::arg("count"), py::arg("v"), py::arg("x"), py::arg("v_x"), py::arg("v_parameters"));
}

// length, step, count, used, wide, before, spacing, size
using AxisNumbers = std::array<int, 8>;

TileAxis axis_of(const AxisNumbers& n) { return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]}; }

// extents: groups, images, channels of a group; strides: of these, rows and columns, in values.
TileMap map_of(const AxisNumbers& y, const AxisNumbers& x, int mode, const std::array<std::int64_t, 3>& extents,
               const std::array<std::int64_t, 5>& s) {
  return {axis_of(y), axis_of(x), static_cast<Padding>(mode), extents[0], extents[1], extents[2],
          s[0],       s[1],       s[2],                       s[3],       s[4]};
}

template <class T>
void bind_tiles(py::module_& module, const std::string& precision) {
  module.def(
      ("tile_spectra_" + precision).c_str(),
      [](int device, Address stream, const AxisNumbers& y, const AxisNumbers& x, int mode,
         const std::array<std::int64_t, 3>& extents, const std::array<std::int64_t, 5>& strides, bool conjugate,
         Address samples, Address spectra) {
        tile_spectra<T>(queue_of(device, stream, 0), map_of(y, x, mode, extents, strides), conjugate, at<T>(samples),
                        at<Complex<T>>(spectra));
      },
      py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("y"), py::arg("x"), py::arg("mode"),
      py::arg("extents"), py::arg("strides"), py::arg("conjugate"), py::arg("samples"), py::arg("spectra"));
  module.def(
      ("tile_results_" + precision).c_str(),
      [](int device, Address stream, const AxisNumbers& y, const AxisNumbers& x,
         const std::array<std::int64_t, 3>& extents, const std::array<std::int64_t, 5>& strides, Address spectra,
         Address bias, Address samples) {
        tile_results<T>(queue_of(device, stream, 0), map_of(y, x, 0, extents, strides), at<Complex<T>>(spectra),
                        at<T>(bias), at<T>(samples));
      },
      py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("y"), py::arg("x"), py::arg("extents"),
      py::arg("strides"), py::arg("spectra"), py::arg("bias"), py::arg("samples"));
  module.def(
      ("depthwise_tiles_" + precision).c_str(),
      [](int device, Address stream, const AxisNumbers& y, const AxisNumbers& x, int mode,
         const std::array<std::int64_t, 3>& extents, const std::array<std::int64_t, 5>& strides, Address samples,
         Address kernels, const AxisNumbers& out_y, const AxisNumbers& out_x,
         const std::array<std::int64_t, 5>& out_strides, Address bias, Address results) {
        depthwise_tiles<T>(queue_of(device, stream, 0), map_of(y, x, mode, extents, strides), at<T>(samples),
                           at<Complex<T>>(kernels), map_of(out_y, out_x, 0, extents, out_strides), at<T>(bias),
                           at<T>(results));
      },
      py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("y"), py::arg("x"), py::arg("mode"),
      py::arg("extents"), py::arg("strides"), py::arg("samples"), py::arg("kernels"), py::arg("out_y"),
      py::arg("out_x"), py::arg("out_strides"), py::arg("bias"), py::arg("results"));
}

}  // namespace
}  // namespace fdsr::cuda

#if !defined(FDSR_CUDA_MODULE)
#define FDSR_CUDA_MODULE _cuda
#endif

PYBIND11_MODULE(FDSR_CUDA_MODULE, module) {
  using namespace fdsr::cuda;
  module.doc() = "CUDA kernels of pyfdsr on addresses of device memory and a stream.";
  bind_stack<float>(module, "FourFStack32");
  bind_stack<double>(module, "FourFStack64");
  bind_transform<float>(module, "WindowedDft32");
  bind_transform<double>(module, "WindowedDft64");
  bind_nonlinearity<float>(module, "32");
  bind_nonlinearity<double>(module, "64");
  bind_tiles<float>(module, "32");
  bind_tiles<double>(module, "64");
  bind_chip(module);
  module.def(
      "serves", [](int device) { return facts_of_device(device).shared_per_block > 0; }, py::arg("device"));
  module.attr("nonlinearity_workspace") = nonlinearity_workspace();
  module.attr("most_samples") = 2 * kMostFolded;
  module.attr("most_layers") = kMostLayers;
  module.attr("least_tile") = kLeastTile;
  module.attr("most_tile") = kMostTile;
  module.attr("architectures") = FDSR_CUDA_ARCHITECTURES;
}
