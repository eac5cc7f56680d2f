/* SPDX-License-Identifier: Apache-2.0
 *
 * sinter.h: merging model weights at the speed of memory, on CPUs and on CUDA devices.
 *
 * This is the library's only public header, and every contract is written here.
 *
 * Reading it takes twenty minutes; these rules hold throughout:
 *
 *  - Status. Every fallible function returns a SINTER_* status and takes a nullable, caller-owned
 *    sinter_error as its last parameter, which it fills in full (status SINTER_OK when it
 *    succeeds). There is no thread-local error state. A message names the function, the argument
 *    and its value, and says what to do. Nothing here aborts, exits, prints or throws.
 *  - Structs start with struct_size, which the caller sets to sizeof the struct it was compiled
 *    with; reserved fields are zero.
 *  - Devices are numbers: SINTER_CPU (-1), or 0, 1, ... for CUDA devices.
 *  - Streams order work. An operation on a CUDA stream is enqueued and the call returns; only
 *    sinter_stream_synchronize and sinter_event_synchronize block. An operation on a CPU stream
 *    has finished when the call returns. A stream belongs to one thread at a time; different
 *    streams may be used from different threads. Host arrays passed to a call (tensors, weights)
 *    are read before it returns and may be reused at once; the memory behind tensors must stay
 *    valid until the stream has run the operation.
 *  - Tensors are described, not owned: a sinter_tensor is a typed view of memory on one device.
 *    CPU operations read and write any host memory in place, memory maps included: a map whose
 *    file was truncated gives SINTER_MEMORY_FAULT, with the address, instead of a SIGBUS.
 *  - Batches. Every operation takes `count` tensors per operand, arrays indexed by tensor. On a CUDA
 *    device a batch is one launch for each dtype in it (two for those that are strided or mixed),
 *    whatever the count. count = 0 and tensors without elements are no-ops.
 *  - Aliasing. An output may be exactly one of the inputs of the same tensor (same data, dtype,
 *    shape and strides). Any other overlap of an output with an input or with another output is
 *    undefined; the overlap of contiguous tensors of one batch entry is refused.
 *  - Numbers. Elements are computed in float32 with explicit fused multiply-add, and rounded once,
 *    to nearest even, to the output's dtype. They are computed in float64 where `dtype` (see
 *    sinter_arithmetic) is float64, or is not given and an input is float64.
 *    float8 outputs saturate at their largest finite value, infinities too. A computed NaN is the
 *    canonical one (f64 7ff8000000000000, f32 7fc00000, f16 and bf16 7fff, both f8 7f); what is
 *    copied keeps its bytes. Denormals are kept. Reductions are float64 in an order that depends
 *    on the element's index and nothing else.
 *  - Determinism. The same inputs give the same bytes on every backend, instruction set, thread
 *    count and card.
 */
#ifndef SINTER_H
#define SINTER_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SINTER_API
#else
#define SINTER_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status ---------------------------------------------------------------------------------- */

/* What a call came to. Values are never renumbered. */
enum sinter_status {
  SINTER_OK = 0,
  /* The caller's mistake: a null, a shape, a dtype, a number out of range. */
  SINTER_INVALID_ARGUMENT = 1,
  /* Right, but this build or device does not do it. */
  SINTER_UNSUPPORTED = 2,
  /* No such device: no driver, no card, or a number past the last. */
  SINTER_NO_DEVICE = 3,
  /* There is a driver, and it is older than this build needs. */
  SINTER_DRIVER_TOO_OLD = 4,
  /* Memory of the host or of a device ran out, or the stream's workspace limit was reached. */
  SINTER_OUT_OF_MEMORY = 5,
  /* The CUDA runtime reported a failure; device_code holds its number. */
  SINTER_DEVICE_FAILURE = 6,
  /* The data admits no result: a non-finite value where a method reduces over the tensor. */
  SINTER_NUMERIC = 7,
  /* A defect in libsinter. Please report it with the message. */
  SINTER_INTERNAL = 8,
  /* Mapped memory could not be read or written: its file was truncated, or its disk is full. */
  SINTER_MEMORY_FAULT = 9
};

/* What went wrong. Filled by the call it was passed to; needs no cleaning up. */
typedef struct sinter_error {
  /* sizeof(sinter_error), set by the caller. */
  size_t struct_size;
  /* A sinter_status. */
  int32_t status;
  /* The CUDA runtime's error number, or 0. */
  int32_t device_code;
  /* The index in the batch of the tensor at fault, or -1. */
  int64_t tensor;
  /* The address that could not be accessed (SINTER_MEMORY_FAULT), or NULL. */
  const void* address;
  /* UTF-8, NUL-terminated, truncated where it must be. */
  char message[1000];
} sinter_error;

/* ---- Version --------------------------------------------------------------------------------- */

/* The ABI's version: major * 10000 + minor * 100 + patch. The major number changes when an
 * existing caller would break. */
SINTER_API int32_t sinter_abi_version(void);

/* SHA-256, in hexadecimal, of this header with comments removed and white space folded. Bindings
 * compare it with the one they were generated from. */
SINTER_API const char* sinter_abi_hash(void);

/* One line: version, backends, compilers, architectures. */
SINTER_API const char* sinter_build_info(void);

/* ---- Devices --------------------------------------------------------------------------------- */

/* The CPU's device number; CUDA devices are 0, 1, ... */
enum sinter_device { SINTER_CPU = -1 };

/* A device's properties. Text is UTF-8 and NUL-terminated; numbers that do not apply are 0. */
typedef struct sinter_device_info {
  /* sizeof(sinter_device_info), set by the caller. */
  size_t struct_size;
  /* The device's number. */
  int32_t device;
  /* 1 where kernels run in the CUDA emulation (tests only), else 0. */
  int32_t emulated;
  /* CUDA: multiprocessors. CPU: hardware threads this process may use. */
  int32_t processors;
  /* CUDA: compute capability, major * 10 + minor. */
  int32_t compute_capability;
  /* CUDA: the driver's and this library's CUDA version, major * 1000 + minor * 10. */
  int32_t driver_version;
  int32_t runtime_version;
  /* Bytes of memory: in all, and free now. */
  int64_t memory_total;
  int64_t memory_free;
  /* The model's name. */
  char name[256];
  /* CPU: the kernels' instruction set: "baseline", "avx2" or "avx512". CUDA: the PCI bus id. */
  char detail[64];
} sinter_device_info;

/* Writes the number of CUDA devices to *count. Where there is none, *count is 0 and the status
 * says why: SINTER_NO_DEVICE or SINTER_DRIVER_TOO_OLD, or SINTER_UNSUPPORTED for a library built
 * without CUDA. The CPU is always there and not counted. */
SINTER_API int32_t sinter_device_count(int32_t* count, sinter_error* error);

/* Fills *info for one device. */
SINTER_API int32_t sinter_device_properties(int32_t device, sinter_device_info* info,
                                            sinter_error* error);

/* ---- Streams and events ---------------------------------------------------------------------- */

/* A queue of work on one device. */
typedef struct sinter_stream sinter_stream;

/* A point in a stream's work. */
typedef struct sinter_event sinter_event;

/* How a stream works. */
typedef struct sinter_stream_options {
  /* sizeof(sinter_stream_options), set by the caller. */
  size_t struct_size;
  /* CPU: threads that share each operation, the caller's included; 0 = all the process may use. */
  int32_t threads;
  /* Zero. */
  int32_t reserved;
  /* The most workspace, in bytes, that operations may hold on the stream's device; 0 = no bound.
   * An operation that needs more fails with SINTER_OUT_OF_MEMORY before it has written anything. */
  int64_t workspace_limit;
} sinter_stream_options;

/* Creates a stream on a device. options may be NULL for the defaults. */
SINTER_API int32_t sinter_stream_create(int32_t device, const sinter_stream_options* options,
                                        sinter_stream** stream, sinter_error* error);

/* Makes a stream over one that the caller created by other means: a cudaStream_t or CUstream of the
 * device's primary context, the one that the CUDA runtime uses. Work of both sides runs in the order
 * in which it was enqueued. The native stream stays the caller's: it must outlive this one, whose
 * end waits for its work and leaves it as it is. handle may be cudaStreamLegacy; NULL, or a stream of
 * another device, is SINTER_INVALID_ARGUMENT, and SINTER_CPU is SINTER_UNSUPPORTED: threads of the
 * CPU have none. A pointer that is no stream is undefined. options may be NULL. */
SINTER_API int32_t sinter_stream_wrap(int32_t device, void* handle,
                                      const sinter_stream_options* options, sinter_stream** stream,
                                      sinter_error* error);

/* The cudaStream_t (and CUstream) behind a stream, for other libraries to enqueue work on, in order
 * with this one's. It is valid as long as the stream is, and not the caller's to destroy unless the
 * caller created it. A CPU stream has none: SINTER_UNSUPPORTED. */
SINTER_API int32_t sinter_stream_native(const sinter_stream* stream, void** handle,
                                        sinter_error* error);

/* Waits for the stream's work, then destroys it. A failure of that work is not reported: call
 * sinter_stream_synchronize first. NULL is fine. */
