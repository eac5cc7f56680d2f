/* SPDX-License-Identifier: Apache-2.0
 *
 * Indices above 2^31, on the CPU: inputs of that many elements, all in one place in memory (stride 0),
 * so that nothing of their size is held but the output of the methods, 2 GiB. Exit status: 0 or 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static sinter_arithmetic plain(void) {
  sinter_arithmetic arithmetic;
  memset(&arithmetic, 0, sizeof arithmetic);
  arithmetic.struct_size = sizeof arithmetic;
  return arithmetic;
}

static void expect_bytes(const char* what, unsigned char expected, const unsigned char* bytes,
                         int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (bytes[i] != expected) {
      printf("FAILED: %s: element %lld of the last is 0x%02x, not 0x%02x\n", what, (long long)i,
             bytes[i], expected);
      ++failures;
      return;
    }
  }
}

/* Of each way in which a method finds an element: by its index alone, by a selection's cutoff, by the
 * counter of its random word. */
static void methods(sinter_stream* stream, int64_t many) {
  unsigned char one = 0x38; /* 1 and 2 as f8e4m3 */
  unsigned char two = 0x40;
  double selection[2] = {1.0, 0};
  double t = 0.25, weight = 1.0, lambda = 1.0, density = 0.5;
  int64_t key = 0x0123456789abcdef;
  sinter_mixture mixture;
  sinter_arithmetic arithmetic = plain();
  sinter_tensor a = tensor(SINTER_F8E4M3, &one, 1, many, 0);
  sinter_tensor b = tensor(SINTER_F8E4M3, &two, 1, many, 0);
  sinter_tensor selections = tensor(SINTER_F64, selection, 1, 2, 1);
  unsigned char* const room = malloc((size_t)many);
  sinter_tensor out = tensor(SINTER_F8E4M3, room, 1, many, 1);
  const unsigned char* const last = room + many - 1024;
  if (room == NULL) {
    printf("SKIPPED: methods above 2^31 elements: no memory for an output of 2 GiB\n");
    return;
  }
  memset(&mixture, 0, sizeof mixture);
  mixture.struct_size = sizeof mixture;
  selections.rank = 3;
  selections.shape[0] = selections.shape[1] = 1;
  selections.shape[2] = 2;
  selections.strides[0] = selections.strides[1] = 2;
  selections.strides[2] = 1;

  must(sinter_lerp(stream, 1, &a, &b, &t, &out, &arithmetic, &error));
  expect_bytes("lerp", 0x3a /* 1.25 */, last, 1024);

  selection[1] = (double)(many - 3);
  must(sinter_ties(stream, 1, 1, &a, &b, &weight, NULL, &selections, &lambda, &mixture, &out,
                   &arithmetic, &error));
  expect_bytes("ties before the cutoff", two, last, 1021);
  expect_bytes("ties from the cutoff on", one, last + 1021, 3);

  must(sinter_dare(stream, 1, 1, &a, &b, &weight, &density, &key, &lambda, &mixture, &out,
                   &arithmetic, &error));
  for (int64_t i = many - 1024; i < many; ++i) {
    int32_t words[4];
    must(sinter_philox(i / 4, 0, key, words, &error));
    if ((room[i] == two) != ((uint32_t)words[i % 4] < 0x80000000u)) {
      printf("FAILED: dare: element %lld does not follow its random word\n", (long long)i);
      ++failures;
      break;
    }
  }
  free(room);
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

  methods(stream, many);

  sinter_stream_destroy(stream);
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
