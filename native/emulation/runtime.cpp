// SPDX-License-Identifier: Apache-2.0
//
// The emulated runtime: devices, memory, streams and events. One lock guards everything; what may
// fault on the caller's memory (copies from and to pageable memory) happens outside it.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cuda_runtime.h"

namespace {

constexpr size_t kAlignment = 256;
constexpr int kVersion = 13000;
constexpr int kMultiprocessors = 3;
constexpr int kBlocksPerMultiprocessor = 2;

uint64_t environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

std::string injected_fault() {
  const char* text = std::getenv("SINTER_EMULATION_FAULT");
  return text == nullptr ? "" : text;
}

enum class Memory { pageable, pinned, device };

struct Allocation {
  size_t bytes;
  Memory memory;
  int device;
};

// A stream's work that has not run, and how much of it has: work is counted from 1.
struct Queue {
  int device;
  std::deque<std::function<void()>> waiting;
  uint64_t enqueued = 0;
  uint64_t done = 0;
};

struct Runtime {
  std::mutex lock;
  const int devices = static_cast<int>(environment("SINTER_EMULATION_DEVICES", 1));
  const size_t memory = environment("SINTER_EMULATION_MEMORY", uint64_t{4} << 30);
  const std::string fault = injected_fault();
  uint64_t seed = environment("SINTER_EMULATION_SEED", 1);
  std::map<uintptr_t, Allocation> allocations;
  std::vector<size_t> used = std::vector<size_t>(static_cast<size_t>(devices));
  std::vector<std::shared_ptr<Queue>> queues;
  std::string launch_failure;  // sticky, as a failed CUDA context is
};

Runtime& runtime() {
  static Runtime* const instance = new Runtime;  // outlives every thread's last use
  return *instance;
}

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t result(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

// The lock must be held for what follows, down to the API.

cudaError_t state() {
  return runtime().launch_failure.empty() ? cudaSuccess : cudaErrorLaunchFailure;
}

void run_until(Queue& queue, uint64_t ticket) {
  while (queue.done < ticket) {
    const std::function<void()> work = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    work();
    ++queue.done;
  }
}

void enqueue(Queue& queue, std::function<void()> work) {
  queue.waiting.push_back(std::move(work));
  ++queue.enqueued;
}

// What kind of memory [data, data + bytes) is; false if it leaves its allocation.
bool classify(const void* data, size_t bytes, Memory& memory) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  const auto& allocations = runtime().allocations;
  memory = Memory::pageable;
  auto next = allocations.upper_bound(address);
  if (next != allocations.begin()) {
    const auto& [start, allocation] = *std::prev(next);
    if (address < start + allocation.bytes) {
      memory = allocation.memory;
      return address + bytes <= start + allocation.bytes;
    }
  }
  return next == allocations.end() || address + bytes <= next->first;
}

void* allocate(size_t bytes, Memory memory, int device) {
  // Exactly this many bytes, so that AddressSanitizer sees the first one behind them.
  void* data = ::operator new(bytes, std::align_val_t(kAlignment), std::nothrow);
  if (data == nullptr) return nullptr;
  std::memset(data, 0xff, bytes);
  runtime().allocations[reinterpret_cast<uintptr_t>(data)] = {bytes, memory, device};
  return data;
}

void release(void* data) {
  auto found = runtime().allocations.find(reinterpret_cast<uintptr_t>(data));
  if (found->second.memory == Memory::device) {
    runtime().used[static_cast<size_t>(found->second.device)] -= found->second.bytes;
  }
  runtime().allocations.erase(found);
  ::operator delete(data, std::align_val_t(kAlignment));
}

bool is_allocation(void* data, Memory memory) {
  auto found = runtime().allocations.find(reinterpret_cast<uintptr_t>(data));
  return found != runtime().allocations.end() && found->second.memory == memory;
}

}  // namespace

struct CUstream_st {
  std::shared_ptr<Queue> queue;
};

struct CUevent_st {
  std::shared_ptr<Queue> queue;  // of the last record, or null
  uint64_t ticket = 0;
};

struct CUmemPoolHandle_st {
  int device;
};

// ---- Errors -------------------------------------------------------------------------------------

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInvalidMemcpyDirection:
      return "cudaErrorInvalidMemcpyDirection";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorInvalidResourceHandle:
      return "cudaErrorInvalidResourceHandle";
    case cudaErrorNotReady:
      return "cudaErrorNotReady";
    case cudaErrorCooperativeLaunchTooLarge:
      return "cudaErrorCooperativeLaunchTooLarge";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  if (error != cudaErrorLaunchFailure) return cudaGetErrorName(error);
  std::lock_guard guard(runtime().lock);
  return runtime().launch_failure.c_str();
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

