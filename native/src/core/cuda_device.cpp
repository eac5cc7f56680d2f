// SPDX-License-Identifier: Apache-2.0
//
// CUDA devices. Every call makes its device current and restores what was: JVMs hop threads.
#include "core/cuda_device.h"

#include <cstdio>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "cuda/launch.h"
#include "failure.h"

namespace sinter {
namespace {

using cuda::check;
using cuda::CurrentDevice;

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// Why the driver shows no devices, and what to do about it.
[[noreturn]] void throw_no_devices(cudaError_t error) {
  int driver = 0;
  int runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  cudaGetLastError();
  if (error == cudaErrorInsufficientDriver && driver > 0) {
    throw Failure(Status::kDriverTooOld, "the NVIDIA driver supports CUDA " + version_text(driver) +
                                             " and this library needs CUDA " +
                                             version_text(runtime) + ": update the driver")
        .with_device_code(error);
  }
  if (error == cudaErrorInsufficientDriver) {
    throw Failure(Status::kNoDevice,
                  "no NVIDIA driver was found (libcuda.so.1 did not load): install one that "
                  "supports CUDA " +
                      version_text(runtime) + ", or give this container access to the GPU")
        .with_device_code(error);
  }
  if (error == cudaSuccess || error == cudaErrorNoDevice) {
    throw Failure(Status::kNoDevice,
                  "the NVIDIA driver shows no device: check nvidia-smi and CUDA_VISIBLE_DEVICES")
        .with_device_code(error);
  }
  throw Failure(Status::kDeviceFailure, std::string("the CUDA driver could not be used (") +
                                            cudaGetErrorName(error) + ": " +
                                            cudaGetErrorString(error) + "): check nvidia-smi")
      .with_device_code(error);
}

// What a device's streams share.
struct Shared {
  int multiprocessors;
  cudaMemPool_t pool;
};

// A pool of our own, so that nobody else's settings change; it keeps what is freed until a stream is
// destroyed. The device must be current.
Shared shared_of(int device) {
  static std::mutex mutex;
  static auto& known = *new std::map<int, Shared>;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = known.find(device);
  if (found != known.end()) {
    return found->second;
  }
  cudaDeviceProp properties = {};
  check(cudaGetDeviceProperties(&properties, device), "read the device's properties");
  cudaMemPoolProps wanted = {};
  wanted.allocType = cudaMemAllocationTypePinned;
  wanted.location.type = cudaMemLocationTypeDevice;
  wanted.location.id = device;
  Shared shared = {properties.multiProcessorCount, nullptr};
  check(cudaMemPoolCreate(&shared.pool, &wanted), "create a memory pool");
  uint64_t keep = ~uint64_t{0};
  check(cudaMemPoolSetAttribute(shared.pool, cudaMemPoolAttrReleaseThreshold, &keep),
        "configure a memory pool");
  known[device] = shared;
  return shared;
}

class CudaEvent final : public sinter_event {
 public:
  explicit CudaEvent(int32_t device) : sinter_event(device) {
    const CurrentDevice current(device);
    check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "create an event");
  }

  ~CudaEvent() override { cudaEventDestroy(event_); }

  void record(sinter_stream& stream) override {
    const CurrentDevice current(device);
    check(cudaEventRecord(event_, static_cast<CudaStream&>(stream).queue().stream()),
          "record an event");
  }

  bool done() override {
    const CurrentDevice current(device);
    const cudaError_t error = cudaEventQuery(event_);
    if (error == cudaErrorNotReady) {
      return false;
    }
    check(error, "query an event");
    return true;
  }

