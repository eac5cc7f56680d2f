// SPDX-License-Identifier: Apache-2.0
//
// Stands in for the CUDA backend in builds without one.
#include "core/device.h"
#include "failure.h"

namespace sinter {
namespace {

[[noreturn]] void absent() {
  throw Failure(Status::kUnsupported,
                "this libsinter was built without CUDA: build it where nvcc is on the PATH (or set "
                "CUDACXX), or use a published jar with the native library");
}

class AbsentBackend final : public Backend {
 public:
  int32_t count() override { absent(); }
  void properties(int32_t, sinter_device_info&) override { absent(); }
  std::unique_ptr<sinter_stream> create_stream(int32_t, const sinter_stream_options&) override {
    absent();
  }
  std::unique_ptr<sinter_stream> wrap_stream(int32_t, void*,
                                             const sinter_stream_options&) override {
    absent();
  }
  std::unique_ptr<sinter_event> create_event(int32_t) override { absent(); }
  void allocate(sinter_stream&, sinter_buffer&) override { absent(); }
  void release(const sinter_buffer&, sinter_stream*) override { absent(); }
};

}  // namespace

Backend& cuda_backend() {
  static AbsentBackend backend;
  return backend;
}

}  // namespace sinter
