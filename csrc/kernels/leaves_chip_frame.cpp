// One optical frame over lanes: write (DAC, static and temporal errors), transform, read (detection, noise, ADC).
#include "converter.hpp"
#include "folded_line.hpp"
#include "philox.hpp"
#include "sincos.hpp"

namespace fdsr::kernels::FDSR_ISA {
namespace {

constexpr int kUnrolledSide = 11;

template <class T>
class Frame {
  static constexpr int L = kLanes<T>;
  using V = Vec<T, L>;
  using I = Vec<IntOf<T>, L>;

 public:
  explicit Frame(const FrameCall<T>& call)
      : c_(call), s_(*call.settings), elements_(Index{call.y.length} * call.x.length),
        outputs_(Index{call.y1 - call.y0} * (call.x1 - call.x0)) {
    work_ = call.scratch;
    middle_ = work_ + 2 * elements_ * L;
    noise_ = reinterpret_cast<float*>(middle_ + 2 * elements_ * L);
    unit_ = T(1) / std::sqrt(T(elements_));
    // White circular noise stays so under a phase and a unitary transform. Where nothing but a linear readout with
    // a known full scale follows, one draw before the ADC stands for both noises.
    joined_noise_ = s_.inp_noise != 0 && !s_.phase_step && s_.photons == 0 && !call.factor &&
                    (call.adc_range > 0 || call.worst_case > 0);
    const bool noisy_field = s_.inp_noise != 0 && !joined_noise_;
    real_field_ = call.real_input && !noisy_field && s_.phase_noise == 0 && !call.gain && !call.factor;
    lanes_ = *call.noise;
  }

  void run() {
    find_dac_range();
    const T repeats = T(1) / T(s_.shots);
    for (int slice = 0; slice < s_.slices; ++slice)
      for (int shot = 0; shot < s_.shots; ++shot) {
        const bool first = slice == 0 && shot == 0;
        write(slice, first);
        transform();
        read(slice_weight(slice) * repeats, first);
        for (int lane = 0; lane < L; ++lane) ++lanes_.frame[lane];
      }
  }

 private:
  static V at(const T* array, Index row) { return load<V>(array + row * L); }
  static void set(T* array, Index row, V value) { store(array + row * L, value); }

  V largest(const T* array, Index count, Index step) const {
    V most{};
    for (Index i = 0; i < count; ++i) most = larger(most, magnitude(at(array, i * step)));
    return most;
  }

  void count(std::int64_t& total, const I& clipped) const {
    for (int lane = 0; lane < c_.used; ++lane) total += clipped[lane];
  }

  void observe(std::uint64_t* histogram, V value, const std::int8_t* counted = nullptr) const {
    const V size = magnitude(value);
    for (int lane = 0; lane < c_.used; ++lane) {
      if (counted && !counted[lane]) continue;
      const float single = static_cast<float>(size[lane]);
      std::uint32_t bits;
      std::memcpy(&bits, &single, sizeof(bits));
      ++histogram[(bits >> 17) & (kHistogramBins - 1)];
    }
  }

  // The full scale is that of the quadratures, or of the amplitude in polar encoding.
  void find_dac_range() {
    if (c_.dac_range > 0)
      dac_range_ = V{} + c_.dac_range;
    else if (s_.encoding == kPolar && !c_.real_input) {
      V most{};
      for (Index e = 0; e < elements_; ++e) most = larger(most, amplitude(at(c_.in, 2 * e), at(c_.in, 2 * e + 1)));
      dac_range_ = most;
    } else
      dac_range_ = largest(c_.in, c_.real_input ? elements_ : 2 * elements_, c_.real_input ? 2 : 1);
    if (c_.dac_histogram)
      for (Index e = 0; e < elements_; ++e) {
        const V re = at(c_.in, 2 * e), im = at(c_.in, 2 * e + 1);
        const bool polar = s_.encoding == kPolar && !c_.real_input;
        observe(c_.dac_histogram, polar ? amplitude(re, im) : re);
        if (!polar && !c_.real_input) observe(c_.dac_histogram, im);
      }
  }

  static V amplitude(V re, V im) {
    return square_root<T, L>(re * re + im * im);
  }

  T slice_weight(int slice) const {
    if (s_.slicing == kNoSlicing) return 1;
    if (s_.slicing == kThermometer) return T(1) / T(s_.slices);
    const double radix = double(1 << (s_.dac_bits - 1));
    return T(std::pow(radix, slice) * (radix - 1) / (std::pow(radix, s_.slices) - 1));
  }

