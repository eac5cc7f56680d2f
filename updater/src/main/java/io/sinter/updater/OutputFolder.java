// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.internal.ffi.PosixFiles;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// A folder that appears whole or not at all.
///
/// Files are written into a temporary folder beside the final place,
/// `.NAME.sinter-PID-START.partial`. [#commit] forces everything to the disk and then renames the
/// folder, or exchanges it with an existing one, in one step. Until then, whatever happens short of
/// a kill removes it again: `close`, and a shutdown hook for SIGINT and SIGTERM; unless it is to be
/// kept ([#keep]), and then `close` renames it to `.NAME.sinter-kept-N.partial`. What a kill leaves
/// is recognised by its name, whose process is gone, and reported by the next run, which may
/// [#adopt] it; it is never deleted unasked.
final class OutputFolder implements AutoCloseable {
  private static final int DELETE_ATTEMPTS = 10;

  private final Path target;
  private final Path partial;
  private final boolean replaces;
  private final Thread hook = new Thread(this::remove, "sinter-remove-partial-output");
  private Path last;
  private boolean finished;
  private boolean keeps;
  private State state = State.OPEN;

  private enum State {
    OPEN,
    COMMITTED,
    REMOVED,
    KEPT
  }

  /// @param target where the folder is to appear; its parent must exist
  /// @param force whether an existing folder there is replaced
  OutputFolder(Path target, boolean force) {
    this.target = resolve(target);
    this.replaces = checkExisting(this.target, force);
    String process = ProcessHandle.current().pid() + "-" + started(ProcessHandle.current());
    this.partial = this.target.resolveSibling(prefix(this.target) + process + ".partial");
    this.last = partial;
    try {
      Files.createDirectory(partial);
    } catch (IOException e) {
      throw CheckpointException.of(
          this.target,
          "cannot be created (" + Failures.reason(e) + ")",
          "Choose an output whose parent folder exists and can be written to",
          e);
    }
    try {
      Runtime.getRuntime().addShutdownHook(hook);
    } catch (IllegalStateException e) {
      remove(); // The JVM is going down already.
      throw e;
    }
  }

  /// The real path at which an output appears: links in it are followed.
  static Path resolve(Path target) {
    Path absolute = target.toAbsolutePath().normalize();
    try {
      if (Files.exists(absolute)) {
        return absolute.toRealPath();
      }
      Path parent = absolute.getParent();
      if (parent == null || absolute.getFileName() == null) {
        throw CheckpointException.of(absolute, "cannot be an output", "Name a new folder");
      }
      return parent.toRealPath().resolve(absolute.getFileName());
    } catch (IOException e) {
      throw CheckpointException.of(
          absolute,
          "its parent folder cannot be opened (" + Failures.reason(e) + ")",
          "Create it, or choose another output",
          e);
    }
  }

