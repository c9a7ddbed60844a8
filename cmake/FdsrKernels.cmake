# SIMD leaves: every csrc/kernels/leaves_*.cpp is compiled once per instruction set into the namespace that
# FDSR_ISA names; csrc/kernels/dispatch.cpp picks one of them at run time. -march=native is never used: a
# library built here has to run on any machine of the same architecture.
include(CheckCXXCompilerFlag)

set(FDSR_ISAS portable)
set(FDSR_ISA_FLAGS_portable "")
set(FDSR_ISA_FLAGS_avx2 -mavx2 -mfma)
# Compilers split vectors at 256 bits by default on CPUs that lower their clock in 512-bit code; the tiles are
# long enough to gain from the full width all the same.
set(FDSR_ISA_FLAGS_avx512 -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma -mprefer-vector-width=512)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  foreach(isa avx2 avx512)
    list(JOIN FDSR_ISA_FLAGS_${isa} " " flags)
    check_cxx_compiler_flag("${flags}" FDSR_COMPILER_HAS_${isa})
    if(FDSR_COMPILER_HAS_${isa})
      list(APPEND FDSR_ISAS ${isa})
    endif()
  endforeach()
endif()

set(FDSR_KERNEL_FLAGS
    -O3 # unrolls and vectorises the tiles, also in a debug or sanitizer build
    -fno-math-errno # sqrt and friends need not set errno, so they vectorise
    -fno-trapping-math # no floating-point traps are taken: both sides of a select may be computed
    -ffp-contract=fast # a*b+c becomes one FMA where the instruction set has it
    -fno-tree-slp-vectorize # g++ 12 crashes in its SLP pass on straight-line tile code
    -Wno-psabi) # how wide vectors are passed between files is of no concern: they never leave their file
# -ffast-math is left out on purpose: it lets the compiler assume that there is no NaN, and NaN has to propagate.

function(fdsr_add_kernels target)
  file(GLOB leaves CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/csrc/kernels/leaves_*.cpp")
  if(NOT leaves)
    return()
  endif()
  foreach(isa IN LISTS FDSR_ISAS)
    set(kernels ${target}_kernels_${isa})
    add_library(${kernels} OBJECT ${leaves})
    target_compile_features(${kernels} PRIVATE cxx_std_20)
    target_compile_definitions(${kernels} PRIVATE FDSR_ISA=${isa})
    target_include_directories(${kernels} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/csrc/include"
                                                  "${CMAKE_CURRENT_SOURCE_DIR}/csrc")
    target_compile_options(${kernels} PRIVATE ${FDSR_KERNEL_FLAGS} ${FDSR_ISA_FLAGS_${isa}})
    set_target_properties(
      ${kernels}
      PROPERTIES POSITION_INDEPENDENT_CODE ON
                 CXX_VISIBILITY_PRESET hidden
                 VISIBILITY_INLINES_HIDDEN ON
                 CXX_EXTENSIONS OFF)
    fdsr_compile_options(${kernels})
    if(FDSR_SANITIZE)
      # Long straight-line codelets: checks of every operation at -O3 take the compiler most of an hour.
      target_compile_options(${kernels} PRIVATE -O1 -fno-sanitize=undefined)
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${kernels}>)
    if(NOT isa STREQUAL "portable")
      string(TOUPPER ${isa} upper)
      target_compile_definitions(${target} PRIVATE FDSR_HAVE_${upper}=1)
    endif()
  endforeach()
endfunction()
