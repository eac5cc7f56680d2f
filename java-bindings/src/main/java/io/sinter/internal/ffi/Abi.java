// SPDX-License-Identifier: Apache-2.0
// Generated from sinter.h by tools/GenerateBindings.java. Do not edit.
package io.sinter.internal.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;

/// `sinter.h`: its constants, structs and functions under their C names.
public final class Abi {
  /// SHA-256 of the header these bindings were generated from.
  public static final String HASH =
      "aec953e677011839c4c322ae0f0b15f07b702a80eef226cf8880268f2018eb25";

  /// ```text
  /// What a call came to. Values are never renumbered.
  /// ```
  public static final int SINTER_OK = 0;

  /// ```text
  /// The caller's mistake: a null, a shape, a dtype, a number out of range.
  /// ```
  public static final int SINTER_INVALID_ARGUMENT = 1;

  /// ```text
  /// Right, but this build or device does not do it.
  /// ```
  public static final int SINTER_UNSUPPORTED = 2;

  /// ```text
  /// No such device: no driver, no card, or a number past the last.
  /// ```
  public static final int SINTER_NO_DEVICE = 3;

  /// ```text
  /// There is a driver, and it is older than this build needs.
  /// ```
  public static final int SINTER_DRIVER_TOO_OLD = 4;

  /// ```text
  /// Memory of the host or of a device ran out, or the stream's workspace limit was reached.
  /// ```
  public static final int SINTER_OUT_OF_MEMORY = 5;

  /// ```text
  /// The CUDA runtime reported a failure; device_code holds its number.
  /// ```
  public static final int SINTER_DEVICE_FAILURE = 6;

  /// ```text
  /// The data admits no result: a non-finite value where a method reduces over the tensor.
  /// ```
  public static final int SINTER_NUMERIC = 7;

  /// ```text
  /// A defect in libsinter. Please report it with the message.
  /// ```
  public static final int SINTER_INTERNAL = 8;

  /// ```text
  /// Mapped memory could not be read or written: its file was truncated, or its disk is full.
  /// ```
  public static final int SINTER_MEMORY_FAULT = 9;

  /// ```text
  /// The CPU's device number; CUDA devices are 0, 1, ...
  /// ```
  public static final int SINTER_CPU = -1;

  /// ```text
  /// On the stream's device, allocated and freed in stream order. CPU: host memory.
  /// ```
  public static final int SINTER_MEMORY_DEVICE = 1;

  /// ```text
  /// Host memory from which the stream's device copies at full speed (page-locked). It is a host
  /// address: tensors over it have device SINTER_CPU.
  /// ```
  public static final int SINTER_MEMORY_PINNED = 2;

  /// ```text
  /// "As stored", where a dtype is optional.
  /// ```
  public static final int SINTER_DTYPE_STORED = 0;

  /// ```text
  /// Element types. Values are never renumbered.
  /// ```
  public static final int SINTER_F64 = 1;

  /// ```text
  /// Element types. Values are never renumbered.
  /// ```
  public static final int SINTER_F32 = 2;

  /// ```text
  /// Element types. Values are never renumbered.
  /// ```
  public static final int SINTER_F16 = 3;

  /// ```text
  /// Element types. Values are never renumbered.
  /// ```
  public static final int SINTER_BF16 = 4;

  /// ```text
  /// OCP float8: e4m3 without infinities (e4m3fn), and e5m2.
  /// ```
  public static final int SINTER_F8E4M3 = 5;

  /// ```text
  /// Element types. Values are never renumbered.
  /// ```
  public static final int SINTER_F8E5M2 = 6;

  public static final int SINTER_MAX_RANK = 8;

  /// ```text
  /// Sum of magnitudes.
  /// ```
  public static final int SINTER_NORM_L1 = 1;

  /// ```text
  /// Square root of the sum of squares.
  /// ```
  public static final int SINTER_NORM_L2 = 2;

  /// ```text
  /// Largest magnitude; NaN if there is one.
  /// ```
  public static final int SINTER_NORM_MAX = 3;

  /// A pointer, for results through `**`.
  public static final AddressLayout POINTER = ADDRESS;

  private Abi() {}

