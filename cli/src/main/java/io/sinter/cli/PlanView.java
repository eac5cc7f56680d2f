// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.updater.Merge;
import io.sinter.updater.MergePlan;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.Method;
import io.sinter.updater.Recipe;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What a merge would do.
///
/// @param rate bytes that the device was seen to copy in a second
record PlanView(Recipe recipe, MergePlan plan, Device device, double rate) {
  private static final long COPIED = 128L << 20;

  /// Copies in memory for some hundredths of a second.
  static PlanView of(Recipe recipe, Merge merge, Device device, int threads) {
    return new PlanView(recipe, merge.plan(), device, rate(device, threads));
  }

  private static double rate(Device device, int threads) {
    try (Stream stream = device.stream(StreamOptions.DEFAULT.withThreads(threads));
        Tensor from = stream.allocatePinned(DType.F32, COPIED / 4);
        Tensor to = stream.allocate(DType.F32, COPIED / 4)) {
      double best = 0;
      for (int i = 0; i < 4; i++) { // The first touches the memory.
        long start = System.nanoTime();
        stream.copy(from, to);
        stream.synchronize();
        best = Math.max(best, 2e9 * COPIED / (System.nanoTime() - start));
      }
      return best;
    }
  }

  private double seconds() {
    return (plan.bytesRead() + plan.bytesWritten()) / rate;
  }

  private List<String> inputs(Output output) {
    return output.operation().inputs().stream()
        .filter(input -> input.model() < recipe.models().size()) // Fisher diagonals follow.
        .map(input -> recipe.models().get(input.model()).text())
        .toList();
  }

  private String text(String parameter, double value) {
    return recipe.method().parameter(parameter).orElseThrow().text(value);
  }

  private String parameters(Output output) {
    if (output.operation() instanceof MergePlan.Copy) {
      return "copied";
    }
    return output.parameters().entrySet().stream()
        .map(
            entry ->
                entry.getKey()
                    + " "
                    + Arrays.stream(entry.getValue())
                        .mapToObj(value -> text(entry.getKey(), value))
                        .collect(Collectors.joining(", ")))
        .collect(Collectors.joining("; "));
  }

  private static String shape(Output output) {
    return Arrays.stream(output.shape())
        .mapToObj(Long::toString)
        .collect(Collectors.joining(" x ", "", ""));
  }

  void print(PrintWriter to) {
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"tensor", "type", "shape", "parameters"});
    for (Output output : plan.tensors()) {
      rows.add(
          new String[] {output.name(), output.type().code(), shape(output), parameters(output)});
    }
    Table.print(rows, 4, to);
    to.println();
    to.printf(
        Locale.ROOT,
        "%s of %s: %d %s in %d %s, read %s, write %s in %d %s%n",
        plan.method(),
        recipe.models().stream().map(Recipe.ModelReference::text).collect(Collectors.joining(", ")),
        plan.tensors().size(),
        plan.tensors().size() == 1 ? "tensor" : "tensors",
        plan.passes().size(),
        plan.passes().size() == 1 ? "pass" : "passes",
        Units.bytes(plan.bytesRead()),
        Units.bytes(plan.bytesWritten()),
        plan.files().size(),
        plan.files().size() == 1 ? "file" : "files");
    to.printf(
        Locale.ROOT,
        "about %.2g s on %s at the %.3g GB/s of a copy in memory; reading and writing disks may"
            + " take longer%n",
        seconds(),
        device,
        rate / 1e9);
    for (String warning : plan.warnings()) {
      to.println("warning: " + warning);
    }
  }

  Map<String, Object> asMap() {
    List<Map<String, Object>> tensors = new ArrayList<>();
    for (Output output : plan.tensors()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("name", output.name());
      entry.put("type", output.type().code());
      entry.put("shape", output.shape());
      entry.put("file", plan.files().get(output.file()));
      entry.put("copied", output.operation() instanceof MergePlan.Copy);
      entry.put("inputs", inputs(output));
      Map<String, Object> parameters = new LinkedHashMap<>();
      output.parameters().forEach((name, values) -> parameters.put(name, value(name, values)));
      entry.put("parameters", parameters);
      tensors.add(entry);
    }
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("method", plan.method());
    object.put("models", recipe.models().stream().map(Recipe.ModelReference::text).toList());
    object.put("tensors", tensors);
    object.put("passes", plan.passes().size());
    object.put("bytesRead", plan.bytesRead());
    object.put("bytesWritten", plan.bytesWritten());
    object.put("device", device.toString());
    object.put("copyBytesPerSecond", rate);
    object.put("estimatedSeconds", seconds());
    object.put("warnings", plan.warnings());
    return object;
  }

  /// One value, or a list with one for each model.
  private @Nullable Object value(String name, double[] values) {
    Method.ParameterSpec spec = recipe.method().parameter(name).orElseThrow();
    if (spec.perModel()) {
      return values;
    }
    return spec.type() == Method.ParameterType.BOOLEAN ? (Object) (values[0] != 0) : values[0];
  }
}
