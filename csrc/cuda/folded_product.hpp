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

// What a kernel is made for: matrices [in][outputs], padded with zeros, and plain multiply-adds.
template <class V, int TO>
struct FmaProducts {
  using T = V;
  static constexpr int TC = kColumns<TO>, kOutputs = TO * kOutputGroups;

  FDSR_BOTH static int matrix_size(const Product& p) { return p.in * kOutputs; }
  FDSR_BOTH static int groups_of(int columns) { return (columns + TC - 1) / TC; }
  // Sets of columns or rows that a warp takes at once.
  FDSR_BOTH static int sets_along_y(int columns) { return (2 * groups_of(columns) + kColumnGroups - 1) / kColumnGroups; }
  FDSR_BOTH static int sets_along_x(int rows) { return (rows + kColumnGroups * TC - 1) / (kColumnGroups * TC); }

  template <class Team>
  FDSR_DEVICE static void along_y(const Team& team, const Quadrants& q, const Product& p, const T* matrix, int columns,
                                  T* quadrant, int set);
  template <class Team>
  FDSR_DEVICE static void along_x(const Team& team, const Quadrants& q, const Product& p, const T* matrix, int rows,
                                  T* quadrant, int set);
};

// Columns (part, x) of a quadrant: rows y of [re | im] become rows of the product.
template <class T, int TO>
template <class Team>
FDSR_DEVICE void FmaProducts<T, TO>::along_y(const Team& team, const Quadrants& q, const Product& p, const T* matrix,
                                             int columns, T* quadrant, int set) {
  const int lane = team.thread() % kWarp, og = lane % kOutputGroups, cg = lane / kOutputGroups;
  const int groups = groups_of(columns);  // of one part
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
template <class T, int TO>
template <class Team>
FDSR_DEVICE void FmaProducts<T, TO>::along_x(const Team& team, const Quadrants& q, const Product& p, const T* matrix,
                                             int rows, T* quadrant, int set) {
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

}  // namespace fdsr::cuda
