# FFTW from its source tarball: both precisions, static, with AVX2 and AVX-512 codelets that FFTW itself picks
# from at run time. configure and make are FFTW's own; its CMake files know no AVX-512.
include(ExternalProject)

set(FDSR_FFTW_VERSION 3.3.10)
set(FDSR_FFTW_SHA256 56c932549852cddcfafdab3820b0200c7742675be92179e59e6215b340e26467)

function(fdsr_fftw_from_tarball)
  if(NOT FDSR_FFTW_TARBALL OR NOT EXISTS "${FDSR_FFTW_TARBALL}")
    message(FATAL_ERROR "FDSR_FFTW_TARBALL is '${FDSR_FFTW_TARBALL}', which is no file: "
                        "give the path of fftw-${FDSR_FFTW_VERSION}.tar.gz.")
  endif()
  file(SHA256 "${FDSR_FFTW_TARBALL}" sum)
  if(NOT sum STREQUAL FDSR_FFTW_SHA256)
    message(FATAL_ERROR "${FDSR_FFTW_TARBALL} is not fftw-${FDSR_FFTW_VERSION}.tar.gz: its SHA-256 is ${sum}, "
                        "not ${FDSR_FFTW_SHA256}.")
  endif()

  set(prefix "${CMAKE_CURRENT_BINARY_DIR}/fftw/install")
  file(MAKE_DIRECTORY "${prefix}/include") # an include folder must exist when CMake generates
  set(configure --prefix=${prefix} --libdir=${prefix}/lib --enable-static --disable-shared --with-pic
                --disable-fortran --disable-doc
                # FFTW's own flags without its -mtune=native, which would tie the result to the building machine
                "CFLAGS=-O3 -fomit-frame-pointer -fstrict-aliasing")
  if("avx2" IN_LIST FDSR_ISAS)
    list(APPEND configure --enable-sse2 --enable-avx2)
  endif()
  if("avx512" IN_LIST FDSR_ISAS)
    list(APPEND configure --enable-avx512)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    list(APPEND configure --enable-neon)
  endif()
  cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)

  set(bundled "")
  foreach(name fftw3f fftw3)
    set(precision "")
    if(name STREQUAL "fftw3f")
      set(precision --enable-single)
    endif()
    set(library "${prefix}/lib/lib${name}.a")
    ExternalProject_Add(
      fdsr_build_${name}
      URL "${FDSR_FFTW_TARBALL}"
      URL_HASH SHA256=${FDSR_FFTW_SHA256}
      PREFIX "${CMAKE_CURRENT_BINARY_DIR}/fftw/${name}"
      CONFIGURE_COMMAND <SOURCE_DIR>/configure ${configure} ${precision} --quiet
      BUILD_COMMAND make -j${cores} -s
      INSTALL_COMMAND make install -s
      BUILD_BYPRODUCTS "${library}"
      LOG_CONFIGURE ON
      LOG_BUILD ON
      LOG_INSTALL ON
      LOG_OUTPUT_ON_FAILURE ON)
    fdsr_fftw_target(fdsr::${name} "${library}" "${prefix}/include")
    add_dependencies(fdsr::${name} fdsr_build_${name})
    list(APPEND bundled "${library}")
  endforeach()
  set(FDSR_FFTW_NAMES fftw3f fftw3 PARENT_SCOPE)
  set(FDSR_FFTW_BUNDLED ${bundled} PARENT_SCOPE)
  set(FDSR_FFTW_PROVIDER "tarball ${FDSR_FFTW_VERSION}" PARENT_SCOPE)
  set(FDSR_FFTW_FOUND TRUE PARENT_SCOPE)
endfunction()