  // ---------------------------------------------------------------------------------------------------- writing
  void write(int slice, bool first) {
    const T* field = c_.in;
    if (s_.dac_bits) {
      encode(slice, first);
      field = work_;
    } else if (first) {
      c_.counts->dac_values += c_.used * elements_ * (c_.real_input ? 1 : 2);
    }
    if (c_.gain) multiply(c_.gain, field), field = work_;
    if (s_.crosstalk != 0) field = leak(field);
    if (s_.inp_noise != 0 && !joined_noise_) add_noise(field), field = work_;
    if (s_.phase_noise != 0) turn(field, kPhaseNoise), field = work_;
    if (c_.factor) {
      s_.inp_noise != 0 ? multiply_noisy(c_.factor, field) : multiply(c_.factor, field);
      field = work_;
      if (s_.phase_noise != 0) turn(field, kFactorPhaseNoise);
    }
    field_ = field;
  }

  void encode(int slice, bool first) {
    I clipped{};
    Index values = elements_ * (c_.real_input ? 1 : 2);
    if (s_.encoding == kPolar && !c_.real_input) {
      encode_polar(clipped);
      values = elements_;
    } else if (s_.encoding == kPolar) {
      // A real number's phase, 0 or pi, lies on the grid.
      const Converter<T> dac(s_.dac_bits, dac_range_, true);
      for (Index e = 0; e < elements_; ++e) {
        const V x = at(c_.in, 2 * e), size = dac.from_zero(magnitude(x), clipped);
        set(work_, 2 * e, x < 0 ? -size : size);
        set(work_, 2 * e + 1, V{});
      }
    } else if (s_.slicing != kNoSlicing) {
      const bool binary = s_.slicing == kBinary;
      const T radix = T(1 << (s_.dac_bits - 1));
      const T most = binary ? std::pow(radix, T(s_.slices)) - 1 : T(s_.slices) * (radix - 1);
      const V per_unit = dac_range_ > kDark<T> ? most / dac_range_ : V{};
      const Digits digits{binary, radix, binary ? std::pow(radix, T(-slice)) : T(slice) * (radix - 1)};
      for_quadratures([&](V x) {
        clipped -= magnitude(x) > dac_range_;
        const V part = digits.of(rounded(clamped(magnitude(x) * per_unit, V{}, V{} + most)));
        const V written = part * (dac_range_ / (radix - 1));
        return x < 0 ? -written : written;
      });
    } else if (s_.encoding == kMzi) {
      for_quadratures([&](V x) { return modulated(x, clipped); });
    } else {
      const Converter<T> dac(s_.dac_bits, dac_range_);
      I over{};
      for_quadratures([&over, dac](V x) { return dac(x, over); });
      clipped = over;
    }
    if (!first) return;
    count(c_.counts->dac_clipped, clipped);
    c_.counts->dac_values += c_.used * values;
  }

  template <class Body>
  void for_quadratures(Body&& body) {
    const T* const in = c_.in;
    T* const work = work_;
    const Index elements = elements_;
    if (c_.real_input)
      for (Index e = 0; e < elements; ++e) {
        set(work, 2 * e, body(at(in, 2 * e)));
        set(work, 2 * e + 1, V{});
      }
    else
      for (Index i = 0; i < 2 * elements; ++i) set(work, i, body(at(in, i)));
  }

  // One digit of a whole number: binary, of weight 1 / place; thermometer, what exceeds place.
  struct Digits {
    bool binary;
    T radix, place;
    V of(V whole) const {
      if (!binary) return clamped(whole - place, V{}, V{} + (radix - 1));
      const V shifted = floored(whole * place);
      return shifted - radix * floored(shifted / radix);
    }
  };

  V modulated(V x, I& clipped) const {
    V drive = dac_range_ > kDark<T> ? x / dac_range_ : V{};
    clipped -= magnitude(x) > dac_range_;
    drive = clamped(drive, V{} - 1, V{} + 1);
    if (s_.linearise)
      for (int lane = 0; lane < L; ++lane) drive[lane] = T(::asin(double(drive[lane])) * 0.636619772367581343);
    I none{};
    drive = Converter<T>(s_.dac_bits, V{} + 1)(drive, none);
    V sine, cosine;
    sincos<T, L>(drive * T(1.57079632679489661923), sine, cosine);
    return dac_range_ * sine;
  }

