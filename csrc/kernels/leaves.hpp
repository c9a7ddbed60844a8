// What the leaf files of one instruction set share: their parts of the dispatch table.
#pragma once

#include <type_traits>

#include "kernels.hpp"

namespace fdsr::kernels::FDSR_ISA {

template <int N>
using Constant = std::integral_constant<int, N>;

template <class T>
void fill_gemm(KernelTable<T>& table);
template <class T>
void fill_rows(KernelTable<T>& table);
template <class T>
void fill_nonlinear(KernelTable<T>& table);
template <class T>
void fill_fused(KernelTable<T>& table);

// A table whose entries are all of this instruction set.
template <class T>
KernelTable<T> make_table(const char* name);

}  // namespace fdsr::kernels::FDSR_ISA
