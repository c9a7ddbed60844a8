// Transforms made of frames. In several passes (Cooley and Tukey): N = n M, samples M y1 + y2, frequencies k1 + n k2,
//   X[k1 + n k2] = sum over y2 of w_M^(y2 k2) [ w_N^(y2 k1) sum over y1 of w_n^(y1 k1) x[M y1 + y2] ],
// the inner sum by frames, the factors w_N electronic, the outer sum likewise; written and read again in each pass.
#include "chip/frame.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace fdsr::chip {

using kernels::FrameCall;
using kernels::FrameSettings;
using kernels::NoiseLanes;

double cosine_of(std::int64_t product, int n) { return std::cos(2 * std::numbers::pi * double(product % n) / n); }
double sine_of(std::int64_t product, int n) { return std::sin(2 * std::numbers::pi * double(product % n) / n); }

FrameSettings settings_of(const ChipModel& m) {
  FrameSettings s;
  s.dac_bits = m.dac_bits;
  s.adc_bits = m.adc_bits;
  s.encoding = static_cast<int>(m.encoding);
  s.linearise = m.linearise;
  s.phase_step = m.detection == ChipDetection::intensity_phase_step;
  s.slicing = static_cast<int>(m.slicing);
  s.slices = m.slices;
  s.shots = m.shots;
  s.reference = m.reference_amplitude;
  s.inp_noise = m.inp_noise;
  s.out_noise = m.out_noise;
  s.phase_noise = m.phase_noise;
  s.photons = m.photons;
  s.crosstalk = m.crosstalk;
  return s;
}

namespace {

FrameSettings scaled(FrameSettings s, double scale) {
  s.inp_noise *= scale;
  s.out_noise *= scale;
  s.phase_noise *= scale;
  s.photons = scale == 0 ? 0 : s.photons / (scale * scale);
  return s;
}

}  // namespace

ChipModel ideal(const ChipModel& model) {
  ChipModel perfect;
  perfect.frame = model.frame;
  perfect.dac_bits = perfect.adc_bits = 0;
  perfect.electronic_dc = false;
  return perfect;
}

namespace {

int power(int base, int exponent) {
  int result = 1;
  while (exponent-- > 0) result *= base;
  return result;
}

// Binary digits are cut from whole numbers, which single precision rounds up to 2^22 (kernels::rounded); 20 slice_bits
// make at most 34 of them, which double precision has.
template <class T>
void check_digits(const ChipModel& model) {
  const int digits = (model.dac_bits - 1) * model.slices;
  if (sizeof(T) == 4 && model.slicing == ChipSlicing::binary && digits > 22)
    invalid_argument("precision.slice_bits: ", model.slices, " slices with dac.bits: ", model.dac_bits, " make ", digits,
                     " binary digits, (dac.bits - 1) * slices must be at most 22 in single precision");
}

// Where frequency k stands after the last pass: its digits, least significant first, are those of the place, most
// significant first.
std::vector<int> digit_order(int n, int passes) {
  std::vector<int> order(power(n, passes));
  for (int k = 0; k < int(order.size()); ++k) {
    int place = 0;
    for (int p = 0, rest = k; p < passes; ++p, rest /= n) place = place * n + rest % n;
    order[k] = place;
  }
  return order;
}

template <class T>
std::vector<T> circle(int n) {
  std::vector<T> values(2 * n);
  for (int m = 0; m < n; ++m) {
    values[2 * m] = T(cosine_of(m, n));
    values[2 * m + 1] = T(-sine_of(m, n));
  }
  return values;
}

template <class T>
void add_folded(std::vector<T>& to, int n, bool sine) {
  for (int k = 0; 2 * k <= n; ++k)
    for (int j = 1; j <= (n - 1) / 2; ++j) to.push_back(T(sine ? sine_of(j * k, n) : cosine_of(j * k, n)));
}

}  // namespace

template <class T>
PackTransform<T>::PackTransform(const ChipModel& model, int passes)
    : table_(kernels::chip_kernels<T>()), model_(model), settings_(settings_of(model)), passes_(passes),
      lanes_(table_.lanes), size_{power(model.frame.y, passes), power(model.frame.x, passes)} {
  check_digits<T>(model);
  const Size n = model.frame;
  for (int i = 0; i < 4; ++i) {
    offsets_[i] = Index(matrices_.size());
    add_folded(matrices_, i < 2 ? n.y : n.x, i % 2 == 1);
  }
  for (Index e = 0; !model.gain.empty() && e < n.area(); ++e) {
    gain_.push_back(T(model.gain[e].real()));
    gain_.push_back(T(model.gain[e].imag()));
  }
  twiddles_y_ = circle<T>(size_.y);
  twiddles_x_ = circle<T>(size_.x);
  order_y_ = digit_order(n.y, passes);
  order_x_ = digit_order(n.x, passes);
}

template <class T>
std::int64_t PackTransform<T>::frames() const {
  return std::int64_t{passes_} * (elements() / model_.frame.area()) * repeats(model_);
}

