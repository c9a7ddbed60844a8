#include <algorithm>

#include "fdsr/four_f.hpp"
#include "fdsr/threads.hpp"
#include "optics/pointwise.hpp"
#include "optics/stack_masks.hpp"
#include "threads/buffers.hpp"
#include "transform/image_transform.hpp"

namespace fdsr {
namespace {

// Gradients that sum over the batch are added in this many chunks at most: enough to keep many threads busy, few
// enough that their accumulators stay small.
constexpr std::int64_t kMostChunks = 32;

}  // namespace

// One image on its way through the layers: what both directions share.
template <class T>
struct FourFStack<T>::Pass {
  const FourFStack& stack;
  const ImageTransform<T>&first, &inner;
  const SampleLayout<T>&space, &frequency;
  std::vector<NonlinearLayer<T>> layers;
  PreparedMasks<T> masks;

  Pass(const FourFStack& s, const StackMasks<T>& m, int threads)
      : stack(s),
        first(s.first()),
        inner(*s.inner_),
        space(inner.space()),
        frequency(inner.frequency()),
        masks(m, s.layers(), frequency, s.gauge_, static_cast<T>(1 / (s.grid_.y * s.grid_.x)), threads) {
    for (int l = 0; l < s.layers(); ++l)
      layers.push_back({s.nonlinearities_[l], m.parameters[l], m.custom.empty() ? CustomResponse<T>{} : m.custom[l]});
  }

  // The working arrays of one image.
  struct Arrays {
    Buffer field, spectrum, scratch, rows, custom;  // rows of two groups
    explicit Arrays(const Pass& p)
        : field(sizeof(T) * std::max(p.first.space().size(), p.space.size())),
          spectrum(sizeof(T) * p.frequency.size()),
          scratch(sizeof(T) * std::max(p.first.scratch_size(), p.inner.scratch_size())),
          rows(sizeof(T) * 2 * p.largest_group()),
          custom(sizeof(T) * 5 * p.space.n) {}
  };
  Index largest_group() const {
    return std::max({first.space().group_size(), space.group_size(), frequency.group_size()});
  }

  Index layer_tape() const { return frequency.size() + space.size(); }
  T* spectrum_tape(T* tape, std::int64_t image, int layer) const {
    return tape + (image * stack.layers() + layer) * layer_tape();
  }

  // |f| = 1 and only |y|^2 is asked for: the last nonlinearity cannot be seen.
  bool last_is_invisible(bool intensity) const {
    return intensity && is_phase_only(layers.back().kind);
  }

  void load(const StackInput<T>& x, std::int64_t image, const Arrays& a) const;
  void forward(const StackOutput<T>& out, std::int64_t image, std::int64_t batch, const Arrays& a) const;
  void mask_layer(int layer, std::int64_t image, T* tape, const Arrays& a) const;
  void finish_group(const StackOutput<T>& out, std::int64_t image, Index group, const T* e, const T* y) const;

