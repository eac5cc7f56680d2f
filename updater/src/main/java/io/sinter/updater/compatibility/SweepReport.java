// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedSet;
import java.util.stream.Collectors;

/// What a sweep over `alpha` found, and which of its candidates is to be taken.
///
/// @param method what made the candidates, such as `bcwi`
/// @param rows one for each alpha, ascending
public record SweepReport(String method, List<Row> rows) {

  /// Shares closer than this are the same: they differ by the rounding of their own arithmetic. One
  /// example in a billion makes a thousand times as much.
  private static final double SAME = 1e-12;

  private static final JsonFactory JSON = new JsonFactory();

  /// One candidate.
  ///
  /// @param alpha the share of the old model
  public record Row(double alpha, Evaluation evaluation) {
    public Row {
      if (!Double.isFinite(alpha)) {
        throw new IllegalArgumentException("alpha is " + alpha + "; it must be a finite number");
      }
      alpha += 0.0; // -0 is 0.
    }
  }

  /// @param rows in any order
  /// @throws IllegalArgumentException where there are none, or two of one alpha
  public SweepReport {
    if (rows.isEmpty()) {
      throw new IllegalArgumentException("a sweep has at least one row");
    }
    List<Row> sorted = new ArrayList<>(rows);
    sorted.sort(Comparator.comparingDouble(Row::alpha));
    for (int i = 1; i < sorted.size(); i++) {
      if (sorted.get(i).alpha() == sorted.get(i - 1).alpha()) {
        throw new IllegalArgumentException(
            "alpha " + sorted.get(i).alpha() + " is there twice; give each alpha one row");
      }
    }
    rows = List.copyOf(sorted);
  }

  /// The row of an alpha, if there is one.
  public Optional<Row> row(double alpha) {
    return rows.stream().filter(row -> row.alpha() == alpha).findFirst();
  }

  /// The candidate to take: of those that are at least as accurate as the new model less `epsilon`,
  /// the one with the lowest negative flip rate, and of equal ones that closest to the new model.
  /// The new model, alpha 0, is one of them, so there is always one.
  ///
  /// @param epsilon how much accuracy may be given up, as a share; 0 for none
  /// @throws IllegalArgumentException where there is no row of alpha 0 to compare with, or
  ///     `epsilon` is not a share
  public Row choose(double epsilon) {
    if (!(epsilon >= 0 && epsilon <= 1)) {
      throw new IllegalArgumentException(
          "epsilon is " + epsilon + "; it must be a share from 0 to 1");
    }
    Row best =
        row(0)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "the sweep has no alpha 0, which is the new model that others are compared"
                            + " with; add it"));
    double least = best.evaluation().accuracy() - epsilon - SAME;
    for (Row row : rows) {
      double reduction = best.evaluation().nfr() - row.evaluation().nfr();
      boolean same = Math.abs(reduction) <= SAME;
      if (row.evaluation().accuracy() >= least
          && (same ? Math.abs(row.alpha()) < Math.abs(best.alpha()) : reduction > 0)) {
        best = row;
      }
    }
    return best;
  }

  /// Writes `sweep.csv` and `sweep.json` into a folder, which is made where it is missing.
  ///
  /// Both hold the same numbers, in as many digits as it takes to read them back exactly. The
  /// columns are `alpha`, `accuracy`, `nfr`, `pfr`, `examples`, the further numbers by their names,
  /// and `chosen`, 1 in one row and 0 in the others; a number that was not given is empty in the
  /// first and absent in the second.
  ///
  /// @param epsilon as for [#choose]
  /// @return the files
  public List<Path> write(Path folder, double epsilon) throws IOException {
    Row chosen = choose(epsilon);
    Files.createDirectories(folder);
    return List.of(
        Files.write(folder.resolve("sweep.csv"), csv(chosen).getBytes(StandardCharsets.UTF_8)),
        Files.write(folder.resolve("sweep.json"), json(chosen, epsilon)));
  }

  /// Names of further numbers, in the order in which they first appear.
  private SequencedSet<String> further() {
    return rows.stream()
        .flatMap(row -> row.evaluation().further().keySet().stream())
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  private String csv(Row chosen) {
    SequencedSet<String> further = further();
    List<String> head = new ArrayList<>(List.of("alpha", "accuracy", "nfr", "pfr", "examples"));
    further.forEach(name -> head.add(quoted(name)));
    head.add("chosen");
    StringBuilder csv = new StringBuilder(String.join(",", head)).append('\n');
    for (Row row : rows) {
      Evaluation evaluation = row.evaluation();
      List<String> cells = new ArrayList<>();
      cells.add(Double.toString(row.alpha()));
      cells.add(Double.toString(evaluation.accuracy()));
      cells.add(Double.toString(evaluation.nfr()));
      cells.add(text(evaluation.pfr()));
      cells.add(
          evaluation.examples().isPresent()
              ? Long.toString(evaluation.examples().getAsLong())
              : "");
      for (String name : further) {
        Double value = evaluation.further().get(name);
        cells.add(value == null ? "" : Double.toString(value));
      }
      cells.add(row.equals(chosen) ? "1" : "0");
      csv.append(String.join(",", cells)).append('\n');
    }
    return csv.toString();
  }

  private static String text(OptionalDouble value) {
    return value.isPresent() ? Double.toString(value.getAsDouble()) : "";
  }

  /// A cell as RFC 4180 writes it.
  private static String quoted(String cell) {
    return cell.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
        ? '"' + cell.replace("\"", "\"\"") + '"'
        : cell;
  }

  private byte[] json(Row chosen, double epsilon) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(out).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeStringField("method", method);
      json.writeNumberField("epsilon", epsilon);
      json.writeNumberField("chosen", chosen.alpha());
      json.writeArrayFieldStart("rows");
      for (Row row : rows) {
        Evaluation evaluation = row.evaluation();
        json.writeStartObject();
        json.writeNumberField("alpha", row.alpha());
        json.writeNumberField("accuracy", evaluation.accuracy());
        json.writeNumberField("nfr", evaluation.nfr());
        if (evaluation.pfr().isPresent()) {
          json.writeNumberField("pfr", evaluation.pfr().getAsDouble());
        }
        if (evaluation.examples().isPresent()) {
          json.writeNumberField("examples", evaluation.examples().getAsLong());
        }
        if (!evaluation.further().isEmpty()) {
          json.writeObjectFieldStart("further");
          for (var entry : evaluation.further().entrySet()) {
            json.writeNumberField(entry.getKey(), entry.getValue());
          }
          json.writeEndObject();
        }
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // An array in memory does not fail.
    }
    out.write('\n');
    return out.toByteArray();
  }
}
