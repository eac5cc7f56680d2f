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
      "f244c8c2082df5f9f50cda4658686957e9b85743cf97ec515bf4e03132057a1d";

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
  /// The whole tensor, flattened: one vector.
  /// ```
  public static final int SINTER_VECTORS_WHOLE = 0;

  /// ```text
  /// The vectors along the last axis: shape[0] * ... * shape[rank - 2] of them.
  /// ```
  public static final int SINTER_VECTORS_ROWS = 1;

  /// ```text
  /// The vectors along axis 0: shape[1] * ... * shape[rank - 1] of them.
  /// ```
  public static final int SINTER_VECTORS_COLUMNS = 2;

  /// ```text
  /// Kept differences stay as they are.
  /// ```
  public static final int SINTER_RESCALE_NONE = 0;

  /// ```text
  /// Times the l1 norm of all differences over that of the kept ones ("mergekit"); by 1 where
  /// either
  /// is below 1e-7. A statistic: non-finite elements are SINTER_NUMERIC.
  /// ```
  public static final int SINTER_RESCALE_L1 = 1;

  /// ```text
  /// Divided by the probability of being kept ("paper").
  /// ```
  public static final int SINTER_RESCALE_DENSITY = 2;

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

  /// ```text
  /// What becomes of one example; values are indices of counts.
  /// ```
  public static final int SINTER_OUTCOME_BOTH_RIGHT = 0;

  /// ```text
  /// Negative flip: the old model was right, the new one is wrong.
  /// ```
  public static final int SINTER_OUTCOME_NEGATIVE_FLIP = 1;

  /// ```text
  /// Positive flip: the old model was wrong, the new one is right.
  /// ```
  public static final int SINTER_OUTCOME_POSITIVE_FLIP = 2;

  /// ```text
  /// Both wrong, with the same answer.
  /// ```
  public static final int SINTER_OUTCOME_WRONG_SAME = 3;

  /// ```text
  /// Both wrong, with different answers.
  /// ```
  public static final int SINTER_OUTCOME_WRONG_DIFFERENT = 4;

  /// ```text
  /// How many there are.
  /// ```
  public static final int SINTER_OUTCOMES = 5;

  /// ```text
  /// Those that the trained model gets wrong: the largest element of the row (the lowest index of
  /// equal
  /// ones) is not the label's.
  /// ```
  public static final int SINTER_MASK_WRONG = 0;

  /// ```text
  /// Those to whose label the trained model gives less probability than the old one, both without
  /// temperature.
  /// ```
  public static final int SINTER_MASK_LIKELIHOOD = 1;

  /// ```text
  /// Measures that follow from counts of outcomes; b, n, p, s, d are the counts in sinter_outcome's
  /// order,
  /// N their sum.
  /// ```
  public static final int SINTER_MEASURE_OLD_ACCURACY = 0;

  /// ```text
  /// (b + n) / N
  /// ```
  public static final int SINTER_MEASURE_NEW_ACCURACY = 1;

  /// ```text
  /// (b + p) / N
  /// ```
  public static final int SINTER_MEASURE_ACCURACY_CHANGE = 2;

  /// ```text
  /// (p - n) / N
  /// ```
  public static final int SINTER_MEASURE_NFR = 3;

  /// ```text
  /// n / N
  /// ```
  public static final int SINTER_MEASURE_PFR = 4;

  /// ```text
  /// p / N
  /// ```
  public static final int SINTER_MEASURE_NFI = 5;

  /// ```text
  /// n / (n + s + d); 0 where n = 0
  /// ```
  public static final int SINTER_MEASURE_BTC = 6;

  /// ```text
  /// b / (b + n); 1 where n = 0
  /// ```
  public static final int SINTER_MEASURE_NFR_MC = 7;

  /// ```text
  /// Measures that follow from graded answers.
  /// ```
  public static final int SINTER_SCORE_GAIN_RATE = 0;

  /// ```text
  /// share of D > 0
  /// ```
  public static final int SINTER_SCORE_REGRESSION_RATE = 1;

  /// ```text
  /// share of D < 0
  /// ```
  public static final int SINTER_SCORE_MEAN_CHANGE = 2;

  /// ```text
  /// mean D
  /// ```
  public static final int SINTER_SCORE_MEAN_GAIN = 3;

  /// ```text
  /// mean D over D > 0; 0 where there is none
  /// ```
  public static final int SINTER_SCORE_MEAN_REGRESSION = 4;

  /// ```text
  /// The rows' own cheapest columns are all different.
  /// ```
  public static final int SINTER_ASSIGNMENT_ROW_MINIMA = 1;

  /// ```text
  /// Augmenting row reduction, and shortest augmenting paths for the rows it left.
  /// ```
  public static final int SINTER_ASSIGNMENT_REDUCTION = 2;

  /// ```text
  /// An auction with falling epsilon before that.
  /// ```
  public static final int SINTER_ASSIGNMENT_AUCTION = 3;

  /// ```text
  /// The sum of the costs of all rows' columns.
  /// ```
  public static final int SINTER_ASSIGNMENT_OBJECTIVE = 0;

  /// ```text
  /// By how much, at most, the objective misses the optimum: that of the duals, 0 or more.
  /// ```
  public static final int SINTER_ASSIGNMENT_GAP = 1;

  /// ```text
  /// The largest cost minus the smallest.
  /// ```
  public static final int SINTER_ASSIGNMENT_SPREAD = 2;

  /// ```text
  /// A sinter_assignment_method.
  /// ```
  public static final int SINTER_ASSIGNMENT_METHOD = 3;

  /// ```text
  /// Rows that were placed by an augmenting path.
  /// ```
  public static final int SINTER_ASSIGNMENT_PATHS = 4;

  /// ```text
  /// How many there are.
  /// ```
  public static final int SINTER_ASSIGNMENT_RESULTS = 5;

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
  /// Makes a stream over one that the caller created by other means: a cudaStream_t or CUstream of
  /// the
  /// device's primary context, the one that the CUDA runtime uses. Work of both sides runs in the
  /// order
  /// in which it was enqueued. The native stream stays the caller's: it must outlive this one,
  /// whose
  /// end waits for its work and leaves it as it is. handle may be cudaStreamLegacy; NULL, or a
  /// stream of
  /// another device, is SINTER_INVALID_ARGUMENT, and SINTER_CPU is SINTER_UNSUPPORTED: threads of
  /// the
  /// CPU have none. A pointer that is no stream is undefined. options may be NULL.
  /// ```
  public static int sinter_stream_wrap(
      int device,
      MemorySegment handle,
      MemorySegment options,
      MemorySegment stream,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_stream_wrap.HANDLE.invokeExact(device, handle, options, stream, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// The cudaStream_t (and CUstream) behind a stream, for other libraries to enqueue work on, in
  /// order
  /// with this one's. It is valid as long as the stream is, and not the caller's to destroy unless
  /// the
  /// caller created it. A CPU stream has none: SINTER_UNSUPPORTED.
  /// ```
  public static int sinter_stream_native(
      MemorySegment stream, MemorySegment handle, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_stream_native.HANDLE.invokeExact(stream, handle, error);
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
  /// Where a and b differ by less than t, towards b; else towards a, the less the more they differ:
  /// w = min(t / max(|a - b|, 1e-6), 1), out = lerp(a, b, w); a[...], b[...] -> out[...].
  ///
  /// t[count] >= 0. Source: mergekit's nearswap.
  /// ```
  public static int sinter_nearswap(
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
      return (int)
          sinter_nearswap.HANDLE.invokeExact(stream, count, a, b, t, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[i, j, ...] = in[p[i], q[j], ...] along any axes in one pass; in[m, n, ...] -> out[r, s,
  /// ...].
  ///
  /// indices[count][SINTER_MAX_RANK] are host arrays, read during the call: indices[k][d] has an
  /// index
  /// into axis d of in[k] for each place along that axis of out[k], or is NULL where the axis stays
  /// as it
  /// is. An index may come several times or not at all. Tensors that share an array may pass the
  /// same one:
  /// it is looked at once. An index out of range is SINTER_INVALID_ARGUMENT that names the tensor,
  /// the axis
  /// and the place. Equal dtypes keep bytes, others are cast as by sinter_cast. in and out must be
  /// apart.
  /// counts may be NULL; see sinter_arithmetic. Workspace on CUDA devices: the indices, and a table
  /// of a
  /// kilobyte per tensor.
  /// ```
  public static int sinter_gather(
      MemorySegment stream,
      long count,
      MemorySegment in,
      MemorySegment indices,
      MemorySegment out,
      MemorySegment counts,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_gather.HANDLE.invokeExact(stream, count, in, indices, out, counts, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out = lerp(reference, gathered, alpha): sinter_lerp from reference[r, s, ...] to what
  /// sinter_gather
  /// makes of in[m, n, ...] and indices, without its ever being written; out[r, s, ...], which may
  /// be
  /// reference. alpha[count], any finite number; 0 and 1 copy reference and what is gathered.
  /// ```
  public static int sinter_gather_lerp(
      MemorySegment stream,
      long count,
      MemorySegment reference,
      MemorySegment in,
      MemorySegment indices,
      MemorySegment alpha,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_gather_lerp.HANDLE.invokeExact(
              stream, count, reference, in, indices, alpha, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Spherical interpolation of vectors by weights t in place of positions:
  ///
  ///   c = <a, b> / (max(|a|, 1e-7) max(|b|, 1e-7)), clamped to +-1;  theta = acos c
  ///   |sin theta| < 1e-8:  (1 - t) a + t b   (no fall-back: this is its limit)
  ///   else:                sin((1 - t) theta) / sin theta a + sin(t theta) / sin theta b
  ///
  /// t[count]; vectors is a sinter_vectors. a[...], b[...] (, base[...]) -> out[...]. Source:
  /// mergekit's
  /// nuslerp.
  /// ```
  public static int sinter_nuslerp(
      MemorySegment stream,
      long count,
      MemorySegment base,
      MemorySegment a,
      MemorySegment b,
      MemorySegment t,
      int vectors,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_nuslerp.HANDLE.invokeExact(
              stream, count, base, a, b, t, vectors, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Average on the sphere of whole tensors: u_i = x_i / (|x_i| + epsilon), m = sum_i w_i u_i,
  /// out = m / |m| sum_i w_i |x_i|.
  ///
  /// inputs[count][models], weights[count][models]; normalize = 1 divides the weights by their sum
  /// (|sum| < 1e-8 is SINTER_INVALID_ARGUMENT). epsilon > 0. Falls back to sum_i w_i x_i where
  /// every
  /// x_i is zero, or |m| < 1e-8 with two models; |m| < 1e-8 with more is SINTER_NUMERIC. Source:
  /// mergekit's multislerp, whose tangent step is zero.
  /// ```
  public static int sinter_multislerp(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      MemorySegment weights,
      int normalize,
      double epsilon,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_multislerp.HANDLE.invokeExact(
              stream,
              count,
              models,
              base,
              inputs,
              weights,
              normalize,
              epsilon,
              out,
              arithmetic,
              error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Karcher (Frechet) mean on the sphere of whole tensors, all of equal weight, times the mean
  /// norm:
  ///
  ///   u_i = x_i / |x_i| where |x_i| > tolerance, the others left out;  a = 1 / number of those
  ///   u = normalised mean of u_i (the first u_i where the mean's norm is below tolerance); repeat
  ///     theta_i = acos <u, u_i>;  T = sum_i a theta_i / sin theta_i (u_i - cos theta_i u), without
  ///     those where theta_i or sin theta_i is below tolerance;  stop where |T| < tolerance;
  ///     u = cos |T| u + sin |T| T / |T|, normalised
  ///   out = u sum_i |x_i| / models
  ///
  /// inputs[count][models]; 1 <= max_iterations; tolerance > 0. Falls back to the mean where no x_i
  /// is
  /// left. Source: Karcher, "Riemannian center of mass", 1977; conventions as mergekit's.
  /// ```
  public static int sinter_karcher(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment inputs,
      int max_iterations,
      double tolerance,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_karcher.HANDLE.invokeExact(
              stream, count, models, inputs, max_iterations, tolerance, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Model stock: out = base + t mean_i (x_i - base), t = N c / (1 + (N - 1) c), c the mean cosine
  /// of the
  /// pairs of differences (norm product clamped at 1e-6, cosine at +-1).
  ///
  /// base[count], inputs[count][models]; 2 <= models; vectors is SINTER_VECTORS_WHOLE or
  /// SINTER_VECTORS_ROWS. Falls back to t = 0 where |1 + (N - 1) c| < 1e-6. Source: Jang et al.,
  /// "Model
  /// stock: all we need is just a few fine-tuned models", ECCV 2024.
  /// ```
  public static int sinter_model_stock(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      int vectors,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_model_stock.HANDLE.invokeExact(
              stream, count, models, base, inputs, vectors, out, arithmetic, error);
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
  /// Keeps the k = floor(density n) differences of largest magnitude of each tensor and model,
  /// exactly:
  /// of equal magnitudes the lowest index first. density n < 1 keeps one. Takes a statistic. With
  /// selections, a contiguous f64 tensor [count, models, 2] on the stream's device as sinter_select
  /// fills it, those say what is kept and densities may be NULL. rescale is SINTER_RESCALE_NONE or
  /// SINTER_RESCALE_L1. Source: Yadav et al., "TIES-merging", NeurIPS 2023.
  /// ```
  public static int sinter_ties(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      MemorySegment weights,
      MemorySegment densities,
      MemorySegment selections,
      MemorySegment lambda,
      MemorySegment mixture,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_ties.HANDLE.invokeExact(
              stream,
              count,
              models,
              base,
              inputs,
              weights,
              densities,
              selections,
              lambda,
              mixture,
              out,
              arithmetic,
              error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// As sinter_ties, but the g = min(floor(gamma n), n - k) differences of largest magnitude are
  /// dropped
  /// and the next k kept. gammas[count][models], 0 <= gamma <= 1. Source: Davari & Belilovsky,
  /// "Model
  /// breadcrumbs", ECCV 2024.
  /// ```
  public static int sinter_breadcrumbs(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      MemorySegment weights,
      MemorySegment densities,
      MemorySegment gammas,
      MemorySegment lambda,
      MemorySegment mixture,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_breadcrumbs.HANDLE.invokeExact(
              stream,
              count,
              models,
              base,
              inputs,
              weights,
              densities,
              gammas,
              lambda,
              mixture,
              out,
              arithmetic,
              error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Keeps each difference with probability density: where the element's random word (see
  /// sinter_random) is below density 2^32. keys[count][models]. density = 0 keeps none. Source: Yu
  /// et
  /// al., "Language models are super Mario", ICML 2024.
  /// ```
  public static int sinter_dare(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      MemorySegment weights,
      MemorySegment densities,
      MemorySegment keys,
      MemorySegment lambda,
      MemorySegment mixture,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_dare.HANDLE.invokeExact(
              stream,
              count,
              models,
              base,
              inputs,
              weights,
              densities,
              keys,
              lambda,
              mixture,
              out,
              arithmetic,
              error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// As sinter_dare, with a probability for each element: the rank r of its magnitude among the n
  /// of
  /// its row (see sinter_rank) maps linearly onto density - epsilon (r = 0, the smallest) to
  /// density + epsilon (r = n - 1); density itself in rows of one element. epsilons[count][models];
  /// a
  /// probability outside (0, 1) is SINTER_INVALID_ARGUMENT, and density >= 1 keeps all. Takes a
  /// statistic. Workspace: a bit per element and model (a number of the type computed in with
  /// SINTER_RESCALE_DENSITY); on the CPU 24 to 84 bytes per element of the longest row and thread;
  /// on
  /// CUDA devices 4 per element and model (8 where rows are longer than 2^24) and 16 to 32 per
  /// element
  /// of the longest row and block. Source: Deep et al., "DELLA-merging", 2024.
  /// ```
  public static int sinter_della(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      MemorySegment weights,
      MemorySegment densities,
      MemorySegment epsilons,
      MemorySegment keys,
      MemorySegment lambda,
      MemorySegment mixture,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_della.HANDLE.invokeExact(
              stream,
              count,
              models,
              base,
              inputs,
              weights,
              densities,
              epsilons,
              keys,
              lambda,
              mixture,
              out,
              arithmetic,
              error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Select, calculate, erase: with d_i = x_i - base,
  ///
  ///   select:     where topk < 1, keep the floor(m topk) positions of largest population variance
  /// over
  ///               the models (ties by index), m the number of positions where it is not zero
  ///   calculate:  v_i = mean of d_i^2 over all positions, dropped ones counting as 0; v_i / sum_i
  /// v_i,
  ///               or equal for all where that sum is below floor
  ///   erase:      model i takes part where d_i has the sign of sum_i d_i (a sum of 0 counts as +);
  ///               zero never does
  ///   out = base + sum_i v_i d_i / max(sum_i v_i, 1e-6), sums over the models that take part
  ///
  /// base[count], inputs[count][models]; topk[count], 0 <= topk; floor is 1e-6 in mergekit's
  /// convention
  /// and 0 in the paper's (only a sum of zero). Takes a statistic. Source: Wan et al., "FuseChat",
  /// 2024.
  /// ```
  public static int sinter_sce(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      MemorySegment topk,
      double floor,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_sce.HANDLE.invokeExact(
              stream, count, models, base, inputs, topk, floor, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Reinforced agent merging: d_i = x_i - base is active where |d_i| > epsilon (or is NaN); out =
  /// base +
  /// the mean of the active d_i, or base where none is. base[count], inputs[count][models];
  /// 0 <= epsilon. Source: Yuan et al., "Behavior knowledge merge in reinforced agentic models",
  /// 2026.
  /// ```
  public static int sinter_ram(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      double epsilon,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_ram.HANDLE.invokeExact(
              stream, count, models, base, inputs, epsilon, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// As sinter_ram, but where only d_i is active it is multiplied by 1 + r clamp(rho_i, 0, alpha),
  /// rho_i =
  /// shared_i / max(unique_i, epsilon): of the positions of the tensor where d_i is active, those
  /// where
  /// others are too, and those where none is. Takes a statistic (counts; non-finite elements are
  /// active
  /// and no error).
  /// ```
  public static int sinter_ramplus_tl(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      double epsilon,
      double r,
      double alpha,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_ramplus_tl.HANDLE.invokeExact(
              stream, count, models, base, inputs, epsilon, r, alpha, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Consensus task arithmetic: the sum of the task vectors, where enough models find it of use.
  /// With d_i = x_i - base,
  ///
  ///   t_i = w_i d_i;  m = 0 + t_1 + t_2 + ..., in the models' order
  ///   model i finds the element important where |t_i| >= lambda_t_i |m - t_i|
  ///   out = fma(lambda, m, base) where `threshold` models or more do and m is not 0, else base
  ///
  /// where products and differences are rounded one by one. A difference that is not finite is
  /// never
  /// dropped unseen: m is not finite then, and where m is not (it may overflow, too) out is NaN.
  ///
  /// base[count], inputs[count][models], weights[count][models], lambda_t[count][models],
  /// lambda[count];
  /// 1 <= threshold <= models, 0 <= lambda_t; the paper's are weights of 1, a threshold of 2 and
  /// lambda_t
  /// from 0.2 to 0.6. Source: Wang et al., "Localizing task information for improved model merging
  /// and
  /// compression", ICML 2024.
  /// ```
  public static int sinter_consensus_ta(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      MemorySegment weights,
      MemorySegment lambda_t,
      int threshold,
      MemorySegment lambda,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_consensus_ta.HANDLE.invokeExact(
              stream,
              count,
              models,
              base,
              inputs,
              weights,
              lambda_t,
              threshold,
              lambda,
              out,
              arithmetic,
              error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Arcee fusion: keeps the differences d = x - base that matter,
  ///
  ///   importance = |d| KL(p, q) per row along the last axis, KL = sum p log(p / q),
  ///                p = softmax(x) + 1e-8, q = softmax(base) + 1e-8
  ///   out = base + d where importance >= median + 1.5 (q3 - q1), else base
  ///
  /// quartiles as sinter_quantile's of the tensor's importances. Takes a statistic.
  /// base[count], x[count]. exp and log are this library's own, within 2 units in the last place.
  /// Source: mergekit's arcee_fusion, with exact quantiles.
  /// ```
  public static int sinter_arcee_fusion(
      MemorySegment stream,
      long count,
      MemorySegment base,
      MemorySegment x,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_arcee_fusion.HANDLE.invokeExact(stream, count, base, x, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// state = fma(w g, g, state): adds an example's squared gradients. Give gradients of one example
  /// each:
  /// the square of a batch's gradient is no Fisher information. w is 1, or p(y | x) for the exact
  /// Fisher
  /// information, where all y take their turn.
  ///
  /// gradients[count], any dtype; weights[count] >= 0; state[count], f32 or f64, of their shapes,
  /// in place.
  /// A state of f32 and gradients of f64 are computed in float64. A gradient that is not finite
  /// makes the
  /// element of the state not finite, for good: refusing it first would cost a second pass over the
  /// gradients. counts (or NULL; see sinter_arithmetic) tells at once, sinter_fisher_statistics at
  /// the
  /// end.
  /// ```
  public static int sinter_fisher_accumulate(
      MemorySegment stream,
      long count,
      MemorySegment gradients,
      MemorySegment weights,
      MemorySegment state,
      MemorySegment counts,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_fisher_accumulate.HANDLE.invokeExact(
              stream, count, gradients, weights, state, counts, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// state = state / examples, divided in float64, in place; state[count], f32 or f64. 1 <=
  /// examples.
  /// ```
  public static int sinter_fisher_finish(
      MemorySegment stream, long count, MemorySegment state, long examples, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_fisher_finish.HANDLE.invokeExact(stream, count, state, examples, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[k] = (sum of elements, sum of their squares, negative elements, elements that are not
  /// finite),
  /// a canonical reduction (see there); in[count] -> out f64[count, 4], contiguous. For a whole
  /// model add
  /// the tensors' results in their order, beginning at 0: mean = sum / n, rms = sqrt(squares / n).
  /// ```
  public static int sinter_fisher_statistics(
      MemorySegment stream, long count, MemorySegment in, MemorySegment out, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_fisher_statistics.HANDLE.invokeExact(stream, count, in, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Mean of models, weighted by their Fisher information: out = sum_i v_i x_i / sum_i v_i,
  /// v_i = w_i (max(F_i scale_i, floor) + epsilon), computed model by model as
  ///
  ///   m = x_1, s = v_1;  then s = s + v_i, m = lerp(m, x_i, t), t = v_i / s
  ///                      (while s is 0: t = w_i / (w_1 + ... + w_i))
  ///
  /// so that equal elements stay what they are, and where all F are zero or equal this is the mean
  /// by the
  /// weights: never NaN. With scale_i = 2^e r, v_i = (w_i r) min(max(F_i 2^e, floor / r) + epsilon
  /// / r, M);
  /// w_i is divided by the sum of the weights, and multiplied by r, in float64.
  ///
  /// inputs[count][models], fisher[count][models], weights[count][models] >= 0, their sum above 0;
  /// scales[models] >= 0, the same for all tensors: 1 / rms of the model's whole F, or 0 where that
  /// is 0,
  /// or 1 for no normalisation. 0 <= floor (1e-6 with such scales), 0 <= epsilon. Source: Matena
  /// and
  /// Raffel, "Merging models with Fisher-weighted averaging", NeurIPS 2022.
  /// ```
  public static int sinter_fisher_merge(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment inputs,
      MemorySegment fisher,
      MemorySegment weights,
      MemorySegment scales,
      double floor,
      double epsilon,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_fisher_merge.HANDLE.invokeExact(
              stream,
              count,
              models,
              inputs,
              fisher,
              weights,
              scales,
              floor,
              epsilon,
              out,
              arithmetic,
              error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Backward-compatible weight interpolation: out = lerp(m, old, alpha) (see sinter_lerp), m the
  /// mean of
  /// new models: m = x_1, then m = fma(1 / i, x_i - m, m). One new model is sinter_lerp; several
  /// are
  /// SoupBCWI.
  ///
  /// old[count], updated[count][models]; alpha[count], any finite number: 0 is the new models'
  /// (copied if
  /// there is one; old is not looked at), 1 copies the old. Source: Schumann et al., "Backward
  /// compatibility during data updates by weight interpolation", EACL 2024.
  /// ```
  public static int sinter_bcwi(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment old,
      MemorySegment updated,
      MemorySegment alpha,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_bcwi.HANDLE.invokeExact(
              stream, count, models, old, updated, alpha, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// As sinter_bcwi, with a weight for each element by the old model's Fisher information:
  ///
  ///   x = a F / mean;  w = x / (x + (1 - a)), a = alpha;  out = lerp(m, old, w)
  ///
  /// with mean = 2^e r computed as q = fma(-a, r, r), y = min(max(F 2^-e, 0), M min(q, 1)),
  /// w = a (y / fma(a, y, q)). F that is the same everywhere gives exactly sinter_bcwi; F of 0, the
  /// new
  /// model. A mean of 0 (F is 0 all over) counts as F = mean = 1. Where rounding makes a 1 and
  /// alpha is
  /// not, q is (1 - alpha) r. It is raised to the smallest normal number.
  ///
  /// fisher[count] is the old model's; mean[count] >= 0 its mean, over all parameters of the model;
  /// alpha[count] from 0 to 1: outside, the weight has a pole.
  /// ```
  public static int sinter_fisher_bcwi(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment old,
      MemorySegment updated,
      MemorySegment fisher,
      MemorySegment mean,
      MemorySegment alpha,
      MemorySegment out,
      MemorySegment arithmetic,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_fisher_bcwi.HANDLE.invokeExact(
              stream, count, models, old, updated, fisher, mean, alpha, out, arithmetic, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Rows along axis 0 by a map of classes: out's row r = old's row rows[r], or updated's row r
  /// where
  /// rows[r] is -1: bytes are kept. For a head that has grown: interpolation then leaves new
  /// classes as
  /// the new model has them.
  ///
  /// old[count][m, ...], updated[count][classes, ...] -> out[count][classes, ...], of one dtype,
  /// whose
  /// other dimensions are equal; out may be updated, and is apart from old. rows[classes], from -1
  /// to
  /// below m of every tensor, the same for all of them. updated may be NULL: its rows are then 0.
  /// ```
  public static int sinter_class_rows(
      MemorySegment stream,
      long count,
      MemorySegment old,
      MemorySegment updated,
      long classes,
      MemorySegment rows,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_class_rows.HANDLE.invokeExact(
              stream, count, old, updated, classes, rows, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// What keeps exactly the k elements of largest magnitude: out[i] = (threshold, cutoff); an
  /// element is
  /// kept where its magnitude is above the threshold, or equals it and its index is below the
  /// cutoff.
  /// So of equal magnitudes the lowest indices are kept. Magnitudes are of in, or, with base not
  /// NULL,
  /// of the differences in - base.
  ///
  /// in[count][...] (, base[count][...]) -> out f64[count, 2], contiguous. 0 <= k[i] <= elements; k
  /// = 0
  /// gives (infinity, 0). joint = 1: the tensors of the batch are one sequence in their order, k
  /// has one
  /// number for all, and the threshold is the same for each. Workspace: at most a
  /// twentieth of the inputs.
  /// ```
  public static int sinter_select(
      MemorySegment stream,
      long count,
      MemorySegment base,
      MemorySegment in,
      MemorySegment k,
      int joint,
      int dtype,
      int delta_dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_select.HANDLE.invokeExact(
              stream, count, base, in, k, joint, dtype, delta_dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Lower quantiles of the values themselves: out[i][j] = the element at index floor(q[j] (n - 1))
  /// of
  /// in[i] in ascending order (-0 before +0). 1 <= quantiles, 0 <= q[quantiles] <= 1;
  /// in[count][...] -> out f64[count, quantiles], contiguous. A tensor without elements gives NaN.
  /// ```
  public static int sinter_quantile(
      MemorySegment stream,
      long count,
      MemorySegment in,
      int quantiles,
      MemorySegment q,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_quantile.HANDLE.invokeExact(stream, count, in, quantiles, q, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[...] = the number of elements in in[...]'s row that are of smaller magnitude, or equal and
  /// of
  /// lower index: a permutation of 0 .. n - 1 in each row. Rows run along axis 1; a tensor of rank
  /// 0 or
  /// 1 is one row. in[count], any dtype -> out[count], f64, or f32 where rows have at most 2^24
  /// elements; of in's shape.
  /// ```
  public static int sinter_rank(
      MemorySegment stream,
      long count,
      MemorySegment in,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_rank.HANDLE.invokeExact(stream, count, in, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// One block of Philox4x32-10: words[4] from a counter (its 128 bits, low half first) and a key.
  /// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
  /// ```
  public static int sinter_philox(
      long counter_low, long counter_high, long key, MemorySegment words, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_philox.HANDLE.invokeExact(counter_low, counter_high, key, words, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[i] = word i / 2^32, where word i is word (i mod 4) of the block with counter i div 4 and
  /// the
  /// tensor's key: uniform on [0, 1) for f64 outputs, rounded for others. The methods that drop at
  /// random use the same words. For a key that depends on what is merged and not on where, take the
  /// first 8 bytes, as a little-endian number, of SHA-256(seed as 8 bytes, model's position as 4,
  /// both
  /// little-endian, name of the output tensor in UTF-8). keys[count]; out[count], any dtype.
  /// ```
  public static int sinter_random(
      MemorySegment stream,
      long count,
      MemorySegment keys,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_random.HANDLE.invokeExact(stream, count, keys, out, error);
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
  /// All inner products of a batch entry's models, in one pass: out[k][v][i][j] = <x_i, x_j> over
  /// vector v.
  /// The x_i are the models' elements, or, with base not NULL, their differences from base.
  /// inputs[count][models] (, base[count]) -> out[count], each f64 [vectors, models, models],
  /// contiguous; vectors is a sinter_vectors, and WHOLE is one. An element's index is that within
  /// its
  /// vector.
  /// ```
  public static int sinter_gram(
      MemorySegment stream,
      long count,
      int models,
      MemorySegment base,
      MemorySegment inputs,
      int vectors,
      int dtype,
      int delta_dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_gram.HANDLE.invokeExact(
              stream, count, models, base, inputs, vectors, dtype, delta_dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// The sums of the elements' first four powers: in[count] -> out f64[count, 4], contiguous. x^2
  /// is
  /// rounded, x^3 is x^2 x and x^4 is x^2 x^2.
  /// ```
  public static int sinter_moments(
      MemorySegment stream,
      long count,
      MemorySegment in,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_moments.HANDLE.invokeExact(stream, count, in, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// How many elements are (finite, infinite, NaN, of magnitude above threshold[k]): in[count] ->
  /// out f64[count, 4], contiguous. 0 <= threshold; NaN is above none.
  /// ```
  public static int sinter_count(
      MemorySegment stream,
      long count,
      MemorySegment in,
      MemorySegment threshold,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_count.HANDLE.invokeExact(stream, count, in, threshold, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// out[k] = sum of in[k] where mask[k] is not 0 (elsewhere nothing is added, NaN neither);
  /// in[count], mask[count] -> out f64[count], contiguous. A weighted sum is sinter_dot.
  /// ```
  public static int sinter_masked_sum(
      MemorySegment stream,
      long count,
      MemorySegment in,
      MemorySegment mask,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_masked_sum.HANDLE.invokeExact(stream, count, in, mask, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// What each chunk of 4096 elements is like, in one pass, for callers that stream a tensor.
  /// out[k][c] =
  ///
  ///   the least and the greatest finite element of chunk c, -0 below +0 (infinity and -infinity
  /// where
  ///   there is none); the sum of squares; the number of elements that are not finite
  ///   and, with base not NULL: the sum of the squares of in - base, differences rounded once to
  /// float32
  ///   (float64 where one of both tensors is that); the number of elements whose bits are not those
  /// of
  ///   base, cast to in's dtype where base has another
  ///
  /// A tensor's are the least, the greatest, and the sums (by sinter_sum for the canonical order)
  /// of its
  /// chunks'. in[count] (, base[count]) -> out[count], each f64, contiguous, [chunks, 4] or
  /// [chunks, 6];
  /// chunks = ceil(elements / 4096). No workspace.
  /// ```
  public static int sinter_chunk_statistics(
      MemorySegment stream,
      long count,
      MemorySegment in,
      MemorySegment base,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_chunk_statistics.HANDLE.invokeExact(stream, count, in, base, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// sinter_sum, sinter_norm and sinter_dot of each row along the last axis (a scalar is one row of
  /// one): in[count][..., n] -> out[count], each f64, contiguous, of in's shape without its last
  /// dimension. The order is that of a tensor with the row's elements.
  /// ```
  public static int sinter_row_sum(
      MemorySegment stream,
      long count,
      MemorySegment in,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_row_sum.HANDLE.invokeExact(stream, count, in, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  public static int sinter_row_norm(
      MemorySegment stream,
      long count,
      MemorySegment in,
      int kind,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_row_norm.HANDLE.invokeExact(stream, count, in, kind, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  public static int sinter_row_dot(
      MemorySegment stream,
      long count,
      MemorySegment a,
      MemorySegment b,
      int dtype,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_row_dot.HANDLE.invokeExact(stream, count, a, b, dtype, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Counts what becomes of the examples, given both models' predictions; old_predictions[count],
  /// new_predictions[count]. All measures follow from totals: accuracy, negative and positive flip
  /// rate,
  /// and so on (see io.sinter.ops.Compatibility). Counts are exact. Source: Yan et al.,
  /// "Positive-congruent training", CVPR 2021.
  /// ```
  public static int sinter_flips(
      MemorySegment stream,
      MemorySegment examples,
      MemorySegment old_predictions,
      MemorySegment new_predictions,
      MemorySegment table,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_flips.HANDLE.invokeExact(
              stream, examples, old_predictions, new_predictions, table, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// sinter_flips of the predictions that the logits make: for each row the index of its largest
  /// element,
  /// the lowest of equal ones (-0 equals 0). old_logits, new_logits [count, classes], any dtypes,
  /// read
  /// once. A NaN in a row is SINTER_NUMERIC; infinities are numbers like others.
  /// ```
  public static int sinter_logit_flips(
      MemorySegment stream,
      MemorySegment examples,
      MemorySegment old_logits,
      MemorySegment new_logits,
      MemorySegment table,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_logit_flips.HANDLE.invokeExact(
              stream, examples, old_logits, new_logits, table, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Graded answers: each example has a score S from 0 (wrong) to 1 (right) for each model, and
  /// changes by
  /// D = S_new - S_old, computed in float64. out f64[4], contiguous: the number of examples with D
  /// > 0, the
  /// number with D < 0, the sum of D over the former, the sum of -D over the latter; sums are
  /// canonical
  /// reductions of all examples, the others counting 0. old_scores[n], new_scores[n], any dtypes, 1
  /// <= n.
  /// A score outside [0, 1], NaN too, is SINTER_NUMERIC. Workspace: 16 bytes per example.
  /// ```
  public static int sinter_score_changes(
      MemorySegment stream,
      MemorySegment old_scores,
      MemorySegment new_scores,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_score_changes.HANDLE.invokeExact(stream, old_scores, new_scores, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// The MUSCLE compatibility loss of logits z, and its gradient: per example the divergence from
  /// the old
  /// model where m = 1 (see sinter_loss_mask), else from the new one, plus cross-entropy;
  ///
  ///   q = softmax(z_old / T) where m = 1, else softmax(z_new / T);  p = softmax(z / T)
  ///   loss = 1/n sum_i [KL(q_i || p_i) + lambda (-log softmax(z_i)[y_i])]
  ///   gradient_i = [(p_i - q_i) / T + lambda (softmax(z_i) - onehot(y_i))] / n
  ///
  /// There is no factor T^2, the mask is constant in the gradient, and log-sum-exp is taken
  /// relative to
  /// the largest element. Rows with the label -100 are left out, of n too, and have gradient 0;
  /// without
  /// any other, all results are 0.
  ///
  /// old_logits, new_logits, logits [rows, classes], any dtypes; labels[rows], 0 to classes - 1 or
  /// -100;
  /// loss f64[5], contiguous: the loss, its mean divergence, its mean cross-entropy (without
  /// lambda; 0 where
  /// lambda is), the share of m = 1, and n. gradient may be NULL, else it has the shape of logits,
  /// any dtype, and
  /// overlaps no input. Everything is computed in float64, with this library's own exp and log
  /// (within 2
  /// units in the last place), sums in the order of canonical reductions, and rounded once to the
  /// gradient's dtype. A logit that is NaN or +infinity, or a row of nothing but -infinity, is
  /// SINTER_NUMERIC where the row is read (the teacher that is not chosen is not). Workspace: 16
  /// bytes
  /// per row. Source: Echterhoff et al., "MUSCLE: a model update strategy for compatible LLM
  /// evolution",
  /// EMNLP 2024.
  /// ```
  public static int sinter_compatibility_loss(
      MemorySegment stream,
      MemorySegment old_logits,
      MemorySegment new_logits,
      MemorySegment logits,
      MemorySegment labels,
      MemorySegment options,
      MemorySegment loss,
      MemorySegment gradient,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_compatibility_loss.HANDLE.invokeExact(
              stream, old_logits, new_logits, logits, labels, options, loss, gradient, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Paired bootstrap of flips: out[j][r] = measure[j] of resample r, which is N examples drawn
  /// with
  /// replacement from the N that counts describes. Percentile intervals are quantiles of its rows
  /// (sinter_quantile).
  ///
  /// Examples of one outcome are alike, so a resample is one multinomial draw, and is drawn as
  /// such: the
  /// outcomes in their order, each binomial given those before it. Binomials are exact but for
  /// float64's
  /// rounding of probabilities: by inversion where the mean (of successes or failures, whichever
  /// are
  /// fewer) is below 10, else by Hormann's transformed rejection (BTRS, 1993), with uniform numbers
  /// of 53
  /// bits. The time does not depend on N. Resample r takes its words in order from Philox blocks
  /// with the
  /// counter (0, 1, ...; r) and the key: it is a function of counts, key and r.
  ///
  /// counts[SINTER_OUTCOMES] and measures[count] (sinter_measure) are host arrays; 0 <= each count,
  /// 1 <=
  /// their sum <= 2^31. out f64[count, resamples], contiguous. Source: Efron & Tibshirani, "An
  /// introduction to the bootstrap", 1993.
  /// ```
  public static int sinter_flip_bootstrap(
      MemorySegment stream,
      MemorySegment counts,
      long resamples,
      long key,
      int count,
      MemorySegment measures,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_flip_bootstrap.HANDLE.invokeExact(
              stream, counts, resamples, key, count, measures, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// The same of graded answers: out[j][r] = measures[j] (sinter_score_measure) of resample r,
  /// whose n
  /// examples are drawn one by one: time and randomness grow with n * resamples. Draw j of resample
  /// r is
  /// uniform on 0 .. n - 1, exactly (words that would favour some are drawn again), from the word
  /// of
  /// element j of sinter_random with a key of the resample's own, the first two words of the Philox
  /// block
  /// with counter (r, 1). Changes D are rounded, away from 0 where they would be 0, to multiples of
  /// 2^-b,
  /// b = 62 - ceil(log2 n), so that sums are exact in any order.
  ///
  /// old_scores[n], new_scores[n], as in sinter_score_changes, n < 2^31; measures[count] is a host
  /// array.
  /// out f64[count, resamples], contiguous. Workspace: 8 bytes per example.
  /// ```
  public static int sinter_score_bootstrap(
      MemorySegment stream,
      MemorySegment old_scores,
      MemorySegment new_scores,
      long resamples,
      long key,
      int count,
      MemorySegment measures,
      MemorySegment out,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_score_bootstrap.HANDLE.invokeExact(
              stream, old_scores, new_scores, resamples, key, count, measures, out, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// McNemar's exact test of whether both models are equally often right: *p = min(1, 2 P(X <=
  /// min(negative, positive))), X binomial with negative + positive trials and probability 1/2; 1
  /// where
  /// there are no flips. 0 <= negative, positive <= 2^31. Computed on the host with this library's
  /// own
  /// arithmetic, within 1e-12 of its value (0 below the smallest normal number). Source: McNemar,
  /// 1947.
  /// ```
  public static int sinter_mcnemar(
      long negative, long positive, MemorySegment p, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_mcnemar.HANDLE.invokeExact(negative, positive, p, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Linear assignment, exact: a column for each row, all different, such that the sum of their
  /// costs is
  /// the smallest possible, or with maximize = 1 the largest.
  ///
  /// problems[count], of any sizes; rows + columns < 2^31. Costs are finite, and of magnitude
  /// 2^1000 at
  /// most. Where several solutions are optimal, which one is returned depends on the device; a
  /// unique
  /// one is the same on all.
  ///
  /// The duals prove it, in float64: u_i is the smallest c_ij - v_j over all columns (so that no
  /// solution costs less than sum u + sum v), v_j <= 0, and 0 for columns without a row (square
  /// problems:
  /// any v). The gap is the sum of c_ij - u_i - v_j over the solution, at most 1e-6 times the
  /// spread for
  /// any number of rows; 1e-12 times is usual. With maximize all signs turn: u_i is the largest,
  /// v_j >= 0.
  ///
  /// SINTER_NUMERIC names row and column of a cost that is not finite or too large: from the call
  /// on the
  /// CPU, from the next synchronize elsewhere. What was written then means nothing.
  ///
  /// On a CUDA device a problem of 2^18 costs or more, if it is a good part of the batch, has the
  /// whole
  /// device, and the others have a block each, all at once. Nothing is moved to another device: of
  /// fewer
  /// than some 1000 rows, one problem alone is better given to a CPU stream.
  ///
  /// Workspace: on the CPU up to 600 bytes per row and 250 per column of the largest problem, for
  /// each
  /// thread; elsewhere 32 bytes per row, 44 per column and 256 of every problem. Sources: Jonker &
  /// Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
  /// problems",
  /// Computing 1987; Bertsekas, "The auction algorithm", Annals of Operations Research 1988.
  /// ```
  public static int sinter_assign(
      MemorySegment stream, long count, MemorySegment problems, int maximize, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_assign.HANDLE.invokeExact(stream, count, problems, maximize, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Loads OpenBLAS from a file, before the first product. A file that is loaded already is fine;
  /// another
  /// one then is SINTER_INVALID_ARGUMENT, and one that is no OpenBLAS SINTER_UNSUPPORTED.
  /// ```
  public static int sinter_products_load(MemorySegment path, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_products_load.HANDLE.invokeExact(path, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Loads the library of a device's products, if need be, and describes it.
  /// ```
  public static int sinter_products_properties(
      int device, MemorySegment info, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_products_properties.HANDLE.invokeExact(device, info, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// c[m, n] = alpha op(a)[m, k] op(b)[k, n] + beta c, op(x) being x, or its transpose where its
  /// flag is 1;
  /// c is not read where beta = 0. a and b of other dtypes or layouts are converted to c's dtype as
  /// by
  /// sinter_cast, by pieces of k: f16 and bf16 exactly. c is apart from both. Workspace: none, or
  /// for
  /// converted operands what holds 64 of k, up to 64 MiB more.
  /// ```
  public static int sinter_gemm(
      MemorySegment stream,
      int transpose_a,
      int transpose_b,
      double alpha,
      MemorySegment a,
      MemorySegment b,
      double beta,
      MemorySegment c,
      MemorySegment error) {
    Library.require();
    try {
      return (int)
          sinter_gemm.HANDLE.invokeExact(
              stream, transpose_a, transpose_b, alpha, a, b, beta, c, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// c[n, n] = alpha op(a)[n, k] op(a)^T + beta c: sinter_gemm of a matrix with its own transpose,
  /// in half
  /// the time. Both triangles are written, equal; of c the lower one is read where beta is not 0.
  /// ```
  public static int sinter_syrk(
      MemorySegment stream,
      int transpose_a,
      double alpha,
      MemorySegment a,
      double beta,
      MemorySegment c,
      MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_syrk.HANDLE.invokeExact(stream, transpose_a, alpha, a, beta, c, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Cholesky's factor of a symmetric positive definite matrix, in place: the lower triangle of
  /// a[n, n]
  /// becomes that of l, a = l l^T; the upper one is neither read nor written. A matrix that is not
  /// positive
  /// definite is SINTER_NUMERIC, naming the order of the first leading minor that is not; a then
  /// means
  /// nothing.
  /// ```
  public static int sinter_cholesky(MemorySegment stream, MemorySegment a, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_cholesky.HANDLE.invokeExact(stream, a, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Solves l l^T x = b, in place: b[n, r] becomes x; l[n, n] is sinter_cholesky's.
  /// ```
  public static int sinter_cholesky_solve(
      MemorySegment stream, MemorySegment l, MemorySegment b, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_cholesky_solve.HANDLE.invokeExact(stream, l, b, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Least squares by QR: the first n rows of b[m, r] become the x[n, r] for which each column of a
  /// x - b is
  /// smallest; a[m, n], n <= m, of full rank (an exact 0 on its triangle's diagonal is
  /// SINTER_NUMERIC). What
  /// is left in a and in the other rows of b means nothing.
  /// ```
  public static int sinter_least_squares(
      MemorySegment stream, MemorySegment a, MemorySegment b, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_least_squares.HANDLE.invokeExact(stream, a, b, error);
    } catch (Throwable thrown) {
      throw Downcalls.unchecked(thrown);
    }
  }

  /// ```text
  /// Eigenvalues, rising, and eigenvectors of a symmetric matrix: values[n], of a's dtype; row i of
  /// a[n, n]
  /// becomes the vector of values[i], of length 1. The lower triangle is read.
  /// ```
  public static int sinter_eigen(
      MemorySegment stream, MemorySegment a, MemorySegment values, MemorySegment error) {
    Library.require();
    try {
      return (int) sinter_eigen.HANDLE.invokeExact(stream, a, values, error);
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
    /// If not NULL: a contiguous f64 tensor [count, 3] on the stream's device. For each output
    /// tensor
    /// it receives the number of non-finite elements written; of finite or infinite results that a
    /// float8 output saturated; and of vectors (1 for a whole tensor) for which the method fell
    /// back
    /// to what its comment states. Overwritten, not added to.
    /// ```
    public static MemorySegment counts(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_COUNTS);
    }

    /// ```text
    /// If not NULL: a contiguous f64 tensor [count, 3] on the stream's device. For each output
    /// tensor
    /// it receives the number of non-finite elements written; of finite or infinite results that a
    /// float8 output saturated; and of vectors (1 for a whole tensor) for which the method fell
    /// back
    /// to what its comment states. Overwritten, not added to.
    /// ```
    public static void counts(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_COUNTS, value);
    }
  }

  /// ```text
  /// With d_i the kept differences x_i - base (0 where dropped), rescaled:
  ///
  ///   consensus:  s = sign of sum_i w_i d_i (0 counts as +), or, plain_election, of sum_i d_i;
  /// model i
  ///               takes part where w_i d_i (plain_election: d_i) has that sign; zero never does
  ///   mixture:    sum_i w_i d_i over the models that take part (without consensus: that keep the
  ///               element), divided, if normalize, by their sum_i w_i (by 1 where that is 0)
  ///   out:        fma(lambda, mixture, base)
  ///
  /// Sums run in the models' order. A difference that is not finite is never dropped unseen: it
  /// makes
  /// the output NaN. All fields but struct_size may be zero.
  /// ```
  public static final class sinter_mixture {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_INT.withName("consensus"),
            JAVA_INT.withName("plain_election"),
            JAVA_INT.withName("normalize"),
            JAVA_INT.withName("rescale"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_CONSENSUS = offset("consensus");
    private static final long AT_PLAIN_ELECTION = offset("plain_election");
    private static final long AT_NORMALIZE = offset("normalize");
    private static final long AT_RESCALE = offset("rescale");

    private sinter_mixture() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_mixture), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_mixture), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// 1: sign consensus.
    /// ```
    public static int consensus(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_CONSENSUS);
    }

    /// ```text
    /// 1: sign consensus.
    /// ```
    public static void consensus(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_CONSENSUS, value);
    }

    /// ```text
    /// 1: the sign is elected without weights.
    /// ```
    public static int plain_election(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_PLAIN_ELECTION);
    }

    /// ```text
    /// 1: the sign is elected without weights.
    /// ```
    public static void plain_election(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_PLAIN_ELECTION, value);
    }

    /// ```text
    /// 1: divide by the weights of the models that take part.
    /// ```
    public static int normalize(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_NORMALIZE);
    }

    /// ```text
    /// 1: divide by the weights of the models that take part.
    /// ```
    public static void normalize(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_NORMALIZE, value);
    }

    /// ```text
    /// A sinter_rescale.
    /// ```
    public static int rescale(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_RESCALE);
    }

    /// ```text
    /// A sinter_rescale.
    /// ```
    public static void rescale(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_RESCALE, value);
    }
  }

  /// ```text
  /// The examples that two models answered.
  /// ```
  public static final class sinter_examples {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_LONG.withName("count"),
            JAVA_INT.withName("classes"),
            JAVA_INT.withName("groups"),
            ADDRESS.withName("labels"),
            ADDRESS.withName("group_of"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_COUNT = offset("count");
    private static final long AT_CLASSES = offset("classes");
    private static final long AT_GROUPS = offset("groups");
    private static final long AT_LABELS = offset("labels");
    private static final long AT_GROUP_OF = offset("group_of");

    private sinter_examples() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_examples), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_examples), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// How many; 1 or more.
    /// ```
    public static long count(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_COUNT);
    }

    /// ```text
    /// How many; 1 or more.
    /// ```
    public static void count(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_COUNT, value);
    }

    /// ```text
    /// Labels and predictions are 0 to classes - 1.
    /// ```
    public static int classes(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_CLASSES);
    }

    /// ```text
    /// Labels and predictions are 0 to classes - 1.
    /// ```
    public static void classes(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_CLASSES, value);
    }

    /// ```text
    /// Groups are 0 to groups - 1; 0 where group_of is NULL.
    /// ```
    public static int groups(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_GROUPS);
    }

    /// ```text
    /// Groups are 0 to groups - 1; 0 where group_of is NULL.
    /// ```
    public static void groups(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_GROUPS, value);
    }

    /// ```text
    /// [count]
    /// ```
    public static MemorySegment labels(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_LABELS);
    }

    /// ```text
    /// [count]
    /// ```
    public static void labels(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_LABELS, value);
    }

    /// ```text
    /// [count], or NULL: any partition of the examples, such as those that the old model was
    /// trained on
    /// and the others.
    /// ```
    public static MemorySegment group_of(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_GROUP_OF);
    }

    /// ```text
    /// [count], or NULL: any partition of the examples, such as those that the old model was
    /// trained on
    /// and the others.
    /// ```
    public static void group_of(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_GROUP_OF, value);
    }
  }

  /// ```text
  /// Where results go: on the stream's device, overwritten, each NULL where it is not asked for.
  /// ```
  public static final class sinter_flip_table {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            ADDRESS.withName("totals"),
            ADDRESS.withName("by_class"),
            ADDRESS.withName("by_group"),
            ADDRESS.withName("old_to_new"),
            ADDRESS.withName("label_to_old"),
            ADDRESS.withName("label_to_new"),
            ADDRESS.withName("old_predictions"),
            ADDRESS.withName("new_predictions"),
            ADDRESS.withName("outcomes"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_TOTALS = offset("totals");
    private static final long AT_BY_CLASS = offset("by_class");
    private static final long AT_BY_GROUP = offset("by_group");
    private static final long AT_OLD_TO_NEW = offset("old_to_new");
    private static final long AT_LABEL_TO_OLD = offset("label_to_old");
    private static final long AT_LABEL_TO_NEW = offset("label_to_new");
    private static final long AT_OLD_PREDICTIONS = offset("old_predictions");
    private static final long AT_NEW_PREDICTIONS = offset("new_predictions");
    private static final long AT_OUTCOMES = offset("outcomes");

    private sinter_flip_table() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_flip_table), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_flip_table), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// [SINTER_OUTCOMES]: examples of each outcome.
    /// ```
    public static MemorySegment totals(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_TOTALS);
    }

    /// ```text
    /// [SINTER_OUTCOMES]: examples of each outcome.
    /// ```
    public static void totals(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_TOTALS, value);
    }

    /// ```text
    /// [classes][SINTER_OUTCOMES]: the same by label.
    /// ```
    public static MemorySegment by_class(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_BY_CLASS);
    }

    /// ```text
    /// [classes][SINTER_OUTCOMES]: the same by label.
    /// ```
    public static void by_class(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_BY_CLASS, value);
    }

    /// ```text
    /// [groups][SINTER_OUTCOMES]: the same by group.
    /// ```
    public static MemorySegment by_group(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_BY_GROUP);
    }

    /// ```text
    /// [groups][SINTER_OUTCOMES]: the same by group.
    /// ```
    public static void by_group(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_BY_GROUP, value);
    }

    /// ```text
    /// [classes][classes]: examples by (old prediction, new prediction).
    /// ```
    public static MemorySegment old_to_new(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_OLD_TO_NEW);
    }

    /// ```text
    /// [classes][classes]: examples by (old prediction, new prediction).
    /// ```
    public static void old_to_new(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_OLD_TO_NEW, value);
    }

    /// ```text
    /// [classes][classes]: examples by (label, prediction) of either model.
    /// ```
    public static MemorySegment label_to_old(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_LABEL_TO_OLD);
    }

    /// ```text
    /// [classes][classes]: examples by (label, prediction) of either model.
    /// ```
    public static void label_to_old(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_LABEL_TO_OLD, value);
    }

    public static MemorySegment label_to_new(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_LABEL_TO_NEW);
    }

    public static void label_to_new(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_LABEL_TO_NEW, value);
    }

    /// ```text
    /// [count]: the predictions.
    /// ```
    public static MemorySegment old_predictions(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_OLD_PREDICTIONS);
    }

    /// ```text
    /// [count]: the predictions.
    /// ```
    public static void old_predictions(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_OLD_PREDICTIONS, value);
    }

    public static MemorySegment new_predictions(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_NEW_PREDICTIONS);
    }

    public static void new_predictions(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_NEW_PREDICTIONS, value);
    }

    /// ```text
    /// [count] bytes: each example's outcome.
    /// ```
    public static MemorySegment outcomes(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_OUTCOMES);
    }

    /// ```text
    /// [count] bytes: each example's outcome.
    /// ```
    public static void outcomes(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_OUTCOMES, value);
    }
  }

  /// ```text
  /// All fields but struct_size and temperature may be zero.
  /// ```
  public static final class sinter_loss_options {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_DOUBLE.withName("temperature"),
            JAVA_DOUBLE.withName("cross_entropy"),
            JAVA_INT.withName("mask"),
            JAVA_INT.withName("reserved"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_TEMPERATURE = offset("temperature");
    private static final long AT_CROSS_ENTROPY = offset("cross_entropy");
    private static final long AT_MASK = offset("mask");
    private static final long AT_RESERVED = offset("reserved");

    private sinter_loss_options() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_loss_options), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_loss_options), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// T; finite and above 0.
    /// ```
    public static double temperature(MemorySegment array, long index) {
      return array.get(JAVA_DOUBLE, index * SIZE + AT_TEMPERATURE);
    }

    /// ```text
    /// T; finite and above 0.
    /// ```
    public static void temperature(MemorySegment array, long index, double value) {
      array.set(JAVA_DOUBLE, index * SIZE + AT_TEMPERATURE, value);
    }

    /// ```text
    /// lambda, the weight of the cross-entropy; finite and 0 or more.
    /// ```
    public static double cross_entropy(MemorySegment array, long index) {
      return array.get(JAVA_DOUBLE, index * SIZE + AT_CROSS_ENTROPY);
    }

    /// ```text
    /// lambda, the weight of the cross-entropy; finite and 0 or more.
    /// ```
    public static void cross_entropy(MemorySegment array, long index, double value) {
      array.set(JAVA_DOUBLE, index * SIZE + AT_CROSS_ENTROPY, value);
    }

    /// ```text
    /// A sinter_loss_mask.
    /// ```
    public static int mask(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_MASK);
    }

    /// ```text
    /// A sinter_loss_mask.
    /// ```
    public static void mask(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_MASK, value);
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
  }

  /// ```text
  /// One problem, and where its solution goes. All pointers are to the stream's device and aligned
  /// as
  /// their type.
  /// ```
  public static final class sinter_assignment {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            ADDRESS.withName("cost"),
            ADDRESS.withName("start"),
            ADDRESS.withName("column"),
            ADDRESS.withName("u"),
            ADDRESS.withName("v"),
            ADDRESS.withName("results"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_COST = offset("cost");
    private static final long AT_START = offset("start");
    private static final long AT_COLUMN = offset("column");
    private static final long AT_U = offset("u");
    private static final long AT_V = offset("v");
    private static final long AT_RESULTS = offset("results");

    private sinter_assignment() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_assignment), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_assignment), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// [rows, columns], rows <= columns, f32 or f64; elements of a row are neighbours, rows may be
    /// any
    /// step apart.
    /// ```
    public static MemorySegment cost(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_COST);
    }

    /// ```text
    /// [rows, columns], rows <= columns, f32 or f64; elements of a row are neighbours, rows may be
    /// any
    /// step apart.
    /// ```
    public static void cost(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_COST, value);
    }

    /// ```text
    /// [columns], or NULL: what v starts from, such as that of a problem that differs little. Any
    /// numbers lead to an optimum; those that are not finite, or beyond 4.5e8 times the spread over
    /// the
    /// number of rows, count as 0.
    /// ```
    public static MemorySegment start(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_START);
    }

    /// ```text
    /// [columns], or NULL: what v starts from, such as that of a problem that differs little. Any
    /// numbers lead to an optimum; those that are not finite, or beyond 4.5e8 times the spread over
    /// the
    /// number of rows, count as 0.
    /// ```
    public static void start(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_START, value);
    }

    /// ```text
    /// [rows]: each row's column, all different.
    /// ```
    public static MemorySegment column(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_COLUMN);
    }

    /// ```text
    /// [rows]: each row's column, all different.
    /// ```
    public static void column(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_COLUMN, value);
    }

    /// ```text
    /// [rows] and [columns], each may be NULL: the duals. v may be start.
    /// ```
    public static MemorySegment u(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_U);
    }

    /// ```text
    /// [rows] and [columns], each may be NULL: the duals. v may be start.
    /// ```
    public static void u(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_U, value);
    }

    public static MemorySegment v(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_V);
    }

    public static void v(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_V, value);
    }

    /// ```text
    /// [SINTER_ASSIGNMENT_RESULTS], or NULL: see sinter_assignment_result.
    /// ```
    public static MemorySegment results(MemorySegment array, long index) {
      return array.get(ADDRESS, index * SIZE + AT_RESULTS);
    }

    /// ```text
    /// [SINTER_ASSIGNMENT_RESULTS], or NULL: see sinter_assignment_result.
    /// ```
    public static void results(MemorySegment array, long index, MemorySegment value) {
      array.set(ADDRESS, index * SIZE + AT_RESULTS, value);
    }
  }

  /// ```text
  /// Which library computes a device's products.
  /// ```
  public static final class sinter_products_info {
    /// The struct's layout in C.
    public static final StructLayout LAYOUT =
        MemoryLayout.structLayout(
            JAVA_LONG.withName("struct_size"),
            JAVA_INT.withName("device"),
            JAVA_INT.withName("reserved"),
            MemoryLayout.sequenceLayout(512, JAVA_BYTE).withName("library"),
            MemoryLayout.sequenceLayout(256, JAVA_BYTE).withName("detail"));

    private static final long SIZE = LAYOUT.byteSize();
    private static final long AT_STRUCT_SIZE = offset("struct_size");
    private static final long AT_DEVICE = offset("device");
    private static final long AT_RESERVED = offset("reserved");
    private static final long AT_LIBRARY = offset("library");
    private static final long AT_DETAIL = offset("detail");

    private sinter_products_info() {}

    private static long offset(String field) {
      return LAYOUT.byteOffset(PathElement.groupElement(field));
    }

    /// ```text
    /// sizeof(sinter_products_info), set by the caller.
    /// ```
    public static long struct_size(MemorySegment array, long index) {
      return array.get(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE);
    }

    /// ```text
    /// sizeof(sinter_products_info), set by the caller.
    /// ```
    public static void struct_size(MemorySegment array, long index, long value) {
      array.set(JAVA_LONG, index * SIZE + AT_STRUCT_SIZE, value);
    }

    /// ```text
    /// The device.
    /// ```
    public static int device(MemorySegment array, long index) {
      return array.get(JAVA_INT, index * SIZE + AT_DEVICE);
    }

    /// ```text
    /// The device.
    /// ```
    public static void device(MemorySegment array, long index, int value) {
      array.set(JAVA_INT, index * SIZE + AT_DEVICE, value);
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
    /// The file it was loaded from.
    /// ```
    public static String library(MemorySegment array, long index) {
      return array.asSlice(index * SIZE + AT_LIBRARY, 512).getString(0);
    }

    /// ```text
    /// What it says of itself: version, kernels.
    /// ```
    public static String detail(MemorySegment array, long index) {
      return array.asSlice(index * SIZE + AT_DETAIL, 256).getString(0);
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

  private static final class sinter_stream_wrap {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_stream_wrap",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_stream_native {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_stream_native", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
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

  private static final class sinter_nearswap {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_nearswap",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_gather {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_gather",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_gather_lerp {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_gather_lerp",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_nuslerp {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_nuslerp",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS,
                ADDRESS, ADDRESS));
  }

  private static final class sinter_multislerp {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_multislerp",
            FunctionDescriptor.of(
                JAVA_INT,
                ADDRESS,
                JAVA_LONG,
                JAVA_INT,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                JAVA_INT,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS,
                ADDRESS));
  }

  private static final class sinter_karcher {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_karcher",
            FunctionDescriptor.of(
                JAVA_INT,
                ADDRESS,
                JAVA_LONG,
                JAVA_INT,
                ADDRESS,
                JAVA_INT,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS,
                ADDRESS));
  }

  private static final class sinter_model_stock {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_model_stock",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, ADDRESS,
                ADDRESS, ADDRESS));
  }

  private static final class sinter_task_arithmetic {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_task_arithmetic",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_ties {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_ties",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_breadcrumbs {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_breadcrumbs",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_dare {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_dare",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_della {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_della",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_sce {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_sce",
            FunctionDescriptor.of(
                JAVA_INT,
                ADDRESS,
                JAVA_LONG,
                JAVA_INT,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS,
                ADDRESS));
  }

  private static final class sinter_ram {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_ram",
            FunctionDescriptor.of(
                JAVA_INT,
                ADDRESS,
                JAVA_LONG,
                JAVA_INT,
                ADDRESS,
                ADDRESS,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS,
                ADDRESS));
  }

  private static final class sinter_ramplus_tl {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_ramplus_tl",
            FunctionDescriptor.of(
                JAVA_INT,
                ADDRESS,
                JAVA_LONG,
                JAVA_INT,
                ADDRESS,
                ADDRESS,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS,
                ADDRESS));
  }

  private static final class sinter_consensus_ta {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_consensus_ta",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_arcee_fusion {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_arcee_fusion",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_fisher_accumulate {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_fisher_accumulate",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_fisher_finish {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_fisher_finish",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS));
  }

  private static final class sinter_fisher_statistics {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_fisher_statistics",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_fisher_merge {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_fisher_merge",
            FunctionDescriptor.of(
                JAVA_INT,
                ADDRESS,
                JAVA_LONG,
                JAVA_INT,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                JAVA_DOUBLE,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS,
                ADDRESS));
  }

  private static final class sinter_bcwi {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_bcwi",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_fisher_bcwi {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_fisher_bcwi",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_class_rows {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_class_rows",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_select {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_select",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT,
                JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_quantile {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_quantile",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_rank {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_rank",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_philox {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_philox",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
  }

  private static final class sinter_random {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_random",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS));
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

  private static final class sinter_gram {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_gram",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT,
                JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_moments {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_moments",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_count {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_count",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_masked_sum {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_masked_sum",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_chunk_statistics {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_chunk_statistics",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_row_sum {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_row_sum",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_row_norm {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_row_norm",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_row_dot {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_row_dot",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_flips {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_flips",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_logit_flips {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_logit_flips",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_score_changes {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_score_changes",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_compatibility_loss {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_compatibility_loss",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_flip_bootstrap {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_flip_bootstrap",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS,
                ADDRESS));
  }

  private static final class sinter_score_bootstrap {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_score_bootstrap",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS,
                ADDRESS, ADDRESS));
  }

  private static final class sinter_mcnemar {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_mcnemar",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
  }

  private static final class sinter_assign {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_assign",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_INT, ADDRESS));
  }

  private static final class sinter_products_load {
    static final MethodHandle HANDLE =
        Downcalls.handle("sinter_products_load", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_products_properties {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_products_properties",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
  }

  private static final class sinter_gemm {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_gemm",
            FunctionDescriptor.of(
                JAVA_INT,
                ADDRESS,
                JAVA_INT,
                JAVA_INT,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS,
                JAVA_DOUBLE,
                ADDRESS,
                ADDRESS));
  }

  private static final class sinter_syrk {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_syrk",
            FunctionDescriptor.of(
                JAVA_INT, ADDRESS, JAVA_INT, JAVA_DOUBLE, ADDRESS, JAVA_DOUBLE, ADDRESS, ADDRESS));
  }

  private static final class sinter_cholesky {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_cholesky", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_cholesky_solve {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_cholesky_solve",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_least_squares {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_least_squares",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }

  private static final class sinter_eigen {
    static final MethodHandle HANDLE =
        Downcalls.handle(
            "sinter_eigen", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
  }
}
