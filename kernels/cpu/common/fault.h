// SPDX-License-Identifier: Apache-2.0
//
// Reading a memory map whose file was truncated raises SIGBUS, which would end the process. Parts of
// operations run under a thread-local guard that turns it into a value; a SIGBUS from anywhere else
// goes to the handler that was there before (the JVM's).
#ifndef SINTER_KERNELS_CPU_COMMON_FAULT_H_
#define SINTER_KERNELS_CPU_COMMON_FAULT_H_

#include <cstdint>

namespace sinter::cpu {

// Runs part(context, index). False, with the address, where it met memory that could not be
// accessed; what it had written until then stays written.
bool guarded(void (*part)(const void*, int64_t), const void* context, int64_t index,
             const void** address);

// Round to nearest, denormals kept, exceptions masked, while this object lives: a caller's thread
// may have been set otherwise.
class FloatingPointDefaults {
 public:
  FloatingPointDefaults();
  ~FloatingPointDefaults();
  FloatingPointDefaults(const FloatingPointDefaults&) = delete;
  FloatingPointDefaults& operator=(const FloatingPointDefaults&) = delete;

 private:
  uint64_t saved_;
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_COMMON_FAULT_H_
