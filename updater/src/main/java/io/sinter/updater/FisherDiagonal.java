// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.MemoryFaultException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.FisherStatistics;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// The diagonal of a model's Fisher information, in a safetensors file: how much the model's
/// answers depend on each of its parameters. `docs/updates.md` describes the file.
///
/// ```java
/// try (Checkpoint model = Checkpoint.open(old);
///     FisherDiagonal.Writer writer =
///         FisherDiagonal.writer(file, model, Estimator.ARGMAX, examples, DType.F32)) {
///   for (String name : writer.names()) {
///     writer.put(name, fisher.get(name)); // Tensors in host memory.
///   }
///   writer.finish();
/// }
/// ```
public final class FisherDiagonal implements AutoCloseable {
  /// Raised when a reader of the file would misread a newer one.
  static final int VERSION = 1;

  private static final String KEY_VERSION = "fisher_version";
  private static final String KEY_ESTIMATOR = "fisher_estimator";
  private static final String KEY_EXAMPLES = "fisher_examples";
  private static final String KEY_MODEL = "fisher_model";

  private static final String REMEDY = "Write it by FisherDiagonal.writer";

  /// Tensors of floating-point numbers that no gradient reaches.
  private static final Pattern BUFFER =
      Pattern.compile("(^|\\.)(running_mean|running_var|inv_freq|attn\\.bias|masked_bias)$");

  /// Which labels the gradients were taken at.
  public enum Estimator {
    /// Every label in turn, weighted by the probability that the model gives it.
    EXACT,
    /// The label that the model finds most likely.
    ARGMAX,
    /// A label drawn from the model's own probabilities.
    SAMPLED,
    /// The true label.
    EMPIRICAL;

    /// As files write it.
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final Checkpoint checkpoint;
  private final Estimator estimator;
  private final long examples;
  private final String model;

  private FisherDiagonal(Checkpoint checkpoint) {
    this.checkpoint = checkpoint;
    String version = metadata(KEY_VERSION);
    if (!version.equals(Integer.toString(VERSION))) {
      throw CheckpointException.of(
          file(),
          "is of version " + version + " of the format, and this is " + VERSION,
          "Read it by the version that wrote it");
    }
    String name = metadata(KEY_ESTIMATOR);
    this.estimator =
        Arrays.stream(Estimator.values())
            .filter(e -> e.text().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    CheckpointException.of(
                        file(), "names the unknown estimator '" + name + "'", REMEDY));
    this.examples = count(metadata(KEY_EXAMPLES));
    this.model = metadata(KEY_MODEL);
  }

  /// Opens a file, or a folder of its shards. What its elements are is seen by [#totals].
  ///
  /// @throws CheckpointException where it cannot be read, or does not say what it is
  public static FisherDiagonal open(Path file) throws CheckpointException {
    Checkpoint checkpoint = Checkpoint.open(file);
    try {
      return new FisherDiagonal(checkpoint);
    } catch (RuntimeException | Error e) {
      checkpoint.close();
      throw e;
    }
  }

  private String metadata(String key) {
    String value = checkpoint.metadata().get(key);
    if (value == null) {
      throw CheckpointException.of(
          file(), "is no Fisher diagonal: its metadata lack '" + key + "'", REMEDY);
    }
    return value;
  }

  private long count(String text) {
    try {
      long count = Long.parseLong(text);
      if (count > 0) {
        return count;
      }
    } catch (NumberFormatException e) {
      // Told below.
    }
    throw CheckpointException.of(
        file(), "says '" + text + "' for its number of examples, which is none", REMEDY);
  }

  /// Where it lies.
  public Path file() {
    return checkpoint.path();
  }

  /// Which labels the gradients were taken at.
  public Estimator estimator() {
    return estimator;
  }

  /// How many examples it is the mean of.
  public long examples() {
    return examples;
  }

  /// The [Checkpoint#contentHash] of the model that it belongs to.
  public String model() {
    return model;
  }

  /// Its tensors.
  Checkpoint checkpoint() {
    return checkpoint;
  }

  /// The diagonal of a tensor of the model, if it has one: a head that is tied to the embedding has
  /// that of the embedding.
  Optional<TensorEntry> of(String tensor) {
    TensorEntry entry = checkpoint.tensors().get(tensor);
    return entry != null ? Optional.of(entry) : Planner.tied(tensor, checkpoint);
  }

  /// Whether it must have a tensor of the model: all parameters, but no buffers.
  private static boolean isParameter(TensorEntry entry) {
    return entry.type().dtype().isPresent() && !BUFFER.matcher(entry.name()).find();
  }

