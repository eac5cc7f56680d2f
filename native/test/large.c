/* SPDX-License-Identifier: Apache-2.0
 *
 * Indices above 2^31, on the CPU: tensors of that many elements, all in one place in memory (stride 0),
 * so that nothing of their size is held. Exit status: 0 or 1.
 */
#include <stdio.h>

#include "sinter.h"

static int failures = 0;
static sinter_error error = {sizeof(sinter_error), 0, 0, 0, NULL, {0}};

static void must(int32_t status) {
  if (status != SINTER_OK) {
    printf("FAILED: %s\n", error.message);
    ++failures;
  }
}

static void expect(const char* what, double expected, double actual) {
  if (!(expected == actual)) {
    printf("FAILED: %s is %.17g, not %.17g\n", what, actual, expected);
    ++failures;
  }
}

static sinter_tensor tensor(int32_t dtype, void* data, int64_t rows, int64_t columns,
                            int64_t step) {
  sinter_tensor t = {sizeof t, dtype, SINTER_CPU, 2, 0, data, NULL, {0}, {0}};
  t.shape[0] = rows;
  t.shape[1] = columns;
  t.strides[0] = step * columns;
  t.strides[1] = step;
  return t;
}

int main(void) {
  const int64_t many = ((int64_t)1 << 31) + 4096 * 3 + 5;
  unsigned char one = 0x38; /* 1 as f8e4m3 */
  double results[4] = {0, 0, 0, 0};
  double threshold = 0.5;
  int64_t k = many - 2;
  sinter_stream* stream = NULL;
  sinter_tensor in = tensor(SINTER_F8E4M3, &one, 1, many, 0);
  sinter_tensor out = tensor(SINTER_F64, results, 1, 4, 1);
  must(sinter_stream_create(SINTER_CPU, NULL, &stream, &error));

  must(sinter_count(stream, 1, &in, &threshold, 0, &out, &error));
  expect("count of finite elements", (double)many, results[0]);
  expect("count above the threshold", (double)many, results[3]);

  /* The last row begins past 2^31. */
  in = tensor(SINTER_F8E4M3, &one, 3, many / 2, 0);
  out = tensor(SINTER_F64, results, 1, 3, 1);
  out.rank = 1;
  out.shape[0] = 3;
  out.strides[0] = 1;
  must(sinter_row_sum(stream, 1, &in, 0, &out, &error));
  expect("sum of the last row", (double)(many / 2), results[2]);

  in = tensor(SINTER_F8E4M3, &one, 1, many, 0);
  out = tensor(SINTER_F64, results, 1, 2, 1);
  must(sinter_select(stream, 1, NULL, &in, &k, 0, 0, 0, &out, &error));
  expect("threshold", 1.0, results[0]);
  expect("cutoff", (double)k, results[1]);

  sinter_stream_destroy(stream);
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