  void encode_polar(I& clipped) {
    const Converter<T> dac(s_.dac_bits, dac_range_, true);
    const T steps = T(IntOf<T>{1} << s_.dac_bits);
    for (Index e = 0; e < elements_; ++e) {
      const V re = at(c_.in, 2 * e), im = at(c_.in, 2 * e + 1);
      const V size = dac.from_zero(amplitude(re, im), clipped);
      V turns;
      for (int lane = 0; lane < L; ++lane)
        turns[lane] = T(::atan2(double(im[lane]), double(re[lane])) * 0.159154943091895336);
      V sine, cosine;
      sincos<T, L>(rounded(turns * steps) * (T(6.28318530717958647692) / steps), sine, cosine);
      set(work_, 2 * e, size * cosine);
      set(work_, 2 * e + 1, size * sine);
    }
  }

  // work = field times complex factors that all lanes share
  void multiply(const T* factors, const T* field) {
    for (Index e = 0; e < elements_; ++e) {
      const V re = at(field, 2 * e), im = at(field, 2 * e + 1);
      const T a = factors[2 * e], b = factors[2 * e + 1];
      set(work_, 2 * e, re * a - im * b);
      set(work_, 2 * e + 1, re * b + im * a);
    }
  }

  // Those factors are written in every frame, too, and with noise of their own.
  void multiply_noisy(const T* factors, const T* field) {
    fill_normals<L>(lanes_, kFactorNoise, 2 * elements_, noise_);
    const T sigma = c_.factor_scale * T(s_.inp_noise);
    for (Index e = 0; e < elements_; ++e) {
      const V re = at(field, 2 * e), im = at(field, 2 * e + 1);
      const V a = factors[2 * e] + sigma * normal(noise_, 2 * e);
      const V b = factors[2 * e + 1] + sigma * normal(noise_, 2 * e + 1);
      set(work_, 2 * e, re * a - im * b);
      set(work_, 2 * e + 1, re * b + im * a);
    }
  }

  const T* leak(const T* field) {
    const int ny = c_.y.length, nx = c_.x.length;
    const T part = T(s_.crosstalk);
    for (int y = 0; y < ny; ++y)
      for (int x = 0; x < nx; ++x)
        for (int q = 0; q < 2; ++q) {
          const Index e = Index{y} * nx + x;
          V sum{};
          if (y > 0) sum += at(field, 2 * (e - nx) + q);
          if (y + 1 < ny) sum += at(field, 2 * (e + nx) + q);
          if (x > 0) sum += at(field, 2 * (e - 1) + q);
          if (x + 1 < nx) sum += at(field, 2 * (e + 1) + q);
          set(middle_, 2 * e + q, at(field, 2 * e + q) + part * sum);
        }
    std::memcpy(work_, middle_, sizeof(T) * 2 * elements_ * L);
    return work_;
  }

  static V normal(const float* noise, Index row) {
    return __builtin_convertvector(load<Vec<float, L>>(noise + row * L), V);
  }

  void add_noise(const T* field) {
    fill_normals<L>(lanes_, kInputNoise, 2 * elements_, noise_);
    const V sigma = dac_range_ * T(s_.inp_noise);
    const float* const noise = noise_;
    T* const work = work_;
    const Index rows = 2 * elements_;
    for (Index i = 0; i < rows; ++i) set(work, i, at(field, i) + sigma * normal(noise, i));
  }

  void turn(const T* field, NoisePurpose purpose) {
    fill_normals<L>(lanes_, purpose, elements_, noise_);
    for (Index e = 0; e < elements_; ++e) {
      V sine, cosine;
      sincos<T, L>(normal(noise_, e) * T(s_.phase_noise), sine, cosine);
      const V re = at(field, 2 * e), im = at(field, 2 * e + 1);
      set(work_, 2 * e, re * cosine - im * sine);
      set(work_, 2 * e + 1, re * sine + im * cosine);
    }
  }

  // ------------------------------------------------------------------------------------------------- transforming
  void transform() {
    const bool square = c_.y.length == kUnrolledSide && c_.x.length == kUnrolledSide;
    // Both quadratures are needed where the light's intensity is.
    real_result_ = c_.real_output && !s_.phase_step && s_.photons == 0;
    square ? transform<kUnrolledSide>() : transform<0>();
  }

