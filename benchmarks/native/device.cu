// SPDX-License-Identifier: Apache-2.0
//
// The CUDA twin: the same streams on a device. Bound: device memory.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>

#include "twin.h"

namespace {

constexpr int kThreads = 256;
// Elements that a warp moves together: one 16-byte vector per lane and byte of width.
constexpr int64_t kWarpElements = 32 * 16;

struct Params {
  const uint4* reads[TWIN_MAX_READS];
  int32_t read_widths[TWIN_MAX_READS];
  int32_t read_count;
  int32_t write_width;
  uint4* write;
  // 16-byte vectors of the output where all widths are equal, else blocks of kWarpElements.
  int64_t items;
};

__device__ uint4 fold(uint4 a, uint4 b) {
  return make_uint4(a.x ^ b.x, a.y ^ b.y, a.z ^ b.z, a.w ^ b.w);
}

// All streams of one width: vector i of the output is the fold of vector i of each input. Each
// thread keeps Vectors of every stream in flight. R = 0 reads their number from the parameters.
template <int R, int Vectors>
__global__ void __launch_bounds__(kThreads) equal_widths(const Params p) {
  const int reads = R > 0 ? R : p.read_count;
  const int64_t step = int64_t{gridDim.x} * kThreads * Vectors;
  for (int64_t i = int64_t{blockIdx.x} * kThreads * Vectors + threadIdx.x; i < p.items; i += step) {
    if (i + (Vectors - 1) * kThreads < p.items) {
      uint4 v[Vectors];
#pragma unroll
      for (int k = 0; k < Vectors; ++k) v[k] = __ldcs(p.reads[0] + i + k * kThreads);
#pragma unroll
      for (int r = 1; r < reads; ++r) {
#pragma unroll
        for (int k = 0; k < Vectors; ++k) {
          v[k] = fold(v[k], __ldcs(p.reads[r] + i + k * kThreads));
        }
      }
#pragma unroll
      for (int k = 0; k < Vectors; ++k) __stcs(p.write + i + k * kThreads, v[k]);
    } else {
      for (int64_t j = i; j < p.items; j += kThreads) {
        uint4 v = __ldcs(p.reads[0] + j);
        for (int r = 1; r < reads; ++r) v = fold(v, __ldcs(p.reads[r] + j));
        __stcs(p.write + j, v);
      }
    }
  }
}

// Streams of several widths: the fold of a block's inputs fills the block's output.
__global__ void __launch_bounds__(kThreads) mixed_widths(const Params p) {
  const int lane = threadIdx.x % 32;
  const int64_t warps = int64_t{gridDim.x} * (kThreads / 32);
  for (int64_t block = int64_t{blockIdx.x} * (kThreads / 32) + threadIdx.x / 32; block < p.items;
       block += warps) {
    uint4 v = make_uint4(0, 0, 0, 0);
    for (int r = 0; r < p.read_count; ++r) {
      const uint4* in = p.reads[r] + block * 32 * p.read_widths[r] + lane;
      for (int k = 0; k < p.read_widths[r]; ++k) v = fold(v, __ldcs(in + k * 32));
    }
    uint4* out = p.write + block * 32 * p.write_width + lane;
    for (int k = 0; k < p.write_width; ++k) __stcs(out + k * 32, v);
  }
}

// Random bits: a card draws more power, and may clock lower, than on zeros.
__global__ void __launch_bounds__(kThreads) fill(uint4* p, int64_t items) {
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < items;
       i += int64_t{gridDim.x} * kThreads) {
    uint32_t h = static_cast<uint32_t>(i) * 0x9E3779B9u;
    uint32_t w[4];
    for (uint32_t& x : w) {
      h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
      h = (h ^ (h >> 13)) * 0xC2B2AE35u;
      x = h;
    }
    p[i] = make_uint4(w[0], w[1], w[2], w[3]);
  }
}

template <int R>
const void* equal_widths_of(int vectors) {
  switch (vectors) {
    case 1:
      return reinterpret_cast<const void*>(&equal_widths<R, 1>);
    case 2:
      return reinterpret_cast<const void*>(&equal_widths<R, 2>);
    case 4:
      return reinterpret_cast<const void*>(&equal_widths<R, 4>);
    default:
      return reinterpret_cast<const void*>(&equal_widths<R, 8>);
  }
}

const void* kernel_of(const Params& p, int vectors) {
  for (int r = 0; r < p.read_count; ++r) {
    if (p.read_widths[r] != p.write_width) return reinterpret_cast<const void*>(&mixed_widths);
  }
  switch (p.read_count) {
    case 1:
      return equal_widths_of<1>(vectors);
    case 2:
      return equal_widths_of<2>(vectors);
    case 3:
      return equal_widths_of<3>(vectors);
    case 4:
      return equal_widths_of<4>(vectors);
    case 5:
      return equal_widths_of<5>(vectors);
    case 8:
      return equal_widths_of<8>(vectors);
    case 9:
      return equal_widths_of<9>(vectors);
    default:
      return equal_widths_of<0>(vectors);
  }
}

