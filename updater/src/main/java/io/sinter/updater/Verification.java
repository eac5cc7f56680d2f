// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sinter.updater.internal.Failures;
import io.sinter.updater.internal.Quoted;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What the files of an output are like now, beside what its `sinter.json` says.
///
/// @param folder the output
/// @param files how many were looked at
/// @param bytes of these files
/// @param tensors how many `sinter.json` tells of
/// @param differences empty where all is as it was written
public record Verification(
    Path folder, int files, long bytes, int tensors, List<Difference> differences) {

  private static final long WINDOW = 4L << 20;
  private static final String AGAIN = "Copy it again from where it is whole, or repeat the merge";

  /// Files that people add to a model's folder, and that readers of models do not take.
  private static final Set<String> BESIDE =
      Set.of(
          "README.md",
          "LICENSE",
          "LICENSE.txt",
          "NOTICE",
          "sweep.csv",
          "sweep.json",
          "sweep.png",
          "sweep.svg");

  /// Something that is not as it was written.
  ///
  /// @param text one line: file, problem, remedy
  public record Difference(Path file, String text) {
    static Difference of(Path file, String problem, String remedy) {
      return new Difference(file, file + ": " + problem + ". " + remedy + ".");
    }
  }

  public Verification {
    differences = List.copyOf(differences);
  }

  /// Whether all is as it was written.
  public boolean same() {
    return differences.isEmpty();
  }

  /// Reads every file of an output again and compares hashes, sizes, header and index.
  ///
  /// @param statistics whether the tensors' statistics are computed again too (not their change
  ///     against the base, which need not be there)
  /// @throws CheckpointException where there is no `sinter.json`, or it is not one
  public static Verification of(Path folder, boolean statistics) throws CheckpointException {
    return new Run(folder).verify(statistics);
  }

  private static final class Run {
    private final Path folder;
    private final Path provenance;
    private final ObjectNode expected;
    private final List<Difference> differences = new ArrayList<>();
    private long bytes;

    Run(Path folder) {
      this.folder = folder;
      this.provenance = folder.resolve(Provenance.FILE);
      if (!Files.exists(provenance)) {
        throw CheckpointException.of(
            folder,
            "holds no " + Provenance.FILE + ", so there is nothing to compare it with",
            "Name a folder that a merge wrote");
      }
      expected = Json.readLongObject(provenance);
      if (number(expected, "schema") != Provenance.SCHEMA) {
        throw CheckpointException.of(
            provenance,
            "is of schema " + expected.get("schema") + ", and this is " + Provenance.SCHEMA,
            "Verify it with the version that wrote it");
      }
    }

    Verification verify(boolean withStatistics) {
      Map<String, JsonNode> outputs = new LinkedHashMap<>();
      for (JsonNode output : array(expected, "outputs")) {
        String name = text(output, "file");
        place(name);
        outputs.put(name, output);
      }
      unlisted(outputs.keySet());
      Set<String> whole = new HashSet<>();
      outputs.forEach(
          (name, output) -> {
            if (size(name, output)) {
              whole.add(name);
            }
          });
      @Nullable Checkpoint opened = null;
      try {
        opened = Checkpoint.open(folder);
      } catch (CheckpointException e) {
        differences.add(new Difference(folder, Objects.requireNonNull(e.getMessage())));
      }
      try (Checkpoint checkpoint = opened;
          Statistics statistics =
              checkpoint == null || !withStatistics ? null : Statistics.of(checkpoint)) {
        List<Path> shards = checkpoint == null ? List.of() : checkpoint.files();
        for (Path shard : shards) {
          JsonNode output = outputs.get(shard.getFileName().toString());
          if (output != null && !hash(shard, output, statistics, shards.indexOf(shard))) {
            whole.remove(shard.getFileName().toString());
          }
        }
        for (String name : outputs.keySet()) {
          Path file = folder.resolve(name);
          if (whole.contains(name) && !shards.contains(file)) {
            hash(file, outputs.get(name), null, 0);
          }
        }
        if (checkpoint != null) {
          boolean all = shards.stream().allMatch(s -> whole.contains(s.getFileName().toString()));
          tensors(checkpoint, statistics == null || !all ? null : statistics.finish());
        }
      }
      return new Verification(
          folder, outputs.size(), bytes, array(expected, "tensors").size(), differences);
    }

    /// Files that a reader of the model might take, and that the merge did not write.
    private void unlisted(Set<String> listed) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.sorted().toList()) {
          String name = file.getFileName().toString();
          if (!listed.contains(name)
              && !name.equals(Provenance.FILE)
              && !name.startsWith(".")
              && !BESIDE.contains(name)) {
            differences.add(
                Difference.of(
                    file, "was not written by the merge", "Move it away if it is not yours"));
          }
        }
      } catch (IOException e) {
        throw CheckpointException.of(
            folder, "cannot be listed (" + Failures.reason(e) + ")", "Check its rights", e);
      }
    }

    /// Whether a file is there in its whole length.
    private boolean size(String name, JsonNode output) {
      Path file = folder.resolve(name);
      if (!Files.isRegularFile(file)) {
        differences.add(Difference.of(file, "is missing", AGAIN));
        return false;
      }
      try {
        long size = Files.size(file);
        if (size == number(output, "bytes")) {
          return true;
        }
        differences.add(
            Difference.of(
                file,
                "has " + size + " bytes, and was written with " + output.get("bytes"),
                AGAIN));
      } catch (IOException e) {
        differences.add(
            Difference.of(file, "cannot be read (" + Failures.reason(e) + ")", "Check its rights"));
      }
      return false;
    }

    /// Whether all bytes could be read.
    private boolean hash(Path file, JsonNode output, @Nullable Statistics statistics, int index) {
      ContentHash hash =
          switch (text(output, "algorithm")) {
            case "XXH3-128" -> ContentHash.xxh3();
            case "SHA-256" -> ContentHash.sha256();
            default ->
                throw malformed("names the unknown hash '" + text(output, "algorithm") + "'");
          };
      long expectedBytes = number(output, "bytes");
      try (FileReader reader = new FileReader(file);
          Arena arena = Arena.ofConfined()) {
        if (reader.size() != expectedBytes) {
          return false; // That is told already.
        }
        MemorySegment window = arena.allocate(Math.max(1, Math.min(WINDOW, expectedBytes)));
        for (long at = 0; at < expectedBytes; at += WINDOW) {
          MemorySegment part = window.asSlice(0, Math.min(WINDOW, expectedBytes - at));
          reader.read(at, part);
          hash.update(part);
          if (statistics != null) {
            statistics.accept(index, at, part);
          }
        }
        bytes += expectedBytes;
      } catch (CheckpointException e) {
        differences.add(new Difference(file, Objects.requireNonNull(e.getMessage())));
        return false;
      }
      if (!hash.hex().equals(text(output, "hash"))) {
        differences.add(
            Difference.of(
                file,
                "its content has changed: "
                    + hash.algorithm()
                    + " is "
                    + hash.hex()
                    + ", and was "
                    + text(output, "hash"),
                AGAIN));
      }
      return true;
    }

    private void tensors(Checkpoint checkpoint, @Nullable List<TensorStatistics> statistics) {
      Map<String, TensorStatistics> taken = new HashMap<>();
      if (statistics != null) {
        statistics.forEach(tensor -> taken.put(tensor.name(), tensor));
      }
      Set<String> told = new HashSet<>();
      for (JsonNode tensor : array(expected, "tensors")) {
        String name = text(tensor, "name");
        told.add(name);
        TensorEntry entry = checkpoint.tensors().get(name);
        if (entry == null) {
          differ(place(text(tensor, "file")), name, "is missing");
          continue;
        }
        List<Long> shape = new ArrayList<>();
        array(tensor, "shape").forEach(size -> shape.add(size.longValue()));
        String now = entry.type().code() + Arrays.toString(entry.shape());
        String then = text(tensor, "type") + shape;
        if (!now.equals(then)) {
          differ(entry.file(), name, "is " + now + ", and was written as " + then);
        }
        if (!entry.file().getFileName().toString().equals(text(tensor, "file"))) {
          differ(entry.file(), name, "was written to " + text(tensor, "file"));
        }
        TensorStatistics actual = taken.get(name);
        if (actual != null && tensor.has("norm") && actual.norm() != null) {
          number(entry, name, "min", actual.min(), tensor);
          number(entry, name, "max", actual.max(), tensor);
          number(entry, name, "norm", actual.norm(), tensor);
          number(entry, name, "nonFinite", (double) actual.nonFinite(), tensor);
        }
      }
      for (TensorEntry entry : checkpoint.tensors().values()) {
        if (!told.contains(entry.name())) {
          differ(entry.file(), entry.name(), "was not written by the merge");
        }
      }
    }

    private void differ(Path file, String tensor, String problem) {
      differences.add(Difference.of(file, "tensor '" + tensor + "' " + problem, AGAIN));
    }

    private void number(
        TensorEntry entry, String name, String what, @Nullable Double actual, JsonNode tensor) {
      @Nullable Double now = actual == null || !Double.isFinite(actual) ? null : actual;
      JsonNode node = tensor.get(what);
      @Nullable Double then = node == null || node.isNull() ? null : node.doubleValue();
      if (!Objects.equals(now, then)) {
        differ(entry.file(), name, "has " + what + " " + now + ", and had " + then);
      }
    }

    // ---- the file's fields ----------------------------------------------------------------------

    private JsonNode array(JsonNode object, String name) {
      JsonNode value = object.get(name);
      if (value == null || !value.isArray()) {
        throw malformed("has no list '" + name + "'");
      }
      return value;
    }

    private String text(JsonNode object, String name) {
      JsonNode value = object.get(name);
      if (value == null || !value.isTextual()) {
        throw malformed("has an entry without '" + name + "'");
      }
      return value.textValue();
    }

    private long number(JsonNode object, String name) {
      JsonNode value = object.get(name);
      if (value == null || !value.isIntegralNumber()) {
        throw malformed("has no number '" + name + "'");
      }
      return value.longValue();
    }

    /// A file of the folder, by its plain name.
    private Path place(String name) {
      if (name.isEmpty()
          || name.equals(".")
          || name.equals("..")
          || name.contains("/")
          || name.contains("\\")
          || !name.equals(Quoted.text(name))) {
        throw malformed("names the file '" + name + "', which is not one of its folder");
      }
      return folder.resolve(name);
    }

    private CheckpointException malformed(String problem) {
      return CheckpointException.of(
          provenance, problem, "It is damaged, or not of a merge; repeat the merge");
    }
  }
}
