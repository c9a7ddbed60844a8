// Choice of the instruction set, once per process.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "chip_kernels.hpp"
#include "conv_kernels.hpp"
#include "kernels.hpp"

namespace fdsr::kernels {

#define FDSR_DECLARE(isa)                 \
  namespace isa {                         \
  template <class T>                      \
  KernelTable<T> make_table(const char*); \
  template <class T>                      \
  ConvTable<T> make_conv_table();         \
  template <class T>                      \
  ChipTable<T> make_chip_table();         \
  }
FDSR_DECLARE(portable)
#ifdef FDSR_HAVE_AVX2
FDSR_DECLARE(avx2)
#endif
#ifdef FDSR_HAVE_AVX512
FDSR_DECLARE(avx512)
#endif

namespace {

bool runs_here(const std::string& isa) {
  if (isa == "portable") return true;
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
#ifdef FDSR_HAVE_AVX2
  if (isa == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
#ifdef FDSR_HAVE_AVX512
  if (isa == "avx512")
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
#endif
  return false;
}

const std::string& chosen_isa() {
  static const std::string chosen = [] {
    if (const char* forced = std::getenv("PYFDSR_ISA"); forced && *forced) {
      if (!runs_here(forced))
        throw std::invalid_argument(std::string("PYFDSR_ISA=") + forced +
                                    ": not compiled in or not supported by this processor; compiled: " +
                                    compiled_isas());
      return std::string(forced);
    }
    for (const char* isa : {"avx512", "avx2"})
      if (runs_here(isa)) return std::string(isa);
    return std::string("portable");
  }();
  return chosen;
}

template <class T>
KernelTable<T> select_table() {
  const std::string& isa = chosen_isa();
#ifdef FDSR_HAVE_AVX512
  if (isa == "avx512") return avx512::make_table<T>("avx512");
#endif
#ifdef FDSR_HAVE_AVX2
  if (isa == "avx2") return avx2::make_table<T>("avx2");
#endif
  return portable::make_table<T>("portable");
}

template <class T>
ConvTable<T> select_conv_table() {
  const std::string& isa = chosen_isa();
#ifdef FDSR_HAVE_AVX512
  if (isa == "avx512") return avx512::make_conv_table<T>();
#endif
#ifdef FDSR_HAVE_AVX2
  if (isa == "avx2") return avx2::make_conv_table<T>();
#endif
  return portable::make_conv_table<T>();
}

template <class T>
ChipTable<T> select_chip_table() {
  const std::string& isa = chosen_isa();
#ifdef FDSR_HAVE_AVX512
  if (isa == "avx512") return avx512::make_chip_table<T>();
#endif
#ifdef FDSR_HAVE_AVX2
  if (isa == "avx2") return avx2::make_chip_table<T>();
#endif
  return portable::make_chip_table<T>();
}

}  // namespace

template <class T>
const KernelTable<T>& kernels() {
  static const KernelTable<T> table = select_table<T>();
  return table;
}
template const KernelTable<float>& kernels();
template const KernelTable<double>& kernels();

template <class T>
const ConvTable<T>& chosen_conv_kernels() {
  static const ConvTable<T> table = select_conv_table<T>();
  return table;
}
template const ConvTable<float>& chosen_conv_kernels();
template const ConvTable<double>& chosen_conv_kernels();

template <class T>
const ChipTable<T>& chip_kernels() {
  static const ChipTable<T> table = select_chip_table<T>();
  return table;
}
template const ChipTable<float>& chip_kernels();
template const ChipTable<double>& chip_kernels();

const char* active_isa() { return chosen_isa().c_str(); }

const char* compiled_isas() {
  return ""
#ifdef FDSR_HAVE_AVX512
         "avx512 "
#endif
#ifdef FDSR_HAVE_AVX2
         "avx2 "
#endif
         "portable";
}

}  // namespace fdsr::kernels
