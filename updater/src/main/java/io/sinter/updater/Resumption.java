// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.MergePlan.ApplyPass;
import io.sinter.updater.MergePlan.Output;
import io.sinter.updater.MergePlan.Pass;
import io.sinter.updater.MergePlan.Piece;
import io.sinter.updater.MergePlan.ReducePass;
import io.sinter.updater.internal.Failures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// Goes on with a merge that was interrupted: finds what it left, verifies it, and says what is
/// still to do.
final class Resumption {
  private static final int BUFFER = 4 << 20;

  private Resumption() {}

  /// A folder that an interrupted run of the same merge left.
  record Left(Path folder, Journal.Content journal) {
    /// How far it says to have come.
    private int length() {
      return journal.marks().size();
    }
  }

  /// What of an output is there, verified.
  ///
  /// @param file the file in which it ends; those before it are whole
  /// @param bytes of that file
  /// @param hash of those bytes; `null` where there is nothing
  /// @param files the whole ones before
  /// @param last the mark that it ends at; `null` where there is nothing
  /// @param marks how many of the journal's marks it covers
  record Finished(
      int file,
      long bytes,
      @Nullable ContentHash hash,
      List<MergeReport.OutputFile> files,
      Journal.@Nullable Mark last,
      int marks) {
    static final Finished NOTHING = new Finished(0, 0, null, List.of(), null, 0);

    Finished {
      files = List.copyOf(files);
    }

    /// Bytes in all.
    long total() {
      return files.stream().mapToLong(MergeReport.OutputFile::bytes).sum() + bytes;
    }
  }

  // ---- what was left ----------------------------------------------------------------------------

  /// The folder that has come farthest of those that this merge can go on with.
  ///
  /// @param stale folders that runs with the same target left
  /// @param refused told of each that it cannot go on with, and why
  static Optional<Left> choose(
      List<Path> stale,
      SequencedMap<String, String> fingerprint,
      BiConsumer<Path, String> refused) {
    @Nullable Left best = null;
    for (Path folder : stale) {
      Journal.Content journal;
      try {
        journal = read(folder);
      } catch (IOException e) {
        refused.accept(folder, "it cannot be read (" + Failures.reason(e) + ")");
        continue;
      }
      Map<String, String> theirs = journal.fingerprint();
      Optional<String> difference =
          theirs == null
              ? Optional.of("it holds no readable journal")
              : Fingerprint.difference(theirs, fingerprint);
      if (difference.isPresent()) {
        refused.accept(folder, difference.get());
        continue;
      }
      Left left = new Left(folder, journal);
      if (best == null || best.length() < left.length()) {
        if (best != null) {
          refused.accept(best.folder(), "another has come farther");
        }
        best = left;
      } else {
        refused.accept(folder, "another has come farther");
      }
    }
    return Optional.ofNullable(best);
  }