// A grid that fills the device once and stays.
cudaError_t launch(const void* kernel, int processors, void** arguments, cudaStream_t stream) {
  int per_processor = 0;
  cudaError_t e =
      cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_processor, kernel, kThreads, 0);
  if (e != cudaSuccess) return e;
  return cudaLaunchKernel(kernel, dim3(processors * per_processor), dim3(kThreads), arguments, 0,
                          stream);
}

int32_t report(cudaError_t e, char* message) {
  std::snprintf(message, 256, "%s", e == cudaSuccess ? "" : cudaGetErrorString(e));
  return e;
}

}  // namespace

// Zeroed by calloc, so that the library needs nothing of libstdc++.
struct twin_device {
  int device;
  int processors;
  cudaStream_t stream;
  char* memory;
  int64_t bytes;
  Params params;

  void destroy() {
    cudaSetDevice(device);
    cudaFree(memory);
    if (stream != nullptr) cudaStreamDestroy(stream);
  }

  cudaError_t create(const twin_streams& streams) {
    cudaError_t e = cudaSetDevice(device);
    if (e == cudaSuccess) {
      e = cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    }
    if (e == cudaSuccess) e = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    if (e != cudaSuccess) return e;

    const int64_t elements = streams.elements / kWarpElements * kWarpElements;
    bool equal = true;
    bytes = elements * streams.write_width;
    for (int r = 0; r < streams.read_count; ++r) {
      bytes += elements * streams.read_widths[r];
      equal = equal && streams.read_widths[r] == streams.write_width;
    }
    e = cudaMalloc(&memory, bytes);
    if (e != cudaSuccess) return e;

    params.read_count = streams.read_count;
    params.write_width = streams.write_width;
    char* next = memory;
    for (int r = 0; r < streams.read_count; ++r) {
      params.reads[r] = reinterpret_cast<const uint4*>(next);
      params.read_widths[r] = streams.read_widths[r];
      next += elements * streams.read_widths[r];
    }
    params.write = reinterpret_cast<uint4*>(next);
    params.items = equal ? elements * streams.write_width / 16 : elements / kWarpElements;

    uint4* all = reinterpret_cast<uint4*>(memory);
    int64_t vectors = bytes / 16;
    void* arguments[] = {&all, &vectors};
    e = launch(reinterpret_cast<const void*>(&fill), processors, arguments, stream);
    return e == cudaSuccess ? cudaStreamSynchronize(stream) : e;
  }

  cudaError_t run(int32_t variant, int32_t repeats) {
    cudaError_t e = cudaSetDevice(device);
    const int64_t half = bytes / 32 * 16;
    const void* kernel =
        variant == TWIN_DEVICE_COPY ? nullptr : kernel_of(params, 1 << (variant - 1));
    for (int32_t i = 0; i < repeats && e == cudaSuccess; ++i) {
      if (kernel == nullptr) {
        e = cudaMemcpyAsync(memory + half, memory, half, cudaMemcpyDeviceToDevice, stream);
      } else {
        void* arguments[] = {&params};
        e = launch(kernel, processors, arguments, stream);
      }
    }
    return e == cudaSuccess ? cudaStreamSynchronize(stream) : e;
  }
};

int32_t twin_device_built(void) { return 1; }

int32_t twin_device_create(int32_t device, const twin_streams* streams, twin_device** twin,
                           char* message) {
  if (streams == nullptr || twin == nullptr || streams->read_count < 1 ||
      streams->read_count > TWIN_MAX_READS || streams->elements < kWarpElements) {
    std::snprintf(message, 256, "streams out of range");
    return -1;
  }
  auto* made = static_cast<twin_device*>(std::calloc(1, sizeof(twin_device)));
  if (made == nullptr) return report(cudaErrorMemoryAllocation, message);
  made->device = device;
  const cudaError_t e = made->create(*streams);
  if (e == cudaSuccess) {
    *twin = made;
  } else {
    twin_device_destroy(made);
  }
  return report(e, message);
}

int32_t twin_device_run(twin_device* twin, int32_t variant, int32_t repeats, char* message) {
  if (twin == nullptr || variant < 0 || variant >= TWIN_DEVICE_VARIANTS) {
    std::snprintf(message, 256, "no twin, or no such variant");
    return -1;
  }
  return report(twin->run(variant, repeats), message);
}

void twin_device_destroy(twin_device* twin) {
  if (twin == nullptr) return;
  twin->destroy();
  std::free(twin);
}
