# The system's FFTW: static archives if they link into a shared module, else the shared libraries.

# Each FFTW file names its version in a string such as fftw-3.3.10-sse2-avx.
function(fdsr_fftw_file_version file result)
  file(STRINGS "${file}" lines REGEX "^fftw-[0-9]+\\.[0-9.]+[0-9]" LIMIT_COUNT 1)
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" version "${lines}")
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

# Links both precisions into a shared object: archives compiled without -fPIC fail here and not in _core.
function(fdsr_fftw_links result)
  set(source "${CMAKE_CURRENT_BINARY_DIR}/fftw/probe.cpp")
  file(
    WRITE "${source}"
    "#include <fftw3.h>\n"
    "extern \"C\" void* fdsr_probe(int n) {\n"
    "  return n > 0 ? (void*)fftwf_plan_dft_1d(n, 0, 0, FFTW_FORWARD, FFTW_ESTIMATE)\n"
    "               : (void*)fftw_plan_dft_1d(-n, 0, 0, FFTW_FORWARD, FFTW_ESTIMATE);\n}\n")
  try_compile(
    linked "${CMAKE_CURRENT_BINARY_DIR}/fftw/probe" "${source}"
    CMAKE_FLAGS "-DINCLUDE_DIRECTORIES=${FDSR_FFTW_INCLUDE_DIR}" "-DCMAKE_POSITION_INDEPENDENT_CODE=ON"
    COMPILE_DEFINITIONS -fPIC
    LINK_OPTIONS -shared
    LINK_LIBRARIES ${ARGN} m)
  set(${result} ${linked} PARENT_SCOPE)
endfunction()

function(fdsr_fftw_from_system)
  find_path(FDSR_FFTW_INCLUDE_DIR fftw3.h DOC "Folder of the system's fftw3.h")
  find_library(FDSR_FFTW3F_STATIC libfftw3f.a DOC "The system's static single-precision FFTW")
  find_library(FDSR_FFTW3_STATIC libfftw3.a DOC "The system's static double-precision FFTW")
  find_library(FDSR_FFTW3F_SHARED fftw3f DOC "The system's single-precision FFTW")
  find_library(FDSR_FFTW3_SHARED fftw3 DOC "The system's double-precision FFTW")
  mark_as_advanced(FDSR_FFTW_INCLUDE_DIR FDSR_FFTW3F_STATIC FDSR_FFTW3_STATIC FDSR_FFTW3F_SHARED FDSR_FFTW3_SHARED)

  set(kind "")
  if(FDSR_FFTW_INCLUDE_DIR AND FDSR_FFTW3F_STATIC AND FDSR_FFTW3_STATIC)
    fdsr_fftw_links(linked "${FDSR_FFTW3F_STATIC}" "${FDSR_FFTW3_STATIC}")
    if(linked)
      set(kind static)
      set(single "${FDSR_FFTW3F_STATIC}")
      set(double "${FDSR_FFTW3_STATIC}")
      set(FDSR_FFTW_FILE_PREFIX lib PARENT_SCOPE)
      set(FDSR_FFTW_FILE_SUFFIX .a PARENT_SCOPE)
    endif()
  endif()
  if(NOT kind AND FDSR_FFTW_INCLUDE_DIR AND FDSR_FFTW3F_SHARED AND FDSR_FFTW3_SHARED)
    fdsr_fftw_links(linked "${FDSR_FFTW3F_SHARED}" "${FDSR_FFTW3_SHARED}")
    if(linked)
      set(kind shared)
      set(single "${FDSR_FFTW3F_SHARED}")
      set(double "${FDSR_FFTW3_SHARED}")
      message(STATUS "FFTW: no static archives fit for a shared module; linking the system's shared libraries")
    endif()
  endif()
  if(NOT kind)
    list(APPEND FDSR_FFTW_REASONS "the system has no fftw3.h with linkable libraries fftw3f and fftw3")
    set(FDSR_FFTW_REASONS "${FDSR_FFTW_REASONS}" PARENT_SCOPE)
    return()
  endif()

  fdsr_fftw_target(fdsr::fftw3f "${single}" "${FDSR_FFTW_INCLUDE_DIR}")
  fdsr_fftw_target(fdsr::fftw3 "${double}" "${FDSR_FFTW_INCLUDE_DIR}")
  fdsr_fftw_file_version("${single}" version)
  get_filename_component(directory "${single}" DIRECTORY)
  set(FDSR_FFTW_LIBRARY_DIR "${directory}" PARENT_SCOPE)
  set(FDSR_FFTW_NAMES fftw3f fftw3 PARENT_SCOPE)
  string(STRIP "system-${kind} ${version}" provider)
  set(FDSR_FFTW_PROVIDER "${provider}" PARENT_SCOPE)
  set(FDSR_FFTW_FOUND TRUE PARENT_SCOPE)
endfunction()