SINTER_API void sinter_stream_destroy(sinter_stream* stream);

/* The device a stream was created on. */
SINTER_API int32_t sinter_stream_device(const sinter_stream* stream, int32_t* device,
                                        sinter_error* error);

/* Blocks until the stream's work is done and reports the first failure since the last call:
 * SINTER_DEVICE_FAILURE, or SINTER_NUMERIC naming the tensor. */
SINTER_API int32_t sinter_stream_synchronize(sinter_stream* stream, sinter_error* error);

/* Creates an event on a device. */
SINTER_API int32_t sinter_event_create(int32_t device, sinter_event** event, sinter_error* error);

/* Destroys an event; work that waits for it still does. NULL is fine. */
SINTER_API void sinter_event_destroy(sinter_event* event);

/* Marks the end of the work enqueued on the stream so far. Event and stream share a device. */
SINTER_API int32_t sinter_event_record(sinter_event* event, sinter_stream* stream,
                                       sinter_error* error);

/* Writes 1 to *done if the work before the event's last record is done (or nothing was recorded),
 * else 0. */
SINTER_API int32_t sinter_event_query(sinter_event* event, int32_t* done, sinter_error* error);

/* Blocks until the work before the event's last record is done. */
SINTER_API int32_t sinter_event_synchronize(sinter_event* event, sinter_error* error);

/* Makes later work on the stream wait for the event, without blocking the caller. The event may be
 * of another device. */
SINTER_API int32_t sinter_stream_wait(sinter_stream* stream, sinter_event* event,
                                      sinter_error* error);

/* ---- Buffers --------------------------------------------------------------------------------- */

/* Owned memory. */
typedef struct sinter_buffer sinter_buffer;

/* Where a buffer's memory is. */
enum sinter_memory {
  /* On the stream's device, allocated and freed in stream order. CPU: host memory. */
  SINTER_MEMORY_DEVICE = 1,
  /* Host memory from which the stream's device copies at full speed (page-locked). It is a host
   * address: tensors over it have device SINTER_CPU. */
  SINTER_MEMORY_PINNED = 2
};

/* Allocates bytes (0 is fine) aligned to 256. The contents are undefined. */
SINTER_API int32_t sinter_buffer_create(sinter_stream* stream, int32_t memory, int64_t bytes,
                                        sinter_buffer** buffer, sinter_error* error);

/* The buffer's address, on its device. */
SINTER_API int32_t sinter_buffer_data(const sinter_buffer* buffer, void** data,
                                      sinter_error* error);

/* Frees the buffer once the work enqueued so far on `stream` is done. The stream must be of the
 * buffer's device; it need not be the one it was created on, which may be gone. A NULL stream
 * means that no work on the buffer is pending. A NULL buffer is fine. */
SINTER_API int32_t sinter_buffer_destroy(sinter_buffer* buffer, sinter_stream* stream,
                                         sinter_error* error);

/* ---- Tensors --------------------------------------------------------------------------------- */

/* Element types. Values are never renumbered. */
enum sinter_dtype {
  /* "As stored", where a dtype is optional. */
  SINTER_DTYPE_STORED = 0,
  SINTER_F64 = 1,
  SINTER_F32 = 2,
  SINTER_F16 = 3,
  SINTER_BF16 = 4,
  /* OCP float8: e4m3 without infinities (e4m3fn), and e5m2. */
  SINTER_F8E4M3 = 5,
  SINTER_F8E5M2 = 6
};

enum sinter_limits { SINTER_MAX_RANK = 8 };

/* A typed view of memory on one device. It owns nothing. Elements are numbered in row-major order
 * of the shape, whatever the strides. Data needs no alignment. */
typedef struct sinter_tensor {
  /* sizeof(sinter_tensor), set by the caller. */
  size_t struct_size;
  /* A sinter_dtype. */
  int32_t dtype;
  /* The device the data is on; SINTER_CPU for any host memory. */
  int32_t device;
  /* Dimensions, 0 to SINTER_MAX_RANK; 0 is a scalar. */
  int32_t rank;
  /* Zero. */
  int32_t reserved;
  /* The first element; may be NULL only where there are no elements. */
  void* data;
  /* For messages; UTF-8, may be NULL; read during the call only. */
  const char* name;
  /* Sizes, 0 or more. */
  int64_t shape[8];
  /* Steps in elements, 0 or negative ones included; those of an output must give every element a
   * place of its own. */
  int64_t strides[8];
} sinter_tensor;

/* dst[...] = src[...], for each of count pairs of one dtype and shape, between any two of: the host
 * and the stream's device. Keeps every byte. Strided views are fine on one device; between host and
 * device both sides must be contiguous. Host memory should be of a SINTER_MEMORY_PINNED buffer:
 * other memory is copied at a fraction of the speed, and the call may wait for it. */
SINTER_API int32_t sinter_copy(sinter_stream* stream, int64_t count, const sinter_tensor* src,
                               const sinter_tensor* dst, sinter_error* error);

/* ---- Elementwise operations: what they share ------------------------------------------------- */

/* All fields may be zero (or the pointer to the struct NULL): the defaults. */
typedef struct sinter_arithmetic {
  /* sizeof(sinter_arithmetic), set by the caller. */
  size_t struct_size;
  /* Round every input element to this dtype first ("cast on load"), as if by sinter_cast;
   * SINTER_DTYPE_STORED leaves inputs as they are. */
  int32_t dtype;
  /* Task vectors only: round each difference to this dtype ("mergekit" convention: the base's
   * dtype); SINTER_DTYPE_STORED leaves it as computed. */
  int32_t delta_dtype;
  /* If not NULL: a contiguous f64 tensor [count, 3] on the stream's device. For each output tensor
   * it receives the number of non-finite elements written; of finite or infinite results that a
   * float8 output saturated; and of vectors (1 for a whole tensor) for which the method fell back
   * to what its comment states. Overwritten, not added to. */
  const sinter_tensor* counts;
} sinter_arithmetic;

/* Families: conversion, interpolation, gathers, spherical averages, task vectors, Fisher information, selection,
 * reductions and random numbers. In the formulas below a lower-case
 * name is one element and fma is fused. All operands of a batch entry have one shape; their dtypes
 * may differ, and an output's may differ from the inputs'. Weights are float64 and are rounded to
 * float32 before use where elements are computed in float32. Errors of all: SINTER_INVALID_ARGUMENT
 * (null, dtype, shape, device, non-finite weight), SINTER_OUT_OF_MEMORY, SINTER_DEVICE_FAILURE,
 * SINTER_MEMORY_FAULT. A method that takes a statistic of the tensor (its comment says so) reads the
 * inputs twice, and a non-finite element in one of them is SINTER_NUMERIC, naming the tensor and the
 * input: from the call itself on the CPU, before anything is written, and from the next synchronize
 * elsewhere. Workspace: a table of a few hundred bytes per tensor on CUDA devices. */

/* ---- Conversion ------------------------------------------------------------------------------ */

/* out = in, rounded once to out's dtype; in[...] -> out[...]. Equal dtypes copy bytes.
 * counts may be NULL; see sinter_arithmetic. */
SINTER_API int32_t sinter_cast(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                               const sinter_tensor* out, const sinter_tensor* counts,
                               sinter_error* error);

/* ---- Interpolation --------------------------------------------------------------------------- */

/* out = t < 1/2 ? fma(t, b - a, a) : fma(-(1 - t), b - a, b); a[...], b[...] -> out[...].
 *
 * t[count], any finite number, rounded to float32 first where elements are. t = 0 and t = 1 copy a
 * and b: bytes are kept where the dtypes are equal. Equal finite elements give that value, for every
 * t (-0 may come out as +0). */
SINTER_API int32_t sinter_lerp(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                               const sinter_tensor* b, const double* t, const sinter_tensor* out,
                               const sinter_arithmetic* arithmetic, sinter_error* error);

/* out = sum_i w_i x_i, divided by sum_i w_i if normalize is 1: s = w_1 x_1, then s = fma(w_i, x_i, s)
 * in the models' order.
 *
 * inputs[count][models] and weights[count][models]: all models of the first tensor, then of the
 * second; 1 <= models. The division is by scaling the weights in float64. With normalize, one model
 * is copied and two are sinter_lerp with t = w_2 / (w_1 + w_2); |sum_i w_i| < 1e-8 is
 * SINTER_INVALID_ARGUMENT. */
SINTER_API int32_t sinter_linear(sinter_stream* stream, int64_t count, int32_t models,
                                 const sinter_tensor* inputs, const double* weights,
                                 int32_t normalize, const sinter_tensor* out,
                                 const sinter_arithmetic* arithmetic, sinter_error* error);

