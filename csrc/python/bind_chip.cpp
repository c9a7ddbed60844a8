#include <pybind11/complex.h>
#include <pybind11/stl.h>

#include <array>
#include <optional>
#include <variant>

#include "arrays.hpp"
#include "fdsr/chip.hpp"

namespace fdsr::python {
namespace {

using Ranges = std::vector<std::pair<double, double>>;
using Complex = std::complex<double>;
using Draw = std::array<std::uint64_t, 4>;

ChipDraw draw_of(const Draw& d, double noise_scale) { return {d[0], d[1], d[2], d[3], noise_scale}; }

std::vector<ChipRange> ranges_of(const Ranges& pairs) {
  std::vector<ChipRange> ranges;
  for (const auto& [dac, adc] : pairs) ranges.push_back({dac, adc});
  return ranges;
}

template <class E>
E choice_of(const char* name, const std::string& value, std::initializer_list<const char*> names) {
  int index = 0;
  for (const char* known : names) {
    if (value == known) return static_cast<E>(index);
    ++index;
  }
  invalid_argument(name, "='", value, "': unknown");
}

ChipModel model_of(std::pair<int, int> frame, int dac_bits, int adc_bits, const std::string& encoding, bool linearise,
                   const std::string& detection, double reference_amplitude, const std::string& slicing, int slices,
                   int shots, double inp_noise, double out_noise, double phase_noise, double photons, double crosstalk,
                   bool electronic_dc, bool optical_weights, bool optical_product, const std::vector<Complex>& gain) {
  ChipModel m;
  m.frame = size_of(frame);
  m.dac_bits = dac_bits;
  m.adc_bits = adc_bits;
  m.encoding = choice_of<ChipEncoding>("encoding", encoding, {"cartesian", "polar", "mzi"});
  m.linearise = linearise;
  m.detection = choice_of<ChipDetection>("detection", detection, {"balanced", "intensity_phase_step"});
  m.reference_amplitude = reference_amplitude;
  m.slicing = choice_of<ChipSlicing>("slicing", slicing, {"none", "binary", "thermometer"});
  m.slices = slices;
  m.shots = shots;
  m.inp_noise = inp_noise;
  m.out_noise = out_noise;
  m.phase_noise = phase_noise;
  m.photons = photons;
  m.crosstalk = crosstalk;
  m.electronic_dc = electronic_dc;
  m.optical_weights = optical_weights;
  m.optical_product = optical_product;
  m.gain = gain;
  check_chip(m);
  return m;
}

py::dict dict_of(const ChipTally& t) {
  py::dict d;
  d["frames"] = t.frames;
  d["dac_conversions"] = t.dac_conversions;
  d["adc_conversions"] = t.adc_conversions;
  d["dac_values"] = t.dac_values;
  d["dac_clipped"] = t.dac_clipped;
  d["adc_values"] = t.adc_values;
  d["adc_clipped"] = t.adc_clipped;
  d["compared"] = t.compared;
  d["signal"] = t.signal;
  d["error"] = t.error;
  return d;
}

// [2 (DAC, ADC)][passes][bins], or None
py::object array_of(const ChipHistograms& histograms, bool wanted) {
  if (!wanted) return py::none();
  const py::ssize_t passes = py::ssize_t(histograms.dac.size()) / kChipBins;
  py::array_t<std::uint64_t> result({py::ssize_t{2}, passes, py::ssize_t{kChipBins}});
  std::copy(histograms.dac.begin(), histograms.dac.end(), result.mutable_data());
  std::copy(histograms.adc.begin(), histograms.adc.end(), result.mutable_data() + histograms.dac.size());
  return result;
}

class TransformPlan {
 public:
  TransformPlan(const ChipModel& model, int passes, bool in_double)
      : plan_(in_double ? Any(ChipTransform<double>(model, passes)) : Any(ChipTransform<float>(model, passes))) {}

  template <class F>
  auto visit(F&& f) const {
    return std::visit(std::forward<F>(f), plan_);
  }

