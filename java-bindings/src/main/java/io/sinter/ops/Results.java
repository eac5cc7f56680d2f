// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;

/// Results as numbers.
final class Results {
  private Results() {}

  /// Runs an operation and brings its results to the host; synchronises the stream.
  static double[] read(Stream stream, Consumer<Tensor> operation, long... shape) {
    try (Tensor host = stream.allocatePinned(DType.F64, shape)) {
      if (stream.device().isCpu()) {
        operation.accept(host);
      } else {
        try (Tensor out = stream.allocate(DType.F64, shape)) {
          operation.accept(out);
          stream.copy(out, host);
        }
      }
      stream.synchronize();
      return host.segment().toArray(ValueLayout.JAVA_DOUBLE);
    }
  }
}
