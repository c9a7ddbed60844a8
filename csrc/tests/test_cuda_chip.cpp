// The device code of the emulated chip's frames, run by threads of the host, against the core's frames.
#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "check.hpp"
#include "chip/frame.hpp"
#include "cuda/chip_operators.hpp"
#include "host_team.hpp"
#include "threads/buffers.hpp"

using namespace fdsr;
using namespace fdsr::test;
namespace dev = fdsr::cuda;
using kernels::FrameSettings;

namespace {

constexpr int kThreads = 128, kFrames = 37;  // neither a multiple of the core's lanes nor of a block's frames

struct Case {
  const char* name;
  FrameSettings settings;
  double dac_range = 2.1, adc_range = 4;
  Size frame{11, 11};
  Size window{0, 0};  // 0: all
  bool inverse = false, real_input = false, real_output = false;
  bool gain = false, factor = false, keep = false, counted = false;
};

// What either side finds, frame by frame.
template <class T>
struct Found {
  std::vector<T> out, kept;
  std::uint64_t counts[dev::kChipCounts] = {};
  std::vector<std::uint64_t> dac = std::vector<std::uint64_t>(kernels::kHistogramBins), adc = dac;
};

template <class T>
struct Data {
  int elements, values;
  std::vector<T> field;  // [frames][elements][2], or [frames][elements] if real
  std::vector<T> gain, factor;
  double factor_scale = 1.3;
  std::vector<std::int64_t> numbers, samples;
  std::vector<char> counted;  // [frames][values]

