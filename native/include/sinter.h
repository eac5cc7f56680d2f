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
  /* If not NULL: a contiguous f64 tensor [count, 2] on the stream's device. For each output tensor
   * it receives the number of non-finite elements written, and of finite or infinite results that a
   * float8 output saturated. Overwritten, not added to. */
  const sinter_tensor* counts;
} sinter_arithmetic;

/* Families: interpolation, task vectors, conversion, reductions. In the formulas below a lower-case
 * name is one element and fma is fused. All operands of a batch entry have one shape; their dtypes
 * may differ, and an output's may differ from the inputs'. Weights are float64 and are rounded to
 * float32 before use where elements are computed in float32. Errors of all: SINTER_INVALID_ARGUMENT
 * (null, dtype, shape, device, non-finite weight), SINTER_OUT_OF_MEMORY, SINTER_DEVICE_FAILURE,
 * SINTER_MEMORY_FAULT. Workspace: a table of a few hundred bytes per tensor on CUDA devices. */

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

#ifdef __cplusplus
}
#endif

#endif /* SINTER_H */
