// SPDX-License-Identifier: Apache-2.0
#include "core/device.h"

#include <vector>

#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

template <class Struct>
void require_size(const Struct& value, const char* operand) {
  if (value.struct_size != sizeof(Struct)) {
    invalid(std::string(operand) + "->struct_size is " + std::to_string(value.struct_size) +
            ", not " + std::to_string(sizeof(Struct)) +
            ": set it, and use the header that belongs to this library");
  }
}

// The options, or the defaults.
sinter_stream_options checked(const sinter_stream_options* options) {
  if (options == nullptr) {
    return {};
  }
  require_size(*options, "options");
  if (options->threads < 0 || options->threads > 4096) {
    invalid("options->threads is " + std::to_string(options->threads) +
            ": it must be 0 (all) to 4096");
  }
  if (options->workspace_limit < 0) {
    invalid("options->workspace_limit is " + std::to_string(options->workspace_limit) +
            ": it must be 0 (no bound) or more bytes");
  }
  return *options;
}

void require_same_device(int32_t x, const char* x_name, int32_t y, const char* y_name) {
  if (x != y) {
    invalid(std::string(x_name) + " is of " + device_name(x) + " and " + y_name + " of " +
            device_name(y) + ": they must share a device");
  }
}

}  // namespace

int32_t sinter_device_count(int32_t* count, sinter_error* error) {
  return guard("sinter_device_count", error, [&] {
    require(count, "count");
    *count = 0;
    *count = cuda_backend().count();
  });
}

int32_t sinter_device_properties(int32_t device, sinter_device_info* info, sinter_error* error) {
  return guard("sinter_device_properties", error, [&] {
    require(info, "info");
    require_size(*info, "info");
    Backend& backend = backend_of(device);
    *info = {};
    info->struct_size = sizeof(sinter_device_info);
    info->device = device;
    backend.properties(device, *info);
  });
}

int32_t sinter_stream_create(int32_t device, const sinter_stream_options* options,
                             sinter_stream** stream, sinter_error* error) {
  return guard("sinter_stream_create", error, [&] {
    require(stream, "stream");
    *stream = nullptr;
    const sinter_stream_options chosen = checked(options);
    *stream = backend_of(device).create_stream(device, chosen).release();
  });
}

int32_t sinter_stream_wrap(int32_t device, void* handle, const sinter_stream_options* options,
                           sinter_stream** stream, sinter_error* error) {
  return guard("sinter_stream_wrap", error, [&] {
    require(stream, "stream");
    *stream = nullptr;
    const sinter_stream_options chosen = checked(options);
    Backend& backend = backend_of(device);
    if (handle == nullptr && device != SINTER_CPU) {
      invalid("handle is NULL, which is no stream: create one, or pass cudaStreamLegacy");
    }
    *stream = backend.wrap_stream(device, handle, chosen).release();
  });
}

int32_t sinter_stream_native(const sinter_stream* stream, void** handle, sinter_error* error) {
  return guard("sinter_stream_native", error, [&] {
    require(stream, "stream");
    require(handle, "handle");
    *handle = nullptr;
    *handle = stream->native();
  });
}

void sinter_stream_destroy(sinter_stream* stream) {
  guard("sinter_stream_destroy", nullptr, [&] {
    const std::unique_ptr<sinter_stream> owned(stream);
    if (stream != nullptr) {
      stream->synchronize();
    }
  });
}

int32_t sinter_stream_device(const sinter_stream* stream, int32_t* device, sinter_error* error) {
  return guard("sinter_stream_device", error, [&] {
    require(stream, "stream");
    require(device, "device");
    *device = stream->device;
  });
}

int32_t sinter_stream_synchronize(sinter_stream* stream, sinter_error* error) {
  return guard("sinter_stream_synchronize", error, [&] {
    require(stream, "stream");
    stream->synchronize();
  });
}

int32_t sinter_event_create(int32_t device, sinter_event** event, sinter_error* error) {
  return guard("sinter_event_create", error, [&] {
    require(event, "event");
    *event = nullptr;
    *event = backend_of(device).create_event(device).release();
  });
}

void sinter_event_destroy(sinter_event* event) {
  guard("sinter_event_destroy", nullptr, [&] { delete event; });
}