  private static Journal.Content read(Path folder) throws IOException {
    Path journal = folder.resolve(Journal.NAME);
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
      for (Path entry : entries) {
        if (!Files.isRegularFile(entry, LinkOption.NOFOLLOW_LINKS)) {
          throw new IOException("it holds '" + entry.getFileName() + "', which is no file");
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    if (!Files.exists(journal) || Files.size(journal) > Journal.MAX_BYTES) {
      return Journal.parse(new byte[0]);
    }
    return Journal.parse(Files.readAllBytes(journal));
  }

  // ---- what is there ----------------------------------------------------------------------------

  /// Reads what a journal claims to be finished, up to the first byte that is not as it says.
  ///
  /// @param progress told of bytes verified
  static Finished verify(
      OutputFolder folder,
      ShardLayout layout,
      MergePlan plan,
      boolean sha256,
      List<Journal.Mark> marks,
      LongConsumer progress) {
    Cuts cuts = new Cuts(layout, plan);
    Finished finished = Finished.NOTHING;
    Finished verified = finished; // May end at a place that cannot be gone on from.
    @Nullable FileReader reader = null;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(BUFFER);
      for (Journal.Mark mark : marks) {
        boolean next = verified.last() != null && mark.file() == verified.file() + 1;
        Finished from = next ? advance(verified, folder, layout) : verified;
        if (from == null || mark.file() != from.file() || !cuts.within(mark)) {
          break;
        }
        if (next && reader != null) {
          reader.close();
          reader = null;
        }
        ContentHash before = from.hash();
        ContentHash hash = before == null ? Fingerprint.hash(sha256) : before.copy();
        try {
          if (reader == null) {
            reader = new FileReader(folder.file(layout.shards().get(mark.file()).file()));
          }
          for (long at = from.bytes(); at < mark.bytes(); at += BUFFER) {
            MemorySegment part = buffer.asSlice(0, Math.min(BUFFER, mark.bytes() - at));
            reader.read(at, part);
            hash.update(part);
          }
        } catch (CheckpointException e) {
          break; // Missing, shorter than it should be, or unreadable: computed again.
        }
        if (!hash.hex().equals(mark.hash())) {
          break;
        }
        verified =
            new Finished(mark.file(), mark.bytes(), hash, from.files(), mark, verified.marks() + 1);
        if (cuts.at(mark.file(), mark.bytes())) {
          finished = verified;
        }
        progress.accept(verified.total());
      }
    } finally {
      if (reader != null) {
        reader.close();
      }
    }
    return finished;
  }

  /// The place behind a whole file; `null` where the file is not whole.
  private static @Nullable Finished advance(
      Finished finished, OutputFolder folder, ShardLayout layout) {
    ShardLayout.Shard shard = layout.shards().get(finished.file());
    ContentHash hash = finished.hash();
    if (hash == null || finished.bytes() != shard.bytes()) {
      return null;
    }
    List<MergeReport.OutputFile> files = new ArrayList<>(finished.files());
    files.add(folder.report(shard, hash));
    return new Finished(finished.file() + 1, 0, null, files, finished.last(), finished.marks());
  }

  /// Places at which an output may be gone on with.
  private static final class Cuts {
    private final ShardLayout layout;
    private final List<NavigableMap<Long, Output>> outputs = new ArrayList<>();

    Cuts(ShardLayout layout, MergePlan plan) {
      this.layout = layout;
      layout.shards().forEach(_ -> outputs.add(new TreeMap<>()));
      for (Output output : plan.tensors()) {
        if (output.elements() > 0) {
          outputs.get(output.file()).put(output.offset(), output);
        }
      }
    }

    boolean within(Journal.Mark mark) {
      return mark.file() < layout.shards().size()
          && mark.bytes() <= layout.shards().get(mark.file()).bytes();
    }

    boolean at(int file, long bytes) {
      ShardLayout.Shard shard = layout.shards().get(file);
      if (bytes == shard.header().length || bytes == shard.bytes()) {
        return true;
      }
      Map.Entry<Long, Output> entry = outputs.get(file).floorEntry(bytes);
      if (entry == null) {
        return false;
      }
      Output output = entry.getValue();
      long inside = bytes - entry.getKey();
      return inside == 0 || Passes.mayCut(output, inside);
    }
  }

  // ---- what is to do ----------------------------------------------------------------------------

  /// Makes the folder hold what is finished and nothing else.
  static void clear(OutputFolder folder, ShardLayout layout, Finished finished) {
    Set<String> kept = new HashSet<>(Set.of(Journal.NAME));
    finished.files().forEach(file -> kept.add(file.path().getFileName().toString()));
    if (finished.last() != null) {
      kept.add(layout.shards().get(finished.file()).file());
    }
    folder.retain(kept);
    for (MergeReport.OutputFile whole : finished.files()) {
      try (OutputFile file = folder.reopen(whole.path().getFileName().toString())) {
        file.truncate(whole.bytes()); // Whatever follows was not verified.
        file.sync();
      }
    }
  }

  /// The passes of a plan that make what is not finished. The first may start inside one of the
  /// plan's: another run may have cut the output in other places.
  static List<Pass> remaining(MergePlan plan, Finished finished) {
    List<Pass> passes = new ArrayList<>();
    for (Pass pass : plan.passes()) {
      List<Piece> pieces = new ArrayList<>();
      switch (pass) {
        case ReducePass reduce -> {
          for (Piece piece : reduce.pieces()) {
            Output output = plan.tensors().get(piece.tensor());
            if (done(output, output.elements(), finished) < output.elements()) {
              pieces.add(piece);
            }
          }
          if (!pieces.isEmpty()) {
            passes.add(new ReducePass(pieces));
          }
        }
        case ApplyPass apply -> {
          long bytes = 0;
          for (Piece piece : apply.pieces()) {
            Output output = plan.tensors().get(piece.tensor());
            long end = piece.from() + piece.elements();
            long from = Math.max(piece.from(), done(output, end, finished));
            if (from < end) {
              pieces.add(new Piece(piece.tensor(), from, end - from));
              bytes += output.type().bytes(end - from);
            }
          }
          if (!pieces.isEmpty()) {
            passes.add(
                new ApplyPass(apply.file(), apply.offset() + apply.bytes() - bytes, bytes, pieces));
          }
        }
      }
    }
    return passes;
  }

  /// How many of the first `elements` elements of an output are finished.
  private static long done(Output output, long elements, Finished finished) {
    if (finished.last() == null || output.file() > finished.file()) {
      return 0;
    }
    if (output.file() < finished.file()) {
      return elements;
    }
    long bytes = finished.bytes() - output.offset();
    return bytes <= 0 ? 0 : Math.min(elements, bytes * 8 / output.type().bits());
  }
}
