// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.updater.IoMode;
import io.sinter.updater.MergeReport;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a recording of a merge holds adds up to what its report says.
class FlightTest {
  private static final String LINEAR =
      """
      merge_method: linear
      models:
      - {model: a, parameters: {weight: 0.5}}
      - {model: b, parameters: {weight: 0.5}}
      """;

  @TempDir Path folder;

  @Test
  void bytesAddUp() throws IOException {
    Merging.model(folder.resolve("a"), 1, 5, 100_000);
    Merging.model(folder.resolve("b"), 50, 5, 100_000);
    for (IoMode io : IoMode.values()) {
      Path output = folder.resolve("out" + io);
      Path file = folder.resolve(io + ".jfr");
      MergeReport report;
      try (Recording recording = new Recording()) {
        for (String name : List.of("sinter.Read", "sinter.Kernel", "sinter.Write")) {
          recording.enable(name).withoutThreshold();
        }
        recording.start();
        report =
            Merging.merge(
                LINEAR, Merging.options(folder).withIo(io).withMaxShardBytes(900_000), output);
        recording.stop();
        recording.dump(file);
      }
      Map<String, Long> written = new HashMap<>();
      Map<String, Long> read = new HashMap<>();
      long kernelRead = 0;
      long kernelWritten = 0;
      for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
        switch (event.getEventType().getName()) {
          case "sinter.Read" -> {
            read.merge(event.getString("file"), event.getLong("bytes"), Long::sum);
            assertEquals(io == IoMode.MMAP, event.getBoolean("mapped"));
            assertTrue(event.getString("tensor").matches("t[0-4]"), event.toString());
          }
          case "sinter.Kernel" -> {
            assertEquals("linear", event.getString("method"));
            assertEquals("apply", event.getString("pass"));
            kernelRead += event.getLong("bytesRead");
            kernelWritten += event.getLong("bytesWritten");
          }
          case "sinter.Write" ->
              written.merge(
                  Path.of(event.getString("file")).getFileName().toString(),
                  event.getLong("bytes"),
                  Long::sum);
          default -> {}
        }
      }
      assertEquals(
          Map.of(
              folder.resolve("a/model.safetensors").toString(), 2_000_000L,
              folder.resolve("b/model.safetensors").toString(), 2_000_000L),
          read);
      assertEquals(report.bytesRead(), kernelRead);
      assertEquals(2_000_000, kernelWritten);
      Map<String, Long> files = new HashMap<>();
      report.files().forEach(f -> files.put(f.path().getFileName().toString(), f.bytes()));
      assertEquals(3, files.size());
      assertEquals(files, written);
    }
  }
}