int32_t sinter_event_record(sinter_event* event, sinter_stream* stream, sinter_error* error) {
  return guard("sinter_event_record", error, [&] {
    require(event, "event");
    require(stream, "stream");
    require_same_device(event->device, "event", stream->device, "stream");
    event->record(*stream);
  });
}

int32_t sinter_event_query(sinter_event* event, int32_t* done, sinter_error* error) {
  return guard("sinter_event_query", error, [&] {
    require(event, "event");
    require(done, "done");
    *done = event->done() ? 1 : 0;
  });
}

int32_t sinter_event_synchronize(sinter_event* event, sinter_error* error) {
  return guard("sinter_event_synchronize", error, [&] {
    require(event, "event");
    event->synchronize();
  });
}

int32_t sinter_stream_wait(sinter_stream* stream, sinter_event* event, sinter_error* error) {
  return guard("sinter_stream_wait", error, [&] {
    require(stream, "stream");
    require(event, "event");
    stream->wait(*event);
  });
}

int32_t sinter_buffer_create(sinter_stream* stream, int32_t memory, int64_t bytes,
                             sinter_buffer** buffer, sinter_error* error) {
  return guard("sinter_buffer_create", error, [&] {
    require(buffer, "buffer");
    *buffer = nullptr;
    require(stream, "stream");
    if (memory != SINTER_MEMORY_DEVICE && memory != SINTER_MEMORY_PINNED) {
      invalid("memory is " + std::to_string(memory) +
              ": use SINTER_MEMORY_DEVICE or SINTER_MEMORY_PINNED");
    }
    if (bytes < 0) {
      invalid("bytes is " + std::to_string(bytes) + ": it must be 0 or more");
    }
    auto created = std::make_unique<sinter_buffer>();
    *created = {stream->device, memory, nullptr, bytes};
    if (bytes > 0) {
      backend_of(stream->device).allocate(*stream, *created);
    }
    *buffer = created.release();
  });
}

int32_t sinter_buffer_data(const sinter_buffer* buffer, void** data, sinter_error* error) {
  return guard("sinter_buffer_data", error, [&] {
    require(buffer, "buffer");
    require(data, "data");
    *data = buffer->data;
  });
}

int32_t sinter_buffer_destroy(sinter_buffer* buffer, sinter_stream* stream, sinter_error* error) {
  return guard("sinter_buffer_destroy", error, [&] {
    if (buffer == nullptr) {
      return;
    }
    if (stream != nullptr) {
      require_same_device(buffer->device, "buffer", stream->device, "stream");
    }
    const std::unique_ptr<sinter_buffer> owned(buffer);
    if (owned->data != nullptr) {
      backend_of(owned->device).release(*owned, stream);
    }
  });
}

int32_t sinter_copy(sinter_stream* stream, int64_t count, const sinter_tensor* src,
                    const sinter_tensor* dst, sinter_error* error) {
  return guard("sinter_copy", error, [&] {
    require(stream, "stream");
    if (count < 0) {
      invalid("count is " + std::to_string(count) + ": it must be 0 or more");
    }
    if (count == 0) {
      return;
    }
    require(src, "src");
    require(dst, "dst");
    std::vector<CopyItem> items;
    items.reserve(static_cast<size_t>(count));
    for (int64_t k = 0; k < count; ++k) {
      const View from = checked_view(*stream, src[k], "src", k, Place::kStreamOrHost, false);
      const View to = checked_view(*stream, dst[k], "dst", k, Place::kStreamOrHost, true);
      require_same_shape(src[k], "src", dst[k], "dst", k);
      if (from.dtype != to.dtype) {
        invalid(label("src", k, src[k]) + " and " + label("dst", k, dst[k]) +
                    " have different dtypes, and copies keep bytes: use sinter_cast",
                k);
      }
      const bool from_host = src[k].device == SINTER_CPU;
      const bool to_host = dst[k].device == SINTER_CPU;
      const bool crosses = stream->device != SINTER_CPU && (from_host || to_host);
      if (crosses && !(from.contiguous() && to.contiguous())) {
        invalid(label("src", k, src[k]) + " or " + label("dst", k, dst[k]) +
                    " is strided, and copies between host and device need contiguous tensors: copy "
                    "it on its own device first",
                k);
      }
      const int64_t elements = element_count(src[k]);
      if (elements > 0) {
        items.push_back({elements, from, to, from_host, to_host});
      }
    }
    stream->copy(items.data(), static_cast<int64_t>(items.size()));
  });
}
