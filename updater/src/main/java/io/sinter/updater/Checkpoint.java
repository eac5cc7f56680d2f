// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The tensors of a model: one safetensors file, or a folder of them with an index.
///
/// Headers are read and checked when it is opened; tensors are mapped, or read, when they are asked
/// for. Closing it unmaps everything that [#map] gave out. May be used by many threads.
public final class Checkpoint implements AutoCloseable {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  private final Path path;
  private final SequencedMap<Path, FileReader> readers = new LinkedHashMap<>();
  private final SequencedMap<String, TensorEntry> tensors = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private final List<InputStamp> stamps = new ArrayList<>();
  private final Map<Path, MemorySegment> maps = new LinkedHashMap<>();
  private final Arena arena = Arena.ofShared();
  private boolean closed;

  private Checkpoint(Path path) {
    this.path = path;
  }

  /// Opens a safetensors file, or a folder that holds `model.safetensors`, or shards with
  /// `model.safetensors.index.json`, or one safetensors file of any name.
  ///
  /// @throws CheckpointException where a file is missing, unreadable or malformed
  public static Checkpoint open(Path dirOrFile) throws CheckpointException {
    Checkpoint checkpoint = new Checkpoint(dirOrFile);
    try {
      if (Files.isDirectory(dirOrFile)) {
        checkpoint.openFolder(dirOrFile);
      } else {
        checkpoint.openFile(dirOrFile);
      }
      return checkpoint;
    } catch (RuntimeException | Error e) {
      try {
        checkpoint.close();
      } catch (CheckpointException suppressed) {
        e.addSuppressed(suppressed);
      }
      throw e;
    }
  }

  /// The tensors by name, in the order of their files and their places in them.
  public SequencedMap<String, TensorEntry> tensors() {
    return Collections.unmodifiableSequencedMap(tensors);
  }

  /// The tensor of that name.
  ///
  /// @throws IllegalArgumentException where there is none
  public TensorEntry tensor(String name) {
    TensorEntry entry = tensors.get(name);
    if (entry == null) {
      throw new IllegalArgumentException(path + " has no tensor '" + name + "'");
    }
    return entry;
  }

  /// A tensor's bytes, mapped, read-only; valid until this is closed. Where the file is truncated
  /// in the meantime, native operations report it as a
  /// [io.sinter.MemoryFaultException].
  public MemorySegment map(String name) {
    return map(tensor(name));
  }

  synchronized MemorySegment map(TensorEntry entry) {
    requireOpen();
    return maps.computeIfAbsent(entry.file(), file -> reader(entry).map(arena))
        .asSlice(entry.offset(), entry.bytes());
  }

  /// Reads bytes of a tensor, from `offset` bytes into it, filling `target`.
  void read(TensorEntry entry, long offset, MemorySegment target) {
    reader(entry).read(entry.offset() + offset, target);
  }

  /// Reads bytes of one of its files.
  void read(Path file, long position, MemorySegment target) {
    reader(file).read(position, target);
  }

  /// The size of one of its files when it was opened.
  long size(Path file) {
    return reader(file).size();
  }

  private FileReader reader(Path file) {
    FileReader reader = readers.get(file);
    if (reader == null) {
      throw new IllegalArgumentException(file + " is not of " + path);
    }
    return reader;
  }

  private FileReader reader(TensorEntry entry) {
    FileReader reader = readers.get(entry.file());
    if (reader == null) {
      throw new IllegalArgumentException(entry + " is not of " + path);
    }
    return reader;
  }

  /// The file and the byte in it that a mapped address stands for, if it is one of ours.
  synchronized Optional<Place> locate(long address) {
    for (var map : maps.entrySet()) {
      long offset = address - map.getValue().address();
      if (offset >= 0 && offset < map.getValue().byteSize()) {
        return Optional.of(new Place(map.getKey(), offset));
      }
    }
    return Optional.empty();
  }

  record Place(Path file, long offset) {}

