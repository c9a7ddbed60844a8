// One image on its way through the layers of a stack, forward and back, by one block or cluster.
#pragma once

#include "cuda/folded_transform.hpp"
#include "cuda/mirrored.hpp"
#include "cuda/responses.hpp"

namespace fdsr::cuda {

// What both directions know. Pointers are to device memory.
template <class T>
struct StackParams {
  Quadrants q;
  Extent window, support, band;
  Transform first, to_band, to_space, back;  // window -> band, support -> band, band -> support, band -> window
  Ramp ramp_in, ramp_out;
  int layers = 0;
  Nonlinearity kinds[kMostLayers];
  const T* constants = nullptr;          // the matrices first
  int matrices = 0;                      // their size
  const double* parameters = nullptr;    // [L, 4]
  const Complex<T>* masks = nullptr;     // [masks, L, 4, places of the band], with apertures, gauge and 1/N^2
  bool mask_per_image = false;
  std::int64_t batch = 0;

  FDSR_BOTH int band_places() const { return band.half().area(); }
  FDSR_BOTH int support_places() const { return support.half().area(); }
  FDSR_BOTH std::int64_t layer_tape() const { return 4ll * (band_places() + support_places()); }
  FDSR_BOTH bool turns_only(int layer) const {
    return kinds[layer] == Nonlinearity::none || kinds[layer] == Nonlinearity::kerr ||
           kinds[layer] == Nonlinearity::saturable_kerr;
  }
};

template <class T>
struct StackForward {
  const Complex<T>* field = nullptr;  // [B, window], or
  const T* amplitude = nullptr;
  Complex<T>* out = nullptr;          // [B, support], or
  T* intensity = nullptr;
  Complex<T>* fields = nullptr;       // [L, B, support] or null
  Complex<T>* tape = nullptr;         // [B, L, layer_tape] or null
};

template <class T>
struct StackAdjoint {
  const Complex<T>* v_out = nullptr;  // [B, support], or
  const T* v_intensity = nullptr;
  const Complex<T>* tape = nullptr;
  T* phase = nullptr;                 // sums in the order of the masks: [sums, L, 4, places], or
  Complex<T>* transfer = nullptr;
  double* parameters = nullptr;       // [clusters, blocks of a cluster, L, 4] or null
  Complex<T>* field = nullptr;        // [B, window], or
  T* amplitude = nullptr;
};

// ---------------------------------------------------------------------------------------------- forward

template <class T, class Team>
FDSR_DEVICE void load_input(const Team& team, const StackParams<T>& p, const StackForward<T>& f, std::int64_t image,
                            const ImageView<T>& view) {
  for_places(team, p.window.half(), p.q.cluster, [&](int, int y, int x) {
    Complex<T> m[4];
    FDSR_UNROLL for (int s = 0; s < 4; ++s) {
      const int at = natural_place(p.window, y, x, s);
      const std::int64_t from = image * p.window.area() + at;
      const Complex<T> ramp = ramp_at(p.constants, p.ramp_in, p.window, at);
      m[s] = f.field ? f.field[from] * ramp : f.amplitude[from] * ramp;
    }
    fold(view, y, x, m);
  });
  team.sync_cluster();
}

template <class T, class Team>
FDSR_DEVICE void apply_mask(const Team& team, const StackParams<T>& p, const Complex<T>* mask, Complex<T>* tape,
                            const ImageView<T>& view) {
  const int places = p.band_places();
  for_places(team, p.band.half(), p.q.cluster, [&](int place, int y, int x) {
    Complex<T> z[4];
    unfold(view, y, x, false, z);
    FDSR_UNROLL for (int s = 0; s < 4; ++s) {
      if (tape) tape[s * places + place] = z[s];
      z[s] = z[s] * mask[s * places + place];
    }
    fold(view, y, x, z);
  });
  team.sync_cluster();
}

template <class T>
FDSR_DEVICE void store_output(const StackParams<T>& p, const StackForward<T>& f, std::int64_t image, int layer, int y,
                              int x, const Complex<T>* m) {
  const bool last = layer + 1 == p.layers;
  FDSR_UNROLL for (int s = 0; s < 4; ++s) {
    if (is_repeated(p.support, y, x, s)) continue;
    const int at = natural_place(p.support, y, x, s);
    const Complex<T> value = m[s] * conj(ramp_at(p.constants, p.ramp_out, p.support, at));
    const std::int64_t to = image * p.support.area() + at;
    if (f.fields) f.fields[layer * p.batch * p.support.area() + to] = value;
    if (last && f.out) f.out[to] = value;
    if (last && f.intensity) f.intensity[to] = value.re * value.re + value.im * value.im;
  }
}

template <class Products, class T, class Team>
FDSR_DEVICE void stack_forward(const Team& team, const StackParams<T>& p, const StackForward<T>& f, std::int64_t image,
                               T* shared) {
  const ImageView<T> view = image_view(team, p.q, shared);
  const T* matrices = shared + p.q.held() * p.q.size();
  load_input(team, p, f, image, view);
  for (int l = 0; l < p.layers; ++l) {
    Complex<T>* tape = f.tape ? f.tape + (image * p.layers + l) * p.layer_tape() : nullptr;
    transform<Products>(team, p.q, l == 0 ? p.first : p.to_band, shared, matrices);
    const std::int64_t mask = (p.mask_per_image ? image * p.layers : 0) + l;
    apply_mask(team, p, p.masks + mask * 4 * p.band_places(), tape, view);
    transform<Products>(team, p.q, p.to_space, shared, matrices);
    const bool last = l + 1 == p.layers;
    const int places = p.support_places();
    for_places(team, p.support.half(), p.q.cluster, [&](int place, int y, int x) {
      Complex<T> m[4];
      unfold(view, y, x, true, m);
      FDSR_UNROLL for (int s = 0; s < 4; ++s) {
        if (tape) tape[4 * p.band_places() + s * places + place] = m[s];
        m[s] = nonlinear(p.kinds[l], p.parameters + 4 * l, m[s]);
      }
      if (last || f.fields) store_output(p, f, image, l, y, x, m);
      if (!last) fold(view, y, x, m);
    });
    team.sync_cluster();
  }
}

// ---------------------------------------------------------------------------------------------- adjoint

// Cotangent of sample s of the last layer's output, given its field e before the nonlinearity.
template <class T>
FDSR_DEVICE Complex<T> output_cotangent(const StackParams<T>& p, const StackAdjoint<T>& a, std::int64_t image, int at,
                                        Complex<T> e) {
  const std::int64_t from = image * p.support.area() + at;
  if (a.v_out) return a.v_out[from] * ramp_at(p.constants, p.ramp_out, p.support, at);
  const int last = p.layers - 1;
  const T twice = T(2) * a.v_intensity[from];
  return twice * nonlinear(p.kinds[last], p.parameters + 4 * last, e);
}

template <class T, class Team>
FDSR_DEVICE void nonlinear_adjoint_of_layer(const Team& team, const StackParams<T>& p, const StackAdjoint<T>& a,
                                            std::int64_t image, int l, const ImageView<T>& view, double* sums) {
  const Complex<T>* tape = a.tape + (image * p.layers + l) * p.layer_tape() + 4 * p.band_places();
  const int places = p.support_places();
  const bool last = l + 1 == p.layers;
  for_places(team, p.support.half(), p.q.cluster, [&](int place, int y, int x) {
    Complex<T> v[4];
    if (!last) unfold(view, y, x, true, v);
    FDSR_UNROLL for (int s = 0; s < 4; ++s) {
      const Complex<T> e = tape[s * places + place];
      if (last) v[s] = output_cotangent(p, a, image, natural_place(p.support, y, x, s), e);
      double* counted = sums && !is_repeated(p.support, y, x, s) ? sums : nullptr;
      v[s] = nonlinear_adjoint(p.kinds[l], p.parameters + 4 * l, e, v[s], counted);
    }
    fold(view, y, x, v);
  });
  team.sync_cluster();
}

// The quadrants hold the cotangent of (mask) z; collects the mask's gradient and leaves the cotangent of z.
template <class T, class Team>
FDSR_DEVICE void mask_adjoint(const Team& team, const StackParams<T>& p, const StackAdjoint<T>& a, std::int64_t image,
                              std::int64_t sum, int l, bool add, bool onward, const ImageView<T>& view) {
  const int places = p.band_places();
  const Complex<T>* z = a.tape + (image * p.layers + l) * p.layer_tape();
  const Complex<T>* mask = p.masks + ((p.mask_per_image ? image * p.layers : 0) + l) * 4 * places;
  T* phase = a.phase ? a.phase + (sum * p.layers + l) * 4 * places : nullptr;
  Complex<T>* transfer = a.transfer ? a.transfer + (sum * p.layers + l) * 4 * places : nullptr;
  for_places(team, p.band.half(), p.q.cluster, [&](int place, int y, int x) {
    Complex<T> v[4];
    unfold(view, y, x, false, v);
    FDSR_UNROLL for (int s = 0; s < 4; ++s) {
      const int i = s * places + place;
      const Complex<T> t = mask[i];
      if (phase) {
        const Complex<T> w = conj(v[s]) * (t * z[i]);
        phase[i] = add ? phase[i] - w.im : -w.im;
      } else if (transfer) {
        const Complex<T> w = conj(z[i]) * v[s];
        transfer[i] = add ? Complex<T>{transfer[i].re + w.re, transfer[i].im + w.im} : w;
      }
      v[s] = conj(t) * v[s];
    }
    if (onward) fold(view, y, x, v);
  });
  team.sync_cluster();
}

template <class T, class Team>
FDSR_DEVICE void store_input_gradient(const Team& team, const StackParams<T>& p, const StackAdjoint<T>& a,
                                      std::int64_t image, const ImageView<T>& view) {
  for_places(team, p.window.half(), p.q.cluster, [&](int, int y, int x) {
    Complex<T> v[4];
    unfold(view, y, x, true, v);
    FDSR_UNROLL for (int s = 0; s < 4; ++s) {
      if (is_repeated(p.window, y, x, s)) continue;
      const int at = natural_place(p.window, y, x, s);
      const Complex<T> value = v[s] * conj(ramp_at(p.constants, p.ramp_in, p.window, at));
      const std::int64_t to = image * p.window.area() + at;
      if (a.field) a.field[to] = value;
      else a.amplitude[to] = value.re;
    }
  });
  team.sync_cluster();
}

// Adds up the threads' sums in their order; one more sum for every (cluster, block, layer).
template <class Team>
FDSR_DEVICE void add_parameters(const Team& team, const double* sums, bool add, double* scratch, double* total) {
  for (int i = 0; i < 4; ++i) scratch[4 * team.thread() + i] = sums[i];
  team.sync_block();
  if (team.thread() < 4) {
    double sum = add ? total[team.thread()] : 0;
    for (int t = 0; t < team.threads(); ++t) sum += scratch[4 * t + team.thread()];
    total[team.thread()] = sum;
  }
  team.sync_block();
}

// `sum`: where gradients of shared masks are collected; `add`: not the first image that is.
template <class Products, class T, class Team>
FDSR_DEVICE void stack_adjoint(const Team& team, const StackParams<T>& p, const StackAdjoint<T>& a, std::int64_t image,
                               std::int64_t sum, bool add, T* shared, double* scratch) {
  const ImageView<T> view = image_view(team, p.q, shared);
  const T* matrices = shared + p.q.held() * p.q.size();
  const bool need_input = a.field || a.amplitude;
  const bool add_masks = add && !p.mask_per_image;
  for (int l = p.layers - 1; l >= 0; --l) {
    double sums[4] = {0, 0, 0, 0};
    nonlinear_adjoint_of_layer(team, p, a, image, l, view, a.parameters ? sums : nullptr);
    if (a.parameters) {
      const std::int64_t at = ((sum * p.q.cluster + team.rank()) * p.layers + l) * 4;
      add_parameters(team, sums, add, scratch, a.parameters + at);
    }
    transform<Products>(team, p.q, p.to_band, shared, matrices);
    const bool onward = l > 0 || need_input;
    mask_adjoint(team, p, a, image, p.mask_per_image ? image : sum, l, add_masks, onward, view);
    if (!onward) break;
    transform<Products>(team, p.q, l == 0 ? p.back : p.to_space, shared, matrices);
  }
  if (need_input) store_input_gradient(team, p, a, image, view);
}

}  // namespace fdsr::cuda