  explicit Data(const Case& c)
      : elements(static_cast<int>(c.frame.area())),
        values(static_cast<int>((c.window.y ? c.window : c.frame).area()) * (c.real_output ? 1 : 2)),
        field(random_reals<T>(std::int64_t{kFrames} * elements * (c.real_input ? 1 : 2), 1)),
        gain(random_reals<T>(2 * elements, 2)), factor(random_reals<T>(2 * elements, 3)) {
    for (int f = 0; f < kFrames; ++f) {
      numbers.push_back(7 * f + (f % 2 ? 0xfffffff0ll : 0));  // among them those that wrap
      samples.push_back(f % 3 ? f : (std::int64_t{5} << 32) + f);
      for (int i = 0; i < values; ++i) counted.push_back((i + f) % 3 != 0);
    }
  }
};

constexpr std::uint32_t kKey[2] = {0x243f6a88, 0xa4093822};

template <class T>
Found<T> by_core(const Case& c, const Data<T>& data) {
  const auto& table = kernels::chip_kernels<T>();
  const int lanes = table.lanes, n = data.elements, q = c.real_input ? 1 : 2;
  const Size window = c.window.y ? c.window : c.frame;
  std::vector<T> matrices[4];
  for (int i = 0; i < 4; ++i) {
    const int side = i < 2 ? c.frame.y : c.frame.x;
    for (int k = 0; 2 * k <= side; ++k)
      for (int j = 1; j <= (side - 1) / 2; ++j)
        matrices[i].push_back(static_cast<T>(i % 2 ? chip::sine_of(j * k, side) : chip::cosine_of(j * k, side)));
  }
  Found<T> found;
  found.out.resize(std::size_t(kFrames) * data.values), found.kept.resize(found.out.size());
  kernels::FrameCounts counts;
  const Buffer buffer(sizeof(T) * (4 * n * lanes + 2 * data.values * lanes + kernels::scratch_values(n, lanes)));
  T* const in = buffer.as<T>();
  T* const out = in + 2 * n * lanes;
  T* const kept = out + (2 * n + data.values) * lanes;
  for (int start = 0; start < kFrames; start += lanes) {
    const int used = std::min(lanes, kFrames - start);
    kernels::NoiseLanes noise;
    noise.key[0] = kKey[0], noise.key[1] = kKey[1];
    std::fill(in, out, T(0));
    std::vector<std::int8_t> counted(data.values * lanes);
    for (int lane = 0; lane < used; ++lane) {
      const int f = start + lane;
      noise.frame[lane] = static_cast<std::uint32_t>(data.numbers[f]);
      chip::set_sample(noise, lane, static_cast<std::uint64_t>(data.samples[f]));
      for (int e = 0; e < n; ++e)
        for (int part = 0; part < q; ++part)
          in[(2 * e + part) * lanes + lane] = data.field[(std::int64_t{f} * n + e) * q + part];
      for (int i = 0; i < data.values; ++i) counted[i * lanes + lane] = data.counted[f * data.values + i] ? -1 : 0;
    }
    kernels::FrameCall<T> call;
    call.settings = &c.settings;
    call.y = {c.frame.y, matrices[0].data(), matrices[1].data()};
    call.x = {c.frame.x, matrices[2].data(), matrices[3].data()};
    call.gain = c.gain ? data.gain.data() : nullptr;
    call.factor = c.factor ? data.factor.data() : nullptr;
    call.factor_scale = static_cast<T>(data.factor_scale);
    call.inverse = c.inverse, call.real_input = c.real_input, call.real_output = c.real_output;
    call.y1 = window.y, call.x1 = window.x;
    call.dac_range = static_cast<T>(c.dac_range), call.adc_range = static_cast<T>(std::max(c.adc_range, 0.0));
    if (c.adc_range < 0) {
      const bool polar = c.settings.encoding == kernels::kPolar;
      const double two = polar ? 1 : std::numbers::sqrt2;
      call.worst_case = static_cast<T>(std::sqrt(double(n)) * (c.real_input ? 1 : two) *
                                       (c.factor ? two * data.factor_scale : 1));
    }
    call.noise = &noise, call.used = used;
    call.counted = c.counted ? counted.data() : nullptr;
    call.in = in, call.scratch = kept + data.values * lanes, call.out = out, call.counts = &counts;
    call.dac_histogram = found.dac.data(), call.adc_histogram = found.adc.data();
    call.kept = c.keep ? kept : nullptr;
    table.frame(call);
    for (int lane = 0; lane < used; ++lane)
      for (int i = 0; i < data.values; ++i) {
        const std::int64_t to = std::int64_t{start + lane} * data.values + i;
        found.out[to] = out[i * lanes + lane];
        found.kept[to] = c.keep ? kept[i * lanes + lane] : T(0);
      }
  }
  found.counts[0] = counts.dac_clipped, found.counts[1] = counts.adc_values, found.counts[2] = counts.adc_clipped;
  return found;
}

// Frames [begin, end), by blocks that take 2^frames_log at once.
template <class T>
Found<T> by_device_code(const Case& c, const Data<T>& data, int frames_log, int begin = 0, int end = kFrames) {
  const int n = data.elements;
  const Size window = c.window.y ? c.window : c.frame;
  Found<T> found;
  found.out.resize(std::size_t(end - begin) * data.values), found.kept.resize(found.out.size());
  std::vector<T> factors;
  for (int f = begin; f < end; ++f) factors.insert(factors.end(), data.factor.begin(), data.factor.end());
  const std::vector<double> scales(end - begin, data.factor_scale);
  dev::ChipFrameCall<T> call;
  call.frames = end - begin, call.inverse = c.inverse;
  call.real_input = c.real_input, call.real_output = c.real_output;
  call.rows = window.y, call.columns = window.x, call.dac_range = c.dac_range, call.adc_range = c.adc_range;
  call.key[0] = kKey[0], call.key[1] = kKey[1];
  call.numbers = data.numbers.data() + begin, call.samples = data.samples.data() + begin;
  call.field = data.field.data() + std::int64_t{begin} * n * (c.real_input ? 1 : 2);
  const auto complex = [](const std::vector<T>& values) {
    return reinterpret_cast<const dev::Complex<T>*>(values.data());
  };
  call.gain = c.gain ? complex(data.gain) : nullptr;
  call.factor = c.factor ? complex(factors) : nullptr;
  call.factor_scale = c.factor ? scales.data() : nullptr;
  call.counted =
      c.counted ? reinterpret_cast<const bool*>(data.counted.data()) + std::int64_t{begin} * data.values : nullptr;
  call.out = found.out.data(), call.kept = c.keep ? found.kept.data() : nullptr, call.counts = found.counts;
  call.dac_histogram = found.dac.data(), call.adc_histogram = found.adc.data();
  auto p = dev::ChipFrames<T>(c.frame, c.settings).params(call);
  p.frames_log = frames_log;
  const auto bytes = dev::ChipMemory<T>::bytes(n, p.repeats() > 1, c.keep, 1 << frames_log, kThreads);
  for (int block = 0; block < 2; ++block)
    run_cluster(1, kThreads, static_cast<std::size_t>(bytes),
                [&](const HostTeam& team) { dev::run_frames(team, p, team.shared<T>()); }, block, 2);
  return found;
}

std::int64_t bins_apart(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  // Bins of magnitudes below 2^-20 hold what is 0 but for rounding.
  constexpr std::size_t kDark = (127 - 20) << 6;
  std::int64_t apart = 0, dark = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::int64_t more = static_cast<std::int64_t>(a[i] - b[i]);
    i < kDark ? (void)(dark += more) : (void)(apart += std::abs(more));
  }
  return apart + std::abs(dark);
}