  py::tuple forward(const py::array& x, bool inverse, const Ranges& ranges, const Draw& draw, double noise_scale,
                    bool observe, int threads) const {
    return visit([&]<class T>(const ChipTransform<T>& plan) -> py::tuple {
      const py::ssize_t batch = first_extent("x", x);
      const Shape shape{batch, plan.size().y, plan.size().x};
      const auto* in = data_of<std::complex<T>>("x", x, shape);
      py::array_t<std::complex<T>> y(shape);
      auto* out = y.mutable_data();
      ChipTally tally;
      ChipHistograms histograms;
      const auto full_scales = ranges_of(ranges);
      {
        const py::gil_scoped_release release;
        plan.forward(batch, in, inverse, full_scales, draw_of(draw, noise_scale), threads, out, &tally,
                     observe ? &histograms : nullptr);
      }
      return py::make_tuple(y, dict_of(tally), array_of(histograms, observe));
    });
  }

 private:
  using Any = std::variant<ChipTransform<float>, ChipTransform<double>>;
  Any plan_;
};

class ConvolutionPlan {
 public:
  ConvolutionPlan(int in_channels, int out_channels, std::pair<int, int> kernel, std::pair<int, int> input_size,
                  std::pair<int, int> stride, std::array<int, 4> padding, std::pair<int, int> dilation, int groups,
                  const ChipModel& model, bool in_double)
      : plan_(make({in_channels, out_channels, size_of(kernel), size_of(input_size), size_of(stride), padding[0],
                    padding[1], padding[2], padding[3], size_of(dilation), groups},
                   model, in_double)) {}

  template <class F>
  auto visit(F&& f) const {
    return std::visit(std::forward<F>(f), plan_);
  }

  py::tuple forward(const py::array& x, const py::array& w, const py::object& bias, const Ranges& ranges,
                    const Draw& draw, double noise_scale, int compare, bool observe, bool keep,
                    int threads) const {
    return visit([&]<class T>(const ChipConv2d<T>& plan) -> py::tuple {
      const Conv2dGeometry& g = plan.geometry();
      const py::ssize_t batch = first_extent("x", x);
      const T* in = data_of<T>("x", x, {batch, g.in_channels, g.input.y, g.input.x});
      const T* weights = data_of<T>("w", w, weight_shape(g));
      const T* added = bias.is_none() ? nullptr : data_of<T>("bias", bias, {g.out_channels});
      py::array_t<T> y(Shape{batch, g.out_channels, g.output().y, g.output().x});
      T* out = y.mutable_data();
      std::optional<py::array_t<T>> kept;
      if (keep) kept.emplace(Shape{batch, g.out_channels, g.output().y, g.output().x});
      T* shares = keep ? kept->mutable_data() : nullptr;
      ChipTally tally;
      ChipHistograms histograms;
      const auto full_scales = ranges_of(ranges);
      {
        const py::gil_scoped_release release;
        plan.forward(batch, in, dense(g.in_channels, g.input), weights, added, full_scales,
                     draw_of(draw, noise_scale), compare, threads, out, dense(g.out_channels, g.output()), &tally,
                     observe ? &histograms : nullptr, shares);
      }
      return py::make_tuple(y, dict_of(tally), array_of(histograms, observe), kept);
    });
  }

  py::tuple adjoint_weight(const py::array& v, const py::array& x, const Draw& draw, double noise_scale,
                           int threads) const {
    return visit([&]<class T>(const ChipConv2d<T>& plan) -> py::tuple {
      const Conv2dGeometry& g = plan.geometry();
      const py::ssize_t batch = first_extent("v", v);
      const T* cotangent = data_of<T>("v", v, {batch, g.out_channels, g.output().y, g.output().x});
      const T* in = data_of<T>("x", x, {batch, g.in_channels, g.input.y, g.input.x});
      py::array_t<T> v_w(weight_shape(g));
      T* out = v_w.mutable_data();
      ChipTally tally;
      {
        const py::gil_scoped_release release;
        plan.adjoint_weight(batch, cotangent, dense(g.out_channels, g.output()), in, dense(g.in_channels, g.input),
                            draw_of(draw, noise_scale), threads, out, &tally);
      }
      return py::make_tuple(v_w, dict_of(tally));
    });
  }

