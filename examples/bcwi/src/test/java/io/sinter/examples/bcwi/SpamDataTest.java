// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpamDataTest {

  @Test
  void onlyTheSubjectsWordsCount() {
    float[] features =
        SpamData.features(
            "From: a@b\nSubject: Buy NOW,\n\tbuy!\nTo: me\n\nsubject: of the body\nmore\n");
    // buy (twice: "buy!" is another word), now, buy!: three places, lengths 1, 1, 1.
    int[] taken = IntStream.range(0, features.length).filter(i -> features[i] > 0).toArray();
    assertEquals(3, taken.length);
    for (int i : taken) {
      assertEquals(1 / Math.sqrt(3), features[i], Math.ulp(1f));
    }
    assertArrayEquals(features, SpamData.features("subject: now buy! buy\r\n\r\n"));
  }

  @Test
  void aRepeatedWordWeighsMoreAndAMailWithoutSubjectIsEmpty() {
    float[] features = SpamData.features("Subject: free free offer\n\n");
    double repeated = 1 + Math.log(2);
    double norm = Math.hypot(repeated, 1);
    assertEquals(repeated / norm, max(features), 2 * Math.ulp(1f));
    assertEquals(0, max(SpamData.features("To: me\n\nSubject: no header")));
  }

  @Test
  void hardHamIsHamOrAClass(@TempDir Path folder) throws IOException {
    for (String group : new String[] {"easy-ham-1", "easy-ham-2", "spam-1", "spam-2"}) {
      mail(folder, group);
    }
    IOException missing;
    try (Arena arena = Arena.ofConfined()) {
      missing = assertThrows(IOException.class, () -> SpamData.read(folder, true, arena));
      assertEquals(folder.resolve("hard-ham-1").toString(), missing.getMessage());
      mail(folder, "hard-ham-1");
      assertArrayEquals(
          new int[] {0, 0, 1, 1, 2}, SpamData.read(folder, true, arena).pool().labels());
      assertArrayEquals(
          new int[] {0, 0, 1, 1, 0}, SpamData.read(folder, false, arena).pool().labels());
    }
  }

  private static void mail(Path folder, String group) throws IOException {
    Files.createDirectories(folder.resolve(group));
    Files.writeString(folder.resolve(group).resolve("1.txt"), "Subject: a word\n\n");
    Files.writeString(folder.resolve(group).resolve("1.json"), "{}");
  }

  private static double max(float[] values) {
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).max().orElseThrow();
  }
}