// Where a value lies within an error of the middle between two levels, the frame's outputs move by a part of a step:
// in double precision next to never, in single precision in some frames.
template <class T>
void check_case(const Case& c) {
  const Data<T> data(c);
  const Found<T> wanted = by_core(c, data), got = by_device_code(c, data, 3);
  const bool noisy = c.settings.inp_noise != 0 || c.settings.out_noise != 0 || c.settings.photons != 0 ||
                     c.settings.phase_noise != 0;
  const double bound = sizeof(T) == 4 ? 1e-5 : noisy ? 2e-6 : 1e-12;  // deviates are single precision
  const int most = sizeof(T) == 4 ? kFrames / 6 : 0;
  double largest = 0;
  for (const T value : wanted.out) largest = std::max(largest, std::abs(double(value)));
  int moved = 0, shares_moved = 0;
  for (int f = 0; f < kFrames; ++f) {
    double worst = 0, shares = 0;
    for (int i = 0; i < data.values; ++i) {
      const std::int64_t at = std::int64_t{f} * data.values + i;
      worst = worse(worst, std::abs(double(got.out[at]) - double(wanted.out[at])));
      shares = worse(shares, std::abs(double(got.kept[at]) - double(wanted.kept[at])));
    }
    moved += !(worst <= bound * largest), shares_moved += !(shares <= 1e-6);
  }
  if (moved > most || shares_moved > most)
    std::fprintf(stderr, "%s, %zu bytes: %d frames, %d shares moved\n", c.name, sizeof(T), moved, shares_moved);
  CHECK(largest > 0 && moved <= most && shares_moved <= most);
  CHECK(got.counts[1] == wanted.counts[1]);
  for (const int k : {0, 2}) {
    const auto apart = std::abs(static_cast<std::int64_t>(got.counts[k] - wanted.counts[k]));
    if (apart > most) std::fprintf(stderr, "%s: count %d is %zu apart\n", c.name, k, std::size_t(apart));
    CHECK(apart <= most);
  }
  const std::int64_t edges = sizeof(T) == 4 ? kFrames : 2;  // of bins
  CHECK(bins_apart(got.dac, wanted.dac) <= edges && bins_apart(got.adc, wanted.adc) <= edges + moved * data.values);

  // The same bits for any number of threads a frame, and in any company.
  const Found<T> alone = by_device_code(c, data, 0), part = by_device_code(c, data, 1, 5, 12);
  CHECK(alone.out == got.out && alone.kept == got.kept && std::ranges::equal(alone.counts, got.counts));
  CHECK(alone.dac == got.dac && alone.adc == got.adc);
  CHECK(std::equal(part.out.begin(), part.out.end(), got.out.begin() + std::ptrdiff_t{5} * data.values));
}

FrameSettings plain(int dac_bits, int adc_bits, kernels::Encoding encoding = kernels::kCartesian) {
  FrameSettings s;
  s.dac_bits = dac_bits, s.adc_bits = adc_bits, s.encoding = encoding;
  return s;
}