/* Spherical interpolation of whole tensors: the arc from a to b in the plane they span.
 *
 *   c = <a, b> / (|a| |b|), a norm of at most 1e-8 counting as 1
 *   |c| > 0.9995:  sinter_lerp
 *   else:          theta = acos c;  out = sin((1 - t) theta) / sin theta a + sin(t theta) / sin theta b
 *
 * t[count], any finite number; t = 0 and t = 1 copy. Reads the inputs twice. A non-finite element
 * in either tensor is SINTER_NUMERIC, from this call on the CPU and from the next synchronize
 * elsewhere. Workspace: 24 bytes per 4096 elements. Source: Shoemake, "Animating rotation with
 * quaternion curves", SIGGRAPH 1985; thresholds as mergekit's. */
SINTER_API int32_t sinter_slerp(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                                const sinter_tensor* b, const double* t, const sinter_tensor* out,
                                const sinter_arithmetic* arithmetic, sinter_error* error);

/* The coefficients of sinter_slerp from the results of sinter_dots, for callers that stream a
 * tensor in pieces: out = a_weight * a + b_weight * b by sinter_linear without normalize, or, where
 * *linear is 1, sinter_lerp with t. Computed on the host with this library's own arithmetic, so
 * that every machine agrees. Non-finite input is SINTER_NUMERIC. */
SINTER_API int32_t sinter_slerp_weights(double aa, double ab, double bb, double t, double* a_weight,
                                        double* b_weight, int32_t* linear, sinter_error* error);

/* Where a and b differ by less than t, towards b; else towards a, the less the more they differ:
 * w = min(t / max(|a - b|, 1e-6), 1), out = lerp(a, b, w); a[...], b[...] -> out[...].
 *
 * t[count] >= 0. Source: mergekit's nearswap. */
SINTER_API int32_t sinter_nearswap(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                                   const sinter_tensor* b, const double* t,
                                   const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                                   sinter_error* error);

/* ---- Gathers --------------------------------------------------------------------------------- */

/* out[i, j, ...] = in[p[i], q[j], ...] along any axes in one pass; in[m, n, ...] -> out[r, s, ...].
 *
 * indices[count][SINTER_MAX_RANK] are host arrays, read during the call: indices[k][d] has an index
 * into axis d of in[k] for each place along that axis of out[k], or is NULL where the axis stays as it
 * is. An index may come several times or not at all. Tensors that share an array may pass the same one:
 * it is looked at once. An index out of range is SINTER_INVALID_ARGUMENT that names the tensor, the axis
 * and the place. Equal dtypes keep bytes, others are cast as by sinter_cast. in and out must be apart.
 * counts may be NULL; see sinter_arithmetic. Workspace on CUDA devices: the indices, and a table of a
 * kilobyte per tensor. */
SINTER_API int32_t sinter_gather(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                 const int32_t* const* indices, const sinter_tensor* out,
                                 const sinter_tensor* counts, sinter_error* error);

/* out = lerp(reference, gathered, alpha): sinter_lerp from reference[r, s, ...] to what sinter_gather
 * makes of in[m, n, ...] and indices, without its ever being written; out[r, s, ...], which may be
 * reference. alpha[count], any finite number; 0 and 1 copy reference and what is gathered. */
SINTER_API int32_t sinter_gather_lerp(sinter_stream* stream, int64_t count,
                                      const sinter_tensor* reference, const sinter_tensor* in,
                                      const int32_t* const* indices, const double* alpha,
                                      const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                                      sinter_error* error);

/* ---- Spherical averages ---------------------------------------------------------------------- */

/* What a method that needs norms and angles takes for a vector. */
enum sinter_vectors {
  /* The whole tensor, flattened: one vector. */
  SINTER_VECTORS_WHOLE = 0,
  /* The vectors along the last axis: shape[0] * ... * shape[rank - 2] of them. */
  SINTER_VECTORS_ROWS = 1,
  /* The vectors along axis 0: shape[1] * ... * shape[rank - 1] of them. */
  SINTER_VECTORS_COLUMNS = 2
};

/* All take statistics (see above), and work in the span of the inputs: their inner products (see
 * sinter_gram) give one coefficient per model and vector, computed in float64 with this library's
 * own arithmetic, and one weighted sum in the models' order gives the result. A scalar is a vector
 * of one element. Where `base` is not NULL, the vectors are the differences from base[count],
 * rounded to delta_dtype where given, and the result is added to it. Workspace: 8 bytes per result
 * of the inner products and 4096 elements, 8 per model and vector. */

/* Spherical interpolation of vectors by weights t in place of positions:
 *
 *   c = <a, b> / (max(|a|, 1e-7) max(|b|, 1e-7)), clamped to +-1;  theta = acos c
 *   |sin theta| < 1e-8:  (1 - t) a + t b   (no fall-back: this is its limit)
 *   else:                sin((1 - t) theta) / sin theta a + sin(t theta) / sin theta b
 *
 * t[count]; vectors is a sinter_vectors. a[...], b[...] (, base[...]) -> out[...]. Source: mergekit's
 * nuslerp. */
SINTER_API int32_t sinter_nuslerp(sinter_stream* stream, int64_t count, const sinter_tensor* base,
                                  const sinter_tensor* a, const sinter_tensor* b, const double* t,
                                  int32_t vectors, const sinter_tensor* out,
                                  const sinter_arithmetic* arithmetic, sinter_error* error);

/* Average on the sphere of whole tensors: u_i = x_i / (|x_i| + epsilon), m = sum_i w_i u_i,
 * out = m / |m| sum_i w_i |x_i|.
 *
 * inputs[count][models], weights[count][models]; normalize = 1 divides the weights by their sum
 * (|sum| < 1e-8 is SINTER_INVALID_ARGUMENT). epsilon > 0. Falls back to sum_i w_i x_i where every
 * x_i is zero, or |m| < 1e-8 with two models; |m| < 1e-8 with more is SINTER_NUMERIC. Source:
 * mergekit's multislerp, whose tangent step is zero. */
SINTER_API int32_t sinter_multislerp(sinter_stream* stream, int64_t count, int32_t models,
                                     const sinter_tensor* base, const sinter_tensor* inputs,
                                     const double* weights, int32_t normalize, double epsilon,
                                     const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                                     sinter_error* error);

/* Karcher (Frechet) mean on the sphere of whole tensors, all of equal weight, times the mean norm:
 *
 *   u_i = x_i / |x_i| where |x_i| > tolerance, the others left out;  a = 1 / number of those
 *   u = normalised mean of u_i (the first u_i where the mean's norm is below tolerance); repeat
 *     theta_i = acos <u, u_i>;  T = sum_i a theta_i / sin theta_i (u_i - cos theta_i u), without
 *     those where theta_i or sin theta_i is below tolerance;  stop where |T| < tolerance;
 *     u = cos |T| u + sin |T| T / |T|, normalised
 *   out = u sum_i |x_i| / models
 *
 * inputs[count][models]; 1 <= max_iterations; tolerance > 0. Falls back to the mean where no x_i is
 * left. Source: Karcher, "Riemannian center of mass", 1977; conventions as mergekit's. */
SINTER_API int32_t sinter_karcher(sinter_stream* stream, int64_t count, int32_t models,
                                  const sinter_tensor* inputs, int32_t max_iterations,
                                  double tolerance, const sinter_tensor* out,
                                  const sinter_arithmetic* arithmetic, sinter_error* error);

/* Model stock: out = base + t mean_i (x_i - base), t = N c / (1 + (N - 1) c), c the mean cosine of the
 * pairs of differences (norm product clamped at 1e-6, cosine at +-1).
 *
 * base[count], inputs[count][models]; 2 <= models; vectors is SINTER_VECTORS_WHOLE or
 * SINTER_VECTORS_ROWS. Falls back to t = 0 where |1 + (N - 1) c| < 1e-6. Source: Jang et al., "Model
 * stock: all we need is just a few fine-tuned models", ECCV 2024. */
SINTER_API int32_t sinter_model_stock(sinter_stream* stream, int64_t count, int32_t models,
                                      const sinter_tensor* base, const sinter_tensor* inputs,
                                      int32_t vectors, const sinter_tensor* out,
                                      const sinter_arithmetic* arithmetic, sinter_error* error);

/* ---- Task vectors ---------------------------------------------------------------------------- */

/* out = base + lambda sum_i w_i (x_i - base), the sum divided by sum_i w_i (by 1 where
 * |sum_i w_i| < 1e-8) if normalize is 1: s = c_1 d_1, then s = fma(c_i, d_i, s) in the models' order,
 * out = base + s, with d_i = x_i - base.
 *
 * base[count], inputs[count][models], weights[count][models], lambda[count]; 1 <= models. The
 * coefficient of model i is lambda w_i (/ sum w) in float64. Source: Ilharco et al., "Editing
 * models with task arithmetic", ICLR 2023. */
SINTER_API int32_t sinter_task_arithmetic(sinter_stream* stream, int64_t count, int32_t models,
                                          const sinter_tensor* base, const sinter_tensor* inputs,
                                          const double* weights, const double* lambda,
                                          int32_t normalize, const sinter_tensor* out,
                                          const sinter_arithmetic* arithmetic, sinter_error* error);

