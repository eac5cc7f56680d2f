// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import io.sinter.Sinter;
import org.junit.jupiter.api.Test;

/// What was never closed is reported and freed.
class LeakTest {
  private static Child probe() {
    return new Child(LeakProbe.class).option("-Dsinter.library=" + Sinter.library());
  }

  @Test
  void leaksAreReportedAndFreed() throws Exception {
    Child.Result result = probe().run();
    assertEquals(0, result.status(), result.output());
    String output = result.output();
    for (Device device : Device.all()) {
      assertTrue(output.contains("leak: tensor f32[3, 5] on stream on " + device), output);
      assertTrue(output.contains("leak: stream on " + device + " was never closed"), output);
      assertTrue(output.contains("leak: event on " + device + " was never closed"), output);
    }
    assertTrue(output.contains("leak: pinned tensor f32[1]"), output);
    assertTrue(output.contains("-Dsinter.leaks=trace shows where"), output);
    assertFalse(output.contains("f32[7]"), output);
    assertFalse(output.contains("leakEverything"), output);
  }

  @Test
  void traceShowsWhereItWasAllocated() throws Exception {
    Child.Result result = probe().option("-Dsinter.leaks=trace").run();
    assertEquals(0, result.status(), result.output());
    assertTrue(
        result.output().contains("LeakProbe.leakEverything(LeakProbe.java"), result.output());
    assertFalse(result.output().contains("shows where"), result.output());
  }
}
