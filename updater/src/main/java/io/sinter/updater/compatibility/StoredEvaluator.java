// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Predictions or logits that lie ready, a file for each alpha, as an evaluator: the candidates
/// themselves are not looked at.
///
/// A file is called after its alpha, such as `0.3.npy`, `alpha-0.3.safetensors` or `0.30.csv`;
/// others are passed over.
public final class StoredEvaluator implements Evaluator {
  private static final Pattern NAME =
      Pattern.compile("(?:alpha-)?(-?\\d{1,9}(?:\\.\\d{1,18})?)\\.(?:safetensors|npy|csv)");

  private final Path folder;
  private final Map<Double, Path> files;
  private final Predictions old;
  private final Labels labels;

  private StoredEvaluator(Path folder, Map<Double, Path> files, Predictions old, Labels labels) {
    this.folder = folder;
    this.files = files;
    this.old = old;
    this.labels = labels;
  }

  /// The files of a folder, compared with that of alpha 1, which is the old model.
  ///
  /// @throws CompatibilityException where there is none for alpha 1, or two for one alpha
  public static StoredEvaluator of(Path folder, Labels labels) throws CompatibilityException {
    Map<Double, Path> files = files(folder);
    Path old = files.get(1.0);
    if (old == null) {
      throw CompatibilityException.of(
          folder.toString(),
          "holds no file for alpha 1, the old model, such as 1.npy",
          "Add it, or give the old model's predictions");
    }
    return new StoredEvaluator(folder, files, Predictions.read(old), labels);
  }

  /// The files of a folder, compared with the old model's predictions.
  ///
  /// @throws CompatibilityException where there are two for one alpha
  public static StoredEvaluator of(Path folder, Predictions old, Labels labels)
      throws CompatibilityException {
    return new StoredEvaluator(folder, files(folder), old, labels);
  }

  /// The values of alpha that there are files for, ascending.
  public List<Double> alphas() {
    return List.copyOf(files.keySet());
  }

  private static Map<Double, Path> files(Path folder) {
    List<Path> names = new ArrayList<>();
    try (Stream<Path> entries = Files.list(folder)) {
      entries.sorted().forEach(names::add);
    } catch (IOException e) {
      throw CompatibilityException.of(
          folder.toString(),
          "cannot be listed (" + Failures.reason(e) + ")",
          "Give a folder with a file for each alpha",
          e);
    }
    Map<Double, Path> files = new TreeMap<>();
    for (Path file : names) {
      Matcher name = NAME.matcher(file.getFileName().toString());
      if (name.matches()) {
        Path other = files.putIfAbsent(Double.parseDouble(name.group(1)) + 0.0, file);
        if (other != null) {
          throw CompatibilityException.of(
              file.toString(), "is for the same alpha as " + other.getFileName(), "Keep one");
        }
      }
    }
    return files;
  }

  @Override
  public Evaluation evaluate(Candidate candidate) throws EvaluationException {
    Path file = files.get(candidate.alpha() + 0.0);
    String alpha = Evaluators.alpha(candidate.alpha());
    if (file == null) {
      throw Evaluators.bad(
          folder.toString(),
          "holds no file for alpha " + alpha + ", such as " + alpha + ".npy",
          "Add it");
    }
    try {
      return Comparison.evaluation(old, Predictions.read(file), labels);
    } catch (CompatibilityException e) {
      throw new EvaluationException(String.valueOf(e.getMessage()), e);
    }
  }
}
