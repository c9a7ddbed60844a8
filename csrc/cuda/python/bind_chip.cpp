// Frames of the emulated chip for pyfdsr._cuda.
#include <array>

#include "cuda/chip_operators.hpp"
#include "cuda/python/bindings.hpp"

namespace fdsr::cuda {
namespace {

template <class T>
void bind_frames(py::module_& module, const char* name) {
  using Frames = ChipFrames<T>;
  py::class_<Frames>(module, name, py::module_local())
      .def(py::init([](Pair frame, int dac_bits, int adc_bits, int encoding, bool linearise, bool phase_step,
                       int slicing, int slices, int shots, double reference, double inp_noise, double out_noise,
                       double phase_noise, double photons, double crosstalk) {
             kernels::FrameSettings s;
             s.dac_bits = dac_bits, s.adc_bits = adc_bits, s.encoding = encoding, s.linearise = linearise;
             s.phase_step = phase_step, s.slicing = slicing, s.slices = slices, s.shots = shots;
             s.reference = reference, s.inp_noise = inp_noise, s.out_noise = out_noise;
             s.phase_noise = phase_noise, s.photons = photons, s.crosstalk = crosstalk;
             return std::make_unique<Frames>(size_of(frame), s);
           }),
           py::kw_only(), py::arg("frame"), py::arg("dac_bits"), py::arg("adc_bits"), py::arg("encoding"),
           py::arg("linearise"), py::arg("phase_step"), py::arg("slicing"), py::arg("slices"), py::arg("shots"),
           py::arg("reference"), py::arg("inp_noise"), py::arg("out_noise"), py::arg("phase_noise"),
           py::arg("photons"), py::arg("crosstalk"))
      .def("fits", &Frames::fits, py::arg("device"), py::arg("keep"))
      .def(
          "run",
          [](const Frames& f, int device, Address stream, std::int64_t frames, bool inverse, bool real_input,
             bool real_output, Pair window, double dac_range, double adc_range,
             const std::array<std::uint32_t, 2>& key, Address numbers, Address samples, Address field, Address gain,
             Address factor, Address factor_scale, Address counted, Address out, Address kept, Address counts,
             Address dac_histogram, Address adc_histogram) {
            ChipFrameCall<T> call;
            call.frames = frames, call.inverse = inverse;
            call.real_input = real_input, call.real_output = real_output;
            call.rows = window.first, call.columns = window.second;
            call.dac_range = dac_range, call.adc_range = adc_range;
            call.key[0] = key[0], call.key[1] = key[1];
            call.numbers = at<std::int64_t>(numbers), call.samples = at<std::int64_t>(samples);
            call.field = at<T>(field), call.gain = at<Complex<T>>(gain), call.factor = at<Complex<T>>(factor);
            call.factor_scale = at<double>(factor_scale), call.counted = at<bool>(counted);
            call.out = at<T>(out), call.kept = at<T>(kept), call.counts = at<std::uint64_t>(counts);
            call.dac_histogram = at<std::uint64_t>(dac_histogram);
            call.adc_histogram = at<std::uint64_t>(adc_histogram);
            f.run(queue_of(device, stream, 0), call);
          },
          py::kw_only(), py::arg("device"), py::arg("stream"), py::arg("frames"), py::arg("inverse"),
          py::arg("real_input"), py::arg("real_output"), py::arg("window"), py::arg("dac_range"),
          py::arg("adc_range"), py::arg("key"), py::arg("numbers"), py::arg("samples"), py::arg("field"),
          py::arg("gain"), py::arg("factor"), py::arg("factor_scale"), py::arg("counted"), py::arg("out"),
          py::arg("kept"), py::arg("counts"), py::arg("dac_histogram"), py::arg("adc_histogram"));
}

}  // namespace

void bind_chip(py::module_& module) {
  bind_frames<float>(module, "ChipFrames32");
  bind_frames<double>(module, "ChipFrames64");
  module.attr("chip_counts") = kChipCounts;
}

}  // namespace fdsr::cuda
