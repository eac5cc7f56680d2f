// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.examples.FashionMnist;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The demo's table against the same measurement made here in plain float64 arithmetic, from the
/// files up.
class DemoCommandTest {

  private static final Pattern ROW =
      Pattern.compile(" +(old|new|\\d\\.\\d) +([\\d.]+ %) +([\\d.]+ %) +([\\d.]+ %)");

  private static Map<String, float[]> oldModel;
  private static Map<String, float[]> newModel;
  private static byte[] images;
  private static byte[] labels;

  @BeforeAll
  static void read() throws IOException {
    oldModel = Weights.floats(resource("old/model.safetensors"));
    newModel = Weights.floats(resource("new/model.safetensors"));
    Map<String, ByteBuffer> test = Weights.bytes(resource("test-2000.safetensors"));
    images = array(test.get("images"));
    labels = array(test.get("labels"));
  }

  static Stream<String> devices() {
    return Run.devices();
  }

  @ParameterizedTest
  @MethodSource("devices")
  void printsWhatAPlainForwardPassMeasures(String device) {
    Run run = Run.of("demo", "--device", device).exited(0);
    assertEquals("", run.err());
    Map<String, String> printed = new LinkedHashMap<>();
    run.out()
        .lines()
        .map(ROW::matcher)
        .filter(Matcher::matches)
        .forEach(row -> printed.put(row.group(1), row.group(2) + row.group(3) + row.group(4)));

    int[] before = classify(1);
    Map<String, String> expected = new LinkedHashMap<>();
    expected.put("old", row(before, before));
    expected.put("new", row(before, classify(0)));
    for (int tenths = 0; tenths <= 10; tenths++) {
      expected.put(tenths / 10.0 + "", row(before, classify(tenths / 10.0)));
    }
    assertEquals(expected, printed);
    assertTrue(run.out().contains("merged on " + device + " ("), run.out());
  }

  @Test
  void mergingTheOldVersionInBreaksLess() {
    int[] before = classify(1);
    int updated = negativeFlips(before, classify(0));
    int merged = negativeFlips(before, classify(0.3));
    assertTrue(merged < updated, merged + " of " + updated);
    String closing = Run.of("demo", "--device", "cpu").exited(0).out();
    assertTrue(
        closing.contains(
            "At alpha = 0.3 the update breaks "
                + merged
                + " of the old version's right answers instead of "
                + updated),
        closing);
  }

  @Test
  void aDeviceThatIsNotThereIsAFailureWithAReason() {
    Run.of("demo", "--device", "cuda:99").exited(1).complained("cuda:99");
  }

  private static String row(int[] before, int[] after) {
    int right = 0;
    int positive = 0;
    for (int i = 0; i < labels.length; i++) {
      if (after[i] == labels[i]) {
        right++;
        if (before[i] != labels[i]) {
          positive++;
        }
      }
    }
    return percent(right) + percent(negativeFlips(before, after)) + percent(positive);
  }

  private static int negativeFlips(int[] before, int[] after) {
    int flips = 0;
    for (int i = 0; i < labels.length; i++) {
      if (before[i] == labels[i] && after[i] != labels[i]) {
        flips++;
      }
    }
    return flips;
  }

  private static String percent(int count) {
    return String.format(Locale.ROOT, "%.2f %%", 100.0 * count / labels.length);
  }

  private static int[] classify(double alpha) {
    Map<String, double[]> merged = new TreeMap<>();
    newModel.forEach(
        (name, values) -> {
          double[] mix = new double[values.length];
          for (int i = 0; i < mix.length; i++) {
            mix[i] = alpha * oldModel.get(name)[i] + (1 - alpha) * values[i];
          }
          merged.put(name, mix);
        });
    int[] classes = new int[labels.length];
    for (int i = 0; i < classes.length; i++) {
      double[] pixels = new double[784];
      for (int p = 0; p < 784; p++) {
        pixels[p] = Byte.toUnsignedInt(images[784 * i + p]) / 255.0;
      }
      double[] hidden = affine(merged.get("fc1.weight"), merged.get("fc1.bias"), pixels);
      for (int u = 0; u < hidden.length; u++) {
        hidden[u] = Math.max(0, hidden[u]);
      }
      double[] logits = affine(merged.get("fc2.weight"), merged.get("fc2.bias"), hidden);
      for (int c = 0; c < logits.length; c++) {
        classes[i] = logits[c] > logits[classes[i]] ? c : classes[i];
      }
    }
    return classes;
  }

  private static double[] affine(double[] weight, double[] bias, double[] x) {
    double[] y = bias.clone();
    for (int row = 0; row < y.length; row++) {
      for (int column = 0; column < x.length; column++) {
        y[row] += weight[row * x.length + column] * x[column];
      }
    }
    return y;
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = FashionMnist.class.getResourceAsStream("fashion-mnist/" + name)) {
      return in.readAllBytes();
    }
  }

  private static byte[] array(ByteBuffer data) {
    byte[] bytes = new byte[data.remaining()];
    data.get(bytes);
    return bytes;
  }
}
