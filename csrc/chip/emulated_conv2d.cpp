// The convolution on the chip: every tile of a map is transformed by the chip, multiplied by the kernels' spectra and
// transformed back by the chip; a pack holds as many tiles as a vector has lanes.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "chip/frame.hpp"
#include "chip/tiles.hpp"
#include "fdsr/threads.hpp"
#include "threads/buffers.hpp"

namespace fdsr {

using chip::Gauges;
using chip::Index;
using chip::PackTransform;
using chip::TileGrid;
using chip::Window;
using kernels::NoiseLanes;

namespace {

constexpr std::uint64_t kWeightSample = ~std::uint64_t{0};  // the sample number of kernels
constexpr std::uint64_t kAdjointLayers = std::uint64_t{1} << 62;
constexpr int kMostPasses = 2;
constexpr Index kSpectraBytes = Index{16} << 20;  // of the spectra that a weight's gradient keeps at once

int passes_for(const Conv2dGeometry& g, const ChipModel& m) {
  Size side = m.frame;
  for (int passes = 1; passes <= kMostPasses; ++passes, side.y *= m.frame.y, side.x *= m.frame.x)
    if (g.extent().y <= side.y && g.extent().x <= side.x) return passes;
  invalid_argument("kernel: extent (", g.extent().y, ", ", g.extent().x, ") is longer than ", kMostPasses,
                   " passes of frames (", m.frame.y, ", ", m.frame.x, ") cover");
}

// Spectra of the kernels, conjugated.
template <class T>
struct Spectra {
  std::vector<T> sums;     // [groups][elements][out][in][2]
  std::vector<T> factors;  // [out_channels][in][elements][2], as written, where the device multiplies
  std::vector<double> factor_scale;
};

}  // namespace

template <class T>
struct ChipConv2d<T>::Plan {
  Conv2dGeometry geometry;
  ChipModel model;
  PackTransform<T> transform, perfect;
  TileGrid grid;

  Index elements() const { return transform.elements(); }
  int in() const { return geometry.in_channels / geometry.groups; }
  int out() const { return geometry.out_channels / geometry.groups; }
  // Transforms of one tile.
  Index transforms() const {
    return geometry.in_channels + Index{geometry.out_channels} * (model.optical_product ? in() : 1);
  }
  // Frames of one image that multiply: those of the first pass of each inverse transform.
  std::int64_t products() const {
    if (!model.optical_product) return 0;
    return Index{geometry.out_channels} * in() * grid.tiles() * (transform.frames() / transform.passes());
  }

