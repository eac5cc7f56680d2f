// SPDX-License-Identifier: Apache-2.0
#ifndef SINTER_NATIVE_CORE_CPU_DEVICE_H_
#define SINTER_NATIVE_CORE_CPU_DEVICE_H_

#include "core/device.h"
#include "cpu/launch.h"

namespace sinter {

// The CPU's stream runs each operation before its call returns: a queue of its own would add a
// wake-up to every call and give callers nothing that a thread of theirs does not.
class CpuStream final : public sinter_stream {
 public:
  CpuStream(int32_t threads, int64_t workspace_limit)
      : sinter_stream(SINTER_CPU), team_(threads), workspace_(workspace_limit) {}

  void synchronize() override {}
  void wait(sinter_event& event) override { event.synchronize(); }
  void copy(const CopyItem* items, int64_t count) override;
  void* native() const override;

  cpu::Context context() { return {team_, workspace_}; }

 private:
  cpu::Team team_;
  cpu::Workspace workspace_;
};

}  // namespace sinter

#endif  // SINTER_NATIVE_CORE_CPU_DEVICE_H_