template <class T>
Index PackTransform<T>::scratch() const {
  const Index area = model_.frame.area();
  // Of a frame; what it reads and writes; its factors; the mean.
  return kernels::scratch_values(area, lanes_) + 4 * area * lanes_ + 2 * area + 2 * lanes_;
}

template <class T>
void PackTransform<T>::run(T* in, bool real_input, const T* factor, double factor_scale, bool inverse, Window window,
                           bool real_output, bool electronic_dc, std::span<const ChipRange> ranges,
                           const NoiseLanes& noise, int used, T* scratch, T* out, Gauges& gauges, T* kept) const {
  T* const mean = scratch;
  scratch += 2 * lanes_;
  if (electronic_dc) table_.remove_mean(elements(), in, mean);

  const Size n = model_.frame;
  FrameCall<T> call;
  const FrameSettings settings = scaled(settings_, noise.scale);
  call.settings = &settings;
  call.y = {n.y, matrices_.data() + offsets_[0], matrices_.data() + offsets_[1]};
  call.x = {n.x, matrices_.data() + offsets_[2], matrices_.data() + offsets_[3]};
  call.gain = gain_.empty() ? nullptr : gain_.data();
  call.inverse = inverse;
  call.real_input = real_input;
  call.used = used;
  call.counts = &gauges.counts;
  NoiseLanes lanes = noise;
  call.noise = &lanes;
  call.factor_scale = T(factor_scale);

  if (passes_ == 1) {
    call.factor = factor;
    call.real_output = real_output;
    call.y0 = window.y0, call.y1 = window.y1, call.x0 = window.x0, call.x1 = window.x1;
    call.in = in;
    call.scratch = scratch;
    call.out = out;
    call.dac_range = T(ranges[0].dac);
    call.adc_range = T(std::max(ranges[0].adc, 0.0));
    if (ranges[0].adc < 0)
      call.worst_case = T(worst_case(real_input, factor, factor_scale));
    call.dac_histogram = gauges.dac;
    call.adc_histogram = gauges.adc;
    call.counted = gauges.counted;
    call.kept = kept;
    table_.frame(call);
  } else {
    call.y1 = n.y, call.x1 = n.x;
    std::vector<T> kept_all(kept ? elements() * 2 * lanes_ : 0);
    const auto counted = placed(gauges.counted, window, real_output);
    for (int p = 0; p < passes_; ++p) {
      call.real_input = real_input && p == 0;
      call.dac_range = T(ranges[p].dac);
      call.adc_range = T(std::max(ranges[p].adc, 0.0));
      if (ranges[p].adc < 0)
        call.worst_case = T(worst_case(call.real_input, factor && p == 0, factor_scale));
      call.dac_histogram = gauges.dac ? gauges.dac + std::size_t(p) * kernels::kHistogramBins : nullptr;
      call.adc_histogram = gauges.adc ? gauges.adc + std::size_t(p) * kernels::kHistogramBins : nullptr;
      const bool last = p == passes_ - 1;
      pass(p, call, p == 0 ? factor : nullptr, in, scratch, last && !counted.empty() ? counted.data() : nullptr,
           last && kept ? kept_all.data() : nullptr);
      for (int lane = 0; lane < lanes_; ++lane)
        lanes.frame[lane] += std::uint32_t(elements() / n.area() * repeats(model_));
    }
    for (int y = window.y0; y < window.y1; ++y)
      for (int x = window.x0; x < window.x1; ++x) {
        const Index place = (Index{order_y_[y]} * size_.x + order_x_[x]) * 2 * lanes_;
        const T* from = in + place;
        if (kept) kept = std::copy_n(kept_all.data() + place, lanes_, kept);
        const std::size_t values = std::size_t(real_output ? 1 : 2) * lanes_;
        std::memcpy(out, from, values * sizeof(T));
        out += values;
      }
    out -= window.area() * (real_output ? 1 : 2) * lanes_;
  }
  if (gauges.outside) leave_out(gauges, ranges[0].dac, electronic_dc ? mean : nullptr, used);
  if (electronic_dc && window.y0 == 0 && window.x0 == 0 && window.area() > 0) {
    const T scale = std::sqrt(T(elements()));
    for (int i = 0; i < (real_output ? 1 : 2) * lanes_; ++i) out[i] += scale * mean[i];
  }
}

// Elements outside the map hold one value, 0, or minus the mean where that is electronic. They do not count, but for
// one of them where they are written as a value of their own, which the full scale has to hold.
template <class T>
void PackTransform<T>::leave_out(Gauges& gauges, double dac_range, const T* mean, int used) const {
  for (int lane = 0; lane < used; ++lane) {
    const T value = mean ? std::abs(mean[lane]) : T(0);
    const std::int64_t none = std::max(0, gauges.outside[lane] - (value > 0 ? 1 : 0));
    gauges.counts.dac_values -= none;
    if (model_.dac_bits && dac_range > 0 && value > T(dac_range)) gauges.counts.dac_clipped -= none;
    if (!gauges.dac) continue;
    const float single = static_cast<float>(value);
    std::uint32_t bits;
    std::memcpy(&bits, &single, sizeof(bits));
    gauges.dac[(bits >> 17) & (kernels::kHistogramBins - 1)] -= std::uint64_t(none);
  }
}