  private static boolean checkExisting(Path target, boolean force) {
    if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    if (!Files.isDirectory(target)) {
      throw CheckpointException.of(
          target, "is a file, and the output is a folder", "Choose another output");
    }
    if (!force) {
      throw CheckpointException.of(
          target, "exists already", "Choose another output, or pass --force to replace it");
    }
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(target)) {
      for (Path entry : entries) {
        if (Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
          throw CheckpointException.of(
              target,
              "holds a folder, '" + entry.getFileName() + "', so it is not an earlier output",
              "Move it away yourself, or choose another output");
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw CheckpointException.of(
          target,
          "cannot be listed (" + Failures.reason(Failures.io(e)) + ")",
          "Check its rights",
          e);
    }
    return true;
  }

  /// Partial folders for this output whose process is gone.
  static List<Path> stale(Path target) {
    Path resolved = resolve(target);
    Pattern name =
        Pattern.compile(Pattern.quote(prefix(resolved)) + "(\\d+|kept)-(\\d{1,18})\\.partial");
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> siblings = Files.newDirectoryStream(resolved.getParent())) {
      for (Path sibling : siblings) {
        Matcher matcher = name.matcher(sibling.getFileName().toString());
        if (matcher.matches() && !alive(matcher.group(1), Long.parseLong(matcher.group(2)))) {
          found.add(sibling);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw CheckpointException.of(
          resolved.getParent(),
          "cannot be listed (" + Failures.reason(Failures.io(e)) + ")",
          "Check its rights",
          e);
    }
    found.sort(Comparator.naturalOrder());
    return found;
  }

  private static boolean alive(String pid, long start) {
    if (pid.equals("kept") || pid.length() > 18) {
      return false;
    }
    Optional<ProcessHandle> process = ProcessHandle.of(Long.parseLong(pid));
    return process.isPresent() && started(process.get()) == start;
  }

  private static String prefix(Path target) {
    return "." + target.getFileName() + ".sinter-";
  }

  private static long started(ProcessHandle process) {
    return process.info().startInstant().map(Instant::toEpochMilli).orElse(0L);
  }

  /// The final place.
  Path target() {
    return target;
  }

  /// Bytes that can still be written here.
  long usableBytes() {
    try {
      return Files.getFileStore(partial).getUsableSpace();
    } catch (IOException e) {
      return Long.MAX_VALUE; // Unknown: the writes themselves will tell.
    }
  }

  /// Starts a file in the folder.
  synchronized OutputFile create(String name) {
    requireOpen();
    return OutputFile.create(partial.resolve(name));
  }

  /// Opens a file that is in the folder.
  synchronized OutputFile reopen(String name) {
    requireOpen();
    return OutputFile.reopen(partial.resolve(name));
  }

  /// Where a file is until the folder appears.
  Path file(String name) {
    return partial.resolve(name);
  }

  /// What a report says of a whole file.
  MergeReport.OutputFile report(ShardLayout.Shard shard, ContentHash hash) {
    return new MergeReport.OutputFile(
        target.resolve(shard.file()), hash.algorithm(), hash.hex(), shard.bytes());
  }

  /// Takes over what an interrupted run left, in place of the folder as it is now, which is empty.
  ///
  /// @return its journal, locked; empty where another process has taken it
  synchronized Optional<OutputFile> adopt(Path stale) {
    requireOpen();
    OutputFile journal;
    try {
      journal = OutputFile.reopen(stale.resolve(Journal.NAME));
    } catch (CheckpointException e) {
      if (Files.exists(stale)) {
        throw e;
      }
      return Optional.empty();
    }
    boolean adopted = false;
    try {
      if (journal.lock()) {
        Files.move(stale, partial, StandardCopyOption.ATOMIC_MOVE);
        adopted = true;
      }
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw CheckpointException.of(
          stale,
          "cannot be taken over (" + Failures.reason(e) + ")",
          "Check its rights, or run without --resume",
          e);
    } finally {
      if (!adopted) {
        journal.close();
      }
    }
    keeps = adopted;
    return adopted ? Optional.of(journal.renamed(partial.resolve(Journal.NAME))) : Optional.empty();
  }

  /// Deletes every file but those of these names.
  synchronized void retain(Set<String> names) {
    requireOpen();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(partial)) {
      for (Path entry : entries) {
        if (!names.contains(entry.getFileName().toString())) {
          Files.delete(entry);
        }
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw CheckpointException.of(
          partial,
          "cannot be cleared (" + Failures.reason(Failures.io(e)) + ")",
          "Delete it yourself",
          e);
    }
  }

  /// Says whether what is in the folder is kept if it is never committed, for another run to go on
  /// with.
  synchronized void keep(boolean value) {
    keeps = value;
  }

  /// What is left of an output that was not finished, and what to do with it; known when closed.
  synchronized String left() {
    return switch (state) {
      case COMMITTED -> "The output is in its place, " + target + ", complete.";
      case KEPT ->
          "What was finished is kept in "
              + last
              + ": repeat the merge with --resume to go on from there, or delete it.";
      case REMOVED -> "Nothing was left behind.";
      case OPEN -> partial + " is left behind: delete it.";
    };
  }

  /// Takes over a finished file: renames it, or copies it where it lies on another file system.
  void take(Path file) throws IOException {
    Path to = partial.resolve(file.getFileName().toString());
    synchronized (this) {
      requireOpen();
    }
    try {
      Files.move(file, to, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.copy(file, to);
      try (FileChannel channel = FileChannel.open(to, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
    }
  }

  /// Forces every file to the disk, whoever wrote it.
  void force() throws IOException {
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(partial)) {
      for (Path entry : entries) {
        force(entry);
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  /// Writes a small file.
  void write(String name, byte[] bytes) {
    try (OutputFile file = create(name);
        Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
      file.write(0, buffer);
      file.sync();
      file.requireSize(bytes.length);
    }
  }

  /// Makes the folder appear. Every file in it must have been forced to the disk.
  ///
  /// @return a warning, where the folder that was replaced could not be deleted
  synchronized Optional<String> commit() {
    requireOpen();
    byte[] journal = removeJournal();
    try {
      force(partial);
    } catch (IOException e) {
      keeps = false; // See ShardWriter#force.
      throw CheckpointException.of(
          target,
          "its files could not be forced to the disk (" + Failures.reason(e) + ")",
          "Check the disk, or choose another output",
          e);
    }
    try {
      appear();
    } catch (CheckpointException e) {
      if (keeps && journal.length > 0) {
        restoreJournal(journal, e);
      }
      throw e;
    }
    state = State.COMMITTED;
    finished = true; // From here on the partial folder, if there is one, is the old output.
    unhook();
    try {
      force(target.getParent());
    } catch (IOException e) {
      throw CheckpointException.of(
          target,
          "is in place, but the folder it lies in could not be forced to the disk ("
              + Failures.reason(e)
              + ")",
          replaces
              ? "Run `sync`; the output that it replaced is kept in " + partial
              : "Run `sync`: until then a power failure may undo it",
          e);
    }
    if (replaces) {
      try {
        deleteRecursively(partial);
      } catch (CheckpointException e) {
        return Optional.of("the folder that was replaced is left over: " + e.getMessage());
      }
    }
    return Optional.empty();
  }

  /// Takes the journal out of what is to appear.
  private byte[] removeJournal() {
    Path journal = partial.resolve(Journal.NAME);
    try {
      byte[] content = Files.exists(journal) ? Files.readAllBytes(journal) : new byte[0];
      Files.deleteIfExists(journal);
      return content;
    } catch (IOException e) {
      throw CheckpointException.of(
          journal, "cannot be removed (" + Failures.reason(e) + ")", "Check the disk", e);
    }
  }

  private void restoreJournal(byte[] content, CheckpointException cause) {
    try {
      write(Journal.NAME, content);
    } catch (CheckpointException e) {
      cause.addSuppressed(e);
      keeps = false; // Of no use without.
    }
  }

  private void appear() {
    try {
      if (replaces) {
        PosixFiles.exchange(partial, target);
      } else if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        throw CheckpointException.of(
            target, "has appeared in the meantime", "Choose another output");
      } else {
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      throw CheckpointException.of(
          target,
          (replaces ? "cannot be exchanged with the new output" : "cannot be renamed into place")
              + " in one step ("
              + Failures.reason(e)
              + ")",
          replaces
              ? "Move the old folder away yourself, or choose another output"
              : "Choose another output",
          e);
    }
  }

  /// Removes the partial folder, unless it was committed or is to be kept.
  @Override
  public void close() {
    unhook();
    remove();
    setAside();
  }

  /// Gives a folder that is kept a name of its own: this process, which goes on, may run the same
  /// merge again.
  private synchronized void setAside() {
    if (finished) {
      return;
    }
    finished = true;
    state = State.KEPT;
    try {
      for (int i = 1; last.equals(partial); i++) {
        Path kept = target.resolveSibling(prefix(target) + "kept-" + i + ".partial");
        if (Files.notExists(kept, LinkOption.NOFOLLOW_LINKS)) {
          Files.move(partial, kept, StandardCopyOption.ATOMIC_MOVE);
          last = kept;
        }
      }
    } catch (IOException e) {
      throw CheckpointException.of(
          partial,
          "cannot be renamed (" + Failures.reason(e) + ")",
          "It is left under this name, and can be gone on from when this process has ended",
          e);
    }
  }

  private void unhook() {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is going down: the hook runs, finds nothing more to do or does it.
    }
  }

  private synchronized void remove() {
    if (!finished && !keeps) {
      finished = true;
      deleteRecursively(partial);
      state = State.REMOVED;
    }
  }

  private void requireOpen() {
    if (finished) {
      throw new IllegalStateException("the output " + target + " was closed");
    }
  }

  private static void force(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /// Deletes a folder that others may be deleting too: several shutdown hooks run at once.
  static void deleteRecursively(Path folder) {
    for (int attempt = 1; ; attempt++) {
      try (Stream<Path> tree = Files.walk(folder)) {
        for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(path);
        }
        return;
      } catch (IOException | UncheckedIOException e) {
        if (Files.notExists(folder, LinkOption.NOFOLLOW_LINKS)) {
          return;
        }
        if (attempt == DELETE_ATTEMPTS) {
          throw new CheckpointException(
              folder + ": cannot be removed (" + e.getMessage() + "). Delete it yourself.", e);
        }
      }
    }
  }
}
