// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Interpolation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The README's example: three tenths of the old weights, seven of the new ones.
public final class InterpolateTensors {
  private InterpolateTensors() {}

  /// Interpolates on the CPU.
  ///
  /// @param oldWeights the deployed version's weights
  /// @param newWeights its successor's, as many
  /// @return `0.3 * oldWeights + 0.7 * newWeights`
  public static float[] merge(float[] oldWeights, float[] newWeights) {
    // README: begin
    try (Stream stream = Device.cpu().stream();
        Tensor before = stream.allocate(DType.F32, oldWeights.length).named("old");
        Tensor after = stream.allocate(DType.F32, newWeights.length).named("new");
        Tensor merged = stream.allocate(DType.F32, newWeights.length)) {
      before.segment().copyFrom(MemorySegment.ofArray(oldWeights));
      after.segment().copyFrom(MemorySegment.ofArray(newWeights));

      Interpolation.lerp(stream, after, before, 0.3, merged); // new + 0.3 (old - new)

      stream.synchronize();
      return merged.segment().toArray(ValueLayout.JAVA_FLOAT);
    }
    // README: end
  }
}
