// SPDX-License-Identifier: Apache-2.0
#ifndef SINTER_NATIVE_CORE_CUDA_DEVICE_H_
#define SINTER_NATIVE_CORE_CUDA_DEVICE_H_

#include <memory>

#include "core/device.h"
#include "cuda/common/queue.h"

namespace sinter {

class CudaStream final : public sinter_stream {
 public:
  // Over `native` where that is not null.
  CudaStream(int32_t device, cudaStream_t native, int64_t workspace_limit);
  ~CudaStream() override;

  void synchronize() override;
  void wait(sinter_event& event) override;
  void copy(const CopyItem* items, int64_t count) override;
  void* native() const override { return queue_->stream(); }

  // While it lives, the stream's device is the current one.
  cuda::Context context() { return cuda::Context(*queue_); }
  cuda::Queue& queue() { return *queue_; }

 private:
  std::unique_ptr<cuda::Queue> queue_;
};

}  // namespace sinter

#endif  // SINTER_NATIVE_CORE_CUDA_DEVICE_H_
