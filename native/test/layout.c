/* SPDX-License-Identifier: Apache-2.0
 * Generated from sinter.h by java-bindings/tools/GenerateBindings.java. Do not edit.
 *
 * Prints where the C compiler puts each field, for comparison with the Java bindings:
 * struct, field, offset, size. */
#include <stddef.h>
#include <stdio.h>

#include "sinter.h"

#define FIELD(type, field)                                             \
  printf(#type " " #field " %zu %zu\n", offsetof(type, field), \
         sizeof(((type*)0)->field))

int main(void) {
  printf("sinter_error - 0 %zu\n", sizeof(sinter_error));
  FIELD(sinter_error, struct_size);
  FIELD(sinter_error, status);
  FIELD(sinter_error, device_code);
  FIELD(sinter_error, tensor);
  FIELD(sinter_error, address);
  FIELD(sinter_error, message);
  printf("sinter_device_info - 0 %zu\n", sizeof(sinter_device_info));
  FIELD(sinter_device_info, struct_size);
  FIELD(sinter_device_info, device);
  FIELD(sinter_device_info, emulated);
  FIELD(sinter_device_info, processors);
  FIELD(sinter_device_info, compute_capability);
  FIELD(sinter_device_info, driver_version);
  FIELD(sinter_device_info, runtime_version);
  FIELD(sinter_device_info, memory_total);
  FIELD(sinter_device_info, memory_free);
  FIELD(sinter_device_info, name);
  FIELD(sinter_device_info, detail);
  printf("sinter_stream_options - 0 %zu\n", sizeof(sinter_stream_options));
  FIELD(sinter_stream_options, struct_size);
  FIELD(sinter_stream_options, threads);
  FIELD(sinter_stream_options, reserved);
  FIELD(sinter_stream_options, workspace_limit);
  printf("sinter_tensor - 0 %zu\n", sizeof(sinter_tensor));
  FIELD(sinter_tensor, struct_size);
  FIELD(sinter_tensor, dtype);
  FIELD(sinter_tensor, device);
  FIELD(sinter_tensor, rank);
  FIELD(sinter_tensor, reserved);
  FIELD(sinter_tensor, data);
  FIELD(sinter_tensor, name);
  FIELD(sinter_tensor, shape);
  FIELD(sinter_tensor, strides);
  printf("sinter_arithmetic - 0 %zu\n", sizeof(sinter_arithmetic));
  FIELD(sinter_arithmetic, struct_size);
  FIELD(sinter_arithmetic, dtype);
  FIELD(sinter_arithmetic, delta_dtype);
  FIELD(sinter_arithmetic, counts);
  printf("sinter_mixture - 0 %zu\n", sizeof(sinter_mixture));
  FIELD(sinter_mixture, struct_size);
  FIELD(sinter_mixture, consensus);
  FIELD(sinter_mixture, plain_election);
  FIELD(sinter_mixture, normalize);
  FIELD(sinter_mixture, rescale);
  printf("sinter_examples - 0 %zu\n", sizeof(sinter_examples));
  FIELD(sinter_examples, struct_size);
  FIELD(sinter_examples, count);
  FIELD(sinter_examples, classes);
  FIELD(sinter_examples, groups);
  FIELD(sinter_examples, labels);
  FIELD(sinter_examples, group_of);
  printf("sinter_flip_table - 0 %zu\n", sizeof(sinter_flip_table));
  FIELD(sinter_flip_table, struct_size);
  FIELD(sinter_flip_table, totals);
  FIELD(sinter_flip_table, by_class);
  FIELD(sinter_flip_table, by_group);
  FIELD(sinter_flip_table, old_to_new);
  FIELD(sinter_flip_table, label_to_old);
  FIELD(sinter_flip_table, label_to_new);
  FIELD(sinter_flip_table, old_predictions);
  FIELD(sinter_flip_table, new_predictions);
  FIELD(sinter_flip_table, outcomes);
  printf("sinter_loss_options - 0 %zu\n", sizeof(sinter_loss_options));
  FIELD(sinter_loss_options, struct_size);
  FIELD(sinter_loss_options, temperature);
  FIELD(sinter_loss_options, cross_entropy);
  FIELD(sinter_loss_options, mask);
  FIELD(sinter_loss_options, reserved);
  printf("sinter_assignment - 0 %zu\n", sizeof(sinter_assignment));
  FIELD(sinter_assignment, struct_size);
  FIELD(sinter_assignment, cost);
  FIELD(sinter_assignment, start);
  FIELD(sinter_assignment, column);
  FIELD(sinter_assignment, u);
  FIELD(sinter_assignment, v);
  FIELD(sinter_assignment, results);
  printf("sinter_products_info - 0 %zu\n", sizeof(sinter_products_info));
  FIELD(sinter_products_info, struct_size);
  FIELD(sinter_products_info, device);
  FIELD(sinter_products_info, reserved);
  FIELD(sinter_products_info, library);
  FIELD(sinter_products_info, detail);
  return 0;
}
