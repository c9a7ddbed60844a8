#include <pybind11/stl.h>

#include <memory>
#include <variant>

#include "arrays.hpp"
#include "fdsr/four_f.hpp"

namespace fdsr::python {
namespace {

using Callbacks = std::vector<std::uintptr_t>;

// What the adjoint needs.
template <class T>
py::array_t<T> make_tape(std::int64_t size) {
  return array_in_reused_memory<T>({py::ssize_t{size}}, {py::ssize_t{sizeof(T)}}, size);
}

struct Masks {
  py::object phase, transfer, aperture, parameters;
  Callbacks callbacks;
};

template <class T>
StackMasks<T> masks_of(const FourFStack<T>& stack, const Masks& m) {
  using Complex = std::complex<T>;
  const Size band = stack.band();
  const py::ssize_t layers = stack.layers();
  StackMasks<T> out;
  const py::object& given = m.phase.is_none() ? m.transfer : m.phase;
  if (m.phase.is_none() == m.transfer.is_none())
    invalid_argument("exactly one of phase and transfer must be given");
  if (!py::isinstance<py::array>(given)) throw py::type_error("phase or transfer: must be an array");
  const py::ssize_t count = first_extent("phase or transfer", py::reinterpret_borrow<py::array>(given));
  const Shape shape{count, layers, band.y, band.x};
  out.masks = count;
  if (m.transfer.is_none())
    out.phase = data_of<T>("phase", m.phase, shape);
  else
    out.transfer = data_of<Complex>("transfer", m.transfer, shape);
  if (!m.aperture.is_none()) {
    out.aperture = data_of<T>("aperture", m.aperture, {-1, band.y, band.x});
    out.apertures = static_cast<int>(py::reinterpret_borrow<py::array>(m.aperture).shape(0));
  }
  const double* parameters = data_of<double>("parameters", m.parameters, {layers, 4});
  for (py::ssize_t l = 0; l < layers; ++l, parameters += 4)
    out.parameters.push_back({parameters[0], parameters[1], parameters[2], parameters[3]});
  if (!m.callbacks.empty()) {
    if (static_cast<py::ssize_t>(m.callbacks.size()) != 2 * layers)
      invalid_argument("callbacks: ", m.callbacks.size(), " addresses given, ", 2 * layers, " needed");
    for (py::ssize_t l = 0; l < layers; ++l)
      out.custom.push_back({reinterpret_cast<ResponseFunction<T>>(m.callbacks[2 * l]),
                            reinterpret_cast<ResponseFunction<T>>(m.callbacks[2 * l + 1])});
  }
  return out;
}

template <class V>
py::array_t<V> batch_array(std::int64_t batch, Size size) {
  return py::array_t<V>({py::ssize_t{batch}, py::ssize_t{size.y}, py::ssize_t{size.x}});
}

template <class T>
py::tuple forward(const FourFStack<T>& stack, const py::array& x, const Masks& m, bool save, bool intensity,
                  bool return_fields, int threads) {
  using Complex = std::complex<T>;
  const py::ssize_t batch = first_extent("x", x);
  const Size window = stack.window(), support = stack.support();
  const Shape shape{batch, window.y, window.x};
  const StackMasks<T> masks = masks_of(stack, m);
  StackInput<T> in;
  if (holds<T>(x))
    in.amplitude = data_of<T>("x", x, shape);
  else
    in.field = data_of<Complex>("x", x, shape);
  StackOutput<T> out;
  py::object result, tape = py::none(), fields = py::none();
  if (intensity) {
    auto array = batch_array<T>(batch, support);
    out.intensity = array.mutable_data();
    result = array;
  } else {
    auto array = batch_array<Complex>(batch, support);
    out.field = array.mutable_data();
    result = array;
  }
  if (save) {
    auto array = make_tape<T>(stack.tape_size(batch));
    out.tape = array.mutable_data();
    tape = array;
  }
  if (return_fields) {
    py::array_t<Complex> array(
        {py::ssize_t{stack.layers()}, batch, py::ssize_t{support.y}, py::ssize_t{support.x}});
    out.fields = array.mutable_data();
    fields = array;
  }
  {
    const py::gil_scoped_release release;
    stack.forward(batch, in, masks, threads, out);
  }
  return py::make_tuple(result, tape, fields);
}

struct Needs {
  bool input, real_input, masks, parameters;
};

template <class T>
py::tuple adjoint(const FourFStack<T>& stack, const py::array& v, const py::array& tape, std::int64_t batch,
                  const Masks& m, bool intensity, const Needs& needs, int threads) {
  using Complex = std::complex<T>;
  const Size window = stack.window(), support = stack.support(), band = stack.band();
  const Shape shape{batch, support.y, support.x};
  const StackMasks<T> masks = masks_of(stack, m);
  StackCotangent<T> v_out;
  if (intensity)
    v_out.intensity = data_of<T>("v", v, shape);
  else
    v_out.field = data_of<Complex>("v", v, shape);
  const T* saved = data_of<T>("tape", tape, {stack.tape_size(batch)});
  StackGradients<T> gradients;
  py::object v_x = py::none(), v_mask = py::none(), v_parameters = py::none();
  if (needs.input && needs.real_input) {
    auto array = batch_array<T>(batch, window);
    gradients.amplitude = array.mutable_data();
    v_x = array;
  } else if (needs.input) {
    auto array = batch_array<Complex>(batch, window);
    gradients.field = array.mutable_data();
    v_x = array;
  }
  const Shape mask_shape{masks.masks, stack.layers(), band.y, band.x};
  if (needs.masks && masks.phase) {
    py::array_t<T> array(mask_shape);
    gradients.phase = array.mutable_data();
    v_mask = array;
  } else if (needs.masks) {
    py::array_t<Complex> array(mask_shape);
    gradients.transfer = array.mutable_data();
    v_mask = array;
  }
  std::vector<NonlinearityParameters> collected;
  if (needs.parameters) gradients.parameters = &collected;
  {
    const py::gil_scoped_release release;
    stack.adjoint(batch, v_out, saved, masks, threads, gradients);
  }
  if (needs.parameters) {
    py::array_t<double> array({py::ssize_t{stack.layers()}, py::ssize_t{4}});
    double* to = array.mutable_data();
    for (const NonlinearityParameters& p : collected) to = std::copy(p.begin(), p.end(), to);
    v_parameters = array;
  }
  return py::make_tuple(v_x, v_mask, v_parameters);
}

// A stack of either precision.
class Plan {
 public:
  Plan(std::pair<int, int> window, std::pair<int, int> support, std::pair<int, int> band,
       std::pair<double, double> grid, bool centred, const std::vector<std::string>& nonlinearities, bool in_double,
       const std::string& algorithm, const std::string& planner)
      : stack_(make(size_of(window), size_of(support), size_of(band), Grid{grid.first, grid.second, centred},
                    nonlinearities, in_double, algorithm_from_name(algorithm), planner_from_name(planner))) {}