  template <int N>
  void transform() {
    const int width = c_.x1 - c_.x0;
    for (int y = 0; y < c_.y.length; ++y) {
      const T* from = field_ + Index{y} * c_.x.length * 2 * L;
      const LineOutputs<T> to{middle_ + Index{y} * width * 2 * L, 2 * L, c_.x0, c_.x1};
      if (real_field_)
        folded_line<T, N, true, false>(c_.x, c_.inverse, from, 2 * L, to);
      else
        folded_line<T, N, false, false>(c_.x, c_.inverse, from, 2 * L, to);
    }
    for (int x = 0; x < width; ++x) {
      const T* from = middle_ + Index{x} * 2 * L;
      const LineOutputs<T> to{work_ + Index{x} * 2 * L, width * 2 * L, c_.y0, c_.y1};
      if (real_result_)
        folded_line<T, N, false, true>(c_.y, c_.inverse, from, width * 2 * L, to);
      else
        folded_line<T, N, false, false>(c_.y, c_.inverse, from, width * 2 * L, to);
    }
    T* const work = work_;
    const T unit = unit_;
    const Index rows = 2 * outputs_, step = real_result_ ? 2 : 1;
    for (Index i = 0; i < rows; i += step) set(work, i, at(work, i) * unit);
  }

  // ------------------------------------------------------------------------------------------------------ reading
  void read(T weight, bool first) {
    const Index quadratures = c_.real_output ? 1 : 2;
    if (first) {
      if (c_.adc_range > 0)
        adc_range_ = V{} + c_.adc_range;
      else if (c_.worst_case > 0)
        adc_range_ = dac_range_ * c_.worst_case;
    }
    if (!(c_.adc_range > 0) && !(c_.worst_case > 0))
      adc_range_ = largest(work_, outputs_ * quadratures, c_.real_output ? 2 : 1);
    if (c_.adc_histogram)
      for (Index i = 0; i < outputs_ * quadratures; ++i)
        observe(c_.adc_histogram, at(work_, c_.real_output ? 2 * i : i), c_.counted ? c_.counted + i * L : nullptr);
    I clipped{}, values{};
    if (s_.phase_step)
      step_phase(weight, first, clipped, values);
    else
      balance(weight, first, clipped, values);
    count(c_.counts->adc_clipped, clipped);
    count(c_.counts->adc_values, values);
  }

  // -1 where the value of a row counts, 0 where it does not.
  I counts(Index row) const {
    if (!c_.counted) return I{} - 1;
    return __builtin_convertvector(load<Vec<std::int8_t, L>>(c_.counted + row * L), I);
  }

  // beyond: 1 where a reading clipped.
  void keep(Index row, T weight, bool first, I beyond) const {
    const V share = weight * (T(1) - __builtin_convertvector(beyond, V));
    set(c_.kept, row, first ? share : at(c_.kept, row) + share);
  }

  void balance(T weight, bool first, I& clipped, I& seen) {
    const Index values = outputs_ * (c_.real_output ? 1 : 2);
    const bool noisy = s_.out_noise != 0 || s_.photons != 0 || joined_noise_;
    if (noisy) fill_normals<L>(lanes_, kQuadratureNoise, values, noise_);
    const bool told = c_.counted || c_.kept;
    if (!told) seen += IntOf<T>(values);
    const auto run = [&]<bool Told>() {
      if (s_.photons != 0)
        balance_values<true, true, Told>(values, weight, first, clipped, seen);
      else if (noisy)
        balance_values<true, false, Told>(values, weight, first, clipped, seen);
      else
        balance_values<false, false, Told>(values, weight, first, clipped, seen);
    };
    told ? run.template operator()<true>() : run.template operator()<false>();
  }