  /// Checks that it has the tensors of a model and no others, in their shapes.
  ///
  /// @throws CheckpointException naming the first that differs
  public void requireShapesOf(Checkpoint of) throws CheckpointException {
    for (TensorEntry entry : of.tensors().values()) {
      Optional<TensorEntry> mine = of(entry.name());
      if (mine.isEmpty()) {
        if (isParameter(entry)) {
          throw CheckpointException.of(
              file(),
              entry.name(),
              "is missing, and the model " + of.path() + " has it",
              "Compute the Fisher diagonal of that model");
        }
        continue;
      }
      if (!Arrays.equals(mine.get().shape(), entry.shape())) {
        throw CheckpointException.of(
            file(),
            entry.name(),
            "has shape "
                + Arrays.toString(mine.get().shape())
                + ", and in the model "
                + of.path()
                + " it has "
                + Arrays.toString(entry.shape()),
            "Compute the Fisher diagonal of that model");
      }
    }
    for (TensorEntry entry : checkpoint.tensors().values()) {
      if (!of.tensors().containsKey(entry.name())) {
        throw CheckpointException.of(
            file(),
            entry.name(),
            "is not in the model " + of.path(),
            "Compute the Fisher diagonal of that model");
      }
      if (entry.type().dtype().isEmpty()) {
        throw CheckpointException.of(
            file(), entry.name(), "is of " + entry.type().code() + ", no numbers", REMEDY);
      }
    }
  }

  /// Checks that it belongs to a model, which is read for that.
  ///
  /// @param threads that read; 0 for all processors
  /// @throws CheckpointException where the model has another hash than it names
  public void requireHashOf(Checkpoint of, int threads) throws CheckpointException {
    String hash = of.contentHash(threads);
    if (!hash.equals(model)) {
      throw CheckpointException.of(
          file(),
          "belongs to a model of the hash " + model + ", and that of " + of.path() + " is " + hash,
          "Compute the Fisher diagonal of that model, or use this one all the same with"
              + " --force-fisher (MergeOptions.withForceFisher)");
    }
  }

  /// Reads all elements, and adds them up tensor by tensor in the order of their names.
  ///
  /// @param threads that read; 0 for all processors
  /// @throws CheckpointException where one is negative or not finite
  public FisherStatistics totals(int threads) throws CheckpointException {
    List<TensorEntry> entries = new ArrayList<>(checkpoint.tensors().values());
    entries.sort(Comparator.comparing(TensorEntry::name));
    List<Tensor> tensors = new ArrayList<>();
    for (TensorEntry entry : entries) {
      DType dtype = entry.type().dtype().orElseThrow();
      tensors.add(Tensor.of(checkpoint.map(entry), dtype, entry.elements()).named(entry.name()));
    }
    try (Stream cpu = Device.cpu().stream(StreamOptions.DEFAULT.withThreads(threads))) {
      return FisherTotals.of(cpu, file(), tensors);
    } catch (MemoryFaultException e) {
      throw checkpoint
          .locate(e.address())
          .map(place -> FileReader.truncated(place.file(), place.offset()))
          .orElseThrow(() -> e);
    }
  }

  @Override
  public void close() {
    checkpoint.close();
  }

  @Override
  public String toString() {
    return "Fisher diagonal " + file() + ", " + estimator.text() + ", " + examples + " examples";
  }

  // ---- writing ----------------------------------------------------------------------------------

  /// Starts a file for the diagonal of a model's parameters.
  ///
  /// @param file must not exist; it appears when it is finished
  /// @param model the model, which is read for its hash
  /// @param examples how many examples the diagonal is the mean of
  /// @param dtype of its elements: [DType#F32] or [DType#F64]
  /// @throws CheckpointException where it exists, or cannot be written
  public static Writer writer(
      Path file, Checkpoint model, Estimator estimator, long examples, DType dtype) {
    if (examples < 1) {
      throw new IllegalArgumentException("examples is " + examples + "; there must be at least 1");
    }
    if (dtype != DType.F32 && dtype != DType.F64) {
      throw new IllegalArgumentException("dtype is " + dtype + "; give F32 or F64");
    }
    SequencedMap<String, String> metadata = new LinkedHashMap<>();
    metadata.put("format", "pt");
    metadata.put(KEY_VERSION, Integer.toString(VERSION));
    metadata.put(KEY_ESTIMATOR, estimator.text());
    metadata.put(KEY_EXAMPLES, Long.toString(examples));
    metadata.put(KEY_MODEL, model.contentHash(0));
    StorageType type = StorageType.of(dtype);
    List<Header.Planned> tensors =
        model.tensors().values().stream()
            .filter(FisherDiagonal::isParameter)
            .map(e -> new Header.Planned(e.name(), type, e.shape(), type.bytes(e.elements())))
            .toList();
    return new Writer(file, ShardLayout.of(tensors, 0, metadata).shards().getFirst());
  }

