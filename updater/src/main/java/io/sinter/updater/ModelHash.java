// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// The hash of a model's content: equal for two checkpoints whose tensors have the same names,
/// types, shapes and bytes, in whatever files and order they lie.
///
/// It is the XXH3-128 of one line for each tensor, by the UTF-8 bytes of their names:
/// `NAME\0TYPE\0[ROWS, COLUMNS]\0HASH\n`, HASH being the XXH3-128 of its bytes in hexadecimal.
final class ModelHash {
  private static final long WINDOW = 1 << 20;

  private ModelHash() {}

  /// `XXH3-128:` and 32 hexadecimal digits. Reads the whole model.
  ///
  /// @param threads that read; 0 for all processors
  static String of(Checkpoint model, int threads) {
    List<TensorEntry> tensors = new ArrayList<>(model.tensors().values());
    tensors.sort(Comparator.comparing(entry -> utf8(entry.name()), Arrays::compareUnsigned));
    int count = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    List<Future<String>> hashes = new ArrayList<>();
    try (ExecutorService pool = Executors.newFixedThreadPool(count)) {
      for (TensorEntry entry : tensors) {
        hashes.add(pool.submit(() -> of(model, entry)));
      }
    }
    ContentHash all = ContentHash.xxh3();
    for (int i = 0; i < tensors.size(); i++) {
      TensorEntry entry = tensors.get(i);
      String line =
          String.join(
              "\0",
              entry.name(),
              entry.type().code(),
              Arrays.toString(entry.shape()),
              result(hashes.get(i)));
      all.update(MemorySegment.ofArray(utf8(line + "\n")));
    }
    return all.algorithm() + ":" + all.hex();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String of(Checkpoint model, TensorEntry entry) {
    ContentHash hash = ContentHash.xxh3();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment window = arena.allocate(Math.max(1, Math.min(WINDOW, entry.bytes())));
      for (long at = 0; at < entry.bytes(); at += WINDOW) {
        MemorySegment part = window.asSlice(0, Math.min(WINDOW, entry.bytes() - at));
        model.read(entry, at, part);
        hash.update(part);
      }
    }
    return hash.hex();
  }

  private static String result(Future<String> hash) {
    try {
      return hash.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CheckpointException named) {
        throw named;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      throw new IllegalStateException("the hash is there: its pool was closed", e);
    }
  }
}
