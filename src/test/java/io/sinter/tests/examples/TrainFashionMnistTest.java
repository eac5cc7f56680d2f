// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.examples;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sinter.examples.FashionMnist;
import io.sinter.examples.TrainFashionMnist;
import io.sinter.tests.support.Seeds;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The committed models come out of the committed trainer, byte for byte.
class TrainFashionMnistTest {

  /// Where Debian's package dataset-fashion-mnist puts the files.
  private static final Path DATA = Path.of("/usr/share/datasets/fashion-mnist");

  @Test
  void trainingAgainGivesTheSameFiles(@TempDir Path folder) throws Exception {
    assumeTrue(Seeds.full(), "half a minute: run with -P full");
    assumeTrue(Files.isDirectory(DATA), "needs Debian's package dataset-fashion-mnist");
    TrainFashionMnist.run(DATA, folder);
    for (String name :
        new String[] {"old/model.safetensors", "new/model.safetensors", "test-2000.safetensors"}) {
      try (InputStream in = FashionMnist.class.getResourceAsStream("fashion-mnist/" + name)) {
        assertArrayEquals(in.readAllBytes(), Files.readAllBytes(folder.resolve(name)), name);
      }
    }
  }
}