// ---- Devices ------------------------------------------------------------------------------------

cudaError_t cudaDriverGetVersion(int* version) {
  *version = kVersion;
  if (runtime().fault == "no-driver") *version = 0;
  if (runtime().fault == "old-driver") *version = 11040;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kVersion;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  const std::string& fault = runtime().fault;
  *count = 0;
  if (fault == "no-driver" || fault == "old-driver") return result(cudaErrorInsufficientDriver);
  if (fault == "no-device" || runtime().devices == 0) return result(cudaErrorNoDevice);
  *count = runtime().devices;
  return cudaSuccess;
}

namespace {
cudaError_t check_device(int device) {
  int count = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && (device < 0 || device >= count)) error = cudaErrorInvalidDevice;
  return error;
}
}  // namespace

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (cudaError_t error = check_device(device); error != cudaSuccess) return result(error);
  *properties = {};
  std::strcpy(properties->name, "Emulated CUDA device");
  properties->totalGlobalMem = runtime().memory;
  properties->major = 9;
  properties->minor = 0;
  properties->multiProcessorCount = kMultiprocessors;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int bytes, int device) {
  if (cudaError_t error = check_device(device); error != cudaSuccess) return result(error);
  std::snprintf(id, static_cast<size_t>(bytes), "0000:%02X:00.0", device);
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return result(check_device(current_device));
}

cudaError_t cudaSetDevice(int device) {
  if (cudaError_t error = check_device(device); error != cudaSuccess) return result(error);
  current_device = device;
  return cudaSuccess;
}

cudaError_t cudaDeviceReset() {
  std::lock_guard guard(runtime().lock);
  runtime().launch_failure.clear();
  return cudaSuccess;
}

// ---- Streams and events -------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  if (cudaError_t error = check_device(current_device); error != cudaSuccess) return result(error);
  std::lock_guard guard(runtime().lock);
  auto queue = std::make_shared<Queue>();
  queue->device = current_device;
  runtime().queues.push_back(queue);
  *stream = new CUstream_st{queue};
  return result(state());
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  std::lock_guard guard(runtime().lock);
  run_until(*stream->queue, stream->queue->enqueued);
  std::erase(runtime().queues, stream->queue);
  delete stream;
  return result(state());
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream == nullptr) return result(cudaErrorInvalidResourceHandle);
  std::lock_guard guard(runtime().lock);
  run_until(*stream->queue, stream->queue->enqueued);
  return result(state());
}

cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  if (stream == nullptr) return result(cudaErrorInvalidResourceHandle);
  std::lock_guard guard(runtime().lock);
  *device = stream->queue->device;
  return result(state());
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  std::lock_guard guard(runtime().lock);
  if (event->queue != nullptr && event->queue != stream->queue) {
    enqueue(*stream->queue,
            [queue = event->queue, ticket = event->ticket] { run_until(*queue, ticket); });
  }
  return result(state());
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  if (cudaError_t error = check_device(current_device); error != cudaSuccess) return result(error);
  *event = new CUevent_st;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  std::lock_guard guard(runtime().lock);
  event->queue = stream->queue;
  event->ticket = stream->queue->enqueued;
  return result(state());
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  std::lock_guard guard(runtime().lock);
  if (event->queue == nullptr || event->queue->done >= event->ticket) return result(state());
  // Asking once is answered "not yet", as a real device would; the work is done before the next.
  run_until(*event->queue, event->ticket);
  return cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  std::lock_guard guard(runtime().lock);
  if (event->queue != nullptr) run_until(*event->queue, event->ticket);
  return result(state());
}

// ---- Memory -------------------------------------------------------------------------------------

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
  const int device = properties->location.id;
  if (cudaError_t error = check_device(device); error != cudaSuccess) return result(error);
  *pool = new CUmemPoolHandle_st{device};
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }

cudaError_t cudaMallocFromPoolAsync(void** data, size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream) {
  std::lock_guard guard(runtime().lock);
  if (stream->queue->device != pool->device) return result(cudaErrorInvalidValue);
  size_t& used = runtime().used[static_cast<size_t>(pool->device)];
  const size_t limit = runtime().memory;
  if (bytes > limit - used) {
    // What is about to be freed may make room.
    for (const auto& queue : runtime().queues) run_until(*queue, queue->enqueued);
    if (bytes > limit - used) return result(cudaErrorMemoryAllocation);
  }
  *data = allocate(bytes, Memory::device, pool->device);
  if (*data == nullptr) return result(cudaErrorMemoryAllocation);
  used += bytes;
  return result(state());
}

cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
  std::lock_guard guard(runtime().lock);
  if (!is_allocation(data, Memory::device)) return result(cudaErrorInvalidValue);
  enqueue(*stream->queue, [data] { release(data); });
  return result(state());
}

cudaError_t cudaFree(void* data) {
  std::lock_guard guard(runtime().lock);
  for (const auto& queue : runtime().queues) run_until(*queue, queue->enqueued);
  if (!is_allocation(data, Memory::device)) return result(cudaErrorInvalidValue);
  release(data);
  return result(state());
}

cudaError_t cudaMallocHost(void** data, size_t bytes) {
  std::lock_guard guard(runtime().lock);
  *data = allocate(bytes, Memory::pinned, current_device);
  return result(*data == nullptr ? cudaErrorMemoryAllocation : state());
}

cudaError_t cudaFreeHost(void* data) {
  std::lock_guard guard(runtime().lock);
  if (!is_allocation(data, Memory::pinned)) return result(cudaErrorInvalidValue);
  release(data);
  return result(state());
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  if (cudaError_t error = check_device(current_device); error != cudaSuccess) return result(error);
  std::lock_guard guard(runtime().lock);
  *total = runtime().memory;
  *free = runtime().memory - runtime().used[static_cast<size_t>(current_device)];
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* dst, const void* src, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  Memory from, to;
  {
    std::lock_guard guard(runtime().lock);
    if (!classify(src, bytes, from) || !classify(dst, bytes, to)) {
      return result(cudaErrorInvalidValue);
    }
    const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    if ((from == Memory::device) != from_device || (to == Memory::device) != to_device) {
      return result(cudaErrorInvalidMemcpyDirection);
    }
    if (from != Memory::pageable && to != Memory::pageable) {
      enqueue(*stream->queue, [=] { std::memcpy(dst, src, bytes); });
      return result(state());
    }
    if (to == Memory::pageable || from != Memory::pageable) {
      run_until(*stream->queue, stream->queue->enqueued);
    }
  }
  // Pageable memory is read, or written, before the call returns.
  if (to == Memory::pageable) {
    std::memcpy(dst, src, bytes);
    return cudaSuccess;
  }
  std::shared_ptr<std::byte[]> staged(new std::byte[bytes]);
  std::memcpy(staged.get(), src, bytes);
  std::lock_guard guard(runtime().lock);
  enqueue(*stream->queue, [=] { std::memcpy(dst, staged.get(), bytes); });
  return result(state());
}

cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t stream) {
  std::lock_guard guard(runtime().lock);
  Memory memory;
  if (!classify(data, bytes, memory) || memory == Memory::pageable) {
    return result(cudaErrorInvalidValue);
  }
  enqueue(*stream->queue, [=] { std::memset(data, value, bytes); });
  return result(state());
}

// ---- Launching ----------------------------------------------------------------------------------

cudaError_t sinter::emulation::enqueue_grid(const cudaLaunchConfig_t& config,
                                            std::function<void()> thread) {
  const dim3 grid = config.gridDim, block = config.blockDim;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || threads == 0 || threads > 1024 ||
      config.dynamicSmemBytes != 0) {
    return result(cudaErrorInvalidConfiguration);
  }
  bool cooperative = false;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    cooperative |= config.attrs[i].id == cudaLaunchAttributeCooperative &&
                   config.attrs[i].val.cooperative != 0;
  }
  constexpr uint64_t kResident = kMultiprocessors * kBlocksPerMultiprocessor;
  if (cooperative && uint64_t{grid.x} * grid.y * grid.z > kResident) {
    return result(cudaErrorCooperativeLaunchTooLarge);
  }
  std::lock_guard guard(runtime().lock);
  if (config.stream->queue->device != current_device) {
    return result(cudaErrorInvalidResourceHandle);
  }
  enqueue(*config.stream->queue, [grid, block, cooperative, thread = std::move(thread)] {
    if (!runtime().launch_failure.empty()) return;
    const std::string failure = run_grid(grid, block, cooperative, thread, runtime().seed++);
    if (!failure.empty()) runtime().launch_failure = "unspecified launch failure: " + failure;
  });
  return result(state());
}
