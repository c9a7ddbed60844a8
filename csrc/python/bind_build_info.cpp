#include "arrays.hpp"
#include "fdsr/build_info.hpp"
#include "fdsr/threads.hpp"

namespace fdsr::python {

void bind_build_info(py::module_& module) {
  module.def("build_info", [] {
    const BuildInfo info = build_info();
    py::dict d;
    d["version"] = info.version;
    d["fft_provider"] = info.fft_provider;
    d["fftw_single"] = info.fftw_single;
    d["fftw_double"] = info.fftw_double;
    d["isa"] = info.isa;
    d["compiled_isas"] = info.compiled_isas;
    d["compiler"] = info.compiler;
    d["cuda"] = false;
    return d;
  });
  module.def("available_threads", &available_threads);
  module.def(
      "set_fork_join", [](std::uintptr_t address) { set_fork_join(reinterpret_cast<ForkJoin>(address)); },
      py::arg("address"));
  module.def("clear_buffers", &clear_buffers);
  module.def(
      "measure_fma_peak",
      [](bool in_double, double seconds) {
        const py::gil_scoped_release release;
        return in_double ? measure_fma_peak<double>(seconds) : measure_fma_peak<float>(seconds);
      },
      py::arg("double") = false, py::arg("seconds") = 0.2);
}

}  // namespace fdsr::python
