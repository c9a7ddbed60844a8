#include "arrays.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Compiled core of pyfdsr: plans and kernels on contiguous NumPy arrays.";
  fdsr::python::bind_build_info(module);
  fdsr::python::bind_windowed_dft(module);
  fdsr::python::bind_nonlinearity(module);
  fdsr::python::bind_four_f(module);
  fdsr::python::bind_conv2d(module);
  fdsr::python::bind_chip(module);
}