  // Stores may alias anything: what the loop needs is kept in locals.
  template <bool Noisy, bool Shot, bool Told>
  void balance_values(Index values, T weight, bool first, I& clipped, I& seen) const {
    const V own = adc_range_ * T(s_.out_noise), before = dac_range_ * T(joined_noise_ ? s_.inp_noise : 0);
    const V sigma = square_root<T, L>(own * own + before * before);
    const V reference = adc_range_ * T(s_.reference), square = reference * reference;
    // I = (|Y + R|² - |Y - R|²) / 4 and Y = I / R; a detector's variance is its intensity times bright / photons,
    // bright = (A + R)² + A² the largest intensity. With R = r A: bright / R² = ((1 + r)² + 1) / r².
    const double r = s_.reference;
    const T per_photon = Shot ? T(((1 + r) * (1 + r) + 1) / (8 * r * r * s_.photons)) : T(0);
    const bool digital = s_.adc_bits != 0;
    const Converter<T> adc(digital ? s_.adc_bits : 2, adc_range_);
    const T* const work = work_;
    const float* const noise = noise_;
    T* const out = c_.out;
    const Index step = c_.real_output ? 2 : 1;
    I over{}, number{};
    for (Index i = 0; i < values; ++i) {
      const Index row = i * step;
      V value = at(work, row);
      if constexpr (Shot) {
        const V re = at(work, row & ~Index{1}), im = at(work, row | 1);
        const V variance = (re * re + im * im + square) * per_photon + sigma * sigma;
        value += square_root<T, L>(variance) * normal(noise, i);
      } else if constexpr (Noisy) {
        value += sigma * normal(noise, i);
      }
      if constexpr (Told) {
        I here{};
        if (digital) value = adc(value, here);
        const I mask = counts(i);
        over += here & mask;
        number -= mask;
        if (c_.kept) keep(i, weight, first, here);
      } else if (digital) {
        value = adc(value, over);
      }
      value = value * weight;
      set(out, i, first ? value : at(out, i) + value);
    }
    clipped += over;
    seen += number;
  }

  void step_phase(T weight, bool first, I& clipped, I& seen) {
    const V reference = adc_range_ * T(s_.reference), square = reference * reference;
    const V bright = (adc_range_ + reference) * (adc_range_ + reference) + adc_range_ * adc_range_;
    const V sigma = bright * T(s_.out_noise);
    const V per_photon = s_.photons != 0 ? bright * T(1 / s_.photons) : V{};
    const bool noisy = s_.out_noise != 0 || s_.photons != 0;
    float* const background = noise_ + (2 * outputs_ + 8) * L;
    if (noisy) {
      fill_normals<L>(lanes_, kQuadratureNoise, 2 * outputs_, noise_);
      fill_normals<L>(lanes_, kBackgroundNoise, outputs_, background);
    }
    const Converter<T> adc(s_.adc_bits ? s_.adc_bits : 2, bright, true);
    const auto digitise = [&](V intensity, const float* normals, I mask, I& beyond) {
      seen -= mask;
      if (noisy) {
        // Of a sum that cancels, rounding may leave less than nothing.
        const V deviation = square_root<T, L>(larger(intensity, V{}) * per_photon + sigma * sigma);
        intensity += deviation * __builtin_convertvector(load<Vec<float, L>>(normals), V);
      }
      if (!s_.adc_bits) return intensity;
      I here{};
      const V level = adc.from_zero(intensity, here);
      clipped += here & mask;
      beyond |= here;
      return level;
    };
    const V half = reference > kDark<T> ? T(0.5) / reference : V{};
    const auto give = [&](Index row, V value) {
      value = value * weight;
      set(c_.out, row, first ? value : at(c_.out, row) + value);
    };
    for (Index r = 0; r < outputs_; ++r) {
      const V re = at(work_, 2 * r), im = at(work_, 2 * r + 1), dark = re * re + im * im;
      const Index row = c_.real_output ? r : 2 * r;
      const I used = counts(row);
      I dark_beyond{};
      const V alone = digitise(dark, background + r * L, used, dark_beyond);
      I beyond = dark_beyond;
      const V with_re = digitise(dark + square + re * reference * T(2), noise_ + 2 * r * L, used, beyond);
      give(row, (with_re - alone - square) * half);
      if (c_.kept) keep(row, weight, first, beyond);
      if (c_.real_output) continue;
      beyond = dark_beyond;
      const V with_im =
          digitise(dark + square + im * reference * T(2), noise_ + (2 * r + 1) * L, counts(row + 1), beyond);
      if (c_.kept) keep(row + 1, weight, first, beyond);
      give(2 * r + 1, (with_im - alone - square) * half);
    }
  }

  const FrameCall<T>& c_;
  const FrameSettings& s_;
  const Index elements_, outputs_;
  NoiseLanes lanes_;
  T* work_;
  T* middle_;
  float* noise_;
  const T* field_ = nullptr;
  T unit_;
  bool joined_noise_ = false, real_field_ = false, real_result_ = false;
  V dac_range_{}, adc_range_{};
};

template <class T>
void frame(const FrameCall<T>& call) {
  Frame<T>(call).run();
}

}  // namespace

template <class T>
void fill_chip_frame(ChipTable<T>& table) {
  table.frame = frame<T>;
}
template void fill_chip_frame(ChipTable<float>&);
template void fill_chip_frame(ChipTable<double>&);

}  // namespace fdsr::kernels::FDSR_ISA
