# SPDX-License-Identifier: Apache-2.0
# THE list of instruction sets: lapped_isa(name, bytes a vector, compiler flags).
# Each makes one object library out of the kernel sources; csrc/cpu/dispatch.cc picks one at run time.
# LAPPED_ISAS, when set, names the only ones to build: a quicker build while working on kernels.
set(LAPPED_KERNEL_OPTIMIZATION "-O3" CACHE STRING "Optimization of the kernels; -O1 for sanitizer builds")
set(LAPPED_ISAS "" CACHE STRING "Instruction sets to build, empty for all")
function(lapped_isa name vector_bytes)
  if(LAPPED_ISAS AND NOT name IN_LIST LAPPED_ISAS)
    return()
  endif()
  add_library(lapped_kernels_${name} OBJECT ${LAPPED_KERNEL_SOURCES})
  target_include_directories(lapped_kernels_${name} PRIVATE ${PROJECT_SOURCE_DIR}/csrc)
  target_compile_definitions(lapped_kernels_${name} PRIVATE
    LAPPED_ISA=${name} LAPPED_VECTOR_BYTES=${vector_bytes})
  target_compile_options(lapped_kernels_${name} PRIVATE ${LAPPED_WARNINGS} ${ARGN}
    ${LAPPED_KERNEL_OPTIMIZATION} -ffp-contract=fast -fno-math-errno -fno-trapping-math -fno-exceptions -fno-rtti -fno-lto -Wno-psabi)
  set(LAPPED_ISA_DEFINITIONS ${LAPPED_ISA_DEFINITIONS} LAPPED_HAVE_${name} PARENT_SCOPE)
  set(LAPPED_ISA_OBJECTS ${LAPPED_ISA_OBJECTS} $<TARGET_OBJECTS:lapped_kernels_${name}> PARENT_SCOPE)
endfunction()

string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" _processor)
if(_processor MATCHES "x86_64|amd64")
  lapped_isa(sse2 16)
  lapped_isa(avx2 32 -mavx2 -mfma)
  lapped_isa(avx512 64 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma -mprefer-vector-width=512
    -Wno-maybe-uninitialized)  # false alarms out of the compiler's own intrinsics
else()
  lapped_isa(baseline 16)  # aarch64: NEON is part of the baseline
endif()

# Where there are sixteen registers, GCC does better when it orders instructions before it gives registers out too;
# but not what fft.cc does at AVX2, whose tiles alone fill them. Loops of stages are short: where they begin shows.
if(_processor MATCHES "x86_64|amd64" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  foreach(_isa sse2 avx2)
    if(TARGET lapped_kernels_${_isa})
      target_compile_options(lapped_kernels_${_isa} PRIVATE -fschedule-insns -fsched-pressure -falign-loops=32)
    endif()
  endforeach()
  set_source_files_properties(csrc/cpu/fft.cc PROPERTIES COMPILE_OPTIONS
    "$<$<STREQUAL:$<TARGET_PROPERTY:NAME>,lapped_kernels_avx2>:-fno-schedule-insns>")
endif()