  /// The metadata of the files' headers; where shards differ, the first one's.
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(metadata);
  }

  /// What was opened: a folder or a file.
  public Path path() {
    return path;
  }

  /// The safetensors files behind it.
  public List<Path> files() {
    return List.copyOf(readers.keySet());
  }

  /// What the files, and the index if there is one, were like when they were opened.
  List<InputStamp> stamps() {
    return List.copyOf(stamps);
  }

  /// @throws CheckpointException naming a file that has changed since it was opened
  void requireUnchanged() {
    stamps.forEach(InputStamp::requireUnchanged);
  }

  /// Bytes of all tensors.
  public long bytes() {
    return tensors.values().stream().mapToLong(TensorEntry::bytes).sum();
  }

  /// The hash of its content: that of every checkpoint whose tensors have the same names, types,
  /// shapes and bytes, in whatever files they lie. A Fisher diagonal names its model by it. Reads
  /// everything.
  ///
  /// @param threads that read; 0 for all processors
  /// @return `XXH3-128:` and 32 hexadecimal digits
  public String contentHash(int threads) {
    return ModelHash.of(this, threads);
  }

  /// The folder in which config and tokenizer files lie beside the weights.
  Path folder() {
    return Files.isDirectory(path) ? path : path.toAbsolutePath().getParent();
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      arena.close();
      readers.values().forEach(FileReader::close);
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("checkpoint " + path + " is closed");
    }
  }

  private void openFolder(Path folder) {
    boolean single = Files.exists(folder.resolve(SINGLE));
    boolean index = Files.exists(folder.resolve(INDEX));
    if (single && index) {
      throw CheckpointException.of(
          folder,
          "holds both " + SINGLE + " and " + INDEX + ", and only one can be meant",
          "Move the stale one away");
    }
    if (index) {
      openIndex(folder, folder.resolve(INDEX));
    } else if (single) {
      openFile(folder.resolve(SINGLE));
    } else {
      openFile(onlySafetensors(folder));
    }
  }

  private static Path onlySafetensors(Path folder) {
    List<Path> found;
    try (Stream<Path> files = Files.list(folder)) {
      found = files.filter(f -> f.toString().endsWith(".safetensors")).sorted().toList();
    } catch (IOException e) {
      throw CheckpointException.of(
          folder, "cannot be listed (" + Failures.reason(e) + ")", "Check its rights", e);
    }
    if (found.size() == 1) {
      return found.getFirst();
    }
    throw CheckpointException.of(
        folder,
        found.isEmpty()
            ? "holds no safetensors file"
            : "holds " + found.size() + " safetensors files and no " + INDEX,
        found.isEmpty()
            ? "Convert the model to safetensors, or give the folder that holds " + SINGLE
            : "Add the index, or name one of the files");
  }

  private void openFile(Path file) {
    FileReader reader = new FileReader(file);
    readers.put(file, reader);
    stamps.add(reader.stamp());
    Header header = Header.read(file, reader.size(), reader);
    header.metadata().forEach(metadata::putIfAbsent);
    for (TensorEntry tensor : header.tensors()) {
      TensorEntry other = tensors.put(tensor.name(), tensor);
      if (other != null) {
        throw CheckpointException.of(
            file,
            tensor.name(),
            "is also in " + other.file(),
            "Fetch the model again: its shards do not belong together");
      }
    }
  }

  private void openIndex(Path folder, Path file) {
    try {
      stamps.add(InputStamp.of(file));
    } catch (IOException e) {
      throw CheckpointException.of(
          file, "cannot be opened (" + Failures.reason(e) + ")", "Check its rights", e);
    }
    ShardIndex index = ShardIndex.read(file);
    Map<String, Path> shards = new LinkedHashMap<>();
    for (String shard : index.shards()) {
      Path shardFile = shardFile(folder, index, shard);
      shards.put(shard, shardFile);
      openFile(shardFile);
    }
    @Nullable String problem = null;
    int problems = 0;
    for (var entry : index.weightMap().entrySet()) {
      TensorEntry tensor = tensors.get(entry.getKey());
      if (tensor == null || !tensor.file().equals(shards.get(entry.getValue()))) {
        problems++;
        if (problem == null) {
          problem =
              "tensor '"
                  + entry.getKey()
                  + "' is not in "
                  + entry.getValue()
                  + (tensor == null
                      ? " nor in any other shard"
                      : " but in " + tensor.file().getFileName());
        }
      }
    }
    for (TensorEntry tensor : tensors.values()) {
      if (!index.weightMap().containsKey(tensor.name())) {
        problems++;
        if (problem == null) {
          problem =
              "tensor '"
                  + tensor.name()
                  + "' of "
                  + tensor.file().getFileName()
                  + " is not in its weight_map";
        }
      }
    }
    if (problem != null) {
      throw CheckpointException.of(
          file,
          problem + (problems > 1 ? " (and " + (problems - 1) + " more)" : ""),
          "Index and shards are of different versions: fetch the model again");
    }
  }

  /// The file of a shard, which an index may not take from outside its folder: not by its name, and
  /// not by a link.
  private static Path shardFile(Path folder, ShardIndex index, String shard) {
    Path file = folder.resolve(index.place(shard));
    if (!Files.exists(file)) {
      throw CheckpointException.of(
          index.file(),
          "names the shard '" + shard + "', which is missing",
          "Fetch the shard, or the whole model again");
    }
    try {
      if (!file.toRealPath().startsWith(trustedRoot(folder.toRealPath()))) {
        throw index.outside(shard);
      }
    } catch (IOException e) {
      throw CheckpointException.of(
          index.file(),
          "shard '" + shard + "' cannot be opened (" + Failures.reason(e) + ")",
          "Check its rights",
          e);
    }
    return file;
  }

  /// Links may not leave the folder, except in a Hugging Face cache, where
  /// `models--org--name/snapshots/revision` links to `models--org--name/blobs`.
  private static Path trustedRoot(Path folder) {
    Path snapshots = folder.getParent();
    if (snapshots != null
        && snapshots.endsWith("snapshots")
        && snapshots.getParent() != null
        && snapshots.getParent().getFileName() != null
        && snapshots.getParent().getFileName().toString().startsWith("models--")) {
      return snapshots.getParent();
    }
    return folder;
  }
}
