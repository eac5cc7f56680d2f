// SPDX-License-Identifier: Apache-2.0
//
// What a CUDA stream lends its launchers: the stream, workspace in its order, a way up for tables,
// and a place where kernels report numbers that admit no result.
#ifndef SINTER_KERNELS_CUDA_COMMON_QUEUE_H_
#define SINTER_KERNELS_CUDA_COMMON_QUEUE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cuda/common/runtime.h"
#include "failure.h"

namespace sinter::cuda {

class Queue {
 public:
  // Workspace comes from `pool`; limit <= 0: no bound. `borrowed` is a stream that stays its owner's,
  // or null: the queue creates its own. The device must be current here and in every call.
  Queue(int device, int multiprocessors, cudaMemPool_t pool, int64_t workspace_limit,
        cudaStream_t borrowed);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  cudaStream_t stream() const { return stream_; }
  int device() const { return device_; }

  // Blocks of a kernel that the device holds at once: the grid of a persistent kernel.
  template <class... Parameters>
  int resident_blocks(void (*kernel)(Parameters...), int threads) {
    const void* const key = reinterpret_cast<const void*>(kernel);
    for (const auto& [known, blocks] : resident_) {
      if (known == key) {
        return blocks;
      }
    }
    int blocks = 0;
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, threads, 0),
          "ask for a kernel's occupancy");
    resident_.emplace_back(key, blocks * multiprocessors_);
    return resident_.back().second;
  }

  // Copies host bytes to the device in stream order; `from` may be reused at once.
  void upload(void* to, const void* from, int64_t bytes);

  // Blocks until the work is done; throws the first failure since the last call.
  void synchronize();

  // Frees page-locked memory once the work enqueued so far is done.
  void free_host(void* data);

  // ---- Deferred failures ----
  // A kernel that meets a non-finite value in an input of tensor k of an operation, where its method
  // needs finite ones, calls record_failure (below) with *failure_place() and what watch() returned.
  unsigned long long* failure_place();
  // `names` of the operation's tensors, for the message; may be empty strings.
  unsigned long long watch(const Statistic& statistic, std::vector<std::string> names);
  // For an operation whose failures need more room: two words of its own, all ones at first. If the
  // first is not so at the next synchronize, that throws what `describe` makes of both.
  using Description = std::function<Failure(const unsigned long long* words)>;
  unsigned long long* report(Description describe);

 private:
  friend class Scratch;
  void* reserve(int64_t bytes);
  void release(void* data, int64_t bytes);
  void finish_host_frees();

  struct Staging {
    void* data;
    int64_t bytes;
    cudaEvent_t free;
  };

  const int device_;
  const int multiprocessors_;
  const cudaMemPool_t pool_;
  const int64_t workspace_limit_;
  int64_t workspace_held_ = 0;
  const bool owns_stream_;
  cudaStream_t stream_;
  std::vector<Staging> staging_;
  std::vector<std::pair<void*, cudaEvent_t>> host_frees_;
  std::vector<std::pair<const void*, int>> resident_;
  unsigned long long* failure_ = nullptr;
  struct Watched {
    Statistic statistic;
    std::vector<std::string> names;
    Description describe;  // or none: the above
    unsigned long long* words = nullptr;
  };
  void add_watched(Watched watched);
  std::vector<Watched> watched_;  // since the last synchronize
};

// What record_failure records: operation, tensor and input; in this order, so that the first failure
// is the smallest number. Numbers past what has room here are recorded as the largest that has.
constexpr int kInputBits = 16;
constexpr int kTensorBits = 28;

// Workspace of one operation: allocated and freed in stream order.
class Scratch {
 public:
  Scratch(Queue& queue, int64_t bytes)
      : queue_(queue), bytes_(bytes), data_(bytes > 0 ? queue.reserve(bytes) : nullptr) {}
  ~Scratch() {
    if (data_ != nullptr) {
      queue_.release(data_, bytes_);
    }
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  Queue& queue_;
  const int64_t bytes_;
  void* const data_;
};

// The operation's argument of its launchers: the queue, its device being current meanwhile.
class Context {
 public:
  explicit Context(Queue& queue) : queue(queue), current_(queue.device()) {}

  Queue& queue;

 private:
  const CurrentDevice current_;
};

// Launches a kernel; the only way to do so, since <<<>>> does not compile for the emulation.
template <class... Parameters, class... Arguments>
void launch(Queue& queue, void (*kernel)(Parameters...), int64_t blocks, int threads,
            Arguments&&... arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = queue.stream();
  check(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...),
        "launch a kernel");
}

#if defined(__CUDACC__) || defined(SINTER_EMULATION)
// `input` is its number in Item::inputs, or kUndefined.
static __device__ __forceinline__ void record_failure(unsigned long long* place,
                                                      unsigned long long operation, int64_t tensor,
                                                      int64_t input) {
  const int64_t last_tensor = (int64_t{1} << kTensorBits) - 1;
  const auto of = static_cast<unsigned long long>(tensor < last_tensor ? tensor : last_tensor);
  const auto at = static_cast<unsigned long long>(input < kUndefined ? input : kUndefined);
  atomicMin(place, (operation << kTensorBits | of) << kInputBits | at);
}
#endif

}  // namespace sinter::cuda

#endif  // SINTER_KERNELS_CUDA_COMMON_QUEUE_H_
