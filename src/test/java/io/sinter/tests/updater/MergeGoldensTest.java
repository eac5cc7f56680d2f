// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Device;
import io.sinter.updater.IoMode;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Recipe;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// What mergekit makes of a recipe, within the rounding of the arithmetic it used.
class MergeGoldensTest {
  private enum Tolerance {
    EXACT,
    /// Two units in the last place of a float32 of the tensor's scale.
    FLOAT32,
    /// The same, but for single elements that sit at the threshold of what is kept.
    FLOAT32_BUT_FEW,
    /// One unit in the last place of every element.
    BFLOAT16,
    /// Where mergekit computed in bfloat16.
    COMPUTED_IN_BFLOAT16
  }

  private static final Map<String, Tolerance> CASES =
      Map.ofEntries(
          Map.entry("linear-two", Tolerance.FLOAT32),
          Map.entry("linear-filter", Tolerance.FLOAT32),
          Map.entry("linear-layer-gradient", Tolerance.FLOAT32),
          Map.entry("linear-three-unnormalized", Tolerance.FLOAT32),
          Map.entry("slerp", Tolerance.FLOAT32),
          Map.entry("slerp-endpoints", Tolerance.FLOAT32),
          Map.entry("slerp-filter-gradient", Tolerance.FLOAT32),
          Map.entry("slices-mixed-slerp", Tolerance.FLOAT32),
          Map.entry("task-arithmetic", Tolerance.FLOAT32),
          Map.entry("task-arithmetic-lambda", Tolerance.FLOAT32),
          Map.entry("nuslerp", Tolerance.FLOAT32),
          Map.entry("nuslerp-base-rowwise", Tolerance.FLOAT32),
          Map.entry("multislerp", Tolerance.FLOAT32),
          Map.entry("multislerp-base", Tolerance.FLOAT32),
          Map.entry("karcher", Tolerance.FLOAT32),
          Map.entry("nearswap", Tolerance.FLOAT32),
          Map.entry("arcee-fusion", Tolerance.FLOAT32_BUT_FEW),
          Map.entry("model-stock", Tolerance.FLOAT32),
          Map.entry("model-stock-filterwise", Tolerance.FLOAT32),
          Map.entry("ties", Tolerance.FLOAT32),
          Map.entry("ties-three-unnormalized", Tolerance.FLOAT32),
          Map.entry("dare-dense", Tolerance.FLOAT32),
          Map.entry("breadcrumbs", Tolerance.FLOAT32),
          Map.entry("breadcrumbs-ties", Tolerance.FLOAT32),
          Map.entry("sce", Tolerance.FLOAT32),
          Map.entry("ram", Tolerance.FLOAT32),
          Map.entry("ramplus-tl", Tolerance.FLOAT32),
          Map.entry("passthrough-scale", Tolerance.EXACT),
          Map.entry("passthrough-stack", Tolerance.EXACT),
          Map.entry("out-dtype-bf16", Tolerance.BFLOAT16),
          Map.entry("bf16-linear", Tolerance.COMPUTED_IN_BFLOAT16),
          Map.entry("bf16-slerp", Tolerance.COMPUTED_IN_BFLOAT16),
          Map.entry("bf16-no-dtype", Tolerance.COMPUTED_IN_BFLOAT16));

  @TempDir Path folder;

  @Test
  void everyGoldenIsCompared() throws IOException {
    try (Stream<Path> folders = Files.list(Goldens.root().resolve("merge"))) {
      assertEquals(
          CASES.keySet(),
          folders.map(path -> path.getFileName().toString()).collect(Collectors.toSet()));
    }
    assertEquals(33, CASES.size());
  }

  static Stream<Arguments> cases() {
    return CASES.keySet().stream()
        .sorted()
        .flatMap(
            name ->
                Device.all().stream()
                    .flatMap(
                        device ->
                            Stream.of(IoMode.values())
                                .filter(io -> device.isCpu() || io == IoMode.PREAD)
                                .map(io -> Arguments.of(name, device, io))));
  }

  @ParameterizedTest(name = "{0} on {1} by {2}")
  @MethodSource("cases")
  void agreesWithMergekit(String name, Device device, IoMode io) throws IOException {
    Path golden = Goldens.root().resolve("merge").resolve(name);
    MergeOptions options =
        MergeOptions.DEFAULT.withDevice(device).withIo(io).withWorkingDirectory(Goldens.root());
    Path output = folder.resolve(name);
    MergeReport report;
    try (Merge merge = Merge.plan(Recipe.read(golden.resolve("recipe.yml")), options)) {
      report = merge.run(output, MergeListener.NONE);
    }
    assertEquals(List.of(), report.warnings());
    assertEquals(0, report.nonFinite());
    assertEquals(device.toString(), report.device());
    Map<String, PlainFile.Plain> expected = PlainFile.read(golden.resolve("expected.safetensors"));
    Map<String, PlainFile.Plain> actual = PlainFile.readFolder(output);
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach(
        (tensor, plain) -> compare(tensor, CASES.get(name), plain, actual.get(tensor)));
  }

  private static void compare(
      String name, Tolerance tolerance, PlainFile.Plain expected, PlainFile.Plain actual) {
    assertEquals(expected.dtype(), actual.dtype(), name);
    assertArrayEquals(expected.shape(), actual.shape(), name);
    double[] x = expected.values();
    double[] y = actual.values();
    double scale = Arrays.stream(x).map(Math::abs).max().orElse(0);
    int allowed = tolerance == Tolerance.FLOAT32_BUT_FEW ? x.length / 500 : 0;
    for (int i = 0; i < x.length; i++) {
      int index = i;
      boolean close =
          switch (tolerance) {
            case EXACT -> Double.doubleToRawLongBits(x[i]) == Double.doubleToRawLongBits(y[i]);
            case FLOAT32, FLOAT32_BUT_FEW -> Math.abs(x[i] - y[i]) <= 2e-6 * scale;
            case BFLOAT16 -> Math.abs(ordinal(expected, i) - ordinal(actual, i)) <= 1;
            case COMPUTED_IN_BFLOAT16 -> Math.abs(x[i] - y[i]) <= 0x1p-6 * scale;
          };
      if (!close && allowed > 0) {
        allowed--;
        continue;
      }
      assertTrue(close, () -> name + "[" + index + "]: expected " + x[index] + ", was " + y[index]);
    }
  }

  /// The place of a bfloat16 among all of them, in order.
  private static int ordinal(PlainFile.Plain tensor, int index) {
    short bits = ByteBuffer.wrap(tensor.bytes()).order(ByteOrder.LITTLE_ENDIAN).getShort(2 * index);
    return bits < 0 ? -(bits & 0x7fff) : bits;
  }
}
