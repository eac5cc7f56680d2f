// SPDX-License-Identifier: Apache-2.0
//
// Devices behind one interface. The opaque structs of the ABI are these classes.
#ifndef SINTER_NATIVE_CORE_DEVICE_H_
#define SINTER_NATIVE_CORE_DEVICE_H_

#include <memory>
#include <string>

#include "batch.h"
#include "sinter.h"

struct sinter_stream {
  explicit sinter_stream(int32_t device) : device(device) {}
  virtual ~sinter_stream() = default;

  // Blocks until the work is done; throws the first failure since the last call.
  virtual void synchronize() = 0;
  virtual void wait(sinter_event& event) = 0;
  virtual void copy(const sinter::CopyItem* items, int64_t count) = 0;
  // The stream of the device's own runtime. Throws Failure where there is none.
  virtual void* native() const = 0;

  const int32_t device;
};

struct sinter_event {
  explicit sinter_event(int32_t device) : device(device) {}
  virtual ~sinter_event() = default;

  virtual void record(sinter_stream& stream) = 0;
  virtual bool done() = 0;
  virtual void synchronize() = 0;

  const int32_t device;
};

struct sinter_buffer {
  int32_t device;
  int32_t memory;
  void* data;
  int64_t bytes;
};

namespace sinter {

class Backend {
 public:
  virtual ~Backend() = default;

  // Devices of this kind. Throws Failure that says why there are none.
  virtual int32_t count() = 0;
  // `device` is below count() in all that follows.
  virtual void properties(int32_t device, sinter_device_info& info) = 0;
  virtual std::unique_ptr<sinter_stream> create_stream(int32_t device,
                                                       const sinter_stream_options& options) = 0;
  // A stream over one of the device's own runtime (not null), which stays the caller's.
  virtual std::unique_ptr<sinter_stream> wrap_stream(int32_t device, void* native,
                                                     const sinter_stream_options& options) = 0;
  virtual std::unique_ptr<sinter_event> create_event(int32_t device) = 0;
  // Fills buffer.data for its memory and bytes (above 0).
  virtual void allocate(sinter_stream& stream, sinter_buffer& buffer) = 0;
  // stream may be null: no work is pending.
  virtual void release(const sinter_buffer& buffer, sinter_stream* stream) = 0;
};

Backend& cpu_backend();
Backend& cuda_backend();

// The backend of a device number. Throws Failure where there is no such device, with the reason.
Backend& backend_of(int32_t device);

// "cpu", "cuda:0".
std::string device_name(int32_t device);

constexpr int64_t kBufferAlignment = 256;

}  // namespace sinter

#endif  // SINTER_NATIVE_CORE_DEVICE_H_
