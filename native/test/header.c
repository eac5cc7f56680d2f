/* SPDX-License-Identifier: Apache-2.0
 *
 * The header is C11, can be included twice (clang-format would drop the second), and needs nothing
 * before it. */
/* clang-format off */
#include "sinter.h"
#include "sinter.h"
/* clang-format on */

_Static_assert(sizeof(sinter_tensor) == 168, "sinter_tensor");
_Static_assert(offsetof(sinter_tensor, data) == 24, "sinter_tensor.data");
_Static_assert(offsetof(sinter_tensor, shape) == 40, "sinter_tensor.shape");
_Static_assert(offsetof(sinter_tensor, strides) == 104, "sinter_tensor.strides");
_Static_assert(sizeof(sinter_error) == 1032, "sinter_error");
_Static_assert(sizeof(sinter_device_info) == 368, "sinter_device_info");
_Static_assert(sizeof(sinter_stream_options) == 24, "sinter_stream_options");
_Static_assert(sizeof(sinter_arithmetic) == 24, "sinter_arithmetic");

int main(void) {
  sinter_error error = {0};
  error.struct_size = sizeof error;
  int32_t device = 7;
  return sinter_stream_device(NULL, &device, &error) == SINTER_INVALID_ARGUMENT &&
                 error.status == SINTER_INVALID_ARGUMENT && error.message[0] != '\0' && device == 7
             ? 0
             : 1;
}
