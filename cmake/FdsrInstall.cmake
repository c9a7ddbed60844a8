# The C++ package: `cmake --install BUILD --prefix DIR` gives find_package(fdsr) and fdsr::fdsr.
include(CMakePackageConfigHelpers)
set(FDSR_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/fdsr")

install(
  TARGETS fdsr
  EXPORT fdsrTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(
  DIRECTORY csrc/include/
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT development
  FILES_MATCHING
  PATTERN "*.hpp")
install(
  EXPORT fdsrTargets
  NAMESPACE fdsr::
  DESTINATION "${FDSR_CMAKE_DIR}"
  COMPONENT development)

configure_package_config_file(cmake/fdsrConfig.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/fdsrConfig.cmake"
                              INSTALL_DESTINATION "${FDSR_CMAKE_DIR}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/fdsrConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(
  FILES "${CMAKE_CURRENT_BINARY_DIR}/fdsrConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/fdsrConfigVersion.cmake"
        cmake/FdsrFFTWTarget.cmake
  DESTINATION "${FDSR_CMAKE_DIR}"
  COMPONENT development)
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT development)

# An FFTW archive that the system does not own travels with the package.
if(FDSR_FFTW_BUNDLED)
  install(FILES ${FDSR_FFTW_BUNDLED} DESTINATION "${CMAKE_INSTALL_LIBDIR}/fdsr" COMPONENT development)
endif()
