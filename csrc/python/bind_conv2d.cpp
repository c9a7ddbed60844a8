#include <pybind11/stl.h>

#include <array>
#include <variant>

#include "arrays.hpp"
#include "fdsr/conv2d.hpp"

namespace fdsr::python {
namespace {

ConvAlgorithm conv_algorithm(const std::string& name) {
  if (name == "auto") return ConvAlgorithm::automatic;
  if (name == "tiled") return ConvAlgorithm::tiled;
  if (name == "fourier") return ConvAlgorithm::fourier;
  if (name == "spatial") return ConvAlgorithm::spatial;
  invalid_argument("algorithm='", name, "': must be 'auto', 'spatial', 'tiled' or 'fourier'");
}

Padding padding_of(const std::string& name) {
  if (name == "zeros") return Padding::zeros;
  if (name == "circular") return Padding::circular;
  if (name == "replicate") return Padding::replicate;
  if (name == "reflect") return Padding::reflect;
  invalid_argument("padding_mode='", name, "': must be 'zeros', 'circular', 'replicate' or 'reflect'");
}

const char* name_of(ConvAlgorithm algorithm) {
  if (algorithm == ConvAlgorithm::spatial) return "spatial";
  return algorithm == ConvAlgorithm::fourier ? "fourier" : "tiled";
}

// An array [batch, channel, y, x] in whatever order its memory has.
template <class T>
struct Map {
  const T* data;
  Strides strides;
  py::ssize_t batch;
};

template <class T>
Map<T> map_of(const char* name, const py::array& array, int channels, Size size) {
  if (!py::isinstance<py::array_t<T>>(array))
    throw py::type_error(std::string(name) + ": must have dtype " + py::str(py::dtype::of<T>()).cast<std::string>());
  const py::ssize_t batch = first_extent(name, array);
  const Shape actual(array.shape(), array.shape() + array.ndim()), needed{batch, channels, size.y, size.x};
  if (actual != needed)
    invalid_argument(name, ": shape ", shape_text(actual), " given, ", shape_text(needed), " needed");
  const py::ssize_t item = sizeof(T);
  for (int axis = 0; axis < 4; ++axis)
    if (array.strides(axis) % item) invalid_argument(name, ": strides must be whole numbers of elements");
  return {static_cast<const T*>(array.data()),
          {array.strides(0) / item, array.strides(1) / item, array.strides(2) / item, array.strides(3) / item},
          batch};
}

template <class T>
py::array_t<T> empty_map(py::ssize_t batch, py::ssize_t channels, Size size, bool channels_last) {
  const py::ssize_t y = size.y, x = size.x, item = sizeof(T);
  const Shape strides = channels_last ? Shape{item * y * x * channels, item, item * x * channels, item * channels}
                                      : Shape{item * y * x * channels, item * y * x, item * x, item};
  return array_in_reused_memory<T>({batch, channels, y, x}, strides, batch * channels * y * x);
}

template <class T>
Strides strides_of(const py::array_t<T>& array) {
  const py::ssize_t item = sizeof(T);
  return {array.strides(0) / item, array.strides(1) / item, array.strides(2) / item, array.strides(3) / item};
}

class ConvPlan {
 public:
  ConvPlan(int in_channels, int out_channels, std::pair<int, int> kernel, std::pair<int, int> input_size,
           std::pair<int, int> stride, std::array<int, 4> padding, std::pair<int, int> dilation, int groups,
           const std::string& padding_mode, bool in_double, const std::string& algorithm, std::pair<int, int> tile,
           bool trained)
      : plan_(make({in_channels, out_channels, size_of(kernel), size_of(input_size), size_of(stride), padding[0],
                    padding[1], padding[2], padding[3], size_of(dilation), groups, padding_of(padding_mode)},
                   in_double, conv_algorithm(algorithm), size_of(tile),
                   trained ? ConvUse::training : ConvUse::inference)) {}

  template <class F>
  auto visit(F&& f) const {
    return std::visit(std::forward<F>(f), plan_);
  }

  py::array forward(const py::array& x, const py::array& w, const py::object& bias, int threads,
                    bool channels_last, std::int64_t keep_spectra) const {
    // negative: no; 0: compared by content; else the weights' version
    const KeepSpectra keep{keep_spectra >= 0, keep_spectra > 0 ? std::uint64_t(keep_spectra) : 0};
    return visit([&]<class T>(const FourierConv2d<T>& plan) -> py::array {
      const Conv2dGeometry& g = plan.geometry();
      const Map<T> in = map_of<T>("x", x, g.in_channels, g.input);
      const T* weights = data_of<T>("w", w, weight_shape(g));
      const T* added = bias.is_none() ? nullptr : data_of<T>("bias", bias, {g.out_channels});
      auto result = empty_map<T>(in.batch, g.out_channels, g.output(), channels_last);
      T* to = result.mutable_data();
      const Strides strides = strides_of(result);
      {
        const py::gil_scoped_release release;
        plan.forward(in.batch, in.data, in.strides, weights, added, threads, to, strides, keep);
      }
      return result;
    });
  }

  py::array adjoint_input(const py::array& v, const py::array& w, int threads, bool channels_last) const {
    return visit([&]<class T>(const FourierConv2d<T>& plan) -> py::array {
      const Conv2dGeometry& g = plan.geometry();
      const Map<T> in = map_of<T>("v", v, g.out_channels, g.output());
      const T* weights = data_of<T>("w", w, weight_shape(g));
      auto result = empty_map<T>(in.batch, g.in_channels, g.input, channels_last);
      T* to = result.mutable_data();
      const Strides strides = strides_of(result);
      {
        const py::gil_scoped_release release;
        plan.adjoint_input(in.batch, in.data, in.strides, weights, threads, to, strides);
      }
      return result;
    });
  }

