// SPDX-License-Identifier: Apache-2.0
// Twin of cpu/dispatch.cc: what this machine has to run kernels on.
#include <map>
#include <mutex>
#include <new>
#include <stdexcept>

#include "cuda/device.h"
#include "cuda/launch.h"

namespace lapped::cuda {
namespace {

int count_devices(std::string* why) {
  int count = 0, driver = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) {
    if (count == 0) *why = "the driver sees no device";
    return count;
  }
  static_cast<void>(cudaDriverGetVersion(&driver));
  static_cast<void>(cudaGetLastError());
  *why = driver ? cudaGetErrorString(status) : "there is no NVIDIA driver";
  return 0;
}

// What a device that the build has no code for is told.
std::string built_for_others() {
  int device = 0, major = 0, minor = 0;
  static_cast<void>(cudaGetDevice(&device));
  static_cast<void>(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
  static_cast<void>(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
  const std::string own = std::to_string(major) + std::to_string(minor);
  return "lapped was built for other CUDA architectures than sm_" + own + " of device " +
         std::to_string(device) + ": install it again with CUDAARCHS=" + own;
}

// Lets this thread allocate and copy although it captures a stream elsewhere.
class Uncaptured {
 public:
  Uncaptured() { swap(); }
  ~Uncaptured() { swap(); }

 private:
  void swap() { static_cast<void>(cudaThreadExchangeStreamCaptureMode(&mode_)); }
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace

int device_count() {
  std::string why;
  return count_devices(&why);
}

std::string unavailable() {
  std::string why;
  count_devices(&why);
  return why;
}

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // an error is reported once
  if (status == cudaErrorMemoryAllocation) throw std::bad_alloc();
  if (status == cudaErrorNoKernelImageForDevice) throw std::runtime_error(built_for_others());
  throw std::runtime_error(std::string(what) + " failed: " + cudaGetErrorString(status));
}

const Limits& limits(int device) {
  static std::mutex mutex;
  static std::map<int, Limits> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(device);
  if (found != known.end()) return found->second;
  int processors = 0, shared = 0;
  check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
        "asking for the number of multiprocessors");
  check(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
        "asking for the size of shared memory");
  return known[device] = {processors, shared};
}

Current::Current(int device) {
  check(cudaGetDevice(&before_), "asking for the current device");
  if (device != before_)
    check(cudaSetDevice(device), "choosing the device");
  else
    before_ = -1;
}

Current::~Current() {
  if (before_ >= 0) static_cast<void>(cudaSetDevice(before_));
}

DeviceMemory::DeviceMemory(int device, size_t bytes) : device_(device), bytes_(bytes) {
  const Current current(device);
  const Uncaptured uncaptured;
  check(cudaMalloc(&data_, bytes ? bytes : 1), "allocating tables");
}

DeviceMemory::~DeviceMemory() {
  const Uncaptured uncaptured;
  static_cast<void>(cudaFree(data_));  // the address says which device
}

void DeviceMemory::fill(const void* bytes) {
  const Current current(device_);
  const Uncaptured uncaptured;
  cudaStream_t stream{};
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream");
  const cudaError_t copied = cudaMemcpyAsync(data_, bytes, bytes_, cudaMemcpyHostToDevice, stream);
  const cudaError_t done = cudaStreamSynchronize(stream);
  static_cast<void>(cudaStreamDestroy(stream));
  check(copied, "copying tables");
  check(done, "copying tables");
}

}  // namespace lapped::cuda
