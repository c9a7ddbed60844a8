# Where FFTW comes from. The ladder of FDSR_FFTW=auto, first that works:
#
#   0. a source tarball that the user names (FDSR_FFTW_TARBALL): an explicit wish goes first
#   1. the system's FFTW, both precisions: the static archives if they can go into a shared module, else the
#      shared libraries
#   2. PyPI's pylib-fftw3f: single precision, scalar code; announced loudly
#
# Results:
#   FDSR_FFTW_TARGETS      imported targets to link            FDSR_FFTW_PROVIDER  a line for build_info()
#   FDSR_FFTW_DEFINITIONS  FDSR_HAVE_FFTW_SINGLE=0|1, FDSR_HAVE_FFTW_DOUBLE=0|1, FDSR_FFTW_PROVIDER="..."
#   FDSR_FFTW_NAMES, FDSR_FFTW_BUNDLED, FDSR_FFTW_FILE_*, FDSR_FFTW_LIBRARY_DIR   for the package config
#
# Without double precision (pylib-fftw3f) the windowed DFT in float64 uses its matrix algorithm alone.
include(FdsrFFTWTarget)
include(FdsrFFTWSystem)
include(FdsrFFTWTarball)
include(FdsrFFTWPylib)

set(FDSR_FFTW_FOUND FALSE)
set(FDSR_FFTW_BUNDLED "")
set(FDSR_FFTW_REASONS "")

if(NOT FDSR_FFTW MATCHES "^(auto|system|tarball|pylib)$")
  message(FATAL_ERROR "FDSR_FFTW is '${FDSR_FFTW}'; it takes auto, system, tarball or pylib.")
endif()
if(FDSR_FFTW STREQUAL "tarball" OR (FDSR_FFTW STREQUAL "auto" AND FDSR_FFTW_TARBALL))
  fdsr_fftw_from_tarball()
endif()
if(NOT FDSR_FFTW_FOUND AND FDSR_FFTW MATCHES "^(auto|system)$")
  fdsr_fftw_from_system()
endif()
if(NOT FDSR_FFTW_FOUND AND FDSR_FFTW MATCHES "^(auto|pylib)$")
  fdsr_fftw_from_pylib()
endif()

if(NOT FDSR_FFTW_FOUND)
  list(JOIN FDSR_FFTW_REASONS "\n  - " reasons)
  message(
    FATAL_ERROR
      "fdsr needs FFTW 3 and found none:\n  - ${reasons}\n"
      "Any one of these gives it one:\n"
      "  1. the system's package: apt-get install libfftw3-dev (Fedora: fftw-devel; Homebrew: fftw)\n"
      "  2. FFTW's source: cmake -DFDSR_FFTW_TARBALL=/path/to/fftw-${FDSR_FFTW_VERSION}.tar.gz "
      "(pip: --config-settings=cmake.define.FDSR_FFTW_TARBALL=...)\n"
      "  3. slow, single precision: pip install pylib-fftw3f, then cmake -DFDSR_FFTW=pylib\n")
endif()

set(FDSR_FFTW_TARGETS "")
set(FDSR_FFTW_IS_BUNDLED OFF)
if(FDSR_FFTW_BUNDLED)
  set(FDSR_FFTW_IS_BUNDLED ON)
endif()
set(FDSR_HAVE_FFTW_SINGLE 0)
set(FDSR_HAVE_FFTW_DOUBLE 0)
foreach(name IN LISTS FDSR_FFTW_NAMES)
  list(APPEND FDSR_FFTW_TARGETS fdsr::${name})
endforeach()
if("fftw3f" IN_LIST FDSR_FFTW_NAMES)
  set(FDSR_HAVE_FFTW_SINGLE 1)
endif()
if("fftw3" IN_LIST FDSR_FFTW_NAMES)
  set(FDSR_HAVE_FFTW_DOUBLE 1)
endif()
set(FDSR_FFTW_DEFINITIONS
    FDSR_HAVE_FFTW_SINGLE=${FDSR_HAVE_FFTW_SINGLE} FDSR_HAVE_FFTW_DOUBLE=${FDSR_HAVE_FFTW_DOUBLE}
    "FDSR_FFTW_PROVIDER=\"${FDSR_FFTW_PROVIDER}\"")
set(FDSR_FFTW_PROVIDER "${FDSR_FFTW_PROVIDER}" CACHE INTERNAL "What FFTW came from")