  void transform_kernels(const PackTransform<T>& with, const T* w, const ChipDraw& draw, int threads,
                         std::vector<T>& sums) const;
  void write_factors(Spectra<T>& spectra) const;
  template <class Sink>
  void convolve(const PackTransform<T>& with, bool optical, const Spectra<T>& spectra, Index item, int used, const T* x,
                const Strides& strides, std::span<const ChipRange> ranges, NoiseLanes noise, Gauges& forward,
                Gauges& inverse, T* kept, Sink&& sink) const;
  NoiseLanes lanes_of(const ChipDraw& draw, Index item) const;
};

template <class T>
ChipConv2d<T>::ChipConv2d(const Conv2dGeometry& geometry, const ChipModel& model) {
  check_chip(model);
  const FourierConv2d<T> checked(geometry, ConvAlgorithm::tiled);  // refuses impossible geometries
  const int passes = passes_for(geometry, model);
  PackTransform<T> transform(model, passes);
  const Size valid{transform.size().y - geometry.extent().y + 1, transform.size().x - geometry.extent().x + 1};
  Plan plan{geometry, model, std::move(transform), PackTransform<T>(chip::ideal(model), passes),
            TileGrid(geometry, valid)};
  if (double(plan.transforms()) * double(plan.grid.tiles()) * double(plan.transform.frames()) >= 4294967296.0)
    invalid_argument("input_size: (", geometry.input.y, ", ", geometry.input.x, ") takes more than 2^32 frames an image");
  plan_ = std::make_unique<const Plan>(std::move(plan));
}
template <class T>
ChipConv2d<T>::~ChipConv2d() = default;
template <class T>
ChipConv2d<T>::ChipConv2d(ChipConv2d&&) noexcept = default;

template <class T>
const Conv2dGeometry& ChipConv2d<T>::geometry() const {
  return plan_->geometry;
}
template <class T>
int ChipConv2d<T>::passes() const {
  return plan_->transform.passes();
}
template <class T>
Size ChipConv2d<T>::tiles() const {
  return plan_->grid.count;
}
template <class T>
int ChipConv2d<T>::pack() const {
  return plan_->transform.lanes();
}
template <class T>
std::int64_t ChipConv2d<T>::frames() const {
  return plan_->transforms() * plan_->grid.tiles() * plan_->transform.frames();
}

// sum over d of w[d] exp(+2 pi i f d / N): packs of channel pairs.
template <class T>
void ChipConv2d<T>::Plan::transform_kernels(const PackTransform<T>& with, const T* w, const ChipDraw& draw,
                                            int threads, std::vector<T>& sums) const {
  const int lanes = with.lanes(), outs = out(), ins = in();
  const Index elements = with.elements(), pairs = Index{geometry.out_channels} * ins, area = geometry.kernel.area();
  const std::vector<ChipRange> ranges(with.passes(), {kFrameMaximum, kFrameMaximum});
  const T scale = std::sqrt(T(elements));
  sums.resize(pairs * elements * 2);
  parallel_for((pairs + lanes - 1) / lanes, threads, [&](std::int64_t pack, int) {
    const Buffer buffer(sizeof(T) * (4 * elements * lanes + with.scratch()));
    T* const field = buffer.template as<T>();
    T* const result = field + 2 * elements * lanes;
    std::fill(field, result, T(0));
    NoiseLanes noise;
    chip::set_key(noise, draw);
    const int used = int(std::min<Index>(lanes, pairs - pack * lanes));
    for (int lane = 0; lane < used; ++lane) {
      const Index pair = pack * lanes + lane;
      chip::set_sample(noise, lane, kWeightSample);
      noise.frame[lane] = std::uint32_t(pair * with.frames());
      for (int y = 0; y < geometry.kernel.y; ++y)
        for (int x = 0; x < geometry.kernel.x; ++x) {
          const Index e = Index{y * geometry.dilation.y} * with.size().x + x * geometry.dilation.x;
          field[e * 2 * lanes + lane] = w[pair * area + y * geometry.kernel.x + x];
        }
    }
    Gauges gauges;
    with.run(field, true, nullptr, 1, true, with.all(), false, false, ranges, noise, used, result + 2 * elements * lanes,
             result, gauges);
    for (int lane = 0; lane < used; ++lane) {
      const Index pair = pack * lanes + lane, o = pair / ins, c = pair % ins, group = o / outs;
      for (Index e = 0; e < elements; ++e) {
        T* const to = sums.data() + (((group * elements + e) * outs + o % outs) * ins + c) * 2;
        to[0] = result[e * 2 * lanes + lane] * scale;
        to[1] = result[e * 2 * lanes + lanes + lane] * scale;
      }
    }
  });
}

// The spectra as a second bank of the device's modulators writes them, scaled by the largest quadrature of each (or
// amplitude, in polar encoding). In several passes the first one multiplies: its frames take every step-th element.
template <class T>
void ChipConv2d<T>::Plan::write_factors(Spectra<T>& spectra) const {
  const int outs = out(), ins = in();
  const Size size = transform.size(), frame = model.frame, steps{size.y / frame.y, size.x / frame.x};
  const Index n = elements();
  const std::complex<double>* const gain = model.gain.empty() ? nullptr : model.gain.data() + frame.area();
  const bool polar = model.encoding == ChipEncoding::polar;
  std::vector<std::complex<double>> field(frame.area());
  spectra.factors.resize(spectra.sums.size());
  spectra.factor_scale.assign(Index{geometry.out_channels} * ins, 0);
  for (Index o = 0; o < geometry.out_channels; ++o)
    for (Index c = 0; c < ins; ++c) {
      const auto value = [&](Index e) {
        const T* from = spectra.sums.data() + (((o / outs * n + e) * outs + o % outs) * ins + c) * 2;
        return std::complex<double>(from[0], from[1]);
      };
      double& scale = spectra.factor_scale[o * ins + c];
      for (Index e = 0; e < n; ++e) {
        const auto w = value(e);
        scale = std::max(scale, polar ? std::abs(w) : std::max(std::abs(w.real()), std::abs(w.imag())));
      }
      T* const to = spectra.factors.data() + (o * ins + c) * n * 2;
      for (int y = 0; y < steps.y; ++y)
        for (int x = 0; x < steps.x; ++x) {
          const auto place = [&](Index e) {
            return (y + e / frame.x * steps.y) * size.x + x + e % frame.x * steps.x;
          };
          for (Index e = 0; e < frame.area(); ++e) field[e] = value(place(e));
          chip::write_static(model, scale, gain, field.data());
          for (Index e = 0; e < frame.area(); ++e) {
            to[2 * place(e)] = T(field[e].real());
            to[2 * place(e) + 1] = T(field[e].imag());
          }
        }
    }
}

template <class T>
NoiseLanes ChipConv2d<T>::Plan::lanes_of(const ChipDraw& draw, Index item) const {
  NoiseLanes noise;
  chip::set_key(noise, draw);
  for (int lane = 0; lane < transform.lanes(); ++lane) {
    chip::set_sample(noise, lane, draw.sample + (item + lane) / grid.tiles());
    noise.frame[lane] = std::uint32_t((item + lane) % grid.tiles() * transforms() * transform.frames());
  }
  return noise;
}

// One pack of tiles from `item` on. sink(o, values) takes the valid outputs [valid][lanes] of channel o, and finds in
// kept [valid][lanes], if given, the shares of them that were not clipped.
template <class T>
template <class Sink>
void ChipConv2d<T>::Plan::convolve(const PackTransform<T>& with, bool optical, const Spectra<T>& spectra, Index item,
                                   int used, const T* x, const Strides& strides, std::span<const ChipRange> ranges,
                                   NoiseLanes noise, Gauges& forward, Gauges& inverse, T* kept, Sink&& sink) const {
  const int lanes = with.lanes(), ins = in(), outs = out(), passes = with.passes();
  const Index n = with.elements(), block = n * 2 * lanes, valid = grid.valid.area();
  const Index products = optical ? 1 : outs;
  const Buffer buffer(sizeof(T) * ((1 + ins + products) * block + 2 * valid * lanes + with.scratch()));
  T* const field = buffer.template as<T>();
  T* const X = field + block;
  T* const G = X + ins * block;
  T* const result = G + products * block;
  T* const sum = result + valid * lanes;
  T* const scratch = sum + valid * lanes;
  const Window window{0, grid.valid.y, 0, grid.valid.x};
  const auto advance = [&] {
    for (int lane = 0; lane < lanes; ++lane) noise.frame[lane] += std::uint32_t(transform.frames());
  };
  // With an electronic mean the zero frequency is not written: its transform is the same for all outputs.
  T zeros[kernels::kMostChipLanes];
  const T per_root = T(1) / std::sqrt(T(n));
  const auto keep_zero = [&](T* spectrum, T re, T im) {
    for (int lane = 0; lane < lanes; ++lane) {
      zeros[lane] = model.electronic_dc ? (spectrum[lane] * re - spectrum[lanes + lane] * im) * per_root : T(0);
      if (model.electronic_dc) spectrum[lane] = spectrum[lanes + lane] = 0;
    }
  };
  const auto add_zero = [&](const T* from, T* to, bool add) {
    for (Index i = 0; i < valid; ++i)
      for (int lane = 0; lane < lanes; ++lane) {
        const T value = from[i * lanes + lane] + zeros[lane];
        to[i * lanes + lane] = add ? to[i * lanes + lane] + value : value;
      }
  };
  for (int group = 0; group < geometry.groups; ++group) {
    for (int c = 0; c < ins; ++c) {
      grid.gather_input(x + (group * ins + c) * strides.channel, strides, item, used, lanes, with.size(), field);
      with.run(field, true, nullptr, 1, false, with.all(), false, model.electronic_dc, ranges.first(passes), noise, used,
               scratch, X + c * block, forward);
      advance();
    }
    if (!optical)
      kernels::chip_kernels<T>().product(n, ins, outs, X, spectra.sums.data() + Index{group} * n * outs * ins * 2, G);
    for (int o = 0; o < outs; ++o) {
      const int channel = group * outs + o;
      if (!optical) {
        keep_zero(G + o * block, 1, 0);
        with.run(G + o * block, false, nullptr, 1, true, window, true, false, ranges.last(passes), noise, used, scratch,
                 result, inverse, kept);
        advance();
        add_zero(result, result, false);
        sink(channel, result);
        continue;
      }
      std::fill(sum, sum + valid * lanes, T(0));
      for (int c = 0; c < ins; ++c) {
        const Index pair = Index{channel} * ins + c;
        std::memcpy(G, X + c * block, sizeof(T) * block);
        const T* zero = spectra.sums.data() + ((Index{group} * n * outs + o) * ins + c) * 2;
        keep_zero(G, zero[0], zero[1]);
        with.run(G, false, spectra.factors.data() + pair * n * 2, spectra.factor_scale[pair], true, window, true, false,
                 ranges.last(passes), noise, used, scratch, result, inverse);
        advance();
        add_zero(result, sum, true);
      }
      sink(channel, sum);
    }
  }
}

template <class T>
void ChipConv2d<T>::forward(std::ptrdiff_t batch, const T* x, const Strides& x_strides, const T* w, const T* bias,
                            std::span<const ChipRange> ranges, const ChipDraw& draw, int compare, int threads, T* y,
                            const Strides& y_strides, ChipTally* tally, ChipHistograms* histograms, T* kept) const {
  const Plan& plan = *plan_;
  const Conv2dGeometry& g = plan.geometry;
  const int lanes = plan.transform.lanes(), passes = plan.transform.passes();
  if (int(ranges.size()) != 2 * passes) invalid_argument("ranges: ", ranges.size(), " given, ", 2 * passes, " needed");
  if (kept && plan.model.optical_product) invalid_argument("kept: given, must be null where the device multiplies");
  Spectra<T> exact, used_spectra;
  const bool both = plan.model.optical_weights || plan.model.optical_product;
  plan.transform_kernels(plan.perfect, w, draw, threads, exact.sums);
  if (plan.model.optical_weights)
    plan.transform_kernels(plan.transform, w, draw, threads, used_spectra.sums);
  else if (both)
    used_spectra.sums = exact.sums;
  if (plan.model.optical_product) plan.write_factors(used_spectra);
  const Spectra<T>& spectra = both ? used_spectra : exact;

  const Index items = batch * plan.grid.tiles(), packs = (items + lanes - 1) / lanes;
  std::vector<ChipTally> tallies(packs);
  const std::size_t bins = histograms ? std::size_t(2 * passes) * kChipBins : 0;
  std::vector<std::vector<std::uint64_t>> seen(histograms ? threads : 0, std::vector<std::uint64_t>(2 * bins));
  const std::vector<ChipRange> free(2 * passes, {kFrameMaximum, kFrameMaximum});
  const Index valid = plan.grid.valid.area() * lanes;
  parallel_for(packs, threads, [&](std::int64_t pack, int worker) {
    const Index item = pack * lanes;
    const int used = int(std::min<Index>(lanes, items - item));
    const NoiseLanes noise = plan.lanes_of(draw, item);
    Gauges to, from;
    if (histograms) {
      to.dac = seen[worker].data();
      to.adc = to.dac + bins;
      from.dac = to.dac + std::size_t(passes) * kChipBins;
      from.adc = to.adc + std::size_t(passes) * kChipBins;
    }
    std::int32_t outside[kernels::kMostChipLanes];
    std::vector<std::int8_t> counted(valid);
    plan.grid.count_outside(item, used, plan.transform.size(), outside);
    to.outside = outside;
    // The last of several passes reads whole frames, of which a tile uses its valid outputs' real parts alone.
    const bool all = plan.grid.mark_outputs(item, used, lanes, counted.data());
    if (!all || passes > 1) from.counted = counted.data();
    const bool compared = compare > 0 && pack % compare == 0;
    std::vector<T> results(compared ? g.out_channels * valid : 0), shares(kept ? valid : 0);
    plan.convolve(plan.transform, plan.model.optical_product, spectra, item, used, x, x_strides, ranges, noise, to, from,
                  kept ? shares.data() : nullptr, [&](int o, const T* values) {
                    plan.grid.scatter_output(values, bias ? bias[o] : T(0), item, used, lanes,
                                             y + o * y_strides.channel, y_strides);
                    if (compared) std::copy(values, values + valid, results.data() + o * valid);
                    if (kept)
                      plan.grid.scatter_output(shares.data(), T(0), item, used, lanes, kept + o * y_strides.channel,
                                               y_strides);
                  });
    ChipTally& own = tallies[pack];
    chip::take(own, 0, to);
    chip::take(own, 1, from);
    if (!compared) return;
    Gauges unused;
    plan.convolve(plan.perfect, false, exact, item, used, x, x_strides, free, noise, unused, unused,
                  nullptr, [&](int o, const T* values) {
                    plan.grid.compare(values, results.data() + o * valid, item, used, lanes, own);
                  });
  });
  if (histograms) *histograms = chip::summed(seen, bins);
  if (!tally) return;
  *tally = std::accumulate(tallies.begin(), tallies.end(), ChipTally{}, [](ChipTally sum, const ChipTally& one) {
    sum += one;
    return sum;
  });
  tally->frames = batch * frames();
  if (plan.model.optical_weights) tally->frames += Index{g.out_channels} * plan.in() * plan.transform.frames();
  tally->dac_conversions = chip::dac_conversions(plan.model, tally->frames, batch * plan.products());
  tally->adc_conversions = chip::adc_conversions(plan.model, tally->frames);
}

// Spectra of input and cotangent by the chip, products summed electronically over all tiles, and one inverse transform
// a pair of channels. Spectra are kept for a block of packs; sums go block by block, so that their order does not
// depend on threads, and are kept once.
template <class T>
void ChipConv2d<T>::adjoint_weight(std::ptrdiff_t batch, const T* v, const Strides& v_strides, const T* x,
                                   const Strides& x_strides, const ChipDraw& draw, int threads, T* v_w,
                                   ChipTally* tally) const {
  const Plan& plan = *plan_;
  const Conv2dGeometry& g = plan.geometry;
  const auto& with = plan.transform;
  const int lanes = with.lanes(), ins = plan.in(), outs = plan.out();
  const Index n = with.elements(), block = n * 2 * lanes, pairs = Index{g.out_channels} * ins;
  const Index items = batch * plan.grid.tiles(), packs = (items + lanes - 1) / lanes;
  const Index pitch = (ins + outs) * block;
  const Index at_once = std::clamp<Index>(kSpectraBytes / Index(pitch * sizeof(T)), 1, 64);
  const std::vector<ChipRange> ranges(with.passes(), {kFrameMaximum, kFrameMaximum});
  ChipDraw own = draw;
  own.layer += kAdjointLayers;
  std::vector<T> sums(pairs * n * 2);
  const Buffer kept(sizeof(T) * std::min(at_once, packs) * pitch);
  T* const spectra = kept.template as<T>();
  // One channel of one pack: the inputs of a group, then its outputs.
  const auto transform = [&](int group, Index channel, Index pack, T* to) {
    const Buffer buffer(sizeof(T) * (block + with.scratch()));
    T* const field = buffer.template as<T>();
    const Index item = pack * lanes;
    const int used = int(std::min<Index>(lanes, items - item));
    NoiseLanes noise = plan.lanes_of(own, item);
    for (int lane = 0; lane < lanes; ++lane)
      noise.frame[lane] += std::uint32_t((Index{group} * (ins + outs) + channel) * with.frames());
    if (channel < ins)
      plan.grid.gather_input(x + (group * ins + channel) * x_strides.channel, x_strides, item, used, lanes,
                             with.size(), field);
    else
      plan.grid.gather_output(v + (group * outs + channel - ins) * v_strides.channel, v_strides, item, used, lanes,
                              with.size(), field);
    Gauges gauges;
    with.run(field, true, nullptr, 1, false, with.all(), false, plan.model.electronic_dc, ranges, noise, used,
             field + block, to, gauges);
    if (used == lanes) return;
    for (Index row = 0; row < 2 * n; ++row) std::fill(to + row * lanes + used, to + (row + 1) * lanes, T(0));
  };
  constexpr Index kElements = 8;
  for (int group = 0; group < g.groups; ++group)
    for (Index first = 0; first < packs; first += at_once) {
      const Index count = std::min(at_once, packs - first);
      parallel_for(count * (ins + outs), threads, [&](std::int64_t job, int) {
        transform(group, job % (ins + outs), first + job / (ins + outs), spectra + job * block);
      });
      parallel_for((n + kElements - 1) / kElements, threads, [&](std::int64_t part, int) {
        kernels::chip_kernels<T>().correlate(n, part * kElements, std::min<Index>(n, (part + 1) * kElements), ins, outs,
                                             count, pitch, spectra, spectra + ins * block,
                                             sums.data() + Index{group} * n * outs * ins * 2);
      });
    }
  if (tally) {
    *tally = {};
    tally->frames = (items * (g.in_channels + g.out_channels) + pairs) * with.frames();
    tally->dac_conversions = chip::dac_conversions(plan.model, tally->frames);
    tally->adc_conversions = chip::adc_conversions(plan.model, tally->frames);
  }

  const T scale = std::sqrt(T(n));
  const Window window{0, g.extent().y, 0, g.extent().x};
  parallel_for((pairs + lanes - 1) / lanes, threads, [&](std::int64_t pack, int) {
    const Buffer buffer(sizeof(T) * (2 * block + with.scratch()));
    T* const field = buffer.template as<T>();
    T* const result = field + block;
    std::fill(field, result, T(0));
    NoiseLanes noise;
    chip::set_key(noise, own);
    const int used = int(std::min<Index>(lanes, pairs - pack * lanes));
    for (int lane = 0; lane < used; ++lane) {
      const Index pair = pack * lanes + lane, o = pair / ins, c = pair % ins;
      chip::set_sample(noise, lane, kWeightSample);
      noise.frame[lane] = std::uint32_t(pair * with.frames());
      for (Index e = 0; e < n; ++e)
        for (int q = 0; q < 2; ++q)
          field[e * 2 * lanes + q * lanes + lane] =
              sums[(((o / outs * n + e) * outs + o % outs) * ins + c) * 2 + q];
    }
    std::vector<T> zero(lanes);
    if (plan.model.electronic_dc)
      for (int lane = 0; lane < lanes; ++lane) {
        zero[lane] = field[lane];
        field[lane] = field[lanes + lane] = 0;
      }
    Gauges gauges;
    with.run(field, false, nullptr, 1, true, window, true, false, ranges, noise, used, result + block, result, gauges);
    for (int lane = 0; lane < used; ++lane)
      for (int y = 0; y < g.kernel.y; ++y)
        for (int k = 0; k < g.kernel.x; ++k)
          v_w[((pack * lanes + lane) * g.kernel.y + y) * g.kernel.x + k] =
              result[(Index{y * g.dilation.y} * g.extent().x + k * g.dilation.x) * lanes + lane] * scale + zero[lane];
  });
}

template class ChipConv2d<float>;
template class ChipConv2d<double>;

}  // namespace fdsr
