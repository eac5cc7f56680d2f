// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// How elements are computed.
///
/// @param dtype rounds every input element to this dtype first ("cast on load"); null leaves inputs
///     as they are stored
/// @param deltaDtype task vectors only: rounds each difference to this dtype (mergekit's
///     convention: the base's dtype); null leaves it as computed
/// @param counts a contiguous f64 tensor `[outputs, 3]` on the stream's device, or null. For each
///     output it receives the number of non-finite elements written, and of results that a float8
///     output saturated, and of vectors for which the method fell back to what it states
public record Arithmetic(
    @Nullable DType dtype, @Nullable DType deltaDtype, @Nullable Tensor counts) {
  /// Inputs as stored, differences as computed, nothing counted.
  public static final Arithmetic DEFAULT = new Arithmetic(null, null, null);

  /// {@return this with another dtype that inputs are rounded to}
  ///
  /// @param dtype the dtype, or null for none
  public Arithmetic withDtype(@Nullable DType dtype) {
    return new Arithmetic(dtype, deltaDtype, counts);
  }

  /// {@return this with another dtype that differences are rounded to}
  ///
  /// @param deltaDtype the dtype, or null for none
  public Arithmetic withDeltaDtype(@Nullable DType deltaDtype) {
    return new Arithmetic(dtype, deltaDtype, counts);
  }

  /// {@return this with a tensor that receives counts}
  ///
  /// @param counts a contiguous f64 tensor `[outputs, 3]`, or null for none
  public Arithmetic withCounts(@Nullable Tensor counts) {
    return new Arithmetic(dtype, deltaDtype, counts);
  }

  MemorySegment marshal(Call call) {
    MemorySegment struct = call.struct(Abi.sinter_arithmetic.LAYOUT);
    Abi.sinter_arithmetic.struct_size(struct, 0, struct.byteSize());
    Abi.sinter_arithmetic.dtype(struct, 0, code(dtype));
    Abi.sinter_arithmetic.delta_dtype(struct, 0, code(deltaDtype));
    Abi.sinter_arithmetic.counts(struct, 0, call.results("counts", counts, call.count(), 3));
    return struct;
  }

  static int code(@Nullable DType dtype) {
    return dtype == null ? Abi.SINTER_DTYPE_STORED : dtype.code();
  }
}
