// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sinter.Device;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Merges of models made on the spot.
final class Merging {
  private Merging() {}

  static MergeOptions options(Path folder) {
    return MergeOptions.DEFAULT.withDevice(Device.cpu()).withWorkingDirectory(folder);
  }

  static MergeReport merge(String yaml, MergeOptions options, Path output) {
    try (Merge merge = Merge.plan(Recipe.parse(yaml, "r.yml"), options)) {
      return merge.run(output, MergeListener.NONE);
    }
  }

  /// A tensor of values spread evenly over -1 to 1.
  static PlainFile.Plain random(long seed, long... shape) {
    SplittableRandom random = new SplittableRandom(seed);
    int elements = 1;
    for (long size : shape) {
      elements *= (int) size;
    }
    float[] values = new float[elements];
    for (int i = 0; i < elements; i++) {
      values[i] = random.nextInt() * 0x1p-31f;
    }
    return PlainFile.f32(shape, values);
  }

  /// A model of `count` float32 tensors of `elements` elements each.
  static Path model(Path folder, long seed, int count, int elements) throws IOException {
    Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      tensors.put("t" + i, random(seed + i, elements));
    }
    return PlainFile.model(folder, tensors);
  }

  /// Every file of a folder by name; of what tells of the run itself, what tells of its output.
  static Map<String, byte[]> contents(Path folder) throws IOException {
    Map<String, byte[]> contents = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        byte[] bytes = Files.readAllBytes(file);
        contents.put(
            file.getFileName().toString(), file.endsWith("sinter.json") ? output(bytes) : bytes);
      }
    }
    return contents;
  }

  private static byte[] output(byte[] provenance) throws IOException {
    ObjectNode object = (ObjectNode) new ObjectMapper().readTree(provenance);
    return object.retain("outputs", "counts", "tensors").toString().getBytes(UTF_8);
  }
}
