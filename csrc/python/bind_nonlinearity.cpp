#include <pybind11/stl.h>

#include "arrays.hpp"
#include "fdsr/nonlinearity.hpp"
#include "fdsr/propagation.hpp"

namespace fdsr::python {
namespace {

// Addresses of compiled functions, checked by the caller.
template <class T>
CustomResponse<T> custom_from(const std::vector<std::uintptr_t>& callbacks) {
  if (callbacks.size() < 2) return {};
  return {reinterpret_cast<ResponseFunction<T>>(callbacks[0]), reinterpret_cast<ResponseFunction<T>>(callbacks[1])};
}

struct Request {
  Nonlinearity kind;
  NonlinearityParameters parameters;
  std::vector<std::uintptr_t> callbacks;
  int threads;
  Request(const std::string& name, NonlinearityParameters p, std::vector<std::uintptr_t> c, int t)
      : kind(nonlinearity_from_name(name)), parameters(p), callbacks(std::move(c)), threads(t) {
    if (kind == Nonlinearity::custom && (callbacks.size() < 2 || !callbacks[0] || !callbacks[1]))
      invalid_argument("callbacks: a custom nonlinearity needs the addresses of its response and derivative");
  }
};

Shape shape_of(const py::array& array) { return Shape(array.shape(), array.shape() + array.ndim()); }

template <class T>
py::array forward(const Request& r, const py::array& x) {
  const auto* field = data_of<std::complex<T>>("x", x, shape_of(x));
  py::array_t<std::complex<T>> y(shape_of(x));
  auto* out = y.mutable_data();
  const py::gil_scoped_release release;
  apply_nonlinearity<T>(r.kind, x.size(), field, r.parameters, custom_from<T>(r.callbacks), r.threads, out);
  return y;
}

template <class T>
py::tuple adjoint(const Request& r, const py::array& v, const py::array& x) {
  const auto* field = data_of<std::complex<T>>("x", x, shape_of(x));
  const auto* v_out = data_of<std::complex<T>>("v", v, shape_of(x));
  py::array_t<std::complex<T>> v_x(shape_of(x));
  auto* out = v_x.mutable_data();
  NonlinearityParameters v_parameters;
  {
    const py::gil_scoped_release release;
    apply_nonlinearity_adjoint<T>(r.kind, x.size(), v_out, field, r.parameters, custom_from<T>(r.callbacks),
                                  r.threads, out, v_parameters);
  }
  return py::make_tuple(v_x, py::array_t<double>(4, v_parameters.data()));
}

template <class T>
py::array transfer(std::pair<int, int> shape, double distance, std::pair<double, double> pitch, double wavelength,
                   bool band_limit) {
  if (shape.first < 1 || shape.second < 1)
    invalid_argument("shape is (", shape.first, ", ", shape.second, "): must be at least 1");
  py::array_t<std::complex<T>> out({shape.first, shape.second});
  auto* to = out.mutable_data();
  const py::gil_scoped_release release;
  angular_spectrum_transfer<T>(size_of(shape), distance, pitch.first, pitch.second, wavelength, band_limit, to);
  return out;
}

}  // namespace

void bind_nonlinearity(py::module_& module) {
  module.def(
      "nonlinearity_forward",
      [](const std::string& name, const py::array& x, NonlinearityParameters parameters,
         std::vector<std::uintptr_t> callbacks, int threads) {
        const Request r(name, parameters, std::move(callbacks), threads);
        return holds<std::complex<double>>(x) ? forward<double>(r, x) : forward<float>(r, x);
      },
      py::arg("name"), py::arg("x"), py::arg("parameters"), py::arg("callbacks"), py::arg("threads"));
  module.def(
      "nonlinearity_adjoint",
      [](const std::string& name, const py::array& v, const py::array& x, NonlinearityParameters parameters,
         std::vector<std::uintptr_t> callbacks, int threads) {
        const Request r(name, parameters, std::move(callbacks), threads);
        return holds<std::complex<double>>(x) ? adjoint<double>(r, v, x) : adjoint<float>(r, v, x);
      },
      py::arg("name"), py::arg("v"), py::arg("x"), py::arg("parameters"), py::arg("callbacks"), py::arg("threads"));
  module.def(
      "angular_spectrum_transfer",
      [](std::pair<int, int> shape, double distance, std::pair<double, double> pitch, double wavelength,
         bool band_limit, bool in_double) {
        return in_double ? transfer<double>(shape, distance, pitch, wavelength, band_limit)
                         : transfer<float>(shape, distance, pitch, wavelength, band_limit);
      },
      py::arg("shape"), py::arg("distance"), py::arg("pitch"), py::arg("wavelength"), py::arg("band_limit") = true,
      py::arg("double") = false);
}

}  // namespace fdsr::python
