// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.Recipe.ModelReference;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Finds the models that recipes name: a path, or a hub id in a local folder. Nothing is
/// downloaded.
final class ModelLocator {
  private static final Pattern HUB_ID =
      Pattern.compile("(?<repo>[\\w.-]+(/[\\w.-]+)?)(@(?<revision>[\\w./-]+))?");

  private final Path workingDirectory;
  private final @Nullable Path modelsDirectory;
  private final Path hubCache;

  ModelLocator(MergeOptions options) {
    this.workingDirectory = options.workingDirectory();
    this.modelsDirectory = options.modelsDirectory();
    this.hubCache = hubCache();
  }

  /// Where the Hugging Face libraries keep what they download.
  private static Path hubCache() {
    String cache = System.getenv("HF_HUB_CACHE");
    String home = System.getenv("HF_HOME");
    if (cache != null) {
      return Path.of(cache);
    }
    return home != null
        ? Path.of(home, "hub")
        : Path.of(System.getProperty("user.home"), ".cache", "huggingface", "hub");
  }

  /// The folder or file of a model.
  ///
  /// @throws RecipeException naming every place that was looked at
  Path locate(Recipe recipe, ModelReference model) {
    List<Path> tried = new ArrayList<>();
    Optional<Path> found = exists(path(workingDirectory, model.text()), tried);
    if (found.isEmpty() && model.text().contains("+")) {
      throw recipe.error(
          model.line(),
          "model '"
              + model.text()
              + "' names a LoRA adapter after '+', which is not supported. Merge the adapter into"
              + " its model first, and name the result.");
    }
    Matcher id = HUB_ID.matcher(model.text());
    if (found.isEmpty() && id.matches()) {
      if (modelsDirectory != null) {
        found = exists(path(modelsDirectory, id.group("repo")), tried);
      }
      if (found.isEmpty()) {
        found = snapshot(id.group("repo"), id.group("revision"), tried);
      }
    }
    return found.orElseThrow(
        () ->
            recipe.error(
                model.line(),
                "model '"
                    + model.text()
                    + "' was not found. Looked at "
                    + String.join(", ", tried.stream().map(Path::toString).toList())
                    + ". Correct the path, or fetch the model first: nothing is downloaded."));
  }

  /// A file that a recipe names beside its models.
  ///
  /// @param what what it is, in words
  Path locateFile(Recipe recipe, String what, ModelReference file) {
    Path path = path(workingDirectory, file.text());
    if (path == null || !Files.exists(path)) {
      throw recipe.error(
          file.line(),
          "the "
              + what
              + " '"
              + file.text()
              + "' was not found. Looked at "
              + (path == null ? "no path" : path.toAbsolutePath().normalize())
              + ". Correct the path.");
    }
    return path;
  }

  private static @Nullable Path path(Path folder, String text) {
    try {
      return folder.resolve(text);
    } catch (InvalidPathException e) {
      return null;
    }
  }

  private static Optional<Path> exists(@Nullable Path path, List<Path> tried) {
    if (path == null) {
      return Optional.empty();
    }
    tried.add(path.toAbsolutePath().normalize());
    return Files.exists(path) ? Optional.of(path) : Optional.empty();
  }

  /// `models--org--name/snapshots/COMMIT`, the commit taken from `refs/REVISION` where the revision
  /// is a branch or a tag.
  private Optional<Path> snapshot(String repo, @Nullable String revision, List<Path> tried) {
    Path model = hubCache.resolve("models--" + repo.replace("/", "--"));
    String name = revision == null ? "main" : revision;
    Path reference = model.resolve("refs").resolve(name).normalize();
    String commit = name;
    if (reference.startsWith(model) && Files.isRegularFile(reference)) {
      try {
        commit = Files.readString(reference).strip();
      } catch (IOException e) {
        throw CheckpointException.of(
            reference, "cannot be read (" + Failures.reason(e) + ")", "Check its rights", e);
      }
    }
    return exists(path(model.resolve("snapshots"), commit), tried);
  }
}
