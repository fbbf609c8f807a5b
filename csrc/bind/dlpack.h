// SPDX-License-Identifier: Apache-2.0
// What DLPack 1.3 lays down of memory and of the table of functions behind
// __dlpack_c_exchange_api__, as far as it is used here; another major version may differ.
#pragma once
#include <cstdint>

namespace lapped::bind {

struct DlTensor {
  void* data;
  int32_t device_type, device_id;
  int32_t rank;
  uint8_t code, bits;
  uint16_t lanes;
  const int64_t* shape;
  const int64_t* strides;  // of elements; null: contiguous
  uint64_t byte_offset;
};
constexpr int32_t kDlCpu = 1;
constexpr uint8_t kDlInt = 0, kDlFloat = 2, kDlComplex = 5;

struct DlExchange {
  uint32_t major, minor;
  const DlExchange* earlier;
  void* unused[3];  // they own what they return
  // Fills `out` with what lives as long as the object; not 0 with a Python error set.
  int (*read)(void* object, DlTensor* out);
};

}  // namespace lapped::bind
