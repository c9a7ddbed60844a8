// One windowed DFT, or its adjoint, of one image by one block or cluster.
#pragma once

#include "cuda/folded_transform.hpp"
#include "cuda/mirrored.hpp"

namespace fdsr::cuda {

template <class T>
struct TransformParams {
  Quadrants q;
  Transform transform;
  Ramp before, after;  // of what comes in and goes out
  T scale = T(1);
  const T* constants = nullptr;
  int matrices = 0;
  std::int64_t batch = 0;
  const Complex<T>* in = nullptr;
  Complex<T>* out = nullptr;
};

template <class Products, class T, class Team>
FDSR_DEVICE void windowed_dft(const Team& team, const TransformParams<T>& p, std::int64_t image, T* shared) {
  const ImageView<T> view = image_view(team, p.q, shared);
  const Extent in = p.transform.in, out = p.transform.out;
  for_places(team, in.half(), p.q.cluster, [&](int, int y, int x) {
    Complex<T> m[4];
    FDSR_UNROLL for (int s = 0; s < 4; ++s) {
      const int at = natural_place(in, y, x, s);
      m[s] = p.in[image * in.area() + at] * ramp_at(p.constants, p.before, in, at);
    }
    fold(view, y, x, m);
  });
  team.sync_cluster();
  transform<Products>(team, p.q, p.transform, shared, shared + p.q.held() * p.q.size());
  for_places(team, out.half(), p.q.cluster, [&](int, int y, int x) {
    Complex<T> m[4];
    unfold(view, y, x, p.transform.inverse, m);
    FDSR_UNROLL for (int s = 0; s < 4; ++s) {
      if (is_repeated(out, y, x, s)) continue;
      const int at = natural_place(out, y, x, s);
      p.out[image * out.area() + at] = p.scale * (m[s] * ramp_at(p.constants, p.after, out, at));
    }
  });
  team.sync_cluster();
}

}  // namespace fdsr::cuda
