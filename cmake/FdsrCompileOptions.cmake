# Flags that every target of the project shares: warnings and sanitizers.
function(fdsr_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  if(FDSR_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(FDSR_SANITIZE)
    # A finding ends the program, so that ctest sees it; frame pointers give it a readable stack.
    target_compile_options(
      ${target} PRIVATE "-fsanitize=${FDSR_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC "$<BUILD_INTERFACE:-fsanitize=${FDSR_SANITIZE}>")
  endif()
endfunction()
