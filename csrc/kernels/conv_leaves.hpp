// What the convolution's leaf files of one instruction set share.
#pragma once

#include "conv_kernels.hpp"
#include "leaves.hpp"
#include "simd.hpp"

namespace fdsr::kernels::FDSR_ISA {

template <class T>
void fill_conv_lines(ConvTable<T>& table);
template <class T>
void fill_conv_products(ConvTable<T>& table);
template <class T>
void fill_conv_spatial(ConvTable<T>& table);

template <class T>
ConvTable<T> make_conv_table();

}  // namespace fdsr::kernels::FDSR_ISA
