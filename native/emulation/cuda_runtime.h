// SPDX-License-Identifier: Apache-2.0
//
// A CUDA subset on the CPU, for tests only: what Sinter's kernels and its CUDA backend use, under
// the names of NVIDIA's runtime API, so that g++ compiles them unchanged and sanitizers see them.
//
// Device memory is host memory kept apart by a registry. Streams are lazy: work runs when somebody
// waits for it (or asks whether it is done), so a host buffer that is reused too early, or an order
// between streams that nobody asked for, shows up as wrong results. The environment sets
//   SINTER_EMULATION_DEVICES  number of devices (1)
//   SINTER_EMULATION_MEMORY   bytes of memory of each device (4 GiB)
//   SINTER_EMULATION_SEED     seed of the order of blocks and threads (1)
//   SINTER_EMULATION_FAULT    "no-driver", "old-driver" or "no-device"
// Not emulated: the memory model (threads of a grid never run at the same time), and speed.
#ifndef SINTER_EMULATION_CUDA_RUNTIME_H_
#define SINTER_EMULATION_CUDA_RUNTIME_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>

#include "block.h"

// ---- Device code --------------------------------------------------------------------------------

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline  // forced, it would make sanitized builds slow
#define __launch_bounds__(...)
#define __grid_constant__

// Of the thread that runs.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};

using EmulationLocation = sinter::emulation::Location;

inline void __syncthreads(EmulationLocation where = EmulationLocation::current()) {
  sinter::emulation::synchronize_block(where);
}

inline void __syncwarp(unsigned mask = 0xffffffffu,
                       EmulationLocation where = EmulationLocation::current()) {
  using namespace sinter::emulation;
  synchronize_warp(Collective::sync, mask, 0, 0, where);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              EmulationLocation where = EmulationLocation::current()) {
  using namespace sinter::emulation;
  return static_cast<unsigned>(
      synchronize_warp(Collective::ballot, mask, predicate != 0, 0, where));
}

// A value of 4 or 8 bytes from another lane of the warp.
template <class T>
T emulation_shuffle(unsigned mask, T value, int source, EmulationLocation where) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
  using namespace sinter::emulation;
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = synchronize_warp(Collective::shuffle, mask, bits, source, where);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source,
              EmulationLocation where = EmulationLocation::current()) {
  return emulation_shuffle(mask, value, source & 31, where);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits,
                  EmulationLocation where = EmulationLocation::current()) {
  return emulation_shuffle(mask, value, sinter::emulation::lane() ^ bits, where);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta,
                   EmulationLocation where = EmulationLocation::current()) {
  const unsigned source = static_cast<unsigned>(sinter::emulation::lane()) + delta;
  const int in_warp = source < 32 ? static_cast<int>(source) : sinter::emulation::lane();
  return emulation_shuffle(mask, value, in_warp, where);
}

// One thread runs at a time, so these are atomic.
template <class T>
T atomicAdd(T* address, T value) {
  const T old = *address;
  *address = old + value;
  return old;
}
template <class T>
T atomicMin(T* address, T value) {
  const T old = *address;
  if (value < old) *address = value;
  return old;
}
template <class T>
T atomicMax(T* address, T value) {
  const T old = *address;
  if (old < value) *address = value;
  return old;
}

template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
void __stcs(T* address, T value) {
  *address = value;
}

// ---- The runtime --------------------------------------------------------------------------------

// Error numbers are NVIDIA's.
enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInvalidMemcpyDirection = 21,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorNotReady = 600,
  cudaErrorLaunchFailure = 719,
  cudaErrorCooperativeLaunchTooLarge = 720
};

const char* cudaGetErrorName(cudaError_t error);
// For cudaErrorLaunchFailure, with the reason the emulation gave up.
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();

enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3
};

struct cudaDeviceProp {
  char name[256];
  size_t totalGlobalMem;
  int major;
  int minor;
  int multiProcessorCount;
};

cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaRuntimeGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetPCIBusId(char* id, int bytes, int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);
// Forgets a failed launch, which otherwise stays the result of every call.
cudaError_t cudaDeviceReset();

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;
using cudaMemPool_t = struct CUmemPoolHandle_st*;

enum { cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2 };

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventSynchronize(cudaEvent_t event);

enum cudaMemAllocationType { cudaMemAllocationTypePinned = 1 };
enum cudaMemLocationType { cudaMemLocationTypeDevice = 1 };
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold = 4 };
struct cudaMemPoolProps {
  cudaMemAllocationType allocType;
  struct {
    cudaMemLocationType type;
    int id;
  } location;
};

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties);
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value);
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t bytes);
cudaError_t cudaMallocFromPoolAsync(void** data, size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream);
cudaError_t cudaFreeAsync(void* data, cudaStream_t stream);
// Waits for all work, and frees at once.
cudaError_t cudaFree(void* data);
cudaError_t cudaMallocHost(void** data, size_t bytes);
cudaError_t cudaFreeHost(void* data);
cudaError_t cudaMemGetInfo(size_t* free, size_t* total);
cudaError_t cudaMemcpyAsync(void* dst, const void* src, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t stream);

// ---- Launching ----------------------------------------------------------------------------------

enum cudaLaunchAttributeID { cudaLaunchAttributeCooperative = 2 };
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  struct {
    int cooperative;
  } val;
};
struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
  cudaLaunchAttribute* attrs;
  unsigned numAttrs;
};

namespace sinter::emulation {
cudaError_t enqueue_grid(const cudaLaunchConfig_t& config, std::function<void()> thread);
}  // namespace sinter::emulation

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  static_assert((sizeof(Parameters) + ... + 0) <= 4096, "kernel parameters of at most 4 KiB");
  std::tuple<std::decay_t<Parameters>...> copies(arguments...);
  return sinter::emulation::enqueue_grid(*config, [kernel, copies] { std::apply(kernel, copies); });
}

template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel, int threads,
                                                          size_t) {
  if (threads < 1 || threads > 1024) return cudaErrorInvalidConfiguration;
  *blocks = 2;  // see kBlocksPerMultiprocessor
  return cudaSuccess;
}

#endif  // SINTER_EMULATION_CUDA_RUNTIME_H_
