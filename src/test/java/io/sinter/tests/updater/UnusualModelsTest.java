// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sinter.updater.Checkpoint;
import io.sinter.updater.Verification;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Models that are well formed, and like no other: of nothing, or of very many tensors.
class UnusualModelsTest {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @TempDir Path folder;

  /// Tensors without elements are merged to tensors without elements, of the same shapes.
  @Test
  void tensorsWithoutElementsStay() throws IOException {
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
    tensors.put("none", PlainFile.f32(new long[] {0}));
    tensors.put("rows", PlainFile.f32(new long[] {3, 0, 5}));
    tensors.put("some", PlainFile.f32(new long[] {2}, 1, 2));
    tensors.put("steps", new PlainFile.Plain("I64", new long[] {0, 2}, new byte[0]));
    PlainFile.model(folder.resolve("a"), tensors);
    tensors.put("some", PlainFile.f32(new long[] {2}, 3, 4));
    PlainFile.model(folder.resolve("b"), tensors);
    for (String method :
        List.of(
            "merge_method: linear\nparameters: {weight: 1}\n",
            "merge_method: ties\nbase_model: a\nparameters: {weight: 1, density: 0.5}\n",
            "merge_method: slerp\nbase_model: a\nparameters: {t: 0.5}\n")) {
      Path out = folder.resolve("out" + method.length());
      Merging.merge(method + "models: [{model: a}, {model: b}]", Merging.options(folder), out);
      Map<String, PlainFile.Plain> merged = PlainFile.readFolder(out);
      assertEquals(tensors.keySet(), merged.keySet(), method);
      tensors.forEach(
          (name, before) -> {
            assertArrayEquals(before.shape(), merged.get(name).shape(), method + name);
            assertEquals(before.dtype(), merged.get(name).dtype(), method + name);
            assertEquals(before.bytes().length, merged.get(name).bytes().length, method + name);
          });
    }
  }

  /// What is kept of each tensor is small, and nothing is looked for among all.
  @Test
  void hundredThousandTensors() throws IOException {
    int count = 100_000;
    ByteBuffer data = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    StringBuilder header = new StringBuilder("{");
    for (int i = 0; i < count; i++) {
      header.append(i == 0 ? "\"" : ",\"").append(name(i));
      header.append("\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[").append(4 * i);
      header.append(',').append(4 * i + 4).append("]}");
      data.putFloat(i);
    }
    PlainFile.writeRaw(
        folder.resolve("a.safetensors"),
        header.append("}").toString().getBytes(StandardCharsets.UTF_8),
        data.array());
    Path out = folder.resolve("out");
    Merging.merge(
        "merge_method: passthrough\nmodels: [{model: a.safetensors}]\nparameters: {scale: 0.5}",
        Merging.options(folder),
        out);
    try (Checkpoint merged = Checkpoint.open(out)) {
      assertEquals(count, merged.tensors().size());
      for (int i = 0; i < count; i++) {
        assertEquals(i / 2f, merged.map(name(i)).get(FLOAT, 0), "tensor " + i);
      }
    }
    assertEquals(List.of(), Verification.of(out, false).differences());
  }

  private static String name(int i) {
    return "model.layers." + i / 10 + ".w" + i % 10;
  }
}
