// SPDX-License-Identifier: Apache-2.0
//
// Stands in for device.cu where there is no CUDA compiler.
#include <cstdio>

#include "twin.h"

namespace {

int32_t refuse(char* message) {
  std::snprintf(message, 256, "this traffic twin was built without CUDA; build where nvcc is");
  return -1;
}

}  // namespace

int32_t twin_device_built(void) { return 0; }

int32_t twin_device_create(int32_t, const twin_streams*, twin_device**, char* message) {
  return refuse(message);
}

int32_t twin_device_run(twin_device*, int32_t, int32_t, char* message) { return refuse(message); }

void twin_device_destroy(twin_device*) {}
