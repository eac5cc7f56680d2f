/* SPDX-License-Identifier: Apache-2.0
 *
 * twin.h: the traffic twin, the denominator of every bandwidth figure.
 *
 * A twin moves the bytes of an elementwise operation and does nothing else: it reads R streams and
 * writes one. The loads are folded by XOR, so that the compiler keeps them; XOR costs less than any
 * rounding would, and the twin stays bound by memory. Its speed is what the operation could reach
 * at most, on this machine, in this run.
 *
 * Streams may differ in width (bytes per element). Blocks of 64 elements are read and written
 * together, as an elementwise kernel would.
 */
#ifndef SINTER_TWIN_H
#define SINTER_TWIN_H

#include <stdint.h>

#define TWIN_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

enum twin_limits { TWIN_MAX_READS = 24 };

/* One operation's streams. */
typedef struct twin_streams {
  /* Inputs, and their widths in bytes per element: 1, 2, 4 or 8. */
  const void* reads[TWIN_MAX_READS];
  int32_t read_widths[TWIN_MAX_READS];
  int32_t read_count;
  /* The output and its width. A CPU twin without one (NULL) only reads. */
  int32_t write_width;
  void* write;
  /* Elements in every stream. Trailing elements short of a block of 64 are left out. */
  int64_t elements;
} twin_streams;

/* How a CPU twin moves its bytes. The caller tries all and keeps the fastest. */
enum twin_flags {
  /* Stores bypass the caches. */
  TWIN_NON_TEMPORAL = 1,
  /* Lines are fetched ahead of their loads. */
  TWIN_PREFETCH = 2,
  TWIN_CPU_VARIANTS = 4
};

/* Runs the twin once on the host. Threads, the caller's included, take pieces of 64 Ki elements in
 * order until none is left, as those of libsinter's CPU backend do. Returns 0, or -1 where the
 * streams are out of range or the output is not aligned to 64 bytes. */
TWIN_API int32_t twin_cpu_run(const twin_streams* streams, int32_t threads, int32_t variant);

/* The vector instructions in use: "avx512", "avx2" or "baseline". */
TWIN_API const char* twin_cpu_tier(void);

/* Calls function (an int32_t(void)) n times from C and returns the sum: the cost of a call without
 * Java. */
TWIN_API int64_t twin_call(int32_t (*function)(void), int64_t n);

/* ---- CUDA ------------------------------------------------------------------------------------ */

/* A device twin, which owns device memory of its own, filled with random bits. */
typedef struct twin_device twin_device;

/* How a device twin moves its bytes. The caller tries all and keeps the fastest. */
enum twin_device_variant {
  /* A device-to-device copy of half as many bytes: so many read and so many written. */
  TWIN_DEVICE_COPY = 0,
  /* R reads and one write in 16-byte vectors, one persistent grid; 1, 2, 4 or 8 vectors of each
   * stream in flight per thread. */
  TWIN_DEVICE_KERNEL_1 = 1,
  TWIN_DEVICE_KERNEL_2 = 2,
  TWIN_DEVICE_KERNEL_4 = 3,
  TWIN_DEVICE_KERNEL_8 = 4,
  TWIN_DEVICE_VARIANTS = 5
};

/* 1 where this library was built with CUDA, else 0: then the functions below return -1. */
TWIN_API int32_t twin_device_built(void);

/* Creates a twin of the streams' shape on a CUDA device; their pointers are ignored. On failure
 * returns the CUDA error's number, or -1 where the streams are out of range, and writes a text to
 * message, which has room for 256 bytes. */
TWIN_API int32_t twin_device_create(int32_t device, const twin_streams* streams, twin_device** twin,
                                    char* message);

/* Enqueues `repeats` runs and waits until they are done. Fails as above. */
TWIN_API int32_t twin_device_run(twin_device* twin, int32_t variant, int32_t repeats,
                                 char* message);

/* Frees the twin. NULL is fine. */
TWIN_API void twin_device_destroy(twin_device* twin);

#ifdef __cplusplus
}
#endif

#endif /* SINTER_TWIN_H */
