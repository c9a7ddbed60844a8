#include <pybind11/stl.h>

#include <variant>

#include "arrays.hpp"
#include "fdsr/windowed_dft.hpp"

namespace fdsr::python {
namespace {

// A plan of either precision.
class Plan {
 public:
  Plan(std::pair<int, int> window, std::pair<int, int> band, std::pair<double, double> grid, bool centred,
       bool in_double, const std::string& algorithm, const std::string& planner)
      : plan_(make(size_of(window), size_of(band), Grid{grid.first, grid.second, centred}, in_double,
                   algorithm_from_name(algorithm), planner_from_name(planner))) {}

  template <class F>
  auto visit(F&& f) const {
    return std::visit(std::forward<F>(f), plan_);
  }

  enum class Verb { forward, adjoint, inverse, inverse_adjoint };

  py::array run(Verb verb, const char* name, const py::array& x, int threads) const {
    return visit([&](const auto& plan) { return run_typed(plan, verb, name, x, threads); });
  }

 private:
  using Any = std::variant<WindowedDft<float>, WindowedDft<double>>;

  static Any make(Size window, Size band, const Grid& grid, bool in_double, Algorithm algorithm, Planner planner) {
    const py::gil_scoped_release release;
    if (in_double) return WindowedDft<double>(window, band, grid, algorithm, planner);
    return WindowedDft<float>(window, band, grid, algorithm, planner);
  }

  template <class T>
  static py::array run_typed(const WindowedDft<T>& plan, Verb verb, const char* name, const py::array& x,
                             int threads) {
    using Complex = std::complex<T>;
    const bool from_window = verb == Verb::forward || verb == Verb::inverse_adjoint;
    const Size in = from_window ? plan.window() : plan.band(), out = from_window ? plan.band() : plan.window();
    const py::ssize_t batch = first_extent(name, x);
    const Complex* data = data_of<Complex>(name, x, {batch, in.y, in.x});
    py::array_t<Complex> result({batch, py::ssize_t{out.y}, py::ssize_t{out.x}});
    Complex* to = result.mutable_data();
    {
      const py::gil_scoped_release release;
      switch (verb) {
        case Verb::forward: plan.forward(batch, data, threads, to); break;
        case Verb::adjoint: plan.adjoint(batch, data, threads, to); break;
        case Verb::inverse: plan.inverse(batch, data, threads, to); break;
        case Verb::inverse_adjoint: plan.inverse_adjoint(batch, data, threads, to); break;
      }
    }
    return result;
  }

  Any plan_;
};

}  // namespace

void bind_windowed_dft(py::module_& module) {
  using Verb = Plan::Verb;
  py::class_<Plan>(module, "WindowedDft")
      .def(py::init<std::pair<int, int>, std::pair<int, int>, std::pair<double, double>, bool, bool,
                    const std::string&, const std::string&>(),
           py::arg("window"), py::arg("band"), py::arg("grid"), py::arg("centred") = false, py::arg("double") = false,
           py::arg("algorithm") = "auto", py::arg("planner") = "estimate")
      .def(
          "forward", [](const Plan& p, const py::array& x, int t) { return p.run(Verb::forward, "x", x, t); },
          py::arg("x"), py::arg("threads"))
      .def(
          "adjoint", [](const Plan& p, const py::array& v, int t) { return p.run(Verb::adjoint, "v", v, t); },
          py::arg("v"), py::arg("threads"))
      .def(
          "inverse", [](const Plan& p, const py::array& x, int t) { return p.run(Verb::inverse, "X", x, t); },
          py::arg("X"), py::arg("threads"))
      .def(
          "inverse_adjoint",
          [](const Plan& p, const py::array& v, int t) { return p.run(Verb::inverse_adjoint, "v", v, t); },
          py::arg("v"), py::arg("threads"))
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