/* How differences are thinned out and mixed: what ties, breadcrumbs, dare and della share. */
enum sinter_rescale {
  /* Kept differences stay as they are. */
  SINTER_RESCALE_NONE = 0,
  /* Times the l1 norm of all differences over that of the kept ones ("mergekit"); by 1 where either
   * is below 1e-7. A statistic: non-finite elements are SINTER_NUMERIC. */
  SINTER_RESCALE_L1 = 1,
  /* Divided by the probability of being kept ("paper"). */
  SINTER_RESCALE_DENSITY = 2
};

/* With d_i the kept differences x_i - base (0 where dropped), rescaled:
 *
 *   consensus:  s = sign of sum_i w_i d_i (0 counts as +), or, plain_election, of sum_i d_i; model i
 *               takes part where w_i d_i (plain_election: d_i) has that sign; zero never does
 *   mixture:    sum_i w_i d_i over the models that take part (without consensus: that keep the
 *               element), divided, if normalize, by their sum_i w_i (by 1 where that is 0)
 *   out:        fma(lambda, mixture, base)
 *
 * Sums run in the models' order. A difference that is not finite is never dropped unseen: it makes
 * the output NaN. All fields but struct_size may be zero. */
typedef struct sinter_mixture {
  /* sizeof(sinter_mixture), set by the caller. */
  size_t struct_size;
  /* 1: sign consensus. */
  int32_t consensus;
  /* 1: the sign is elected without weights. */
  int32_t plain_election;
  /* 1: divide by the weights of the models that take part. */
  int32_t normalize;
  /* A sinter_rescale. */
  int32_t rescale;
} sinter_mixture;

/* Shared by the four: base[count], inputs[count][models], weights[count][models], lambda[count],
 * 1 <= models; densities[count][models], the share of elements kept, 0 <= density; 1 or more keeps
 * all. mixture may not be NULL. */

/* Keeps the k = floor(density n) differences of largest magnitude of each tensor and model, exactly:
 * of equal magnitudes the lowest index first. density n < 1 keeps one. Takes a statistic. With
 * selections, a contiguous f64 tensor [count, models, 2] on the stream's device as sinter_select
 * fills it, those say what is kept and densities may be NULL. rescale is SINTER_RESCALE_NONE or
 * SINTER_RESCALE_L1. Source: Yadav et al., "TIES-merging", NeurIPS 2023. */
SINTER_API int32_t sinter_ties(sinter_stream* stream, int64_t count, int32_t models,
                               const sinter_tensor* base, const sinter_tensor* inputs,
                               const double* weights, const double* densities,
                               const sinter_tensor* selections, const double* lambda,
                               const sinter_mixture* mixture, const sinter_tensor* out,
                               const sinter_arithmetic* arithmetic, sinter_error* error);

/* As sinter_ties, but the g = min(floor(gamma n), n - k) differences of largest magnitude are dropped
 * and the next k kept. gammas[count][models], 0 <= gamma <= 1. Source: Davari & Belilovsky, "Model
 * breadcrumbs", ECCV 2024. */
SINTER_API int32_t sinter_breadcrumbs(sinter_stream* stream, int64_t count, int32_t models,
                                      const sinter_tensor* base, const sinter_tensor* inputs,
                                      const double* weights, const double* densities,
                                      const double* gammas, const double* lambda,
                                      const sinter_mixture* mixture, const sinter_tensor* out,
                                      const sinter_arithmetic* arithmetic, sinter_error* error);

/* Keeps each difference with probability density: where the element's random word (see
 * sinter_random) is below density 2^32. keys[count][models]. density = 0 keeps none. Source: Yu et
 * al., "Language models are super Mario", ICML 2024. */
SINTER_API int32_t sinter_dare(sinter_stream* stream, int64_t count, int32_t models,
                               const sinter_tensor* base, const sinter_tensor* inputs,
                               const double* weights, const double* densities, const int64_t* keys,
                               const double* lambda, const sinter_mixture* mixture,
                               const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                               sinter_error* error);

/* As sinter_dare, with a probability for each element: the rank r of its magnitude among the n of
 * its row (see sinter_rank) maps linearly onto density - epsilon (r = 0, the smallest) to
 * density + epsilon (r = n - 1); density itself in rows of one element. epsilons[count][models]; a
 * probability outside (0, 1) is SINTER_INVALID_ARGUMENT, and density >= 1 keeps all. Takes a
 * statistic. Workspace: a bit per element and model (a number of the type computed in with
 * SINTER_RESCALE_DENSITY); on the CPU 24 to 84 bytes per element of the longest row and thread; on
 * CUDA devices 4 per element and model (8 where rows are longer than 2^24) and 16 to 32 per element
 * of the longest row and block. Source: Deep et al., "DELLA-merging", 2024. */
SINTER_API int32_t sinter_della(sinter_stream* stream, int64_t count, int32_t models,
                                const sinter_tensor* base, const sinter_tensor* inputs,
                                const double* weights, const double* densities,
                                const double* epsilons, const int64_t* keys, const double* lambda,
                                const sinter_mixture* mixture, const sinter_tensor* out,
                                const sinter_arithmetic* arithmetic, sinter_error* error);

/* Select, calculate, erase: with d_i = x_i - base,
 *
 *   select:     where topk < 1, keep the floor(m topk) positions of largest population variance over
 *               the models (ties by index), m the number of positions where it is not zero
 *   calculate:  v_i = mean of d_i^2 over all positions, dropped ones counting as 0; v_i / sum_i v_i,
 *               or equal for all where that sum is below floor
 *   erase:      model i takes part where d_i has the sign of sum_i d_i (a sum of 0 counts as +);
 *               zero never does
 *   out = base + sum_i v_i d_i / max(sum_i v_i, 1e-6), sums over the models that take part
 *
 * base[count], inputs[count][models]; topk[count], 0 <= topk; floor is 1e-6 in mergekit's convention
 * and 0 in the paper's (only a sum of zero). Takes a statistic. Source: Wan et al., "FuseChat", 2024. */
SINTER_API int32_t sinter_sce(sinter_stream* stream, int64_t count, int32_t models,
                              const sinter_tensor* base, const sinter_tensor* inputs,
                              const double* topk, double floor, const sinter_tensor* out,
                              const sinter_arithmetic* arithmetic, sinter_error* error);

/* Reinforced agent merging: d_i = x_i - base is active where |d_i| > epsilon (or is NaN); out = base +
 * the mean of the active d_i, or base where none is. base[count], inputs[count][models];
 * 0 <= epsilon. Source: Yuan et al., "Behavior knowledge merge in reinforced agentic models", 2026. */
SINTER_API int32_t sinter_ram(sinter_stream* stream, int64_t count, int32_t models,
                              const sinter_tensor* base, const sinter_tensor* inputs,
                              double epsilon, const sinter_tensor* out,
                              const sinter_arithmetic* arithmetic, sinter_error* error);

/* As sinter_ram, but where only d_i is active it is multiplied by 1 + r clamp(rho_i, 0, alpha), rho_i =
 * shared_i / max(unique_i, epsilon): of the positions of the tensor where d_i is active, those where
 * others are too, and those where none is. Takes a statistic (counts; non-finite elements are active
 * and no error). */
SINTER_API int32_t sinter_ramplus_tl(sinter_stream* stream, int64_t count, int32_t models,
                                     const sinter_tensor* base, const sinter_tensor* inputs,
                                     double epsilon, double r, double alpha,
                                     const sinter_tensor* out, const sinter_arithmetic* arithmetic,
                                     sinter_error* error);

/* Consensus task arithmetic: the sum of the task vectors, where enough models find it of use.
 * With d_i = x_i - base,
 *
 *   t_i = w_i d_i;  m = 0 + t_1 + t_2 + ..., in the models' order
 *   model i finds the element important where |t_i| >= lambda_t_i |m - t_i|
 *   out = fma(lambda, m, base) where `threshold` models or more do and m is not 0, else base
 *
 * where products and differences are rounded one by one. A difference that is not finite is never
 * dropped unseen: m is not finite then, and where m is not (it may overflow, too) out is NaN.
 *
 * base[count], inputs[count][models], weights[count][models], lambda_t[count][models], lambda[count];
 * 1 <= threshold <= models, 0 <= lambda_t; the paper's are weights of 1, a threshold of 2 and lambda_t
 * from 0.2 to 0.6. Source: Wang et al., "Localizing task information for improved model merging and
 * compression", ICML 2024. */
SINTER_API int32_t sinter_consensus_ta(sinter_stream* stream, int64_t count, int32_t models,
                                       const sinter_tensor* base, const sinter_tensor* inputs,
                                       const double* weights, const double* lambda_t,
                                       int32_t threshold, const double* lambda,
                                       const sinter_tensor* out,
                                       const sinter_arithmetic* arithmetic, sinter_error* error);

/* Arcee fusion: keeps the differences d = x - base that matter,
 *
 *   importance = |d| KL(p, q) per row along the last axis, KL = sum p log(p / q),
 *                p = softmax(x) + 1e-8, q = softmax(base) + 1e-8
 *   out = base + d where importance >= median + 1.5 (q3 - q1), else base
 *
 * quartiles as sinter_quantile's of the tensor's importances. Takes a statistic.
 * base[count], x[count]. exp and log are this library's own, within 2 units in the last place.
 * Source: mergekit's arcee_fusion, with exact quantiles. */