FrameSettings noisy(FrameSettings s) {
  s.inp_noise = 0.1, s.out_noise = 0.05, s.phase_noise = 0.1, s.photons = 1e4, s.crosstalk = 0.02;
  return s;
}

FrameSettings sliced(FrameSettings s, kernels::Slicing slicing, int slices, int shots) {
  s.slicing = slicing, s.slices = slices, s.shots = shots, s.out_noise = 0.1;
  return s;
}

FrameSettings stepped(FrameSettings s) {
  s.phase_step = true, s.reference = 1.7;
  return s;
}

std::vector<Case> cases() {
  using enum kernels::Encoding;
  FrameSettings linearised = plain(5, 8, kMzi), joined = plain(6, 9), phase = plain(0, 0);
  linearised.linearise = true;
  joined.inp_noise = 0.1, joined.out_noise = 0.05;
  phase.phase_noise = 0.2;
  std::vector<Case> all{
      {"ideal", plain(0, 0), 0, 0},
      {"ideal, inverse window", plain(0, 0), 0, 0, {11, 11}, {9, 4}, true, false, true},
      {"cartesian", plain(6, 8)},
      {"cartesian, real", plain(4, 8), 0, -1, {11, 11}, {}, false, true},
      {"cartesian, real to real", plain(4, 8), 1.3, 0, {7, 6}, {3, 5}, true, true, true},
      {"polar", plain(6, 8, kPolar), 0, -1},
      {"polar, real", plain(3, 8, kPolar), 1.3, 2.9, {5, 11}, {}, false, true},
      {"mzi", plain(6, 8, kMzi), 0, 0, {6, 5}},
      {"linearised", linearised, 1.3, 4, {11, 11}, {9, 9}, true, false, true},
      {"phases", phase, 0, 0, {5, 7}, {}, false, true},
      {"joined noise", joined, 2.1, -1},
      {"noise", noisy(plain(6, 9))},
      {"noise, real", noisy(plain(6, 0)), 0, 0, {11, 11}, {9, 9}, true, true, true},
      {"steps of the phase", stepped(plain(6, 10)), 2.1, 0},
      {"noisy steps, real", stepped(noisy(plain(6, 10))), 2.1, 4, {7, 9}, {4, 9}, true, false, true},
      {"binary", sliced(plain(4, 0), kernels::kBinary, 3, 2), 2.1, 4},
      {"thermometer", sliced(plain(4, 7), kernels::kThermometer, 4, 1), 0, 4.3, {8, 8}, {6, 6}, true, true, true},
      {"shots of noise", sliced(noisy(plain(6, 0)), kernels::kNoSlicing, 1, 3), 0, -1, {5, 6}},
      {"large", plain(6, 9), 2.1, 0, {33, 20}, {30, 20}, true, false, true},
  };
  for (const bool real : {false, true}) {
    Case factor{"factor", noisy(plain(6, 9)), 2.1, -1};
    factor.factor = true, factor.real_output = real, factor.settings.photons = real ? 0 : 1e4;
    all.push_back(factor);
  }
  Case factor{"factor, polar", plain(6, 9, kPolar), 0, -1};
  factor.factor = factor.gain = true;
  all.push_back(factor);
  // Every case once more with static factors, shares and values that do not count.
  const std::size_t count = all.size();
  for (std::size_t i = 0; i < count; ++i) {
    Case more = all[i];
    more.gain = more.keep = more.counted = true;
    all.push_back(more);
  }
  return all;
}

// NaN stays where it is, and goes to all that it is added to.
template <class T>
void check_no_numbers() {
  const Case c{"no numbers", plain(6, 9), 0, 0};
  Data<T> data(c);
  data.field[3] = std::numeric_limits<T>::quiet_NaN();
  const Found<T> got = by_device_code(c, data, 3);
  for (int i = 0; i < data.values; ++i) CHECK(std::isnan(got.out[i]) && !std::isnan(got.out[data.values + i]));
}

