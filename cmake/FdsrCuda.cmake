# The CUDA kernels: the library fdsr_cuda and, with Python, the module pyfdsr._cuda.
#
# The machine code of compute capability 8.0 and 9.0 goes in, and intermediate code for what comes after.
if(CMAKE_VERSION VERSION_LESS 3.26)
  message(FATAL_ERROR "PYFDSR_CUDA needs CMake 3.26 or newer, which knows C++20 in CUDA (pip install cmake); this is "
                      "${CMAKE_VERSION}.")
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
  set(CMAKE_CUDA_ARCHITECTURES "80-real;90" CACHE STRING "Compute capabilities to compile for")
endif()
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.0)
  message(FATAL_ERROR "PYFDSR_CUDA needs nvcc 12 or newer (C++20, clusters); ${CMAKE_CUDA_COMPILER} is "
                      "${CMAKE_CUDA_COMPILER_VERSION}.")
endif()

file(GLOB FDSR_CUDA_SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/csrc/cuda/*.cu")
add_library(fdsr_cuda STATIC ${FDSR_CUDA_SOURCES} csrc/cuda/plan.cpp csrc/cuda/tile_plan.cpp
                             csrc/cuda/chip_plan.cpp)
target_compile_features(fdsr_cuda PUBLIC cxx_std_20 cuda_std_20)
target_include_directories(fdsr_cuda PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}/csrc")
target_link_libraries(fdsr_cuda PUBLIC fdsr::fdsr)
set_target_properties(
  fdsr_cuda
  PROPERTIES POSITION_INDEPENDENT_CODE ON
             CXX_VISIBILITY_PRESET hidden
             CUDA_VISIBILITY_PRESET hidden
             CXX_EXTENSIONS OFF
             CUDA_RUNTIME_LIBRARY Static)

if(FDSR_BUILD_PYTHON)
  pybind11_add_module(_cuda MODULE csrc/cuda/python/module.cpp csrc/cuda/python/bind_chip.cpp)
  target_link_libraries(_cuda PRIVATE fdsr_cuda)
  string(REPLACE ";" " " FDSR_CUDA_ARCHITECTURES "${CMAKE_CUDA_ARCHITECTURES}")
  target_compile_definitions(_cuda PRIVATE FDSR_CUDA_ARCHITECTURES="${FDSR_CUDA_ARCHITECTURES}")
  set_target_properties(_cuda PROPERTIES CXX_EXTENSIONS OFF CUDA_RUNTIME_LIBRARY Static)
  install(TARGETS _cuda LIBRARY DESTINATION pyfdsr COMPONENT python EXCLUDE_FROM_ALL)
endif()