SINTER_API int32_t sinter_arcee_fusion(sinter_stream* stream, int64_t count,
                                       const sinter_tensor* base, const sinter_tensor* x,
                                       const sinter_tensor* out,
                                       const sinter_arithmetic* arithmetic, sinter_error* error);

/* ---- Fisher information and backward-compatible interpolation -------------------------------- */

/* A Fisher diagonal F has a number for each parameter: the mean, over examples, of the squared gradient
 * of log p(y | x). It is a weight of the other tensors: read as it is stored, whatever `dtype` says, and
 * its own dtype does not decide what elements are computed in. Non-negative; a negative number counts as
 * 0 below, and sinter_fisher_statistics finds it.
 *
 * Where F is scaled by a number 2^e r, 1 <= r < 2, the power of 2 multiplies F, and the product is
 * rounded to what elements are computed in; r goes elsewhere, as each formula says. So neither F near
 * an end of the range nor its scale does harm. |e| is 126 at most, or 1000 where F or what is computed
 * is float64; r makes up for what is beyond. M is 2^126 in float32 and 2^1022 in float64: with weights
 * below it nothing overflows. A NaN in F makes the element NaN, and an infinity may. */

/* state = fma(w g, g, state): adds an example's squared gradients. Give gradients of one example each:
 * the square of a batch's gradient is no Fisher information. w is 1, or p(y | x) for the exact Fisher
 * information, where all y take their turn.
 *
 * gradients[count], any dtype; weights[count] >= 0; state[count], f32 or f64, of their shapes, in place.
 * A state of f32 and gradients of f64 are computed in float64. A gradient that is not finite makes the
 * element of the state not finite, for good: refusing it first would cost a second pass over the
 * gradients. counts (or NULL; see sinter_arithmetic) tells at once, sinter_fisher_statistics at the
 * end. */
SINTER_API int32_t sinter_fisher_accumulate(sinter_stream* stream, int64_t count,
                                            const sinter_tensor* gradients, const double* weights,
                                            const sinter_tensor* state, const sinter_tensor* counts,
                                            sinter_error* error);

/* state = state / examples, divided in float64, in place; state[count], f32 or f64. 1 <= examples. */
SINTER_API int32_t sinter_fisher_finish(sinter_stream* stream, int64_t count,
                                        const sinter_tensor* state, int64_t examples,
                                        sinter_error* error);

/* out[k] = (sum of elements, sum of their squares, negative elements, elements that are not finite),
 * a canonical reduction (see there); in[count] -> out f64[count, 4], contiguous. For a whole model add
 * the tensors' results in their order, beginning at 0: mean = sum / n, rms = sqrt(squares / n). */
SINTER_API int32_t sinter_fisher_statistics(sinter_stream* stream, int64_t count,
                                            const sinter_tensor* in, const sinter_tensor* out,
                                            sinter_error* error);

/* Mean of models, weighted by their Fisher information: out = sum_i v_i x_i / sum_i v_i,
 * v_i = w_i (max(F_i scale_i, floor) + epsilon), computed model by model as
 *
 *   m = x_1, s = v_1;  then s = s + v_i, m = lerp(m, x_i, t), t = v_i / s
 *                      (while s is 0: t = w_i / (w_1 + ... + w_i))
 *
 * so that equal elements stay what they are, and where all F are zero or equal this is the mean by the
 * weights: never NaN. With scale_i = 2^e r, v_i = (w_i r) min(max(F_i 2^e, floor / r) + epsilon / r, M);
 * w_i is divided by the sum of the weights, and multiplied by r, in float64.
 *
 * inputs[count][models], fisher[count][models], weights[count][models] >= 0, their sum above 0;
 * scales[models] >= 0, the same for all tensors: 1 / rms of the model's whole F, or 0 where that is 0,
 * or 1 for no normalisation. 0 <= floor (1e-6 with such scales), 0 <= epsilon. Source: Matena and
 * Raffel, "Merging models with Fisher-weighted averaging", NeurIPS 2022. */
SINTER_API int32_t sinter_fisher_merge(sinter_stream* stream, int64_t count, int32_t models,
                                       const sinter_tensor* inputs, const sinter_tensor* fisher,
                                       const double* weights, const double* scales, double floor,
                                       double epsilon, const sinter_tensor* out,
                                       const sinter_arithmetic* arithmetic, sinter_error* error);

/* Backward-compatible weight interpolation: out = lerp(m, old, alpha) (see sinter_lerp), m the mean of
 * new models: m = x_1, then m = fma(1 / i, x_i - m, m). One new model is sinter_lerp; several are
 * SoupBCWI.
 *
 * old[count], updated[count][models]; alpha[count], any finite number: 0 is the new models' (copied if
 * there is one; old is not looked at), 1 copies the old. Source: Schumann et al., "Backward
 * compatibility during data updates by weight interpolation", EACL 2024. */
SINTER_API int32_t sinter_bcwi(sinter_stream* stream, int64_t count, int32_t models,
                               const sinter_tensor* old, const sinter_tensor* updated,
                               const double* alpha, const sinter_tensor* out,
                               const sinter_arithmetic* arithmetic, sinter_error* error);

/* As sinter_bcwi, with a weight for each element by the old model's Fisher information:
 *
 *   x = a F / mean;  w = x / (x + (1 - a)), a = alpha;  out = lerp(m, old, w)
 *
 * with mean = 2^e r computed as q = fma(-a, r, r), y = min(max(F 2^-e, 0), M min(q, 1)),
 * w = a (y / fma(a, y, q)). F that is the same everywhere gives exactly sinter_bcwi; F of 0, the new
 * model. A mean of 0 (F is 0 all over) counts as F = mean = 1. Where rounding makes a 1 and alpha is
 * not, q is (1 - alpha) r. It is raised to the smallest normal number.
 *
 * fisher[count] is the old model's; mean[count] >= 0 its mean, over all parameters of the model;
 * alpha[count] from 0 to 1: outside, the weight has a pole. */
SINTER_API int32_t sinter_fisher_bcwi(sinter_stream* stream, int64_t count, int32_t models,
                                      const sinter_tensor* old, const sinter_tensor* updated,
                                      const sinter_tensor* fisher, const double* mean,
                                      const double* alpha, const sinter_tensor* out,
                                      const sinter_arithmetic* arithmetic, sinter_error* error);

/* Rows along axis 0 by a map of classes: out's row r = old's row rows[r], or updated's row r where
 * rows[r] is -1: bytes are kept. For a head that has grown: interpolation then leaves new classes as
 * the new model has them.
 *
 * old[count][m, ...], updated[count][classes, ...] -> out[count][classes, ...], of one dtype, whose
 * other dimensions are equal; out may be updated, and is apart from old. rows[classes], from -1 to
 * below m of every tensor, the same for all of them. updated may be NULL: its rows are then 0. */
SINTER_API int32_t sinter_class_rows(sinter_stream* stream, int64_t count, const sinter_tensor* old,
                                     const sinter_tensor* updated, int64_t classes,
                                     const int64_t* rows, const sinter_tensor* out,
                                     sinter_error* error);

/* ---- Selection ------------------------------------------------------------------------------- */

/* Exact order statistics, without sorting: on the bits of magnitudes. Non-finite elements are
 * SINTER_NUMERIC. `dtype` and `delta_dtype` are as in sinter_arithmetic. */

/* What keeps exactly the k elements of largest magnitude: out[i] = (threshold, cutoff); an element is
 * kept where its magnitude is above the threshold, or equals it and its index is below the cutoff.
 * So of equal magnitudes the lowest indices are kept. Magnitudes are of in, or, with base not NULL,
 * of the differences in - base.
 *
 * in[count][...] (, base[count][...]) -> out f64[count, 2], contiguous. 0 <= k[i] <= elements; k = 0
 * gives (infinity, 0). joint = 1: the tensors of the batch are one sequence in their order, k has one
 * number for all, and the threshold is the same for each. Workspace: at most a
 * twentieth of the inputs. */
SINTER_API int32_t sinter_select(sinter_stream* stream, int64_t count, const sinter_tensor* base,
                                 const sinter_tensor* in, const int64_t* k, int32_t joint,
                                 int32_t dtype, int32_t delta_dtype, const sinter_tensor* out,
                                 sinter_error* error);

/* Lower quantiles of the values themselves: out[i][j] = the element at index floor(q[j] (n - 1)) of
 * in[i] in ascending order (-0 before +0). 1 <= quantiles, 0 <= q[quantiles] <= 1;
 * in[count][...] -> out f64[count, quantiles], contiguous. A tensor without elements gives NaN. */
SINTER_API int32_t sinter_quantile(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                   int32_t quantiles, const double* q, int32_t dtype,
                                   const sinter_tensor* out, sinter_error* error);

/* out[...] = the number of elements in in[...]'s row that are of smaller magnitude, or equal and of
 * lower index: a permutation of 0 .. n - 1 in each row. Rows run along axis 1; a tensor of rank 0 or
 * 1 is one row. in[count], any dtype -> out[count], f64, or f32 where rows have at most 2^24
 * elements; of in's shape. */