  /// ```text
  /// The ABI's version: major * 10000 + minor * 100 + patch. The major number changes when an
  /// existing caller would break.
  /// ```
  public static int sinter_abi_version() {
    Library.require();
    try {
      return (int) sinter_abi_version.HANDLE.invokeExact();
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// SHA-256, in hexadecimal, of this header with comments removed and white space folded. Bindings
  /// compare it with the one they were generated from.
  /// ```
  public static String sinter_abi_hash() {
    Library.require();
    try {
      return Downcalls.text((MemorySegment) sinter_abi_hash.HANDLE.invokeExact());
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// One line: version, backends, compilers, architectures.
  /// ```
  public static String sinter_build_info() {
    Library.require();
    try {
      return Downcalls.text((MemorySegment) sinter_build_info.HANDLE.invokeExact());
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Writes the number of CUDA devices to *count. Where there is none, *count is 0 and the status
  /// says why: SINTER_NO_DEVICE or SINTER_DRIVER_TOO_OLD, or SINTER_UNSUPPORTED for a library built
  /// without CUDA. The CPU is always there and not counted.
  /// ```
  public static int sinter_device_count(MemorySegment count, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_device_count.HANDLE.invokeExact(count, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Fills *info for one device.
  /// ```
  public static int sinter_device_properties(int device, MemorySegment info, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_device_properties.HANDLE.invokeExact(device, info, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Creates a stream on a device. options may be NULL for the defaults.
  /// ```
  public static int sinter_stream_create(
      int device, MemorySegment options, MemorySegment stream, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_stream_create.HANDLE.invokeExact(device, options, stream, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Waits for the stream's work, then destroys it. A failure of that work is not reported: call
  /// sinter_stream_synchronize first. NULL is fine.
  /// ```
  public static void sinter_stream_destroy(MemorySegment stream) {
    Library.require();
    try {
      sinter_stream_destroy.HANDLE.invokeExact(stream);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// The device a stream was created on.
  /// ```
  public static int sinter_stream_device(
      MemorySegment stream, MemorySegment device, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_stream_device.HANDLE.invokeExact(stream, device, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Blocks until the stream's work is done and reports the first failure since the last call:
  /// SINTER_DEVICE_FAILURE, or SINTER_NUMERIC naming the tensor.
  /// ```
  public static int sinter_stream_synchronize(MemorySegment stream, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_stream_synchronize.HANDLE.invokeExact(stream, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Creates an event on a device.
  /// ```
  public static int sinter_event_create(int device, MemorySegment event, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_event_create.HANDLE.invokeExact(device, event, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Destroys an event; work that waits for it still does. NULL is fine.
  /// ```
  public static void sinter_event_destroy(MemorySegment event) {
    Library.require();
    try {
      sinter_event_destroy.HANDLE.invokeExact(event);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Marks the end of the work enqueued on the stream so far. Event and stream share a device.
  /// ```
  public static int sinter_event_record(
      MemorySegment event, MemorySegment stream, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_event_record.HANDLE.invokeExact(event, stream, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Writes 1 to *done if the work before the event's last record is done (or nothing was
  /// recorded),
  /// else 0.
  /// ```
  public static int sinter_event_query(
      MemorySegment event, MemorySegment done, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_event_query.HANDLE.invokeExact(event, done, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Blocks until the work before the event's last record is done.
  /// ```
  public static int sinter_event_synchronize(MemorySegment event, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_event_synchronize.HANDLE.invokeExact(event, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Makes later work on the stream wait for the event, without blocking the caller. The event may
  /// be
  /// of another device.
  /// ```
  public static int sinter_stream_wait(
      MemorySegment stream, MemorySegment event, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_stream_wait.HANDLE.invokeExact(stream, event, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Allocates bytes (0 is fine) aligned to 256. The contents are undefined.
  /// ```
  public static int sinter_buffer_create(
      MemorySegment stream, int memory, long bytes, MemorySegment buffer, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_buffer_create.HANDLE.invokeExact(stream, memory, bytes, buffer, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// The buffer's address, on its device.
  /// ```
  public static int sinter_buffer_data(
      MemorySegment buffer, MemorySegment data, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_buffer_data.HANDLE.invokeExact(buffer, data, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Frees the buffer once the work enqueued so far on `stream` is done. The stream must be of the
  /// buffer's device; it need not be the one it was created on, which may be gone. A NULL stream
  /// means that no work on the buffer is pending. A NULL buffer is fine.
  /// ```
  public static int sinter_buffer_destroy(
      MemorySegment buffer, MemorySegment stream, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_buffer_destroy.HANDLE.invokeExact(buffer, stream, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// dst[...] = src[...], for each of count pairs of one dtype and shape, between any two of: the
  /// host
  /// and the stream's device. Keeps every byte. Strided views are fine on one device; between host
  /// and
  /// device both sides must be contiguous. Host memory should be of a SINTER_MEMORY_PINNED buffer:
  /// other memory is copied at a fraction of the speed, and the call may wait for it.
  /// ```
  public static int sinter_copy(
      MemorySegment stream, long count, MemorySegment src, MemorySegment dst, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_copy.HANDLE.invokeExact(stream, count, src, dst, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out = in, rounded once to out's dtype; in[...] -> out[...]. Equal dtypes copy bytes.
  /// counts may be NULL; see sinter_arithmetic.
  /// ```
  public static int sinter_cast(
      MemorySegment stream,
      long count,
      MemorySegment in,
      MemorySegment out,
      MemorySegment counts,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_cast.HANDLE.invokeExact(stream, count, in, out, counts, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out = t < 1/2 ? fma(t, b - a, a) : fma(-(1 - t), b - a, b); a[...], b[...] -> out[...].
  ///
  /// t[count], any finite number, rounded to float32 first where elements are. t = 0 and t = 1 copy
  /// a
  /// and b: bytes are kept where the dtypes are equal. Equal finite elements give that value, for
  /// every
  /// t (-0 may come out as +0).
  /// ```
  public static int sinter_lerp(
      MemorySegment stream,
      long count,
      MemorySegment a,
      MemorySegment b,
      MemorySegment t,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_lerp.HANDLE.invokeExact(stream, count, a, b, t, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out = sum_i w_i x_i, divided by sum_i w_i if normalize is 1: s = w_1 x_1, then s = fma(w_i,
  /// x_i, s)
  /// in the models' order.
  ///
  /// inputs[count][models] and weights[count][models]: all models of the first tensor, then of the
  /// second; 1 <= models. The division is by scaling the weights in float64. With normalize, one
  /// model
  /// is copied and two are sinter_lerp with t = w_2 / (w_1 + w_2); |sum_i w_i| < 1e-8 is
  /// SINTER_INVALID_ARGUMENT.
  /// ```
  public static int sinter_linear(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment inputs,
      MemorySegment weights,
      int normalize,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_linear.HANDLE.invokeExact(
              stream, count, models, inputs, weights, normalize, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Spherical interpolation of whole tensors: the arc from a to b in the plane they span.
  ///
  ///   c = <a, b> / (|a| |b|), a norm of at most 1e-8 counting as 1
  ///   |c| > 0.9995:  sinter_lerp
  ///   else:          theta = acos c;  out = sin((1 - t) theta) / sin theta a + sin(t theta) / sin
  /// theta b
  ///
  /// t[count], any finite number; t = 0 and t = 1 copy. Reads the inputs twice. A non-finite
  /// element
  /// in either tensor is SINTER_NUMERIC, from this call on the CPU and from the next synchronize
  /// elsewhere. Workspace: 24 bytes per 4096 elements. Source: Shoemake, "Animating rotation with
  /// quaternion curves", SIGGRAPH 1985; thresholds as mergekit's.
  /// ```
  public static int sinter_slerp(
      MemorySegment stream,
      long count,
      MemorySegment a,
      MemorySegment b,
      MemorySegment t,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_slerp.HANDLE.invokeExact(stream, count, a, b, t, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// The coefficients of sinter_slerp from the results of sinter_dots, for callers that stream a
  /// tensor in pieces: out = a_weight * a + b_weight * b by sinter_linear without normalize, or,
  /// where
  /// *linear is 1, sinter_lerp with t. Computed on the host with this library's own arithmetic, so
  /// that every machine agrees. Non-finite input is SINTER_NUMERIC.
  /// ```
  public static int sinter_slerp_weights(
      double aa,
      double ab,
      double bb,
      double t,
      MemorySegment a_weight,
      MemorySegment b_weight,
      MemorySegment linear,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_slerp_weights.HANDLE.invokeExact(aa, ab, bb, t, a_weight, b_weight, linear, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out = base + lambda sum_i w_i (x_i - base), the sum divided by sum_i w_i (by 1 where
  /// |sum_i w_i| < 1e-8) if normalize is 1: s = c_1 d_1, then s = fma(c_i, d_i, s) in the models'
  /// order,
  /// out = base + s, with d_i = x_i - base.
  ///
  /// base[count], inputs[count][models], weights[count][models], lambda[count]; 1 <= models. The
  /// coefficient of model i is lambda w_i (/ sum w) in float64. Source: Ilharco et al., "Editing
  /// models with task arithmetic", ICLR 2023.
  /// ```
  public static int sinter_task_arithmetic(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      MemorySegment weights,
      MemorySegment lambda,
      int normalize,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_task_arithmetic.HANDLE.invokeExact(
              stream,
              count,
              models,
              base,
              inputs,
              weights,
              lambda,
              normalize,
              out,
              arithmetic,
              error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[k] = sum of in[k]; in[count] -> out f64[count], contiguous.
  /// ```
  public static int sinter_sum(
      MemorySegment stream,
      long count,
      MemorySegment in,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_sum.HANDLE.invokeExact(stream, count, in, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[k] = norm of in[k]; kind is a sinter_norm_kind; in[count] -> out f64[count], contiguous.
  /// ```
  public static int sinter_norm(
      MemorySegment stream,
      long count,
      MemorySegment in,
      int kind,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_norm.HANDLE.invokeExact(stream, count, in, kind, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[k] = <a[k], b[k]>; a[count], b[count] -> out f64[count], contiguous.
  /// ```
  public static int sinter_dot(
      MemorySegment stream,
      long count,
      MemorySegment a,
      MemorySegment b,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_dot.HANDLE.invokeExact(stream, count, a, b, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[k] = (<a, a>, <a, b>, <b, b>) in one pass; a[count], b[count] -> out f64[count, 3],
  /// contiguous.
  /// ```
  public static int sinter_dots(
      MemorySegment stream,
      long count,
      MemorySegment a,
      MemorySegment b,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_dots.HANDLE.invokeExact(stream, count, a, b, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// What went wrong. Filled by the call it was passed to; needs no cleaning up.
  /// ```
  public static final class sinter_error {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_INT.withName("status"),
            JAVA_INT.withName("device_code"),
            JAVA_LONG.withName("tensor"),
            ADDRESS.withName("address"),
            MemoryLayout.sequenceLayout(1000, JAVA_BYTE).withName("message"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_STATUS = offset("status");
    private static final long AT_DEVICE_CODE = offset("device_code");
    private static final long AT_TENSOR = offset("tensor");
    private static final long AT_ADDRESS = offset("address");
    private static final long AT_MESSAGE = offset("message");

    private sinter_error() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_error), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_error), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// A sinter_status.
    /// ```
    public static int status(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_STATUS);
    }

    /// ```text
    /// A sinter_status.
    /// ```
    public static void status(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_STATUS, value);
    }

    /// ```text
    /// The CUDA runtime's error number, or 0.
    /// ```
    public static int device_code(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_DEVICE_CODE);
    }

    /// ```text
    /// The CUDA runtime's error number, or 0.
    /// ```
    public static void device_code(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_DEVICE_CODE, value);
    }

    /// ```text
    /// The index in the batch of the tensor at fault, or -1.
    /// ```
    public static long tensor(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_TENSOR);
    }

    /// ```text
    /// The index in the batch of the tensor at fault, or -1.
    /// ```
    public static void tensor(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_TENSOR, value);
    }

    /// ```text
    /// The address that could not be accessed (SINTER_MEMORY_FAULT), or NULL.
    /// ```
    public static MemorySegment address(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_ADDRESS);
    }

    /// ```text
    /// The address that could not be accessed (SINTER_MEMORY_FAULT), or NULL.
    /// ```
    public static void address(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_ADDRESS, value);
    }

    /// ```text
    /// UTF-8, NUL-terminated, truncated where it must be.
    /// ```
    public static String message(MemorySegment array, long index) {
      return array.asSlice(index * SIZE + AT_MESSAGE, 1000).getString(0);
    }
  }

  /// ```text
  /// A device's properties. Text is UTF-8 and NUL-terminated; numbers that do not apply are 0.
  /// ```
  public static final class sinter_device_info {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_INT.withName("device"),
            JAVA_INT.withName("emulated"),
            JAVA_INT.withName("processors"),
            JAVA_INT.withName("compute_capability"),
            JAVA_INT.withName("driver_version"),
            JAVA_INT.withName("runtime_version"),
            JAVA_LONG.withName("memory_total"),
            JAVA_LONG.withName("memory_free"),
            MemoryLayout.sequenceLayout(256, JAVA_BYTE).withName("name"),
            MemoryLayout.sequenceLayout(64, JAVA_BYTE).withName("detail"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_DEVICE = offset("device");
    private static final long AT_EMULATED = offset("emulated");
    private static final long AT_PROCESSORS = offset("processors");
    private static final long AT_COMPUTE_CAPABILITY = offset("compute_capability");
    private static final long AT_DRIVER_VERSION = offset("driver_version");
    private static final long AT_RUNTIME_VERSION = offset("runtime_version");
    private static final long AT_MEMORY_TOTAL = offset("memory_total");
    private static final long AT_MEMORY_FREE = offset("memory_free");
    private static final long AT_NAME = offset("name");
    private static final long AT_DETAIL = offset("detail");

    private sinter_device_info() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_device_info), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_device_info), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// The device's number.
    /// ```
    public static int device(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_DEVICE);
    }

    /// ```text
    /// The device's number.
    /// ```
    public static void device(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_DEVICE, value);
    }

    /// ```text
    /// 1 where kernels run in the CUDA emulation (tests only), else 0.
    /// ```
    public static int emulated(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_EMULATED);
    }

    /// ```text
    /// 1 where kernels run in the CUDA emulation (tests only), else 0.
    /// ```
    public static void emulated(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_EMULATED, value);
    }

    /// ```text
    /// CUDA: multiprocessors. CPU: hardware threads this process may use.
    /// ```
    public static int processors(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_PROCESSORS);
    }

    /// ```text
    /// CUDA: multiprocessors. CPU: hardware threads this process may use.
    /// ```
    public static void processors(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_PROCESSORS, value);
    }

    /// ```text
    /// CUDA: compute capability, major * 10 + minor.
    /// ```
    public static int compute_capability(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_COMPUTE_CAPABILITY);
    }

    /// ```text
    /// CUDA: compute capability, major * 10 + minor.
    /// ```
    public static void compute_capability(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_COMPUTE_CAPABILITY, value);
    }

    /// ```text
    /// CUDA: the driver's and this library's CUDA version, major * 1000 + minor * 10.
    /// ```
    public static int driver_version(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_DRIVER_VERSION);
    }

    /// ```text
    /// CUDA: the driver's and this library's CUDA version, major * 1000 + minor * 10.
    /// ```
    public static void driver_version(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_DRIVER_VERSION, value);
    }

    public static int runtime_version(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_RUNTIME_VERSION);
    }

    public static void runtime_version(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_RUNTIME_VERSION, value);
    }

    /// ```text
    /// Bytes of memory: in all, and free now.
    /// ```
    public static long memory_total(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_MEMORY_TOTAL);
    }

    /// ```text
    /// Bytes of memory: in all, and free now.
    /// ```
    public static void memory_total(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_MEMORY_TOTAL, value);
    }

    public static long memory_free(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_MEMORY_FREE);
    }

    public static void memory_free(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_MEMORY_FREE, value);
    }

    /// ```text
    /// The model's name.
    /// ```
    public static String name(MemorySegment array, long index) {
      return array.asSlice(index * SIZE + AT_NAME, 256).getString(0);
    }

    /// ```text
    /// CPU: the kernels' instruction set: "baseline", "avx2" or "avx512". CUDA: the PCI bus id.
    /// ```
    public static String detail(MemorySegment array, long index) {
      return array.asSlice(index * SIZE + AT_DETAIL, 64).getString(0);
    }
  }

  /// ```text
  /// How a stream works.
  /// ```
  public static final class sinter_stream_options {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_INT.withName("threads"),
            JAVA_INT.withName("reserved"),
            JAVA_LONG.withName("workspace_limit"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_THREADS = offset("threads");
    private static final long AT_RESERVED = offset("reserved");
    private static final long AT_WORKSPACE_LIMIT = offset("workspace_limit");

    private sinter_stream_options() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_stream_options), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_stream_options), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// CPU: threads that share each operation, the caller's included; 0 = all the process may use.
    /// ```
    public static int threads(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_THREADS);
    }

    /// ```text
    /// CPU: threads that share each operation, the caller's included; 0 = all the process may use.
    /// ```
    public static void threads(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_THREADS, value);
    }

    /// ```text
    /// Zero.
    /// ```
    public static int reserved(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_RESERVED);
    }

    /// ```text
    /// Zero.
    /// ```
    public static void reserved(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_RESERVED, value);
    }

    /// ```text
    /// The most workspace, in bytes, that operations may hold on the stream's device; 0 = no bound.
    /// An operation that needs more fails with SINTER_OUT_OF_MEMORY before it has written anything.
    /// ```
    public static long workspace_limit(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_WORKSPACE_LIMIT);
    }

    /// ```text
    /// The most workspace, in bytes, that operations may hold on the stream's device; 0 = no bound.
    /// An operation that needs more fails with SINTER_OUT_OF_MEMORY before it has written anything.
    /// ```
    public static void workspace_limit(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_WORKSPACE_LIMIT, value);
    }
  }

  /// ```text
  /// A typed view of memory on one device. It owns nothing. Elements are numbered in row-major
  /// order
  /// of the shape, whatever the strides. Data needs no alignment.
  /// ```
  public static final class sinter_tensor {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_INT.withName("dtype"),
            JAVA_INT.withName("device"),
            JAVA_INT.withName("rank"),
            JAVA_INT.withName("reserved"),
            ADDRESS.withName("data"),
            ADDRESS.withName("name"),
            MemoryLayout.sequenceLayout(8, JAVA_LONG).withName("shape"),
            MemoryLayout.sequenceLayout(8, JAVA_LONG).withName("strides"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_DTYPE = offset("dtype");
    private static final long AT_DEVICE = offset("device");
    private static final long AT_RANK = offset("rank");
    private static final long AT_RESERVED = offset("reserved");
    private static final long AT_DATA = offset("data");
    private static final long AT_NAME = offset("name");
    private static final long AT_SHAPE = offset("shape");
    private static final long AT_STRIDES = offset("strides");

    private sinter_tensor() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_tensor), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_tensor), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// A sinter_dtype.
    /// ```
    public static int dtype(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_DTYPE);
    }

    /// ```text
    /// A sinter_dtype.
    /// ```
    public static void dtype(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_DTYPE, value);
    }

    /// ```text
    /// The device the data is on; SINTER_CPU for any host memory.
    /// ```
    public static int device(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_DEVICE);
    }

    /// ```text
    /// The device the data is on; SINTER_CPU for any host memory.
    /// ```
    public static void device(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_DEVICE, value);
    }

    /// ```text
    /// Dimensions, 0 to SINTER_MAX_RANK; 0 is a scalar.
    /// ```
    public static int rank(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_RANK);
    }

    /// ```text
    /// Dimensions, 0 to SINTER_MAX_RANK; 0 is a scalar.
    /// ```
    public static void rank(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_RANK, value);
    }

    /// ```text
    /// Zero.
    /// ```
    public static int reserved(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_RESERVED);
    }

    /// ```text
    /// Zero.
    /// ```
    public static void reserved(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_RESERVED, value);
    }

    /// ```text
    /// The first element; may be NULL only where there are no elements.
    /// ```
    public static MemorySegment data(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_DATA);
    }

    /// ```text
    /// The first element; may be NULL only where there are no elements.
    /// ```
    public static void data(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_DATA, value);
    }

    /// ```text
    /// For messages; UTF-8, may be NULL; read during the call only.
    /// ```
    public static MemorySegment name(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_NAME);
    }

    /// ```text
    /// For messages; UTF-8, may be NULL; read during the call only.
    /// ```
    public static void name(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_NAME, value);
    }

    /// ```text
    /// Sizes, 0 or more.
    /// ```
    public static long shape(MemorySegment array, long index, int i) {
      return array.get(JAVA_LONG, index * SIZE + AT_SHAPE + 8L * i);
    }

    /// ```text
    /// Sizes, 0 or more.
    /// ```
    public static void shape(MemorySegment array, long index, int i, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_SHAPE + 8L * i, value);
    }

    /// ```text
    /// Steps in elements, 0 or negative ones included; those of an output must give every element a
    /// place of its own.
    /// ```
    public static long strides(MemorySegment array, long index, int i) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRIDES + 8L * i);
    }

    /// ```text
    /// Steps in elements, 0 or negative ones included; those of an output must give every element a
    /// place of its own.
    /// ```
    public static void strides(MemorySegment array, long index, int i, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRIDES + 8L * i, value);
    }
  }

  /// ```text
  /// All fields may be zero (or the pointer to the struct NULL): the defaults.
  /// ```
  public static final class sinter_arithmetic {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_INT.withName("dtype"),
            JAVA_INT.withName("delta_dtype"),
            ADDRESS.withName("counts"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_DTYPE = offset("dtype");
    private static final long AT_DELTA_DTYPE = offset("delta_dtype");
    private static final long AT_COUNTS = offset("counts");

    private sinter_arithmetic() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_arithmetic), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_arithmetic), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// Round every input element to this dtype first ("cast on load"), as if by sinter_cast;
    /// SINTER_DTYPE_STORED leaves inputs as they are.
    /// ```
    public static int dtype(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_DTYPE);
    }

    /// ```text
    /// Round every input element to this dtype first ("cast on load"), as if by sinter_cast;
    /// SINTER_DTYPE_STORED leaves inputs as they are.
    /// ```
    public static void dtype(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_DTYPE, value);
    }

    /// ```text
    /// Task vectors only: round each difference to this dtype ("mergekit" convention: the base's
    /// dtype); SINTER_DTYPE_STORED leaves it as computed.
    /// ```
    public static int delta_dtype(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_DELTA_DTYPE);
    }

    /// ```text
    /// Task vectors only: round each difference to this dtype ("mergekit" convention: the base's
    /// dtype); SINTER_DTYPE_STORED leaves it as computed.
    /// ```
    public static void delta_dtype(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_DELTA_DTYPE, value);
    }

    /// ```text
    /// If not NULL: a contiguous f64 tensor [count, 2] on the stream's device. For each output
    /// tensor
    /// it receives the number of non-finite elements written, and of finite or infinite results
    /// that a
    /// float8 output saturated. Overwritten, not added to.
    /// ```
    public static MemorySegment counts(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_COUNTS);
    }

    /// ```text
    /// If not NULL: a contiguous f64 tensor [count, 2] on the stream's device. For each output
    /// tensor
    /// it receives the number of non-finite elements written, and of finite or infinite results
    /// that a
    /// float8 output saturated. Overwritten, not added to.
    /// ```
    public static void counts(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_COUNTS, value);
    }
  }

  private static final class sinter_abi_version {
    static final MethodHandle HANDLE =
        Downcalls.handle("sinter_abi_version", FunctionDescriptor.of(JAVA_INT));
  }

  private static final class sinter_abi_hash {
    static final MethodHandle HANDLE =
        Downcalls.handle("sinter_abi_hash", FunctionDescriptor.of(ADDRESS));
  }

  private static final class sinter_build_info {
    static final MethodHandle HANDLE =
        Downcalls.handle("sinter_build_info", FunctionDescriptor.of(ADDRESS));
  }

  private static final class sinter_device_count {
    static final MethodHandle HANDLE =
        Downcalls.handle("sinter_device_count", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_device_properties {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_device_properties",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_stream_create {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_stream_create",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_stream_destroy {
    static final MethodHandle HANDLE =
        Downcalls.handle("sinter_stream_destroy", FunctionDescriptor.ofVoid(ADDRESS));
  }

  private static final class sinter_stream_device {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_stream_device", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_stream_synchronize {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_stream_synchronize", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_event_create {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_event_create", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_event_destroy {
    static final MethodHandle HANDLE =
        Downcalls.handle("sinter_event_destroy", FunctionDescriptor.ofVoid(ADDRESS));
  }

  private static final class sinter_event_record {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_event_record", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_event_query {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_event_query", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_event_synchronize {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_event_synchronize", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_stream_wait {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_stream_wait", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_buffer_create {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_buffer_create",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS));
  }

  private static final class sinter_buffer_data {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_buffer_data", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_buffer_destroy {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_buffer_destroy", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_copy {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_copy",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_cast {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_cast",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_lerp {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_lerp",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_linear {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_linear",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, ADDRESS,
                ADDRESS, ADDRESS));
  }

  private static final class sinter_slerp {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_slerp",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_slerp_weights {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_slerp_weights",
            FunctionDescriptor.of(
                JAVA_INT,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS));
  }

  private static final class sinter_task_arithmetic {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_task_arithmetic",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_sum {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_sum",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_norm {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_norm",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_dot {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_dot",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_dots {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_dots",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }
}
