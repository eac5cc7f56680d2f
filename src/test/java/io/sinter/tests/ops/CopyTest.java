// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Conversion;
import io.sinter.ops.Interpolation;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Copies keep every byte, from any layout to any layout of one shape.
class CopyTest {
  static List<Device> devices() {
    return Devices.all();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void everyLayoutToEveryOther(Device device) {
    SplittableRandom random = Seeds.of("copies");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        for (View.Kind layout : View.Kind.values()) {
          List<Operand> from = new ArrayList<>();
          List<Operand> to = new ArrayList<>();
          List<Elements> elements = new ArrayList<>();
          for (int size : new int[] {0, 1, 31, 33, 255, 1021, 4097}) {
            View view = View.of(layout, size, random);
            elements.add(Values.BITS.elements(type, size, random));
            from.add(Operand.input(stream, elements.getLast(), view, random));
            to.add(Operand.output(stream, type, view.relaid(random), random));
          }
          stream.copy(tensors(from), tensors(to));
          stream.synchronize();
          for (int k = 0; k < from.size(); k++) {
            from.get(k).checkUntouched(stream, "the source of a copy");
            to.get(k).check(stream, elements.get(k), "a copy from " + layout);
          }
          from.forEach(Operand::close);
          to.forEach(Operand::close);
        }
      }
    }
  }

  private static List<Tensor> tensors(List<Operand> operands) {
    return operands.stream().map(Operand::tensor).toList();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void nothingIsAnOperand(Device device) {
    try (Stream stream = device.stream()) {
      List<Tensor> none = List.of();
      stream.copy(none, none);
      Conversion.cast(stream, none, none, null);
      Interpolation.lerp(stream, none, none, new double[0], none, Arithmetic.DEFAULT);
      Interpolation.slerp(stream, none, none, new double[0], none, Arithmetic.DEFAULT);
      stream.synchronize();
    }
  }
}
