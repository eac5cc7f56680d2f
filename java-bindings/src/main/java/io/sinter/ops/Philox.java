// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.Scalars;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;

/// Random numbers that depend on a key and the element's index alone: Philox4x32-10, the same on
/// every device. [TaskVectors#dare] and [TaskVectors#della] drop by the same words.
///
/// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
public final class Philox {
  private Philox() {}

  /// {@return the four words of one block}
  ///
  /// @param counterLow the counter's low 64 bits
  /// @param counterHigh its high 64 bits
  /// @param key the key
  public static int[] words(long counterLow, long counterHigh, long key) {
    return Scalars.philox(counterLow, counterHigh, key);
  }

  /// A key that depends on what is merged, and not on where: the first 8 bytes, little-endian, of
  /// the SHA-256 of the seed (8 bytes), the model's position (4 bytes, both little-endian) and the
  /// tensor's name (UTF-8).
  ///
  /// @param seed the merge's seed
  /// @param model the model's position in the merge
  /// @param tensor the output tensor's name
  /// @return the key
  public static long key(long seed, int model, String tensor) {
    ByteBuffer numbers =
        ByteBuffer.allocate(Long.BYTES + Integer.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(seed)
            .putInt(model)
            .flip();
    MessageDigest sha256;
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java platform has SHA-256", e);
    }
    sha256.update(numbers);
    byte[] hash = sha256.digest(tensor.getBytes(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(hash).order(ByteOrder.LITTLE_ENDIAN).getLong();
  }

  /// Uniform numbers on [0, 1): `out[i] = word i / 2^32`, where word `i` is word `i mod 4` of the
  /// block with counter `i div 4`. Exact in [f64][DType#F64], rounded once in other dtypes, to 1
  /// too.
  ///
  /// @param stream the stream
  /// @param key the key
  /// @param out any dtype
  public static void random(Stream stream, long key, Tensor out) {
    random(stream, new long[] {key}, List.of(out));
  }

  /// Fills a batch as [#random(Stream, long, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param keys one for each tensor
  /// @param out any dtypes and shapes
  public static void random(Stream stream, long[] keys, List<Tensor> out) {
    try (Call call = Call.on(stream, "random", out.size())) {
      MemorySegment numbers = call.integers("keys", keys);
      MemorySegment outputs = call.outputs("out", out);
      call.check(Abi.sinter_random(call.stream(), call.count(), numbers, outputs, call.error()));
    }
  }
}
