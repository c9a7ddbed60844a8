// NumPy arrays on the way into the core: exact dtype, C-contiguous, checked shape.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <complex>
#include <memory>
#include <string>
#include <vector>

#include "fdsr/error.hpp"
#include "fdsr/geometry.hpp"
#include "threads/buffers.hpp"

namespace fdsr::python {

namespace py = pybind11;
using Shape = std::vector<py::ssize_t>;

inline std::string shape_text(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] < 0 ? std::string("any") : std::to_string(shape[i]));
  return text + (shape.size() == 1 ? ",)" : ")");
}

template <class V>
bool holds(const py::object& array) {
  return py::isinstance<py::array_t<V, py::array::c_style>>(array);
}

// The data of an array of dtype V and the given shape (-1 matches any extent).
template <class V>
const V* data_of(const char* name, const py::object& object, const Shape& shape) {
  if (!holds<V>(object))
    throw py::type_error(std::string(name) + ": must be a C-contiguous array of dtype " +
                         py::str(py::dtype::of<V>()).cast<std::string>());
  const auto array = py::reinterpret_borrow<py::array>(object);
  const Shape actual(array.shape(), array.shape() + array.ndim());
  bool same = actual.size() == shape.size();
  for (std::size_t i = 0; same && i < shape.size(); ++i) same = shape[i] < 0 || actual[i] == shape[i];
  if (!same) invalid_argument(name, ": shape ", shape_text(actual), " given, ", shape_text(shape), " needed");
  return static_cast<const V*>(array.data());
}

inline py::ssize_t first_extent(const char* name, const py::array& array) {
  if (array.ndim() < 1) invalid_argument(name, ": a scalar given, a batch needed");
  return array.shape(0);
}

// An uninitialised array of `size` elements whose memory returns to the core's buffers: fresh pages would cost more than
// the work on them.
template <class T>
py::array_t<T> array_in_reused_memory(const Shape& shape, const Shape& byte_strides, py::ssize_t size) {
  auto buffer = std::make_unique<Buffer>(sizeof(T) * static_cast<std::size_t>(size));
  T* data = buffer->as<T>();
  const py::capsule owner(buffer.get(), [](void* p) { delete static_cast<Buffer*>(p); });
  static_cast<void>(buffer.release());
  return py::array_t<T>(shape, byte_strides, data, owner);
}

inline Size size_of(const std::pair<int, int>& pair) { return {pair.first, pair.second}; }

void bind_build_info(py::module_& module);
void bind_windowed_dft(py::module_& module);
void bind_nonlinearity(py::module_& module);
void bind_four_f(py::module_& module);
void bind_conv2d(py::module_& module);
void bind_chip(py::module_& module);

}  // namespace fdsr::python
