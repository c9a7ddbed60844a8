# The Python module pyfdsr._core: csrc/python/*.cpp around the static library.
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
if(NOT DEFINED pybind11_DIR AND NOT DEFINED CACHE{pybind11_DIR})
  # Outside of scikit-build-core, which sets the path, ask the interpreter for its pybind11.
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -m pybind11 --cmakedir
    OUTPUT_VARIABLE FDSR_PYBIND11_DIR
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
find_package(pybind11 CONFIG REQUIRED HINTS "${FDSR_PYBIND11_DIR}")

file(GLOB FDSR_PYTHON_SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/csrc/python/*.cpp")
pybind11_add_module(_core MODULE ${FDSR_PYTHON_SOURCES})
target_include_directories(_core PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/csrc")
target_compile_definitions(_core PRIVATE FDSR_VERSION="${PROJECT_VERSION}")
target_link_libraries(_core PRIVATE fdsr::fdsr)
set_target_properties(_core PROPERTIES CXX_EXTENSIONS OFF)
fdsr_compile_options(_core)

# Left out of a plain `cmake --install`: pip installs this component alone, and C++ users do not want it.
install(TARGETS _core LIBRARY DESTINATION pyfdsr COMPONENT python EXCLUDE_FROM_ALL)
