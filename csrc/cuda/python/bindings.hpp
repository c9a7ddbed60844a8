// What the bindings of the CUDA kernels share: memory by address, and the files that a module is made of.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "cuda/operators.hpp"

namespace py = pybind11;

namespace fdsr::cuda {

using Address = std::uintptr_t;
using Pair = std::pair<int, int>;

template <class V>
V* at(Address address) {
  return reinterpret_cast<V*>(address);
}

inline Size size_of(Pair pair) { return {pair.first, pair.second}; }

inline Queue queue_of(int device, Address stream, Address workspace) {
  return {device, at<void>(stream), at<void>(workspace)};
}

void bind_chip(py::module_& module);

}  // namespace fdsr::cuda
