// Products of parity quadrants with folded matrices, in place in shared memory.
//
// A warp takes kColumnGroups x kColumns columns of one quadrant; its lanes split the results of each column into
// kOutputGroups. Per input sample a lane reads TO matrix entries and kColumns samples for TO x kColumns
// multiply-adds. Only when all lanes have read their columns are these overwritten.
#pragma once

#include "cuda/stack_shape.hpp"

namespace fdsr::cuda {

// Sums of one lane. In float32 a partial sum is added up every kSplit terms.
template <class T, int TO, int TC>
struct Sums {
  T part[TO][TC], whole[TO][TC];
  static constexpr bool kSplits = sizeof(T) == 4;

  FDSR_DEVICE Sums() {
    FDSR_UNROLL for (int o = 0; o < TO; ++o) FDSR_UNROLL for (int c = 0; c < TC; ++c) part[o][c] = whole[o][c] = T(0);
  }
  FDSR_DEVICE void add(const T* matrix, const T* sample) {
    FDSR_UNROLL for (int o = 0; o < TO; ++o) {
      const T a = matrix[o];
      FDSR_UNROLL for (int c = 0; c < TC; ++c) part[o][c] += a * sample[c];
    }
  }
  FDSR_DEVICE void step(int k) {
    if (kSplits && (k + 1) % kSplit == 0) fold();
  }
  FDSR_DEVICE void fold() {
    FDSR_UNROLL for (int o = 0; o < TO; ++o) FDSR_UNROLL for (int c = 0; c < TC; ++c) {
      whole[o][c] += part[o][c];
      part[o][c] = T(0);
    }
  }
  FDSR_DEVICE T value(int o, int c) const { return kSplits ? whole[o][c] + part[o][c] : part[o][c]; }
};

// Columns (part, x) of a quadrant: rows y of [re | im] become rows of the product. matrix [in][outputs].
template <class T, int TO, class Team>
FDSR_DEVICE void product_along_y(const Team& team, const Quadrants& q, const Product& p, const T* matrix, int columns,
                                 T* quadrant, int set) {
  constexpr int TC = kColumns<T, TO>, kOutputs = TO * kOutputGroups;
  const int lane = team.thread() % kWarp, og = lane % kOutputGroups, cg = lane / kOutputGroups;
  const int groups = (columns + TC - 1) / TC;  // of one part
  const int group = set * kColumnGroups + cg;
  const bool works = group < 2 * groups;
  const int part = group / groups, x = group % groups * TC;
  T* const column = quadrant + (works ? part * q.stride + x : 0);
  const int row = 2 * q.stride;
  Sums<T, TO, TC> sums;
  if (works)
    for (int k = 0; k < p.in; ++k) {
      T a[TO], v[TC];
      FDSR_UNROLL for (int o = 0; o < TO; ++o) a[o] = matrix[k * kOutputs + og * TO + o];
      FDSR_UNROLL for (int c = 0; c < TC; c += 4) load4(column + k * row + c, v + c);
      sums.add(a, v);
      sums.step(k);
    }
  team.sync_warp();
  if (works)
    FDSR_UNROLL for (int o = 0; o < TO; ++o) {
      if (og * TO + o >= p.out) continue;
      T v[TC];
      FDSR_UNROLL for (int c = 0; c < TC; ++c) v[c] = sums.value(o, c);
      FDSR_UNROLL for (int c = 0; c < TC; c += 4) store4(v + c, column + (og * TO + o) * row + c);
    }
}

// Rows (y, part) of a quadrant. A lane's rows lie kColumnGroups apart: those of a warp fall into different banks.
template <class T, int TO, class Team>
FDSR_DEVICE void product_along_x(const Team& team, const Quadrants& q, const Product& p, const T* matrix, int rows,
                                 T* quadrant, int set) {
  constexpr int TC = kColumns<T, TO>, kOutputs = TO * kOutputGroups;
  const int lane = team.thread() % kWarp, og = lane % kOutputGroups, cg = lane / kOutputGroups;
  const int first = set * kColumnGroups * TC + cg;
  const T* row[TC];
  FDSR_UNROLL for (int c = 0; c < TC; ++c) {
    const int r = first + c * kColumnGroups;
    row[c] = quadrant + (r < rows ? r : rows - 1) * q.stride;  // beyond the last: read again, not written
  }
  Sums<T, TO, TC> sums;
  for (int k = 0; k < p.in; ++k) {
    T a[TO], v[TC];
    FDSR_UNROLL for (int o = 0; o < TO; ++o) a[o] = matrix[k * kOutputs + og * TO + o];
    FDSR_UNROLL for (int c = 0; c < TC; ++c) v[c] = row[c][k];
    sums.add(a, v);
    sums.step(k);
  }
  team.sync_warp();
  FDSR_UNROLL for (int c = 0; c < TC; ++c) {
    const int r = first + c * kColumnGroups;
    if (r >= rows) continue;
    FDSR_UNROLL for (int o = 0; o < TO; ++o)
      if (og * TO + o < p.out) quadrant[r * q.stride + og * TO + o] = sums.value(o, c);
  }
}

// The products of one transform on all quadrants that this block holds.
template <class T, int TO, class Team>
FDSR_DEVICE void transform(const Team& team, const Quadrants& q, const Transform& t, T* quadrants, const T* matrices) {
  constexpr int TC = kColumns<T, TO>, kOutputs = TO * kOutputGroups;
  const int warp = team.thread() / kWarp, warps = team.threads() / kWarp;
  const int columns = t.in.half().x, rows = 2 * t.out.half().y;
  {
    const int sets = (2 * ((columns + TC - 1) / TC) + kColumnGroups - 1) / kColumnGroups;
    for (int task = warp; task < q.held() * sets; task += warps) {
      const int place = task / sets, parity = q.quadrant(team.rank(), place) / 2;
      const T* matrix = matrices + t.y.offset + parity * t.y.in * kOutputs;
      product_along_y<T, TO>(team, q, t.y, matrix, columns, quadrants + place * q.size(), task % sets);
    }
  }
  team.sync_block();
  {
    const int sets = (rows + kColumnGroups * TC - 1) / (kColumnGroups * TC);
    for (int task = warp; task < q.held() * sets; task += warps) {
      const int place = task / sets, parity = q.quadrant(team.rank(), place) % 2;
      const T* matrix = matrices + t.x.offset + parity * t.x.in * kOutputs;
      product_along_x<T, TO>(team, q, t.x, matrix, rows, quadrants + place * q.size(), task % sets);
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