SINTER_API int32_t sinter_rank(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                               int32_t dtype, const sinter_tensor* out, sinter_error* error);

/* ---- Random numbers -------------------------------------------------------------------------- */

/* One block of Philox4x32-10: words[4] from a counter (its 128 bits, low half first) and a key.
 * Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
SINTER_API int32_t sinter_philox(int64_t counter_low, int64_t counter_high, int64_t key,
                                 int32_t* words, sinter_error* error);

/* out[i] = word i / 2^32, where word i is word (i mod 4) of the block with counter i div 4 and the
 * tensor's key: uniform on [0, 1) for f64 outputs, rounded for others. The methods that drop at
 * random use the same words. For a key that depends on what is merged and not on where, take the
 * first 8 bytes, as a little-endian number, of SHA-256(seed as 8 bytes, model's position as 4, both
 * little-endian, name of the output tensor in UTF-8). keys[count]; out[count], any dtype. */
SINTER_API int32_t sinter_random(sinter_stream* stream, int64_t count, const int64_t* keys,
                                 const sinter_tensor* out, sinter_error* error);

/* ---- Canonical reductions -------------------------------------------------------------------- */

/* All reduce whole tensors to float64 in one order, fixed by the element's index i alone: lane
 * (i mod 64) of chunk (i div 4096) sums its elements in order, lanes are added pairwise (l to l + 32,
 * then l + 16, ...), and the chunks' results are reduced again in the same way until one is left.
 * So a tensor cut at multiples of 4096 * 4096 elements, its pieces reduced apart and their results
 * reduced by sinter_sum, gives the same bytes. Products of elements are rounded once to float64.
 * No element gives 0. Non-finite elements follow IEEE 754; a NaN result is the canonical NaN.
 * `dtype` is as in sinter_arithmetic. Workspace: 8 bytes per result and 4096 elements on CUDA. */

/* out[k] = sum of in[k]; in[count] -> out f64[count], contiguous. */
SINTER_API int32_t sinter_sum(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                              int32_t dtype, const sinter_tensor* out, sinter_error* error);

/* Which norm. */
enum sinter_norm_kind {
  /* Sum of magnitudes. */
  SINTER_NORM_L1 = 1,
  /* Square root of the sum of squares. */
  SINTER_NORM_L2 = 2,
  /* Largest magnitude; NaN if there is one. */
  SINTER_NORM_MAX = 3
};

/* out[k] = norm of in[k]; kind is a sinter_norm_kind; in[count] -> out f64[count], contiguous. */
SINTER_API int32_t sinter_norm(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                               int32_t kind, int32_t dtype, const sinter_tensor* out,
                               sinter_error* error);

/* out[k] = <a[k], b[k]>; a[count], b[count] -> out f64[count], contiguous. */
SINTER_API int32_t sinter_dot(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                              const sinter_tensor* b, int32_t dtype, const sinter_tensor* out,
                              sinter_error* error);

/* out[k] = (<a, a>, <a, b>, <b, b>) in one pass; a[count], b[count] -> out f64[count, 3],
 * contiguous. */
SINTER_API int32_t sinter_dots(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                               const sinter_tensor* b, int32_t dtype, const sinter_tensor* out,
                               sinter_error* error);

/* All inner products of a batch entry's models, in one pass: out[k][v][i][j] = <x_i, x_j> over vector v.
 * The x_i are the models' elements, or, with base not NULL, their differences from base.
 * inputs[count][models] (, base[count]) -> out[count], each f64 [vectors, models, models],
 * contiguous; vectors is a sinter_vectors, and WHOLE is one. An element's index is that within its
 * vector. */
SINTER_API int32_t sinter_gram(sinter_stream* stream, int64_t count, int32_t models,
                               const sinter_tensor* base, const sinter_tensor* inputs,
                               int32_t vectors, int32_t dtype, int32_t delta_dtype,
                               const sinter_tensor* out, sinter_error* error);

/* The sums of the elements' first four powers: in[count] -> out f64[count, 4], contiguous. x^2 is
 * rounded, x^3 is x^2 x and x^4 is x^2 x^2. */
SINTER_API int32_t sinter_moments(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                  int32_t dtype, const sinter_tensor* out, sinter_error* error);

/* How many elements are (finite, infinite, NaN, of magnitude above threshold[k]): in[count] ->
 * out f64[count, 4], contiguous. 0 <= threshold; NaN is above none. */
SINTER_API int32_t sinter_count(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                const double* threshold, int32_t dtype, const sinter_tensor* out,
                                sinter_error* error);

/* out[k] = sum of in[k] where mask[k] is not 0 (elsewhere nothing is added, NaN neither);
 * in[count], mask[count] -> out f64[count], contiguous. A weighted sum is sinter_dot. */
SINTER_API int32_t sinter_masked_sum(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                     const sinter_tensor* mask, int32_t dtype,
                                     const sinter_tensor* out, sinter_error* error);

/* What each chunk of 4096 elements is like, in one pass, for callers that stream a tensor. out[k][c] =
 *
 *   the least and the greatest finite element of chunk c, -0 below +0 (infinity and -infinity where
 *   there is none); the sum of squares; the number of elements that are not finite
 *   and, with base not NULL: the sum of the squares of in - base, differences rounded once to float32
 *   (float64 where one of both tensors is that); the number of elements whose bits are not those of
 *   base, cast to in's dtype where base has another
 *
 * A tensor's are the least, the greatest, and the sums (by sinter_sum for the canonical order) of its
 * chunks'. in[count] (, base[count]) -> out[count], each f64, contiguous, [chunks, 4] or [chunks, 6];
 * chunks = ceil(elements / 4096). No workspace. */
SINTER_API int32_t sinter_chunk_statistics(sinter_stream* stream, int64_t count,
                                           const sinter_tensor* in, const sinter_tensor* base,
                                           const sinter_tensor* out, sinter_error* error);

/* sinter_sum, sinter_norm and sinter_dot of each row along the last axis (a scalar is one row of
 * one): in[count][..., n] -> out[count], each f64, contiguous, of in's shape without its last
 * dimension. The order is that of a tensor with the row's elements. */
SINTER_API int32_t sinter_row_sum(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                  int32_t dtype, const sinter_tensor* out, sinter_error* error);
SINTER_API int32_t sinter_row_norm(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                                   int32_t kind, int32_t dtype, const sinter_tensor* out,
                                   sinter_error* error);
SINTER_API int32_t sinter_row_dot(sinter_stream* stream, int64_t count, const sinter_tensor* a,
                                  const sinter_tensor* b, int32_t dtype, const sinter_tensor* out,
                                  sinter_error* error);

/* ---- Compatibility --------------------------------------------------------------------------- */

/* What an update does to single answers. Class numbers (labels, predictions, groups) are no tensors:
 * they are plain arrays of int32_t, one number for each example, contiguous on the stream's device;
 * counts are int64_t there. All these pointers are aligned as their type.
 *
 * Errors of all: SINTER_INVALID_ARGUMENT (null, shape, dtype, alignment, no examples) from the call;
 * SINTER_NUMERIC, naming the operand and its place, for a NaN logit or a number out of range: from the
 * call on the CPU, from the next synchronize elsewhere. What was written then means nothing. */

/* What becomes of one example; values are indices of counts. */
enum sinter_outcome {
  SINTER_OUTCOME_BOTH_RIGHT = 0,
  /* Negative flip: the old model was right, the new one is wrong. */
  SINTER_OUTCOME_NEGATIVE_FLIP = 1,
  /* Positive flip: the old model was wrong, the new one is right. */
  SINTER_OUTCOME_POSITIVE_FLIP = 2,
  /* Both wrong, with the same answer. */
  SINTER_OUTCOME_WRONG_SAME = 3,
  /* Both wrong, with different answers. */
  SINTER_OUTCOME_WRONG_DIFFERENT = 4,
  /* How many there are. */
  SINTER_OUTCOMES = 5
};

/* The examples that two models answered. */
typedef struct sinter_examples {
  /* sizeof(sinter_examples), set by the caller. */
  size_t struct_size;
  /* How many; 1 or more. */
  int64_t count;
  /* Labels and predictions are 0 to classes - 1. */
  int32_t classes;
  /* Groups are 0 to groups - 1; 0 where group_of is NULL. */
  int32_t groups;
  /* [count] */
  const int32_t* labels;
  /* [count], or NULL: any partition of the examples, such as those that the old model was trained on
   * and the others. */
  const int32_t* group_of;
} sinter_examples;