  /// A file in the making: its tensors come in any order, one at a time, so that no more than one
  /// need be in memory.
  public static final class Writer implements AutoCloseable {
    private final Path file;
    private final Path partial;
    private final ShardLayout.Shard shard;
    private final Map<String, Long> offsets = new LinkedHashMap<>();
    private final TreeSet<String> missing = new TreeSet<>();
    private final Stream cpu;
    private final OutputFile output;
    private boolean finished;

    private Writer(Path file, ShardLayout.Shard shard) {
      this.file = file;
      this.shard = shard;
      if (Files.exists(file)) {
        throw exists();
      }
      this.partial =
          file.resolveSibling(
              "." + file.getFileName() + ".sinter-" + ProcessHandle.current().pid() + ".partial");
      long offset = shard.header().length;
      for (Header.Planned tensor : shard.tensors()) {
        offsets.put(tensor.name(), offset);
        offset += tensor.bytes();
      }
      missing.addAll(offsets.keySet());
      this.output = OutputFile.create(partial);
      this.cpu = Device.cpu().stream();
      output.write(0, MemorySegment.ofArray(shard.header()));
    }

    private CheckpointException exists() {
      return CheckpointException.of(file, "exists already", "Choose another file, or delete it");
    }

    /// The tensors that it needs, by the names that the model gives them.
    public List<String> names() {
      return List.copyOf(offsets.keySet());
    }

    /// Writes one tensor.
    ///
    /// @param diagonal in host memory, contiguous, of the file's dtype and the model's shape
    /// @throws IllegalArgumentException where the model has no such parameter, the tensor was
    ///     written before, or has another shape or dtype
    /// @throws CheckpointException where an element is negative or not finite
    public void put(String name, Tensor diagonal) {
      if (!offsets.containsKey(name)) {
        throw new IllegalArgumentException("the model has no parameter '" + name + "'");
      }
      Header.Planned planned =
          shard.tensors().stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();
      DType dtype = planned.type().dtype().orElseThrow();
      if (diagonal.dtype() != dtype
          || !Arrays.equals(diagonal.shape(), planned.shape())
          || !diagonal.isContiguous()) {
        throw new IllegalArgumentException(
            "the diagonal of '"
                + name
                + "' is "
                + diagonal
                + ", and must be contiguous "
                + dtype
                + Arrays.toString(planned.shape()));
      }
      FisherTotals.of(cpu, file, List.of(diagonal.flatten().named(name)));
      if (!missing.remove(name)) {
        throw new IllegalArgumentException("the diagonal of '" + name + "' was written before");
      }
      output.write(offsets.get(name), diagonal.segment());
    }

    /// Writes one tensor from an array.
    public void put(String name, float[] diagonal) {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_FLOAT, diagonal);
        Header.Planned planned =
            shard.tensors().stream()
                .filter(t -> t.name().equals(name))
                .findFirst()
                .orElseThrow(
                    () ->
                        new IllegalArgumentException("the model has no parameter '" + name + "'"));
        long elements = Arrays.stream(planned.shape()).reduce(1, (a, b) -> a * b);
        put(
            name,
            elements == diagonal.length
                ? Tensor.of(bytes, DType.F32, planned.shape())
                : Tensor.of(bytes, DType.F32, diagonal.length));
      }
    }

    /// Makes the file appear.
    ///
    /// @throws IllegalStateException where a tensor is missing
    public void finish() {
      if (!missing.isEmpty()) {
        throw new IllegalStateException(
            missing.size() + " tensors are missing, such as '" + missing.first() + "'");
      }
      output.sync();
      output.requireSize(shard.bytes());
      try {
        if (Files.exists(file)) {
          throw new FileAlreadyExistsException(file.toString());
        }
        Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
      } catch (FileAlreadyExistsException e) {
        throw exists();
      } catch (IOException e) {
        throw CheckpointException.of(
            file, "cannot be renamed into place (" + Failures.reason(e) + ")", "Check the disk", e);
      }
      finished = true;
    }

    /// Removes what was written, unless it is finished.
    @Override
    public void close() {
      try (cpu) {
        output.close();
        if (!finished) {
          finished = true;
          Files.deleteIfExists(partial);
        }
      } catch (IOException e) {
        throw CheckpointException.of(
            partial, "cannot be removed (" + Failures.reason(e) + ")", "Delete it yourself", e);
      }
    }
  }
}
