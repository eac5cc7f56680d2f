// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What is timed runs, on every device, and leaves nothing behind.
class CheckpointRateTest {
  @TempDir Path folder;

  @Test
  void runs() throws IOException {
    for (Device device : Device.all()) {
      CheckpointRate.Result result = CheckpointRate.measure(folder, device, 4_000_000, 1);
      assertTrue(result.link() > 0 && result.merge() > 0, result.toString());
      assertEquals(result.merge() / result.link(), result.ratio(), 1e-9);
      try (var left = Files.list(folder)) {
        assertEquals(0, left.count());
      }
    }
  }
}