  void load_cotangent(const StackCotangent<T>& v, std::int64_t image, Index group, const T* e, const Arrays& a,
                      T* rows) const;
  void nonlinear_adjoint(int layer, const StackCotangent<T>& v, std::int64_t image, const T* e, const Arrays& a,
                         double* v_parameters) const;
  void mask_adjoint(int layer, std::int64_t image, const T* z, const Arrays& a, T* gradient, bool complex, bool add,
                    bool onward) const;
  void store_input_gradient(std::int64_t image, const Arrays& a, const StackGradients<T>& v) const;
};

template <class T>
FourFStack<T>::FourFStack(Size window, Size support, Size band, const Grid& grid,
                          std::vector<Nonlinearity> nonlinearities, Algorithm algorithm, Planner planner)
    : window_(window), support_(support), band_(band), grid_(grid), nonlinearities_(std::move(nonlinearities)) {
  if (nonlinearities_.empty()) invalid_argument("nonlinearities is empty: a stack has at least one layer");
  check_geometry(window, band, grid);
  if (support.y > grid.y || support.x > grid.x)
    invalid_argument("support is (", support.y, ", ", support.x, "): must not exceed the grid");
  inner_ = make_transform<T>(support, band, grid, algorithm, planner);
  if (window == support) return;
  first_ = make_transform<T>(window, band, grid, algorithm, planner, inner_.get());
  if (inner_->algorithm() == Algorithm::fftw) return;
  const double shift_y = window_centre(support.y, grid.y, grid.centred) - window_centre(window.y, grid.y, grid.centred);
  const double shift_x = window_centre(support.x, grid.x, grid.centred) - window_centre(window.x, grid.x, grid.centred);
  if (shift_y != 0 || shift_x != 0) gauge_ = parity_gauge(inner_->frequency(), band, grid, shift_y, shift_x);
}

template <class T>
FourFStack<T>::~FourFStack() = default;
template <class T>
FourFStack<T>::FourFStack(FourFStack&&) noexcept = default;

template <class T>
void FourFStack<T>::check(std::int64_t batch, const StackMasks<T>& m) const {
  if ((m.phase != nullptr) == (m.transfer != nullptr))
    invalid_argument("masks: exactly one of phase and transfer must be given");
  if (m.masks != 1 && m.masks != batch)
    invalid_argument("masks: ", m.masks, " sets of masks for a batch of ", batch, ": must be 1 or the batch");
  if (static_cast<int>(m.parameters.size()) != layers())
    invalid_argument("parameters: ", m.parameters.size(), " given for ", layers(), " layers");
  if (batch < 0) invalid_argument("batch is ", batch, ": must be at least 0");
  if (m.apertures < 0 || m.apertures > layers() || (m.apertures > 0 && !m.aperture))
    invalid_argument("apertures: ", m.apertures, " given for ", layers(), " layers, each needs its values");
  if (!m.custom.empty() && static_cast<int>(m.custom.size()) != layers())
    invalid_argument("custom: ", m.custom.size(), " given for ", layers(), " layers");
  for (int l = 0; l < layers(); ++l)
    if (nonlinearities_[l] == Nonlinearity::custom &&
        (m.custom.empty() || !m.custom[l].response || !m.custom[l].derivative))
      invalid_argument("custom: layer ", l, " is custom but lacks its response or derivative function");
}

namespace {

void check_one(const char* what, const void* first, const void* second) {
  if ((first != nullptr) == (second != nullptr))
    invalid_argument(what, ": exactly one of complex and real values must be given");
}

}  // namespace

// ------------------------------------------------------------------------------------------------ forward

template <class T>
void FourFStack<T>::Pass::load(const StackInput<T>& x, std::int64_t image, const Arrays& a) const {
  const SampleLayout<T>& in = first.space();
  T* rows = a.rows.template as<T>();
  for (Index group = 0; group < in.groups; ++group) {
    if (x.field)
      in.import_group(group, x.field + image * stack.window_.area(), Ramp::plain, T(1), rows);
    else
      in.import_group(group, x.amplitude + image * stack.window_.area(), Ramp::plain, T(1), rows);
    first.fold_space(rows, group, a.field.template as<T>());
  }
}

// z = W y, kept on the tape; spectrum := t z
template <class T>
void FourFStack<T>::Pass::mask_layer(int layer, std::int64_t image, T* tape, const Arrays& a) const {
  const T* mask = masks.of(image, layer);
  for (Index group = 0; group < frequency.groups; ++group) {
    const Index at = group * frequency.group_size();
    inner.mask_frequency(a.spectrum.template as<T>(), group, mask + at, tape ? tape + at : nullptr,
                         a.rows.template as<T>());
  }
}

template <class T>
void FourFStack<T>::Pass::finish_group(const StackOutput<T>& out, std::int64_t image, Index group, const T* e,
                                       const T* y) const {
  const std::int64_t area = stack.support_.area();
  if (out.field) {
    space.export_group(group, y, Ramp::conjugate, T(1), out.field + image * area);
    return;
  }
  const auto& k = kernels::kernels<T>();
  const T* seen = last_is_invisible(true) ? e : y;
  const Buffer intensity(sizeof(T) * space.rows_per_group * space.n);
  for (Index r = 0; r < space.rows_per_group; ++r)
    k.intensity(space.n, seen + r * space.row_size(), intensity.as<T>() + r * space.n);
  space.export_real(group, intensity.as<T>(), T(1), out.intensity + image * area);
}

template <class T>
void FourFStack<T>::Pass::forward(const StackOutput<T>& out, std::int64_t image, std::int64_t batch,
                                  const Arrays& a) const {
  T *field = a.field.template as<T>(), *spectrum = a.spectrum.template as<T>();
  T *scratch = a.scratch.template as<T>(), *y = a.rows.template as<T>() + largest_group();
  const int count = stack.layers();
  for (int l = 0; l < count; ++l) {
    T* tape = out.tape ? spectrum_tape(out.tape, image, l) : nullptr;
    (l == 0 ? first : inner).to_frequency(field, spectrum, scratch);
    mask_layer(l, image, tape, a);
    inner.to_space(spectrum, field, scratch);
    const bool last = l + 1 == count;
    const bool skip = last && !out.fields && last_is_invisible(out.intensity != nullptr);
    for (Index group = 0; group < space.groups; ++group) {
      T* saved = tape ? tape + frequency.size() + group * space.group_size() : nullptr;
      if (!last && !out.fields &&
          inner.nonlinear_space(static_cast<int>(layers[l].kind), layers[l].parameters.data(), field, group, saved))
        continue;
      T* e = saved ? saved : a.rows.template as<T>();
      inner.unfold_space(field, group, e);
      for (Index r = 0; r < space.rows_per_group && !skip; ++r) {
        const Index at = r * space.row_size();
        layers[l].forward(space.n, e + at, a.custom.template as<T>(), y + at);
      }
      if (out.fields)
        space.export_group(group, y, Ramp::conjugate, T(1),
                           out.fields + (l * batch + image) * stack.support_.area());
      last ? finish_group(out, image, group, e, y) : inner.fold_space(y, group, field);
    }
  }
}

template <class T>
void FourFStack<T>::forward(std::int64_t batch, const StackInput<T>& x, const StackMasks<T>& masks, int threads,
                            const StackOutput<T>& out) const {
  check(batch, masks);
  if (batch == 0) return;
  check_one("x", x.field, x.amplitude);
  check_one("out", out.field, out.intensity);
  const Pass pass(*this, masks, threads);
  parallel_for(batch, threads, [&](std::int64_t image, int) {
    const typename Pass::Arrays arrays(pass);
    pass.load(x, image, arrays);
    pass.forward(out, image, batch, arrays);
  });
}

// ------------------------------------------------------------------------------------------------ adjoint

template <class T>
void FourFStack<T>::Pass::load_cotangent(const StackCotangent<T>& v, std::int64_t image, Index group, const T* e,
                                         const Arrays& a, T* rows) const {
  const std::int64_t area = stack.support_.area();
  if (v.field) {
    space.import_group(group, v.field + image * area, Ramp::plain, T(1), rows);
    return;
  }
  const auto& k = kernels::kernels<T>();
  const Buffer buffer(sizeof(T) * (space.rows_per_group * space.n + space.row_size()));
  T *v_intensity = buffer.as<T>(), *y = v_intensity + space.rows_per_group * space.n;
  space.import_real(group, v.intensity + image * area, v_intensity);
  for (Index r = 0; r < space.rows_per_group; ++r) {
    const T* seen = e + r * space.row_size();
    if (!last_is_invisible(true)) {
      layers.back().forward(space.n, seen, a.custom.template as<T>(), y);
      seen = y;
    }
    k.intensity_adjoint(space.n, seen, v_intensity + r * space.n, rows + r * space.row_size());
  }
}

// field (or, in the last layer, the output's cotangent) := cotangent of E_l
template <class T>
void FourFStack<T>::Pass::nonlinear_adjoint(int layer, const StackCotangent<T>& v, std::int64_t image, const T* e,
                                            const Arrays& a, double* v_parameters) const {
  T *field = a.field.template as<T>(), *rows = a.rows.template as<T>();
  const bool last = layer + 1 == stack.layers();
  const bool skip = last && last_is_invisible(v.intensity != nullptr);
  for (Index group = 0; group < space.groups; ++group) {
    const T* e_group = e + group * space.group_size();
    if (!last && inner.nonlinear_space_adjoint(static_cast<int>(layers[layer].kind), layers[layer].parameters.data(),
                                               e_group, field, group, v_parameters))
      continue;
    last ? load_cotangent(v, image, group, e_group, a, rows) : inner.unfold_space(field, group, rows);
    for (Index r = 0; r < space.rows_per_group && !skip; ++r) {
      const Index at = r * space.row_size();
      const bool counts = space.counts[group * space.rows_per_group + r];
      layers[layer].adjoint(space.n, e_group + at, space.weight.data(), a.custom.template as<T>(), rows + at,
                            counts ? v_parameters : nullptr);
    }
    inner.fold_space(rows, group, field);
  }
}

// spectrum holds the cotangent of t z; the mask's gradient is collected, spectrum := that of z
template <class T>
void FourFStack<T>::Pass::mask_adjoint(int layer, std::int64_t image, const T* z, const Arrays& a, T* gradient,
                                       bool complex, bool add, bool onward) const {
  const auto& k = kernels::kernels<T>();
  const T scale = static_cast<T>(1 / (stack.grid_.y * stack.grid_.x));
  T *spectrum = a.spectrum.template as<T>(), *rows = a.rows.template as<T>();
  const T* mask = masks.of(image, layer);
  for (Index group = 0; group < frequency.groups; ++group) {
    const Index at = group * frequency.group_size();
    if (complex && gradient) {
      inner.unfold_frequency(spectrum, group, rows);
      for (Index r = 0; r < frequency.rows_per_group; ++r) {
        const Index row = r * frequency.row_size();
        k.transfer_gradient(frequency.n, rows + row, z + at + row, scale, add, gradient + at + row);
      }
    }
    T* v_phase = complex || !gradient ? nullptr : gradient + group * frequency.rows_per_group * frequency.n;
    inner.mask_frequency_adjoint(spectrum, group, mask + at, z + at, add, v_phase, onward, rows);
  }
}

template <class T>
void FourFStack<T>::Pass::store_input_gradient(std::int64_t image, const Arrays& a, const StackGradients<T>& v) const {
  const SampleLayout<T>& in = first.space();
  T *field = a.field.template as<T>(), *rows = a.rows.template as<T>();
  first.to_space(a.spectrum.template as<T>(), field, a.scratch.template as<T>());
  for (Index group = 0; group < in.groups; ++group) {
    first.unfold_space(field, group, rows);
    const std::int64_t at = image * stack.window_.area();
    v.field ? in.export_group(group, rows, Ramp::conjugate, T(1), v.field + at)
            : in.export_real_part(group, rows, Ramp::conjugate, T(1), v.amplitude + at);
  }
}

template <class T>
void FourFStack<T>::adjoint(std::int64_t batch, const StackCotangent<T>& v_out, const T* tape,
                            const StackMasks<T>& masks, int threads, const StackGradients<T>& v) const {
  check(batch, masks);
  if (v.parameters) v.parameters->assign(layers(), NonlinearityParameters{});
  const bool need_input = v.field || v.amplitude, need_masks = v.phase || v.transfer;
  if ((v.phase && !masks.phase) || (v.transfer && !masks.transfer))
    invalid_argument("v: a gradient is asked for masks of the other kind");
  const std::int64_t mask_area = masks.masks * layers() * band_.area();
  if (batch == 0) {
    if (v.phase) std::fill_n(v.phase, mask_area, T(0));
    if (v.transfer) std::fill_n(v.transfer, mask_area, std::complex<T>{});
    return;
  }
  check_one("v_out", v_out.field, v_out.intensity);
  if (!tape) invalid_argument("tape is null: forward must have written one");
  const Pass pass(*this, masks, threads);
  const std::int64_t chunks = std::min(batch, kMostChunks);
  const std::int64_t accumulators = need_masks ? (masks.masks == 1 ? chunks : batch) : 0;
  const bool complex = masks.transfer != nullptr;
  const MaskGradients<T> gradients(accumulators, layers(), pass.frequency, complex);
  std::vector<std::vector<NonlinearityParameters>> v_parameters(
      chunks, std::vector<NonlinearityParameters>(layers(), NonlinearityParameters{}));

  parallel_for(chunks, threads, [&](std::int64_t chunk, int) {
    const typename Pass::Arrays a(pass);
    const std::int64_t begin = chunk * batch / chunks, end = (chunk + 1) * batch / chunks;
    for (std::int64_t image = begin; image < end; ++image) {
      const std::int64_t accumulator = masks.masks == 1 ? chunk : image;
      const bool add = masks.masks == 1 && image != begin;
      for (int l = layers() - 1; l >= 0; --l) {
        const T* z = pass.spectrum_tape(const_cast<T*>(tape), image, l);
        pass.nonlinear_adjoint(l, v_out, image, z + pass.frequency.size(), a,
                               v.parameters ? v_parameters[chunk][l].data() : nullptr);
        pass.inner.to_frequency(a.field.template as<T>(), a.spectrum.template as<T>(), a.scratch.template as<T>());
        const bool onward = l > 0 || need_input;
        pass.mask_adjoint(l, image, z, a, need_masks ? gradients.of(accumulator, l) : nullptr, complex, add, onward);
        if (l > 0)
          pass.inner.to_space(a.spectrum.template as<T>(), a.field.template as<T>(), a.scratch.template as<T>());
        else if (need_input)
          pass.store_input_gradient(image, a, v);
      }
    }
  });
  if (need_masks) gradients.reduce(masks, gauge_, threads, v);
  if (v.parameters)
    for (const auto& chunk : v_parameters)
      for (int l = 0; l < layers(); ++l)
        for (int i = 0; i < 4; ++i) (*v.parameters)[l][i] += chunk[l][i];
}

// -------------------------------------------------------------------------------------------------- facts

template <class T>
std::int64_t FourFStack<T>::tape_size(std::int64_t batch) const {
  return batch * layers() * (inner_->frequency().size() + inner_->space().size());
}
template <class T>
std::size_t FourFStack<T>::nbytes() const {
  return inner_->nbytes() + (first_ ? first_->nbytes() : 0) + gauge_.size() * sizeof(T);
}
template <class T>
Algorithm FourFStack<T>::algorithm() const {
  return inner_->algorithm();
}
template <class T>
Size FourFStack<T>::rank() const {
  return inner_->rank();
}
template <class T>
double FourFStack<T>::flops() const {
  return first().flops() + inner_->flops() * (2 * layers() - 1);
}

template class FourFStack<float>;
template class FourFStack<double>;

}  // namespace fdsr
