// SPDX-License-Identifier: Apache-2.0
#include "cuda/common/queue.h"

#include <cstring>
#include <string>

#include "failure.h"

namespace sinter::cuda {
namespace {

constexpr int64_t kSmallestStaging = 64 * 1024;

}  // namespace

Queue::Queue(int device, int multiprocessors, cudaMemPool_t pool, int64_t workspace_limit,
             cudaStream_t borrowed)
    : device_(device),
      multiprocessors_(multiprocessors),
      pool_(pool),
      workspace_limit_(workspace_limit),
      owns_stream_(borrowed == nullptr),
      stream_(borrowed) {
  if (owns_stream_) {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "create a stream");
  }
}

Queue::~Queue() {
  cudaStreamSynchronize(stream_);
  finish_host_frees();
  for (const Staging& block : staging_) {
    cudaEventDestroy(block.free);
    cudaFreeHost(block.data);
  }
  if (failure_ != nullptr) {
    cudaFreeAsync(failure_, stream_);
  }
  for (const Watched& each : watched_) {
    if (each.words != nullptr) {
      cudaFreeAsync(each.words, stream_);
    }
  }
  if (owns_stream_) {
    cudaStreamDestroy(stream_);
  }
}

void* Queue::reserve(int64_t bytes) {
  if (workspace_limit_ > 0 && workspace_held_ + bytes > workspace_limit_) {
    throw Failure(Status::kOutOfMemory,
                  "the operation needs " + std::to_string(workspace_held_ + bytes) +
                      " bytes of workspace, and the stream's workspace_limit is " +
                      std::to_string(workspace_limit_) + "; raise it, or split the batch");
  }
  void* data = nullptr;
  const cudaError_t error =
      cudaMallocFromPoolAsync(&data, static_cast<size_t>(bytes), pool_, stream_);
  if (error == cudaErrorMemoryAllocation) {
    out_of_memory(bytes, "workspace");
  }
  check(error, "allocate workspace");
  workspace_held_ += bytes;
  return data;
}

void Queue::release(void* data, int64_t bytes) {
  workspace_held_ -= bytes;
  cudaFreeAsync(data, stream_);  // a failure here is that of earlier work: the next call reports it
}

void Queue::upload(void* to, const void* from, int64_t bytes) {
  if (bytes == 0) {
    return;  // of an empty table, which may be nowhere
  }
  Staging* block = nullptr;
  for (Staging& each : staging_) {
    if (each.bytes >= bytes && cudaEventQuery(each.free) == cudaSuccess) {
      block = &each;
      break;
    }
  }
  if (block == nullptr) {
    Staging created = {nullptr, kSmallestStaging, nullptr};
    while (created.bytes < bytes) {
      created.bytes *= 2;
    }
    check(cudaEventCreateWithFlags(&created.free, cudaEventDisableTiming), "create an event");
    const cudaError_t error = cudaMallocHost(&created.data, static_cast<size_t>(created.bytes));
    if (error != cudaSuccess) {
      cudaEventDestroy(created.free);
      check(error, "allocate page-locked host memory");
    }
    staging_.push_back(created);
    block = &staging_.back();
  }
  std::memcpy(block->data, from, static_cast<size_t>(bytes));
  check(
      cudaMemcpyAsync(to, block->data, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, stream_),
      "copy a table to the device");
  check(cudaEventRecord(block->free, stream_), "record an event");
}

unsigned long long* Queue::failure_place() {
  if (failure_ == nullptr) {
    void* place = nullptr;
    check(cudaMallocFromPoolAsync(&place, sizeof *failure_, pool_, stream_),
          "allocate device memory");
    failure_ = static_cast<unsigned long long*>(place);
    check(cudaMemsetAsync(failure_, 0xff, sizeof *failure_, stream_), "clear device memory");
  }
  return failure_;
}

void Queue::add_watched(Watched watched) {
  constexpr size_t kOperations = size_t{1} << (64 - kTensorBits - kInputBits);
  if (watched_.size() + 1 == kOperations) {
    throw Failure(Status::kUnsupported,
                  std::to_string(kOperations - 1) +
                      " operations that take statistics are waiting on this stream; call "
                      "sinter_stream_synchronize now and then");
  }
  watched_.push_back(std::move(watched));
}

unsigned long long Queue::watch(const Statistic& statistic, std::vector<std::string> names) {
  add_watched({statistic, std::move(names), {}});
  return watched_.size() - 1;
}

unsigned long long* Queue::report(Description describe) {
  add_watched({{}, {}, std::move(describe)});
  void* words = nullptr;
  check(cudaMallocFromPoolAsync(&words, 2 * sizeof *failure_, pool_, stream_),
        "allocate device memory");
  watched_.back().words = static_cast<unsigned long long*>(words);
  check(cudaMemsetAsync(words, 0xff, 2 * sizeof *failure_, stream_), "clear device memory");
  return watched_.back().words;
}

void Queue::synchronize() {
  constexpr unsigned long long kNone = ~0ull;
  unsigned long long failure = kNone;
  const std::vector<Watched> watched = std::exchange(watched_, {});
  struct Words {
    unsigned long long words[2] = {kNone, kNone};
  };
  std::vector<Words> reports(watched.size());
  for (size_t i = 0; i < watched.size(); ++i) {
    if (watched[i].words != nullptr) {
      check(cudaMemcpyAsync(reports[i].words, watched[i].words, sizeof(Words),
                            cudaMemcpyDeviceToHost, stream_),
            "read back what kernels met");
      check(cudaFreeAsync(watched[i].words, stream_), "free device memory");
    }
  }
  if (!watched.empty() && failure_ != nullptr) {
    check(cudaMemcpyAsync(&failure, failure_, sizeof failure, cudaMemcpyDeviceToHost, stream_),
          "read back what kernels met");
    check(cudaMemsetAsync(failure_, 0xff, sizeof failure, stream_), "clear device memory");
  }
  check(cudaStreamSynchronize(stream_), "run the stream's work");
  finish_host_frees();
  const size_t first = failure == kNone
                           ? watched.size()
                           : static_cast<size_t>(failure >> (kTensorBits + kInputBits));
  for (size_t i = 0; i < first; ++i) {
    if (reports[i].words[0] != kNone) {
      throw watched[i].describe(reports[i].words);
    }
  }
  if (failure == kNone) {
    return;
  }
  const Watched& operation = watched[first];
  const auto tensor = static_cast<int64_t>((failure >> kInputBits) % (1ull << kTensorBits));
  throw no_result(operation.statistic, tensor, operation.names[static_cast<size_t>(tensor)],
                  static_cast<int64_t>(failure % (1ull << kInputBits)));
}

void Queue::free_host(void* data) {
  finish_host_frees();
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "create an event");
  host_frees_.emplace_back(data, event);
  check(cudaEventRecord(event, stream_), "record an event");
}

void Queue::finish_host_frees() {
  std::erase_if(host_frees_, [](const auto& each) {
    if (cudaEventQuery(each.second) == cudaErrorNotReady) {
      return false;
    }
    cudaEventDestroy(each.second);
    cudaFreeHost(each.first);
    return true;
  });
}

}  // namespace sinter::cuda