  void synchronize() override {
    const CurrentDevice current(device);
    check(cudaEventSynchronize(event_), "wait for an event");
  }

  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class CudaBackend final : public Backend {
 public:
  int32_t count() override {
    int devices = 0;
    const cudaError_t error = cudaGetDeviceCount(&devices);
    if (error != cudaSuccess || devices == 0) {
      throw_no_devices(error);
    }
    return devices;
  }

  void properties(int32_t device, sinter_device_info& info) override {
    const CurrentDevice current(device);
    cudaDeviceProp properties = {};
    check(cudaGetDeviceProperties(&properties, device), "read the device's properties");
    size_t free = 0;
    size_t total = 0;
    check(cudaMemGetInfo(&free, &total), "ask for the device's memory");
    check(cudaDriverGetVersion(&info.driver_version), "ask for the driver's version");
    check(cudaRuntimeGetVersion(&info.runtime_version), "ask for the runtime's version");
    check(cudaDeviceGetPCIBusId(info.detail, sizeof info.detail, device), "ask for the PCI bus id");
#if defined(SINTER_EMULATION)
    info.emulated = 1;
#endif
    info.processors = properties.multiProcessorCount;
    info.compute_capability = properties.major * 10 + properties.minor;
    info.memory_total = static_cast<int64_t>(total);
    info.memory_free = static_cast<int64_t>(free);
    std::snprintf(info.name, sizeof info.name, "%s", properties.name);
  }

  std::unique_ptr<sinter_stream> create_stream(int32_t device,
                                               const sinter_stream_options& options) override {
    return std::make_unique<CudaStream>(device, nullptr, options.workspace_limit);
  }

  std::unique_ptr<sinter_stream> wrap_stream(int32_t device, void* native,
                                             const sinter_stream_options& options) override {
    const CurrentDevice current(device);
    const auto stream = static_cast<cudaStream_t>(native);
    int owner = 0;
    check(cudaStreamGetDevice(stream, &owner), "ask for the native stream's device");
    if (owner != device) {
      throw Failure(Status::kInvalidArgument, "the native stream is of " + device_name(owner) +
                                                  ", not of " + device_name(device) +
                                                  ": wrap it for its own device");
    }
    return std::make_unique<CudaStream>(device, stream, options.workspace_limit);
  }

  std::unique_ptr<sinter_event> create_event(int32_t device) override {
    return std::make_unique<CudaEvent>(device);
  }

  void allocate(sinter_stream& stream, sinter_buffer& buffer) override {
    const CurrentDevice current(stream.device);
    const auto bytes = static_cast<size_t>(buffer.bytes);
    const bool pinned = buffer.memory == SINTER_MEMORY_PINNED;
    const cudaError_t error =
        pinned ? cudaMallocHost(&buffer.data, bytes)
               : cudaMallocFromPoolAsync(&buffer.data, bytes, shared_of(stream.device).pool,
                                         static_cast<CudaStream&>(stream).queue().stream());
    if (error == cudaErrorMemoryAllocation && !pinned) {
      cuda::out_of_memory(buffer.bytes, "device memory");
    }
    if (error != cudaSuccess) {
      const std::string what = "allocate " + std::to_string(buffer.bytes) + " bytes of " +
                               (pinned ? "page-locked host memory" : "device memory");
      check(error, what.c_str());
    }
  }

  void release(const sinter_buffer& buffer, sinter_stream* stream) override {
    const CurrentDevice current(buffer.device);
    const bool pinned = buffer.memory == SINTER_MEMORY_PINNED;
    if (stream == nullptr) {
      check(pinned ? cudaFreeHost(buffer.data) : cudaFree(buffer.data), "free a buffer");
    } else if (pinned) {
      static_cast<CudaStream*>(stream)->queue().free_host(buffer.data);
    } else {
      check(cudaFreeAsync(buffer.data, static_cast<CudaStream*>(stream)->queue().stream()),
            "free a buffer");
    }
  }
};

}  // namespace

CudaStream::CudaStream(int32_t device, cudaStream_t native, int64_t workspace_limit)
    : sinter_stream(device) {
  const CurrentDevice current(device);
  const Shared shared = shared_of(device);
  queue_ = std::make_unique<cuda::Queue>(device, shared.multiprocessors, shared.pool,
                                         workspace_limit, native);
}

CudaStream::~CudaStream() {
  try {
    const CurrentDevice current(device);
    queue_.reset();
    cudaMemPoolTrimTo(shared_of(device).pool, 0);
  } catch (const Failure&) {
    // The device failed; what it held is gone with it.
  }
}

void CudaStream::synchronize() {
  const CurrentDevice current(device);
  queue_->synchronize();
}

void CudaStream::wait(sinter_event& event) {
  if (event.device == SINTER_CPU) {
    event.synchronize();
    return;
  }
  const CurrentDevice current(device);
  check(cudaStreamWaitEvent(queue_->stream(), static_cast<CudaEvent&>(event).get(), 0),
        "wait for an event");
}

void CudaStream::copy(const CopyItem* items, int64_t count) {
  const cuda::Context context(*queue_);
  std::vector<Item> on_device;
  for (int64_t k = 0; k < count; ++k) {
    const CopyItem& item = items[k];
    if (!item.from_host && !item.to_host) {
      on_device.push_back({item.elements, 0, false, nullptr, item.to, &item.from, nullptr});
      continue;
    }
    const cudaMemcpyKind kind = !item.from_host ? cudaMemcpyDeviceToHost
                                : item.to_host  ? cudaMemcpyHostToHost
                                                : cudaMemcpyHostToDevice;
    const int64_t bytes = item.elements * dtype_bytes(item.from.dtype);
    check(cudaMemcpyAsync(item.to.data, item.from.data, static_cast<size_t>(bytes), kind,
                          queue_->stream()),
          "copy between host and device");
  }
  if (!on_device.empty()) {
    cuda::cast(context, {on_device.data(), static_cast<int64_t>(on_device.size()), 1,
                         DType::kStored, DType::kStored, nullptr});
  }
}

Backend& cuda_backend() {
  static CudaBackend backend;
  return backend;
}

}  // namespace sinter
