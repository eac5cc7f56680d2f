// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.updater.Fuzzing.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SortedMap;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/// The fuzz targets on the inputs that are kept, and on neighbours of these. The long hunt for new
/// ones is Jazzer's: `mvn verify -P fuzz`.
@Timeout(120)
class FuzzTest {
  private static final long SEED = 20260101;
  private static final int ROUNDS = 20_000;
  private static final int MAX_LENGTH = 1 << 14;

  static final List<Target> TARGETS = Fuzzing.TARGETS;

  @ParameterizedTest
  @FieldSource("TARGETS")
  void keptInputs(Target target) throws IOException {
    List<Path> inputs = Fuzzing.inputs(target);
    assertTrue(inputs.size() >= 5, "only " + inputs);
    for (Path input : inputs) {
      try {
        target.run().accept(Files.readAllBytes(input));
      } catch (RuntimeException | Error e) {
        throw new AssertionError(target.name() + " on " + input, e);
      }
    }
  }

  @ParameterizedTest
  @FieldSource("TARGETS")
  void foundInputs(Target target) throws IOException {
    SortedMap<String, byte[]> found = Fuzzing.found(target);
    assertTrue(found.size() >= 50, "only " + found.keySet());
    found.forEach(
        (name, input) -> {
          try {
            target.run().accept(input);
          } catch (RuntimeException | Error e) {
            throw new AssertionError(target.name() + " on " + name, e);
          }
        });
  }

  @ParameterizedTest
  @FieldSource("TARGETS")
  void mutatedInputs(Target target) throws IOException {
    List<byte[]> inputs = new ArrayList<>();
    for (Path input : Fuzzing.inputs(target)) {
      inputs.add(Files.readAllBytes(input));
    }
    List<byte[]> words = Fuzzing.words(target);
    for (int round = 0; round < ROUNDS; round++) {
      SplittableRandom random = new SplittableRandom(SEED + round);
      byte[] input = inputs.get(random.nextInt(inputs.size()));
      for (int k = random.nextInt(1, 5); k > 0; k--) {
        input = mutate(input, inputs, words, random);
      }
      try {
        target.run().accept(input);
      } catch (RuntimeException | Error e) {
        throw new AssertionError(
            "%s, seed %d, round %d, on %s"
                .formatted(target.name(), SEED, round, HexFormat.of().formatHex(input)),
            e);
      }
    }
  }

  private static byte[] mutate(
      byte[] input, List<byte[]> others, List<byte[]> words, SplittableRandom random) {
    int from = random.nextInt(input.length + 1);
    int to = Math.min(input.length, from + (1 << random.nextInt(6)));
    return switch (random.nextInt(6)) {
      case 0 -> replace(input, from, to, new byte[0]);
      case 1 -> replace(input, from, from, Arrays.copyOfRange(input, from, to));
      case 2 -> replace(input, from, from, words.get(random.nextInt(words.size())));
      case 3 -> replace(input, from, to, words.get(random.nextInt(words.size())));
      case 4 -> {
        byte[] other = others.get(random.nextInt(others.size()));
        int start = random.nextInt(other.length + 1);
        yield replace(
            input,
            from,
            to,
            Arrays.copyOfRange(other, start, Math.min(other.length, start + to - from)));
      }
      default -> {
        byte[] changed = input.clone();
        if (from < to) {
          changed[from] = (byte) random.nextInt();
        }
        yield changed;
      }
    };
  }

  private static byte[] replace(byte[] input, int from, int to, byte[] by) {
    if (input.length + by.length > MAX_LENGTH) {
      return input;
    }
    byte[] out = new byte[input.length - (to - from) + by.length];
    System.arraycopy(input, 0, out, 0, from);
    System.arraycopy(by, 0, out, from, by.length);
    System.arraycopy(input, to, out, from + by.length, input.length - to);
    return out;
  }
}
