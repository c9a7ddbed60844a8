// A batch of transforms made of frames, as packs.
#include <algorithm>

#include "chip/frame.hpp"
#include "fdsr/threads.hpp"
#include "threads/buffers.hpp"

namespace fdsr {

template <class T>
struct ChipTransform<T>::Plan {
  ChipModel model;
  chip::PackTransform<T> transform;
};

template <class T>
ChipTransform<T>::ChipTransform(const ChipModel& model, int passes) {
  check_chip(model);
  if (passes < 1 || passes > 3) invalid_argument("passes: ", passes, " given, must be 1 to 3");
  plan_ = std::make_unique<const Plan>(Plan{model, chip::PackTransform<T>(model, passes)});
}
template <class T>
ChipTransform<T>::~ChipTransform() = default;
template <class T>
ChipTransform<T>::ChipTransform(ChipTransform&&) noexcept = default;

template <class T>
Size ChipTransform<T>::size() const {
  return plan_->transform.size();
}
template <class T>
int ChipTransform<T>::passes() const {
  return plan_->transform.passes();
}
template <class T>
std::int64_t ChipTransform<T>::frames() const {
  return plan_->transform.frames();
}

template <class T>
void ChipTransform<T>::forward(std::ptrdiff_t batch, const std::complex<T>* x, bool inverse,
                               std::span<const ChipRange> ranges, const ChipDraw& draw, int threads,
                               std::complex<T>* y, ChipTally* tally, ChipHistograms* histograms) const {
  const auto& transform = plan_->transform;
  const chip::Index elements = transform.elements();
  const int lanes = transform.lanes(), passes = transform.passes();
  if (int(ranges.size()) != passes) invalid_argument("ranges: ", ranges.size(), " given, ", passes, " needed");
  const std::int64_t packs = (batch + lanes - 1) / lanes;
  std::vector<chip::Gauges> gauges(packs);
  const std::size_t bins = histograms ? std::size_t(passes) * kChipBins : 0;
  std::vector<std::vector<std::uint64_t>> seen(histograms ? threads : 0, std::vector<std::uint64_t>(2 * bins));
  parallel_for(packs, threads, [&](std::int64_t pack, int worker) {
    const Buffer buffer(sizeof(T) * (4 * elements * lanes + transform.scratch()));
    T* const in = buffer.template as<T>();
    T* const out = in + 2 * elements * lanes;
    const int used = int(std::min<std::int64_t>(lanes, batch - pack * lanes));
    kernels::NoiseLanes noise;
    chip::set_key(noise, draw);
    for (int lane = 0; lane < lanes; ++lane) chip::set_sample(noise, lane, draw.sample + pack * lanes + lane);
    for (chip::Index e = 0; e < elements; ++e)
      for (int lane = 0; lane < lanes; ++lane) {
        const std::complex<T> value = lane < used ? x[(pack * lanes + lane) * elements + e] : std::complex<T>(0);
        in[e * 2 * lanes + lane] = value.real();
        in[e * 2 * lanes + lanes + lane] = value.imag();
      }
    chip::Gauges& own = gauges[pack];
    if (histograms) own.dac = seen[worker].data(), own.adc = seen[worker].data() + bins;
    transform.run(in, false, nullptr, 1, inverse, transform.all(), false, plan_->model.electronic_dc, ranges, noise,
                  used, out + 2 * elements * lanes, out, own);
    for (chip::Index e = 0; e < elements; ++e)
      for (int lane = 0; lane < used; ++lane)
        y[(pack * lanes + lane) * elements + e] = {out[e * 2 * lanes + lane], out[e * 2 * lanes + lanes + lane]};
  });
  if (histograms) *histograms = chip::summed(seen, bins);
  if (!tally) return;
  ChipTally total;
  for (const auto& pack : gauges) chip::take(total, 0, pack);
  total.frames = batch * transform.frames();
  total.dac_conversions = chip::dac_conversions(plan_->model, total.frames);
  total.adc_conversions = chip::adc_conversions(plan_->model, total.frames);
  *tally = total;
}

template class ChipTransform<float>;
template class ChipTransform<double>;

}  // namespace fdsr
