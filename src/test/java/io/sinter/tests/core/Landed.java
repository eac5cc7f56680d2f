// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.DeviceException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Assumptions;

/// Leaves out operations whose kernels are still to come on a device, and says so.
final class Landed {
  private static final Map<String, Boolean> KNOWN = new ConcurrentHashMap<>();

  private Landed() {}

  static boolean on(Device device, String name, OperandErrors.Operation operation) {
    return KNOWN.computeIfAbsent(name + " on " + device, _ -> probe(device, name, operation));
  }

  static void assume(Device device, String name, OperandErrors.Operation operation) {
    Assumptions.assumeTrue(on(device, name, operation), name + " is still to come on " + device);
  }

  private static boolean probe(Device device, String name, OperandErrors.Operation operation) {
    try (Stream stream = device.stream();
        Tensor a = Fixtures.floats(stream, 1, 2, 3);
        Tensor out = stream.allocate(DType.F32, 3)) {
      operation.run(stream, List.of(a), List.of(a), List.of(out), Arithmetic.DEFAULT);
      stream.synchronize();
      return true;
    } catch (DeviceException e) {
      String message = String.valueOf(e.getMessage());
      if (!message.contains("not yet") && !message.contains("so far")) {
        throw e;
      }
      System.out.println(name + " is left out on " + device + ": " + e.getMessage());
      return false;
    }
  }
}
