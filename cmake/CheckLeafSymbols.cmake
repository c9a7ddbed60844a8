# Fails if an object file of a SIMD leaf defines a symbol that other object files may define too.
#
# The linker keeps one copy of each inline function or template. Were that the copy compiled for AVX-512, portable
# code would end in an illegal instruction on another machine. So all that a leaf emits has to carry the name of its
# instruction set.   cmake -DNM=nm -DISA=avx2 -DOBJECTS=a.o|b.o -P CheckLeafSymbols.cmake
string(REPLACE "|" ";" objects "${OBJECTS}")
set(shared "")
foreach(object IN LISTS objects)
  execute_process(
    COMMAND "${NM}" -C --defined-only "${object}"
    OUTPUT_VARIABLE symbols
    RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${NM} cannot read ${object}")
  endif()
  string(REPLACE ";" " " symbols "${symbols}")
  string(REPLACE "[" "(" symbols "${symbols}") # brackets would join list elements
  string(REPLACE "]" ")" symbols "${symbols}")
  string(REPLACE "\n" ";" symbols "${symbols}")
  foreach(line IN LISTS symbols)
    # W, V, u: weak or unique. DW.ref.* points at the exception handler's personality and holds no code.
    if(line MATCHES "^[0-9a-fA-F]+ [WVu] (.*)$" AND NOT line MATCHES "${ISA}::" AND NOT line MATCHES " DW\\.ref\\.")
      string(APPEND shared "  ${line}\n")
    endif()
  endforeach()
endforeach()
if(shared)
  message(FATAL_ERROR "leaves of ${ISA} define symbols outside of their namespace:\n${shared}")
endif()
