// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.updater.Checkpoint;
import io.sinter.updater.ModelDifference;
import io.sinter.updater.ModelDifference.Compared;
import io.sinter.updater.ModelDifference.Total;
import io.sinter.updater.ModelDifference.Unlike;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `sinter diff`.
@Command(
    name = "diff",
    description = {
      "Compare two models tensor by tensor: l2 distance, cosine, largest difference, share of"
          + " elements that changed.",
      "The exit code is 0 whether they differ or not."
    })
final class DiffCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Parameters(index = "0", paramLabel = "A", description = "Model: folder or safetensors file.")
  private Path first;

  @Parameters(index = "1", paramLabel = "B", description = "The other model.")
  private Path second;

  @Option(names = "--threads", paramLabel = "N", description = "CPU threads to use (default: all).")
  private @Nullable Integer threads;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    if (threads != null && threads < 1) {
      throw new ParameterException(
          spec.commandLine(), "--threads " + threads + ": there must be at least 1");
    }
    SinterCommand sinter = SinterCommand.of(spec);
    ModelDifference difference;
    try (Checkpoint a = Checkpoint.open(first);
        Checkpoint b = Checkpoint.open(second);
        Progress progress =
            new Progress(spec.commandLine().getErr(), sinter.terminal(), System::nanoTime)) {
      long bytes = a.bytes() + b.bytes();
      difference =
          ModelDifference.of(
              a,
              b,
              threads == null ? 0 : threads,
              done -> {
                sinter.cancellation().check();
                progress.update(done, bytes);
              });
    }
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(Json.of(asMap(difference)));
    } else {
      print(difference, out);
    }
    return Main.DONE;
  }

  private static void print(ModelDifference difference, PrintWriter out) {
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"tensor", "type", "shape", "distance", "cosine", "largest", "changed"});
    for (Compared tensor : difference.tensors()) {
      String type =
          tensor.first() == tensor.second()
              ? tensor.first().code()
              : tensor.first().code() + ", " + tensor.second().code();
      String shape =
          Arrays.stream(tensor.shape()).mapToObj(Long::toString).collect(Collectors.joining(" x "));
      rows.add(row(tensor.name(), type, shape, tensor.numbers()));
    }
    rows.add(row("total", "", difference.total().elements() + " elements", difference.total()));
    Table.print(rows, 3, out);
    for (Unlike unlike : difference.unlike()) {
      out.println("unlike: " + unlike.name() + ": " + unlike.first() + ", " + unlike.second());
    }
    difference.onlyFirst().forEach(name -> out.println("only in A: " + name));
    difference.onlySecond().forEach(name -> out.println("only in B: " + name));
  }

  private static String[] row(String name, String type, String shape, Total numbers) {
    return new String[] {
      name,
      type,
      shape,
      number("%.4g", numbers.distance()),
      number("%.6f", numbers.cosine()),
      number("%.4g", numbers.largest()),
      String.format(Locale.ROOT, "%.2f %%", 100 * numbers.changedFraction())
    };
  }

  private static String number(String format, double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, format, value);
  }

  private static Map<String, Object> asMap(ModelDifference difference) {
    List<Map<String, Object>> tensors = new ArrayList<>();
    for (Compared tensor : difference.tensors()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("name", tensor.name());
      entry.put("types", List.of(tensor.first().code(), tensor.second().code()));
      entry.put("shape", tensor.shape());
      put(entry, tensor.numbers());
      tensors.add(entry);
    }
    Map<String, Object> total = new LinkedHashMap<>();
    put(total, difference.total());
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("tensors", tensors);
    object.put(
        "unlike",
        difference.unlike().stream()
            .map(u -> Map.of("name", u.name(), "shapes", List.of(u.first(), u.second())))
            .toList());
    object.put("onlyInA", difference.onlyFirst());
    object.put("onlyInB", difference.onlySecond());
    object.put("total", total);
    return object;
  }

  private static void put(Map<String, Object> entry, Total numbers) {
    entry.put("elements", numbers.elements());
    entry.put("changed", numbers.changed());
    entry.put("changedFraction", numbers.changedFraction());
    entry.put("distance", finite(numbers.distance()));
    entry.put("cosine", finite(numbers.cosine()));
    entry.put("largest", finite(numbers.largest()));
  }

  /// JSON knows no infinity and no NaN.
  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }
}