  // (v_x, v_w)
  py::tuple adjoints(const py::array& v, const py::array& x, const py::array& w, int threads,
                     bool channels_last) const {
    return visit([&]<class T>(const FourierConv2d<T>& plan) -> py::tuple {
      const Conv2dGeometry& g = plan.geometry();
      const auto [cotangent, in] = cotangent_and_input<T>(g, v, x);
      const T* weights = data_of<T>("w", w, weight_shape(g));
      auto v_x = empty_map<T>(in.batch, g.in_channels, g.input, channels_last);
      py::array_t<T> v_w(weight_shape(g));
      T *to = v_x.mutable_data(), *to_weight = v_w.mutable_data();
      const Strides strides = strides_of(v_x);
      {
        const py::gil_scoped_release release;
        plan.adjoints(in.batch, cotangent.data, cotangent.strides, in.data, in.strides, weights, threads, to, strides,
                      to_weight);
      }
      return py::make_tuple(std::move(v_x), std::move(v_w));
    });
  }

  py::array adjoint_weight(const py::array& v, const py::array& x, int threads) const {
    return visit([&]<class T>(const FourierConv2d<T>& plan) -> py::array {
      const Conv2dGeometry& g = plan.geometry();
      const auto [cotangent, in] = cotangent_and_input<T>(g, v, x);
      py::array_t<T> result(weight_shape(g));
      T* to = result.mutable_data();
      {
        const py::gil_scoped_release release;
        plan.adjoint_weight(in.batch, cotangent.data, cotangent.strides, in.data, in.strides, threads, to);
      }
      return result;
    });
  }

 private:
  using Any = std::variant<FourierConv2d<float>, FourierConv2d<double>>;

  static Any make(const Conv2dGeometry& geometry, bool in_double, ConvAlgorithm algorithm, Size tile, ConvUse use) {
    if (in_double) return FourierConv2d<double>(geometry, algorithm, tile, use);
    return FourierConv2d<float>(geometry, algorithm, tile, use);
  }
  template <class T>
  static std::pair<Map<T>, Map<T>> cotangent_and_input(const Conv2dGeometry& g, const py::array& v,
                                                       const py::array& x) {
    const Map<T> cotangent = map_of<T>("v", v, g.out_channels, g.output());
    const Map<T> in = map_of<T>("x", x, g.in_channels, g.input);
    if (cotangent.batch != in.batch)
      invalid_argument("v: batch ", cotangent.batch, " given, that of x is ", in.batch);
    return {cotangent, in};
  }
  static Shape weight_shape(const Conv2dGeometry& g) {
    return {g.out_channels, g.in_channels / g.groups, g.kernel.y, g.kernel.x};
  }

  Any plan_;
};

}  // namespace

void bind_conv2d(py::module_& module) {
  py::class_<ConvPlan>(module, "FourierConv2d")
      .def(py::init<int, int, std::pair<int, int>, std::pair<int, int>, std::pair<int, int>, std::array<int, 4>,
                    std::pair<int, int>, int, const std::string&, bool, const std::string&, std::pair<int, int>, bool>(),
           py::arg("in_channels"), py::arg("out_channels"), py::arg("kernel"), py::arg("input_size"),
           py::arg("stride") = std::pair(1, 1), py::arg("padding") = std::array{0, 0, 0, 0},
           py::arg("dilation") = std::pair(1, 1), py::arg("groups") = 1, py::arg("padding_mode") = "zeros",
           py::arg("double") = false, py::arg("algorithm") = "auto", py::arg("tile") = std::pair(0, 0),
           py::arg("trained") = false)
      .def("forward", &ConvPlan::forward, py::arg("x"), py::arg("w"), py::arg("bias"), py::arg("threads"),
           py::arg("channels_last") = false, py::arg("keep_spectra") = -1)
      .def("adjoint_input", &ConvPlan::adjoint_input, py::arg("v"), py::arg("w"), py::arg("threads"),
           py::arg("channels_last") = false)
      .def("adjoint_weight", &ConvPlan::adjoint_weight, py::arg("v"), py::arg("x"), py::arg("threads"))
      .def("adjoints", &ConvPlan::adjoints, py::arg("v"), py::arg("x"), py::arg("w"), py::arg("threads"),
           py::arg("channels_last") = false)
      .def("expected_nanoseconds",
           [](const ConvPlan& p, py::ssize_t batch, bool channels_last) {
             return p.visit([&](const auto& q) { return q.expected_nanoseconds(batch, channels_last); });
           },
           py::arg("batch"), py::arg("channels_last") = false)
      .def("work",
           [](const ConvPlan& p, py::ssize_t batch, bool channels_last) {
             return p.visit([&](const auto& q) { return q.work(batch, channels_last); });
           },
           py::arg("batch"), py::arg("channels_last") = false)
      .def_property_readonly("output_size",
                             [](const ConvPlan& p) {
                               return p.visit([](const auto& q) {
                                 const Size size = q.geometry().output();
                                 return std::pair(size.y, size.x);
                               });
                             })
      .def_property_readonly("tile",
                             [](const ConvPlan& p) {
                               return p.visit([](const auto& q) { return std::pair(q.tile().y, q.tile().x); });
                             })
      .def_property_readonly("algorithm", [](const ConvPlan& p) {
        return p.visit([](const auto& q) { return name_of(q.algorithm()); });
      });
}

}  // namespace fdsr::python
