// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Conversion between dtypes.
public final class Conversion {
  private Conversion() {}

  /// `out = in`, rounded once to `out`'s dtype; `in[...] -> out[...]`. Equal dtypes copy bytes.
  ///
  /// @param stream the stream
  /// @param in any dtype
  /// @param out any dtype; may be `in`
  public static void cast(Stream stream, Tensor in, Tensor out) {
    cast(stream, List.of(in), List.of(out), null);
  }

  /// Casts a batch as [#cast(Stream, Tensor, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param in any dtypes
  /// @param out any dtypes, of the shapes of `in`
  /// @param counts a contiguous f64 tensor `[outputs, 3]` or null; see [Arithmetic#counts]
  public static void cast(
      Stream stream, List<Tensor> in, List<Tensor> out, @Nullable Tensor counts) {
    try (Call call = Call.on(stream, "cast", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment outputs = call.outputs("out", out);
      MemorySegment counted = call.results("counts", counts, call.count(), 3);
      call.check(
          Abi.sinter_cast(call.stream(), call.count(), inputs, outputs, counted, call.error()));
    }
  }
}
