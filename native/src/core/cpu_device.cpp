// SPDX-License-Identifier: Apache-2.0
#include "core/cpu_device.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <string>
#include <vector>

#include "cpu/common/kernels.h"
#include "failure.h"

namespace sinter {
namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    const size_t colon = line.find(':');
    if (line.compare(0, 10, "model name") == 0 && colon != std::string::npos &&
        colon + 2 <= line.size()) {
      return line.substr(colon + 2);
    }
  }
  return "CPU";
}

[[noreturn]] void no_native_stream() {
  throw Failure(Status::kUnsupported,
                "the CPU has no native streams: use sinter_stream_create for one of threads");
}

class CpuEvent final : public sinter_event {
 public:
  CpuEvent() : sinter_event(SINTER_CPU) {}
  // What is recorded has been done already.
  void record(sinter_stream&) override {}
  bool done() override { return true; }
  void synchronize() override {}
};

class CpuBackend final : public Backend {
 public:
  int32_t count() override { return 1; }

  void properties(int32_t, sinter_device_info& info) override {
    info.processors = cpu::available_threads();
    const int64_t page = sysconf(_SC_PAGESIZE);
    info.memory_total = sysconf(_SC_PHYS_PAGES) * page;
    info.memory_free = sysconf(_SC_AVPHYS_PAGES) * page;
    std::snprintf(info.name, sizeof info.name, "%s", processor_name().c_str());
    std::snprintf(info.detail, sizeof info.detail, "%s", cpu::kernels().name);
  }

  std::unique_ptr<sinter_stream> create_stream(int32_t,
                                               const sinter_stream_options& options) override {
    cpu::kernels();  // a bad SINTER_CPU is told here, not by the first operation
    return std::make_unique<CpuStream>(options.threads, options.workspace_limit);
  }

  std::unique_ptr<sinter_stream> wrap_stream(int32_t, void*,
                                             const sinter_stream_options&) override {
    no_native_stream();
  }

  std::unique_ptr<sinter_event> create_event(int32_t) override {
    return std::make_unique<CpuEvent>();
  }

  void allocate(sinter_stream&, sinter_buffer& buffer) override {
    const size_t align = static_cast<size_t>(kBufferAlignment);
    const size_t bytes = (static_cast<size_t>(buffer.bytes) + align - 1) / align * align;
    buffer.data = std::aligned_alloc(align, bytes);
    if (buffer.data == nullptr) {
      throw Failure(Status::kOutOfMemory,
                    std::to_string(buffer.bytes) + " bytes of host memory could not be allocated");
    }
  }

  void release(const sinter_buffer& buffer, sinter_stream*) override { std::free(buffer.data); }
};

}  // namespace

void CpuStream::copy(const CopyItem* items, int64_t count) {
  const size_t n = static_cast<size_t>(count);
  std::vector<Item> entries(n);
  for (size_t k = 0; k < n; ++k) {
    entries[k] = {items[k].elements, 0, false, nullptr, items[k].to, &items[k].from, nullptr};
  }
  cpu::cast(context(), {entries.data(), count, 1, DType::kStored, DType::kStored, nullptr});
}

void* CpuStream::native() const { no_native_stream(); }

Backend& cpu_backend() {
  static CpuBackend backend;
  return backend;
}

}  // namespace sinter