/* Where results go: on the stream's device, overwritten, each NULL where it is not asked for. */
typedef struct sinter_flip_table {
  /* sizeof(sinter_flip_table), set by the caller. */
  size_t struct_size;
  /* [SINTER_OUTCOMES]: examples of each outcome. */
  int64_t* totals;
  /* [classes][SINTER_OUTCOMES]: the same by label. */
  int64_t* by_class;
  /* [groups][SINTER_OUTCOMES]: the same by group. */
  int64_t* by_group;
  /* [classes][classes]: examples by (old prediction, new prediction). */
  int64_t* old_to_new;
  /* [classes][classes]: examples by (label, prediction) of either model. */
  int64_t* label_to_old;
  int64_t* label_to_new;
  /* [count]: the predictions. */
  int32_t* old_predictions;
  int32_t* new_predictions;
  /* [count] bytes: each example's outcome. */
  void* outcomes;
} sinter_flip_table;

/* Counts what becomes of the examples, given both models' predictions; old_predictions[count],
 * new_predictions[count]. All measures follow from totals: accuracy, negative and positive flip rate,
 * and so on (see io.sinter.ops.Compatibility). Counts are exact. Source: Yan et al.,
 * "Positive-congruent training", CVPR 2021. */
SINTER_API int32_t sinter_flips(sinter_stream* stream, const sinter_examples* examples,
                                const int32_t* old_predictions, const int32_t* new_predictions,
                                const sinter_flip_table* table, sinter_error* error);

/* sinter_flips of the predictions that the logits make: for each row the index of its largest element,
 * the lowest of equal ones (-0 equals 0). old_logits, new_logits [count, classes], any dtypes, read
 * once. A NaN in a row is SINTER_NUMERIC; infinities are numbers like others. */
SINTER_API int32_t sinter_logit_flips(sinter_stream* stream, const sinter_examples* examples,
                                      const sinter_tensor* old_logits,
                                      const sinter_tensor* new_logits,
                                      const sinter_flip_table* table, sinter_error* error);

/* Graded answers: each example has a score S from 0 (wrong) to 1 (right) for each model, and changes by
 * D = S_new - S_old, computed in float64. out f64[4], contiguous: the number of examples with D > 0, the
 * number with D < 0, the sum of D over the former, the sum of -D over the latter; sums are canonical
 * reductions of all examples, the others counting 0. old_scores[n], new_scores[n], any dtypes, 1 <= n.
 * A score outside [0, 1], NaN too, is SINTER_NUMERIC. Workspace: 16 bytes per example. */
SINTER_API int32_t sinter_score_changes(sinter_stream* stream, const sinter_tensor* old_scores,
                                        const sinter_tensor* new_scores, const sinter_tensor* out,
                                        sinter_error* error);

/* Which examples are held to the old model by sinter_compatibility_loss. */
enum sinter_loss_mask {
  /* Those that the trained model gets wrong: the largest element of the row (the lowest index of equal
   * ones) is not the label's. */
  SINTER_MASK_WRONG = 0,
  /* Those to whose label the trained model gives less probability than the old one, both without
   * temperature. */
  SINTER_MASK_LIKELIHOOD = 1
};

/* All fields but struct_size and temperature may be zero. */
typedef struct sinter_loss_options {
  /* sizeof(sinter_loss_options), set by the caller. */
  size_t struct_size;
  /* T; finite and above 0. */
  double temperature;
  /* lambda, the weight of the cross-entropy; finite and 0 or more. */
  double cross_entropy;
  /* A sinter_loss_mask. */
  int32_t mask;
  /* Zero. */
  int32_t reserved;
} sinter_loss_options;

/* The MUSCLE compatibility loss of logits z, and its gradient: per example the divergence from the old
 * model where m = 1 (see sinter_loss_mask), else from the new one, plus cross-entropy;
 *
 *   q = softmax(z_old / T) where m = 1, else softmax(z_new / T);  p = softmax(z / T)
 *   loss = 1/n sum_i [KL(q_i || p_i) + lambda (-log softmax(z_i)[y_i])]
 *   gradient_i = [(p_i - q_i) / T + lambda (softmax(z_i) - onehot(y_i))] / n
 *
 * There is no factor T^2, the mask is constant in the gradient, and log-sum-exp is taken relative to
 * the largest element. Rows with the label -100 are left out, of n too, and have gradient 0; without
 * any other, all results are 0.
 *
 * old_logits, new_logits, logits [rows, classes], any dtypes; labels[rows], 0 to classes - 1 or -100;
 * loss f64[5], contiguous: the loss, its mean divergence, its mean cross-entropy (without lambda; 0 where
 * lambda is), the share of m = 1, and n. gradient may be NULL, else it has the shape of logits, any dtype, and
 * overlaps no input. Everything is computed in float64, with this library's own exp and log (within 2
 * units in the last place), sums in the order of canonical reductions, and rounded once to the
 * gradient's dtype. A logit that is NaN or +infinity, or a row of nothing but -infinity, is
 * SINTER_NUMERIC where the row is read (the teacher that is not chosen is not). Workspace: 16 bytes
 * per row. Source: Echterhoff et al., "MUSCLE: a model update strategy for compatible LLM evolution",
 * EMNLP 2024. */
SINTER_API int32_t sinter_compatibility_loss(sinter_stream* stream, const sinter_tensor* old_logits,
                                             const sinter_tensor* new_logits,
                                             const sinter_tensor* logits, const int32_t* labels,
                                             const sinter_loss_options* options,
                                             const sinter_tensor* loss,
                                             const sinter_tensor* gradient, sinter_error* error);

/* Measures that follow from counts of outcomes; b, n, p, s, d are the counts in sinter_outcome's order,
 * N their sum. */
enum sinter_measure {
  SINTER_MEASURE_OLD_ACCURACY = 0,    /* (b + n) / N */
  SINTER_MEASURE_NEW_ACCURACY = 1,    /* (b + p) / N */
  SINTER_MEASURE_ACCURACY_CHANGE = 2, /* (p - n) / N */
  SINTER_MEASURE_NFR = 3,             /* n / N */
  SINTER_MEASURE_PFR = 4,             /* p / N */
  SINTER_MEASURE_NFI = 5,             /* n / (n + s + d); 0 where n = 0 */
  SINTER_MEASURE_BTC = 6,             /* b / (b + n); 1 where n = 0 */
  SINTER_MEASURE_NFR_MC = 7           /* (n + d) / N */
};

/* Measures that follow from graded answers. */
enum sinter_score_measure {
  SINTER_SCORE_GAIN_RATE = 0,       /* share of D > 0 */
  SINTER_SCORE_REGRESSION_RATE = 1, /* share of D < 0 */
  SINTER_SCORE_MEAN_CHANGE = 2,     /* mean D */
  SINTER_SCORE_MEAN_GAIN = 3,       /* mean D over D > 0; 0 where there is none */
  SINTER_SCORE_MEAN_REGRESSION = 4  /* mean -D over D < 0; 0 where there is none */
};

/* Paired bootstrap of flips: out[j][r] = measure[j] of resample r, which is N examples drawn with
 * replacement from the N that counts describes. Percentile intervals are quantiles of its rows
 * (sinter_quantile).
 *
 * Examples of one outcome are alike, so a resample is one multinomial draw, and is drawn as such: the
 * outcomes in their order, each binomial given those before it. Binomials are exact but for float64's
 * rounding of probabilities: by inversion where the mean (of successes or failures, whichever are
 * fewer) is below 10, else by Hormann's transformed rejection (BTRS, 1993), with uniform numbers of 53
 * bits. The time does not depend on N. Resample r takes its words in order from Philox blocks with the
 * counter (0, 1, ...; r) and the key: it is a function of counts, key and r.
 *
 * counts[SINTER_OUTCOMES] and measures[count] (sinter_measure) are host arrays; 0 <= each count, 1 <=
 * their sum <= 2^31. out f64[count, resamples], contiguous. Source: Efron & Tibshirani, "An
 * introduction to the bootstrap", 1993. */
SINTER_API int32_t sinter_flip_bootstrap(sinter_stream* stream, const int64_t* counts,
                                         int64_t resamples, int64_t key, int32_t count,
                                         const int32_t* measures, const sinter_tensor* out,
                                         sinter_error* error);

/* The same of graded answers: out[j][r] = measures[j] (sinter_score_measure) of resample r, whose n
 * examples are drawn one by one: time and randomness grow with n * resamples. Draw j of resample r is
 * uniform on 0 .. n - 1, exactly (words that would favour some are drawn again), from the word of
 * element j of sinter_random with a key of the resample's own, the first two words of the Philox block
 * with counter (r, 1). Changes D are rounded, away from 0 where they would be 0, to multiples of 2^-b,
 * b = 62 - ceil(log2 n), so that sums are exact in any order.
 *
 * old_scores[n], new_scores[n], as in sinter_score_changes, n < 2^31; measures[count] is a host array.
 * out f64[count, resamples], contiguous. Workspace: 8 bytes per example. */
SINTER_API int32_t sinter_score_bootstrap(sinter_stream* stream, const sinter_tensor* old_scores,
                                          const sinter_tensor* new_scores, int64_t resamples,
                                          int64_t key, int32_t count, const int32_t* measures,
                                          const sinter_tensor* out, sinter_error* error);

/* McNemar's exact test of whether both models are equally often right: *p = min(1, 2 P(X <=
 * min(negative, positive))), X binomial with negative + positive trials and probability 1/2; 1 where
 * there are no flips. 0 <= negative, positive <= 2^31. Computed on the host with this library's own
 * arithmetic, within 1e-12 of its value (0 below the smallest normal number). Source: McNemar, 1947. */