 private:
  using Any = std::variant<ChipConv2d<float>, ChipConv2d<double>>;

  static Any make(const Conv2dGeometry& geometry, const ChipModel& model, bool in_double) {
    if (in_double) return ChipConv2d<double>(geometry, model);
    return ChipConv2d<float>(geometry, model);
  }
  static Shape weight_shape(const Conv2dGeometry& g) {
    return {g.out_channels, g.in_channels / g.groups, g.kernel.y, g.kernel.x};
  }
  static Strides dense(int channels, Size size) { return {size.area() * channels, size.area(), size.x, 1}; }

  Any plan_;
};

}  // namespace

void bind_chip(py::module_& module) {
  py::class_<ChipModel>(module, "ChipModel")
      .def(py::init(&model_of), py::kw_only(), py::arg("frame"), py::arg("dac_bits"), py::arg("adc_bits"),
           py::arg("encoding"), py::arg("linearise"), py::arg("detection"), py::arg("reference_amplitude"),
           py::arg("slicing"), py::arg("slices"), py::arg("shots"), py::arg("inp_noise"), py::arg("out_noise"),
           py::arg("phase_noise"), py::arg("photons"), py::arg("crosstalk"), py::arg("electronic_dc"),
           py::arg("optical_weights"), py::arg("optical_product"), py::arg("gain"));
  py::class_<TransformPlan>(module, "ChipTransform")
      .def(py::init<const ChipModel&, int, bool>(), py::arg("model"), py::arg("passes"), py::arg("double"))
      .def("forward", &TransformPlan::forward, py::arg("x"), py::arg("inverse"), py::arg("ranges"), py::arg("draw"),
           py::arg("noise_scale"), py::arg("observe"), py::arg("threads"))
      .def_property_readonly("size",
                             [](const TransformPlan& p) {
                               return p.visit([](const auto& q) { return std::pair(q.size().y, q.size().x); });
                             })
      .def_property_readonly("frames",
                             [](const TransformPlan& p) { return p.visit([](const auto& q) { return q.frames(); }); });
  py::class_<ConvolutionPlan>(module, "ChipConv2d")
      .def(py::init<int, int, std::pair<int, int>, std::pair<int, int>, std::pair<int, int>, std::array<int, 4>,
                    std::pair<int, int>, int, const ChipModel&, bool>(),
           py::arg("in_channels"), py::arg("out_channels"), py::arg("kernel"), py::arg("input_size"), py::arg("stride"),
           py::arg("padding"), py::arg("dilation"), py::arg("groups"), py::arg("model"), py::arg("double"))
      .def("forward", &ConvolutionPlan::forward, py::arg("x"), py::arg("w"), py::arg("bias"), py::arg("ranges"),
           py::arg("draw"), py::arg("noise_scale"), py::arg("compare"), py::arg("observe"),
           py::arg("keep"), py::arg("threads"))
      .def("adjoint_weight", &ConvolutionPlan::adjoint_weight, py::arg("v"), py::arg("x"), py::arg("draw"),
           py::arg("noise_scale"), py::arg("threads"))
      .def_property_readonly("passes",
                             [](const ConvolutionPlan& p) { return p.visit([](const auto& q) { return q.passes(); }); })
      .def_property_readonly("tiles",
                             [](const ConvolutionPlan& p) {
                               return p.visit([](const auto& q) { return std::pair(q.tiles().y, q.tiles().x); });
                             })
      .def_property_readonly("pack",
                             [](const ConvolutionPlan& p) { return p.visit([](const auto& q) { return q.pack(); }); })
      .def_property_readonly("frames", [](const ConvolutionPlan& p) {
        return p.visit([](const auto& q) { return q.frames(); });
      });
  module.def(
      "philox",
      [](std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) { return philox(counter, key); },
      py::arg("counter"), py::arg("key"));
}

}  // namespace fdsr::python
