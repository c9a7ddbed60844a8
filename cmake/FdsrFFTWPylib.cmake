# The last resort: PyPI's pylib-fftw3f, a static single-precision FFTW 3.3.9 compiled without any SIMD codelets.
# Taken from the Python in use if installed there, else fetched by pip, pinned by its hash.
set(FDSR_PYLIB_VERSION 0.0.5)
set(FDSR_PYLIB_SHA256 44eb14f60d239e79597514c19bcdfbdc6649fbbed911e5fac1a2bc416a78c98b)

# Sets `result` to the package's folder, or to an empty string and `reason`.
function(fdsr_fftw_pylib_folder result reason)
  find_package(Python 3.10 QUIET COMPONENTS Interpreter)
  if(NOT Python_EXECUTABLE)
    set(${reason} "no Python to take pylib-fftw3f from" PARENT_SCOPE)
    return()
  endif()
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -c
            "import importlib.util as u; print(u.find_spec('pylib_fftw3f').submodule_search_locations[0])"
    OUTPUT_VARIABLE folder
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT folder AND EXISTS "${CMAKE_CURRENT_BINARY_DIR}/fftw/pylib/pylib_fftw3f")
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/fftw/pylib/pylib_fftw3f") # fetched by an earlier run
  endif()
  if(NOT folder)
    set(target "${CMAKE_CURRENT_BINARY_DIR}/fftw/pylib")
    set(folder "${target}/pylib_fftw3f")
    file(WRITE "${target}-requirements.txt"
         "pylib-fftw3f==${FDSR_PYLIB_VERSION} --hash=sha256:${FDSR_PYLIB_SHA256}\n")
    # -I: an isolated build hides pip behind PYTHONPATH.
    execute_process(
      COMMAND "${Python_EXECUTABLE}" -I -m pip install --quiet --upgrade --no-deps --require-hashes
              --only-binary=:all: --target "${target}" -r "${target}-requirements.txt"
      RESULT_VARIABLE failed
      ERROR_VARIABLE message)
    if(failed)
      string(REGEX REPLACE "\n+$" "" message "${message}")
      string(REGEX REPLACE "^.*\n" "" message "${message}")
      set(${reason} "pip could not fetch pylib-fftw3f: ${message}" PARENT_SCOPE)
      set(folder "")
    endif()
  endif()
  set(${result} "${folder}" PARENT_SCOPE)
endfunction()

function(fdsr_fftw_from_pylib)
  fdsr_fftw_pylib_folder(folder reason)
  if(folder)
    find_library(library libfftw3f.a PATHS "${folder}/lib64" "${folder}/lib" NO_CACHE NO_DEFAULT_PATH)
    if(NOT library)
      set(reason "pylib-fftw3f in ${folder} holds no libfftw3f.a")
    endif()
  endif()
  if(NOT library)
    list(APPEND FDSR_FFTW_REASONS "${reason}")
    set(FDSR_FFTW_REASONS "${FDSR_FFTW_REASONS}" PARENT_SCOPE)
    return()
  endif()
  message(
    WARNING
      "FFTW comes from the PyPI package pylib-fftw3f: scalar code, several times slower than the system's FFTW, and "
      "single precision only (float64 transforms use the matrix algorithm for every geometry). For full speed: "
      "apt-get install libfftw3-dev, and build again in a fresh build folder.")
  fdsr_fftw_target(fdsr::fftw3f "${library}" "${folder}/include")
  fdsr_fftw_file_version("${library}" version)
  set(FDSR_FFTW_NAMES fftw3f PARENT_SCOPE)
  set(FDSR_FFTW_BUNDLED "${library}" PARENT_SCOPE)
  set(FDSR_FFTW_PROVIDER "pylib-fftw3f ${version} (scalar, single precision)" PARENT_SCOPE)
  set(FDSR_FFTW_FOUND TRUE PARENT_SCOPE)
endfunction()