SINTER_API int32_t sinter_mcnemar(int64_t negative, int64_t positive, double* p,
                                  sinter_error* error);

/* ---- Assignment ------------------------------------------------------------------------------ */

/* How a solution was found. */
enum sinter_assignment_method {
  /* The rows' own cheapest columns are all different. */
  SINTER_ASSIGNMENT_ROW_MINIMA = 1,
  /* Augmenting row reduction, and shortest augmenting paths for the rows it left. */
  SINTER_ASSIGNMENT_REDUCTION = 2,
  /* An auction with falling epsilon before that. */
  SINTER_ASSIGNMENT_AUCTION = 3
};

/* The numbers that describe a solution: indices of sinter_assignment.results. */
enum sinter_assignment_result {
  /* The sum of the costs of all rows' columns. */
  SINTER_ASSIGNMENT_OBJECTIVE = 0,
  /* By how much, at most, the objective misses the optimum: that of the duals, 0 or more. */
  SINTER_ASSIGNMENT_GAP = 1,
  /* The largest cost minus the smallest. */
  SINTER_ASSIGNMENT_SPREAD = 2,
  /* A sinter_assignment_method. */
  SINTER_ASSIGNMENT_METHOD = 3,
  /* Rows that were placed by an augmenting path. */
  SINTER_ASSIGNMENT_PATHS = 4,
  /* How many there are. */
  SINTER_ASSIGNMENT_RESULTS = 5
};

/* One problem, and where its solution goes. All pointers are to the stream's device and aligned as
 * their type. */
typedef struct sinter_assignment {
  /* sizeof(sinter_assignment), set by the caller. */
  size_t struct_size;
  /* [rows, columns], rows <= columns, f32 or f64; elements of a row are neighbours, rows may be any
   * step apart. */
  const sinter_tensor* cost;
  /* [columns], or NULL: what v starts from, such as that of a problem that differs little. Any
   * numbers lead to an optimum; those that are not finite, or beyond 4.5e8 times the spread over the
   * number of rows, count as 0. */
  const double* start;
  /* [rows]: each row's column, all different. */
  int32_t* column;
  /* [rows] and [columns], each may be NULL: the duals. v may be start. */
  double* u;
  double* v;
  /* [SINTER_ASSIGNMENT_RESULTS], or NULL: see sinter_assignment_result. */
  double* results;
} sinter_assignment;

/* Linear assignment, exact: a column for each row, all different, such that the sum of their costs is
 * the smallest possible, or with maximize = 1 the largest.
 *
 * problems[count], of any sizes; rows + columns < 2^31. Costs are finite, and of magnitude 2^1000 at
 * most. Where several solutions are optimal, which one is returned depends on the device; a unique
 * one is the same on all.
 *
 * The duals prove it, in float64: u_i is the smallest c_ij - v_j over all columns (so that no
 * solution costs less than sum u + sum v), v_j <= 0, and 0 for columns without a row (square problems:
 * any v). The gap is the sum of c_ij - u_i - v_j over the solution, at most 1e-6 times the spread for
 * any number of rows; 1e-12 times is usual. With maximize all signs turn: u_i is the largest, v_j >= 0.
 *
 * SINTER_NUMERIC names row and column of a cost that is not finite or too large: from the call on the
 * CPU, from the next synchronize elsewhere. What was written then means nothing.
 *
 * On a CUDA device a problem of 2^18 costs or more, if it is a good part of the batch, has the whole
 * device, and the others have a block each, all at once. Nothing is moved to another device: of fewer
 * than some 1000 rows, one problem alone is better given to a CPU stream.
 *
 * Workspace: on the CPU up to 600 bytes per row and 250 per column of the largest problem, for each
 * thread; elsewhere 32 bytes per row, 44 per column and 256 of every problem. Sources: Jonker &
 * Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
 * Computing 1987; Bertsekas, "The auction algorithm", Annals of Operations Research 1988. */
SINTER_API int32_t sinter_assign(sinter_stream* stream, int64_t count,
                                 const sinter_assignment* problems, int32_t maximize,
                                 sinter_error* error);

/* ---- Products -------------------------------------------------------------------------------- */

/* Dense products and factorisations by somebody else's library: OpenBLAS on the CPU, cuBLAS on CUDA
 * devices. libsinter does not link them: each is loaded when it is first asked for, and a call for which
 * there is none is SINTER_UNSUPPORTED with what was tried and the remedy. OpenBLAS is the file named by
 * sinter_products_load, else by the environment variable SINTER_OPENBLAS, else libopenblas.so.0 where the
 * loader finds it; cuBLAS (of CUDA 12 or 13) is the file named by SINTER_CUBLAS, else what the loader,
 * the CUDA toolkit or a Python package has. An emulated device computes by OpenBLAS.
 *
 * Here the library's promise of equal bytes ends: the same call on the same machine with as many threads
 * gives the same bytes, and another library, processor or number of threads others. OpenBLAS gets as
 * many threads as the stream has; calls of several streams take turns. Non-finite elements spread as its
 * kernels have it. What it reads or writes of a memory map whose file was truncated is not guarded.
 *
 * Matrices are f32 or f64, which is what is computed in, where it is not said that others are converted.
 * Those whose elements are not aligned, or not neighbours within rows, are copied and brought back.
 * Factorisations run on the CPU and on emulated devices only; elsewhere they are SINTER_UNSUPPORTED. */

/* Loads OpenBLAS from a file, before the first product. A file that is loaded already is fine; another
 * one then is SINTER_INVALID_ARGUMENT, and one that is no OpenBLAS SINTER_UNSUPPORTED. */
SINTER_API int32_t sinter_products_load(const char* path, sinter_error* error);

/* Which library computes a device's products. */
typedef struct sinter_products_info {
  /* sizeof(sinter_products_info), set by the caller. */
  size_t struct_size;
  /* The device. */
  int32_t device;
  /* Zero. */
  int32_t reserved;
  /* The file it was loaded from. */
  char library[512];
  /* What it says of itself: version, kernels. */
  char detail[256];
} sinter_products_info;

/* Loads the library of a device's products, if need be, and describes it. */
SINTER_API int32_t sinter_products_properties(int32_t device, sinter_products_info* info,
                                              sinter_error* error);

/* c[m, n] = alpha op(a)[m, k] op(b)[k, n] + beta c, op(x) being x, or its transpose where its flag is 1;
 * c is not read where beta = 0. a and b of other dtypes or layouts are converted to c's dtype as by
 * sinter_cast, by pieces of k: f16 and bf16 exactly. c is apart from both. Workspace: none, or for
 * converted operands what holds 64 of k, up to 64 MiB more. */
SINTER_API int32_t sinter_gemm(sinter_stream* stream, int32_t transpose_a, int32_t transpose_b,
                               double alpha, const sinter_tensor* a, const sinter_tensor* b,
                               double beta, const sinter_tensor* c, sinter_error* error);

/* c[n, n] = alpha op(a)[n, k] op(a)^T + beta c: sinter_gemm of a matrix with its own transpose, in half
 * the time. Both triangles are written, equal; of c the lower one is read where beta is not 0. */
SINTER_API int32_t sinter_syrk(sinter_stream* stream, int32_t transpose_a, double alpha,
                               const sinter_tensor* a, double beta, const sinter_tensor* c,
                               sinter_error* error);

/* Cholesky's factor of a symmetric positive definite matrix, in place: the lower triangle of a[n, n]
 * becomes that of l, a = l l^T; the upper one is neither read nor written. A matrix that is not positive
 * definite is SINTER_NUMERIC, naming the order of the first leading minor that is not; a then means
 * nothing. */
SINTER_API int32_t sinter_cholesky(sinter_stream* stream, const sinter_tensor* a,
                                   sinter_error* error);

/* Solves l l^T x = b, in place: b[n, r] becomes x; l[n, n] is sinter_cholesky's. */
SINTER_API int32_t sinter_cholesky_solve(sinter_stream* stream, const sinter_tensor* l,
                                         const sinter_tensor* b, sinter_error* error);

/* Least squares by QR: the first n rows of b[m, r] become the x[n, r] for which each column of a x - b is
 * smallest; a[m, n], n <= m, of full rank (an exact 0 on its triangle's diagonal is SINTER_NUMERIC). What
 * is left in a and in the other rows of b means nothing. */
SINTER_API int32_t sinter_least_squares(sinter_stream* stream, const sinter_tensor* a,
                                        const sinter_tensor* b, sinter_error* error);

/* Eigenvalues, rising, and eigenvectors of a symmetric matrix: values[n], of a's dtype; row i of a[n, n]
 * becomes the vector of values[i], of length 1. The lower triangle is read. */
SINTER_API int32_t sinter_eigen(sinter_stream* stream, const sinter_tensor* a,
                                const sinter_tensor* values, sinter_error* error);

#ifdef __cplusplus
}
#endif

#endif /* SINTER_H */
