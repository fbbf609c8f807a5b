# SPDX-License-Identifier: Apache-2.0
# What LAPPED_CUDA means. AUTO builds lapped._cuda where there are kernels and a working CUDA compiler; ON makes either missing an error.
if(NOT LAPPED_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "LAPPED_CUDA=${LAPPED_CUDA} must be AUTO, ON or OFF")
endif()
if(LAPPED_CUDA STREQUAL "ON")
  message(FATAL_ERROR "LAPPED_CUDA=ON: this version of lapped has no CUDA kernels yet; use AUTO or OFF")
endif()
message(STATUS "lapped: CPU only (LAPPED_CUDA=${LAPPED_CUDA}; there are no CUDA kernels yet)")