// Deviates are the core's within a few units in the last place.
void check_normals() {
  constexpr int kCount = 4 * 2000;
  kernels::NoiseLanes lanes;
  lanes.key[0] = kKey[0], lanes.key[1] = kKey[1];
  const int of_pack = kernels::chip_kernels<float>().lanes;
  for (int lane = 0; lane < of_pack; ++lane) lanes.frame[lane] = 17 * lane, chip::set_sample(lanes, lane, 1ull << 33);
  const Buffer buffer(sizeof(float) * (kCount + 8) * of_pack);
  float* const wanted = buffer.as<float>();
  kernels::chip_kernels<float>().normals(lanes, kernels::kBackgroundNoise, kCount, wanted);
  const int lane = of_pack - 1;
  std::int64_t worst = 0;
  for (int block = 0; block < kCount / 4; ++block) {
    float z[4];
    dev::normals({{kKey[0], kKey[1]}, lanes.frame[lane], 0, 2}, kernels::kBackgroundNoise, block, z);
    for (int i = 0; i < 4; ++i) {
      const std::int64_t theirs = dev::bits_of(wanted[(4 * block + i) * of_pack + lane]), ours = dev::bits_of(z[i]);
      worst = std::max(worst, std::abs(ours - theirs));
    }
  }
  CHECK(worst <= 6);
}

void check_launches() {
  const auto launch = [](Size frame, int shots, std::int64_t frames, bool keep, std::size_t value_size) {
    FrameSettings s;
    s.shots = shots;
    const dev::DeviceFacts device{132, 232448, 233472, true};  // an H100
    return value_size == 4 ? dev::ChipFrames<float>(frame, s).choose_launch(frames, keep, device)
                           : dev::ChipFrames<double>(frame, s).choose_launch(frames, keep, device);
  };
  const auto small = launch({11, 11}, 1, 100000, false, 4), few = launch({11, 11}, 1, 140, false, 4);
  CHECK(small.frames_log == 3 && small.launch.threads == 256 && small.launch.clusters == 132 * 3);
  CHECK(few.frames_log == 0 && few.launch.threads == 32 && few.launch.clusters == 140);
  const auto large = launch({64, 64}, 1, 1000, true, 8);
  CHECK(large.frames_log == 0 && large.launch.threads == 256 && large.launch.cluster == 1);
  CHECK(launch({64, 64}, 2, 1000, true, 4).launch.cluster == 1);
  CHECK(launch({64, 64}, 2, 1000, true, 8).launch.cluster == 0);  // six images of 64 kB
}

void check_refusals() {
  const auto refused = [](const std::string& message, const auto& work) {
    try {
      work();
    } catch (const std::invalid_argument& error) {
      return std::string(error.what()).find(message) != std::string::npos;
    }
    return false;
  };
  const auto params = [](const FrameSettings& s, int rows, bool factor) {
    dev::ChipFrameCall<float> call;
    call.rows = rows, call.columns = 3;
    const dev::Complex<float> one{1, 0};
    if (factor) call.factor = &one;
    dev::ChipFrames<float>({7, 5}, s).params(call);
  };
  CHECK(refused("window: 8 x 3 given, must be 1 to 7 x 5", [&] { params({}, 8, false); }));
  CHECK(refused("factor_scale: must be given", [&] { params({}, 7, true); }));
  CHECK(refused("slicing: needs a cartesian DAC",
                [&] { params(sliced(plain(0, 0), kernels::kBinary, 2, 1), 7, false); }));
  CHECK(refused("frame: side 65", [] { dev::ChipFrames<float>({65, 5}, {}); }));
  CHECK(refused("bits: 17", [] { dev::ChipFrames<float>({5, 5}, plain(17, 0)); }));
  CHECK(refused("slices and shots: 1 and 0",
                [] { dev::ChipFrames<float>({5, 5}, sliced(plain(4, 4), kernels::kNoSlicing, 1, 0)); }));
}

}  // namespace

int main() {
  check_normals();
  for (const Case& c : cases()) {
    check_case<double>(c);
    check_case<float>(c);
  }
  check_no_numbers<float>();
  check_no_numbers<double>();
  check_launches();
  check_refusals();
  std::puts("chip frames: ok");
}