// Where the quadratures of the window's outputs stand after the last pass: [elements][2][lanes], or nothing.
template <class T>
std::vector<std::int8_t> PackTransform<T>::placed(const std::int8_t* counted, Window window, bool real) const {
  if (!counted) return {};
  std::vector<std::int8_t> all(elements() * 2 * lanes_);
  for (int y = window.y0; y < window.y1; ++y)
    for (int x = window.x0; x < window.x1; ++x, counted += lanes_) {
      std::int8_t* const to = all.data() + (Index{order_y_[y]} * size_.x + order_x_[x]) * 2 * lanes_;
      std::copy(counted, counted + lanes_, to);
      if (!real) std::copy(counted, counted + lanes_, to + lanes_);
    }
  return all;
}

// The largest quadrature of one output, in units of the DAC's full scale: that of quadratures, or of the amplitude in
// polar encoding, and likewise of a factor.
template <class T>
double PackTransform<T>::worst_case(bool real_input, bool with_factor, double factor_scale) const {
  const bool polar = model_.encoding == ChipEncoding::polar;
  const double field = real_input || polar ? 1 : std::numbers::sqrt2;
  const double factor = !with_factor ? 1 : polar ? factor_scale : std::numbers::sqrt2 * factor_scale;
  return std::sqrt(double(model_.frame.area())) * field * factor;
}

// All frames of one pass, in place.
template <class T>
void PackTransform<T>::pass(int number, FrameCall<T>& call, const T* factor, T* data, T* scratch,
                            const std::int8_t* counted, T* kept) const {
  const Size n = model_.frame;
  const int step_y = power(n.y, passes_ - 1 - number), step_x = power(n.x, passes_ - 1 - number);
  const Index area = n.area(), block = 2 * lanes_;
  T* const written = scratch;
  T* const read = written + area * block;
  T* const factors = read + area * block;
  NoiseLanes lanes = *call.noise;
  const NoiseLanes* const before = call.noise;
  call.noise = &lanes;
  call.in = written;
  call.out = read;
  call.scratch = factors + 2 * area;
  call.factor = factor ? factors : nullptr;
  std::vector<std::int8_t> own(counted ? area * block : 0);
  call.counted = counted ? own.data() : nullptr;
  std::vector<T> own_kept(kept ? area * block : 0);
  call.kept = kept ? own_kept.data() : nullptr;
  // A frame takes the samples base + step i of each axis; bases are those whose digit of this pass is 0.
  for (int by = 0; by < size_.y; ++by) {
    if (by / step_y % n.y) continue;
    for (int bx = 0; bx < size_.x; ++bx) {
      if (bx / step_x % n.x) continue;
      const auto place = [&](int i, int j) { return (Index{by + i * step_y} * size_.x + bx + j * step_x); };
      for (int i = 0; i < n.y; ++i)
        for (int j = 0; j < n.x; ++j) {
          const Index e = Index{i} * n.x + j;
          std::memcpy(written + e * block, data + place(i, j) * block, sizeof(T) * block);
          if (factor) std::memcpy(factors + 2 * e, factor + 2 * place(i, j), sizeof(T) * 2);
          if (counted) std::memcpy(own.data() + e * block, counted + place(i, j) * block, block);
        }
      table_.frame(call);
      for (int lane = 0; lane < lanes_; ++lane) lanes.frame[lane] += std::uint32_t(repeats(model_));
      // Twiddles of length n step, among them the samples base % step of frequency k.
      const int rest_y = by % step_y, rest_x = bx % step_x;
      const int unit_y = size_.y / (n.y * step_y), unit_x = size_.x / (n.x * step_x);
      for (int i = 0; i < n.y; ++i)
        for (int j = 0; j < n.x; ++j) {
          const Index my = Index{rest_y} * i * unit_y % size_.y, mx = Index{rest_x} * j * unit_x % size_.x;
          const T ar = twiddles_y_[2 * my], ai = twiddles_y_[2 * my + 1];
          const T br = twiddles_x_[2 * mx], bi = twiddles_x_[2 * mx + 1];
          const T re = ar * br - ai * bi, im = (call.inverse ? -1 : 1) * (ar * bi + ai * br);
          if (kept) std::copy_n(own_kept.data() + (Index{i} * n.x + j) * block, block, kept + place(i, j) * block);
          const T* from = read + (Index{i} * n.x + j) * block;
          T* to = data + place(i, j) * block;
          for (int lane = 0; lane < lanes_; ++lane) {
            const T a = from[lane], b = from[lanes_ + lane];
            to[lane] = a * re - b * im;
            to[lanes_ + lane] = a * im + b * re;
          }
        }
    }
  }
  call.noise = before;
  call.counted = nullptr;
  call.kept = nullptr;
}

template class PackTransform<float>;
template class PackTransform<double>;

}  // namespace fdsr::chip