  template <class F>
  auto visit(F&& f) const {
    return std::visit(std::forward<F>(f), stack_);
  }

 private:
  using Any = std::variant<FourFStack<float>, FourFStack<double>>;

  static Any make(Size window, Size support, Size band, const Grid& grid, const std::vector<std::string>& names,
                  bool in_double, Algorithm algorithm, Planner planner) {
    std::vector<Nonlinearity> kinds;
    for (const std::string& name : names) kinds.push_back(nonlinearity_from_name(name));
    const py::gil_scoped_release release;
    if (in_double) return FourFStack<double>(window, support, band, grid, kinds, algorithm, planner);
    return FourFStack<float>(window, support, band, grid, kinds, algorithm, planner);
  }

  Any stack_;
};

}  // namespace

void bind_four_f(py::module_& module) {
  py::class_<Plan>(module, "FourFStack")
      .def(py::init<std::pair<int, int>, std::pair<int, int>, std::pair<int, int>, std::pair<double, double>, bool,
                    const std::vector<std::string>&, bool, const std::string&, const std::string&>(),
           py::arg("window"), py::arg("support"), py::arg("band"), py::arg("grid"), py::arg("centred"),
           py::arg("nonlinearities"), py::arg("double"), py::arg("algorithm") = "auto",
           py::arg("planner") = "estimate")
      .def(
          "forward",
          [](const Plan& p, const py::array& x, py::object phase, py::object transfer, py::object aperture,
             py::object parameters, Callbacks callbacks, bool save, bool intensity, bool return_fields, int threads) {
            const Masks m{phase, transfer, aperture, parameters, std::move(callbacks)};
            return p.visit([&](const auto& stack) {
              return forward(stack, x, m, save, intensity, return_fields, threads);
            });
          },
          py::arg("x"), py::arg("phase"), py::arg("transfer"), py::arg("aperture"), py::arg("parameters"),
          py::arg("callbacks"), py::arg("save"), py::arg("intensity"), py::arg("return_fields"), py::arg("threads"))
      .def(
          "adjoint",
          [](const Plan& p, const py::array& v, const py::array& tape, std::int64_t batch, py::object phase,
             py::object transfer, py::object aperture, py::object parameters, Callbacks callbacks, bool intensity,
             bool need_input, bool real_input, int threads, bool need_masks, bool need_parameters) {
            const Masks m{phase, transfer, aperture, parameters, std::move(callbacks)};
            const Needs needs{need_input, real_input, need_masks, need_parameters};
            return p.visit(
                [&](const auto& stack) { return adjoint(stack, v, tape, batch, m, intensity, needs, threads); });
          },
          py::arg("v"), py::arg("tape"), py::arg("batch"), py::arg("phase"), py::arg("transfer"),
          py::arg("aperture"), py::arg("parameters"), py::arg("callbacks"), py::arg("intensity"),
          py::arg("need_input"), py::arg("real_input"), py::arg("threads"), py::arg("need_masks") = true,
          py::arg("need_parameters") = true)
      .def("tape_size",
           [](const Plan& p, std::int64_t batch) {
             return p.visit([&](const auto& stack) { return stack.tape_size(batch); });
           })
      .def_property_readonly("nbytes", [](const Plan& p) { return p.visit([](const auto& q) { return q.nbytes(); }); })
      .def_property_readonly(
          "algorithm", [](const Plan& p) { return p.visit([](const auto& q) { return name_of(q.algorithm()); }); })
      .def_property_readonly("rank",
                             [](const Plan& p) {
                               return p.visit([](const auto& q) { return std::pair(q.rank().y, q.rank().x); });
                             })
      .def_property_readonly("flops", [](const Plan& p) { return p.visit([](const auto& q) { return q.flops(); }); });
}

}  // namespace fdsr::python
