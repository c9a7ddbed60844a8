// A transform along both axes of the quadrants that a block holds, by one of the ways to compute products.
#pragma once

#include "cuda/folded_product.hpp"

namespace fdsr::cuda {

// The products of one transform on all quadrants that this block holds.
template <class Products, class Team, class T>
FDSR_DEVICE void transform(const Team& team, const Quadrants& q, const Transform& t, T* quadrants, const T* matrices) {
  const int warp = team.thread() / kWarp, warps = team.threads() / kWarp;
  const int columns = t.in.half().x, rows = 2 * t.out.half().y;
  // The last set of a quadrant is not whole: quadrants begin with different ones, so that it falls to different warps.
  {
    const int sets = Products::sets_along_y(columns);
    for (int task = warp; task < q.held() * sets; task += warps) {
      const int place = task / sets, parity = q.quadrant(team.rank(), place) / 2;
      const T* matrix = matrices + t.y.offset + parity * Products::matrix_size(t.y);
      Products::along_y(team, q, t.y, matrix, columns, quadrants + place * q.size(), (task + place) % sets);
    }
  }
  team.sync_block();
  {
    const int sets = Products::sets_along_x(rows);
    for (int task = warp; task < q.held() * sets; task += warps) {
      const int place = task / sets, parity = q.quadrant(team.rank(), place) % 2;
      const T* matrix = matrices + t.x.offset + parity * Products::matrix_size(t.x);
      Products::along_x(team, q, t.x, matrix, rows, quadrants + place * q.size(), (task + place) % sets);
    }
  }
  team.sync_cluster();
}

// The shared memory of a block, in values; sums of every thread lie behind where parameters have gradients.
FDSR_BOTH std::int64_t shared_values(const Quadrants& q, int matrices) {
  return std::int64_t{q.held()} * q.size() + matrices;
}

// Zeros and matrices. What a product reads beside its samples must be finite.
template <class T, class Team, class Params>
FDSR_DEVICE void prepare_block(const Team& team, const Params& p, T* shared) {
  const int held = p.q.held() * p.q.size();
  for (int i = team.thread(); i < held; i += team.threads()) shared[i] = T(0);
  for (int i = team.thread(); i < p.matrices; i += team.threads()) shared[held + i] = p.constants[i];
  team.sync_cluster();
}

}  // namespace fdsr::cuda
