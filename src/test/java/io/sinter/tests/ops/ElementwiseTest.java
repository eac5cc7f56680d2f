// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Problem;
import io.sinter.tests.support.Problem.Operation;
import io.sinter.tests.support.Problem.Shared;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Trial;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// Every elementwise operation over the product of input type, output type, size, layout and
/// values, byte for byte against the references: a seeded sample of it, or all of it with
/// `-Dsinter.cases=full`.
class ElementwiseTest {
  /// Around vector, warp, block, lane and chunk sizes, primes, and nothing at all.
  private static final int[] SIZES = {
    0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 61, 63, 64, 65, 127, 129, 255, 256, 257, 509, 1023,
    1024, 1025, 4093, 4095, 4096, 4097
  };

  private static final int[] LARGE = {(1 << 16) + 7, (1 << 18) - 1, (1 << 20) + 3};

  @TestFactory
  java.util.stream.Stream<DynamicNode> everyTypeAndSize() {
    return cases(
        (device, operation) ->
            pairs(device, operation).stream()
                .map(
                    pair ->
                        DynamicTest.dynamicTest(
                            operation + " " + pair[0] + " to " + pair[1] + " on " + device,
                            () -> sizes(device, operation, pair[0], pair[1]))));
  }

  private static void sizes(Device device, Operation operation, DType in, DType out) {
    SplittableRandom random = Seeds.of("elementwise " + operation + in + out);
    try (Stream stream = device.stream()) {
      for (int size : SIZES) {
        for (View.Kind layout : sample(View.Kind.values(), random)) {
          for (Values values : sample(Values.values(), random)) {
            Shared shared = Shared.random(operation, random);
            Problem problem = Problem.random(shared, in, out, size, values, random);
            Trial.run(stream, List.of(problem), layout, random);
          }
        }
      }
    }
  }

  /// Large enough for every thread.
  @TestFactory
  java.util.stream.Stream<DynamicNode> largeTensors() {
    return cases(
        (device, operation) ->
            Arrays.stream(LARGE)
                .filter(size -> !Devices.slow(device) || size < 1 << 18)
                .mapToObj(
                    size ->
                        DynamicTest.dynamicTest(
                            operation + " of " + size + " on " + device,
                            () -> large(device, operation, size))));
  }

  private static void large(Device device, Operation operation, int size) {
    SplittableRandom random = Seeds.of("large " + operation + size);
    try (Stream stream = device.stream()) {
      List<DType> types = List.of(DType.values());
      for (DType in : size > 1 << 16 ? List.of(any(types, random), DType.BF16) : types) {
        Shared shared = new Shared(operation, 2, random.nextBoolean(), mode(operation, random));
        DType out = random.nextBoolean() ? in : any(types, random);
        Problem problem = Problem.random(shared, in, out, size, Values.WEIGHTS, random);
        Trial.run(stream, List.of(problem), layout(random), random);
      }
    }
  }

  /// Outputs of more than 8 MiB in one call, which pass the caches by: of every type, and small and
  /// unaligned ones among them.
  @TestFactory
  java.util.stream.Stream<DynamicNode> streamedOutputs() {
    return cases(
        (device, operation) ->
            java.util.stream.Stream.of(device)
                .filter(d -> !Devices.slow(d))
                .map(
                    d ->
                        DynamicTest.dynamicTest(
                            operation + " on " + d, () -> streamed(d, operation))));
  }

  private static void streamed(Device device, Operation operation) {
    SplittableRandom random = Seeds.of("streamed " + operation);
    Shared shared = new Shared(operation, 2, false, mode(operation, random));
    List<DType> types = List.of(DType.values());
    List<Problem> problems = new ArrayList<>();
    for (DType out : types) {
      int size = 500_000 + random.nextInt(100);
      problems.add(Problem.random(shared, out, out, size, Values.NORMAL, random));
      for (int k = 0; k < 4; k++) {
        int small = random.nextInt(1 << random.nextInt(12));
        problems.add(Problem.random(shared, out, any(types, random), small, Values.BITS, random));
      }
    }
    try (Stream stream = device.stream()) {
      Trial.run(stream, problems, View.Kind.CONTIGUOUS, random);
      Trial.run(stream, problems, View.Kind.STRIDED, random);
    }
  }

  /// Tensors of all sizes and types in one call.
  @TestFactory
  java.util.stream.Stream<DynamicNode> batches() {
    return cases(
        (device, operation) ->
            IntStream.range(0, Seeds.full() ? 40 : 4)
                .mapToObj(
                    round ->
                        DynamicTest.dynamicTest(
                            operation + " batch " + round + " on " + device,
                            () -> batch(device, operation, round))));
  }

  private static void batch(Device device, Operation operation, int round) {
    SplittableRandom random = Seeds.of("batch " + operation + round);
    List<Problem> problems = mixedBatch(operation, round == 0 ? 300 : 30, random);
    try (Stream stream = device.stream()) {
      Trial.run(stream, problems, layout(random), random);
    }
  }

  private static List<Problem> mixedBatch(
      Operation operation, int tensors, SplittableRandom random) {
    Shared shared = Shared.random(operation, random);
    List<DType> types = List.of(DType.values());
    List<Problem> problems = new ArrayList<>();
    for (int k = 0; k < tensors; k++) {
      int size = random.nextInt(1 << random.nextInt(tensors > 100 ? 8 : 14));
      Values values = Values.values()[random.nextInt(Values.values().length)];
      problems.add(
          Problem.random(shared, any(types, random), any(types, random), size, values, random));
    }
    return problems;
  }

  /// The number of threads changes nothing.
  @TestFactory
  java.util.stream.Stream<DynamicNode> threads() {
    return IntStream.of(1, 2, 3, 7)
        .boxed()
        .flatMap(
            threads ->
                Arrays.stream(Operation.values())
                    .map(
                        operation ->
                            DynamicTest.dynamicTest(
                                operation + " with " + threads + " threads",
                                () -> threads(operation, threads))));
  }

  private static void threads(Operation operation, int threads) {
    SplittableRandom random = Seeds.of("threads " + operation);
    List<Problem> problems = mixedBatch(operation, 12, random);
    Shared shared = new Shared(operation, 2, false, problems.get(0).mode());
    Problem large = Problem.random(shared, DType.F32, DType.BF16, 300_007, Values.NORMAL, random);
    StreamOptions options = StreamOptions.DEFAULT.withThreads(threads);
    try (Stream stream = Device.cpu().stream(options)) {
      Trial.run(stream, problems, View.Kind.CONTIGUOUS, random);
      Trial.run(stream, List.of(large), View.Kind.CONTIGUOUS, random);
    }
  }

  private interface Cases {
    java.util.stream.Stream<? extends DynamicNode> of(Device device, Operation operation);
  }

  private static java.util.stream.Stream<DynamicNode> cases(Cases cases) {
    return Devices.all().stream()
        .flatMap(device -> Arrays.stream(Operation.values()).flatMap(o -> cases.of(device, o)));
  }

  /// All pairs of types; on the emulation one in three, unless all cases were asked for.
  private static List<DType[]> pairs(Device device, Operation operation) {
    List<DType[]> pairs = new ArrayList<>();
    for (DType in : DType.values()) {
      for (DType out : DType.values()) {
        boolean chosen = (in.ordinal() + out.ordinal() + operation.ordinal()) % 3 == 0;
        if (chosen || Seeds.full() || !Devices.slow(device)) {
          pairs.add(new DType[] {in, out});
        }
      }
    }
    return pairs;
  }

  private static <T> List<T> sample(T[] all, SplittableRandom random) {
    return Seeds.full() ? List.of(all) : List.of(all[random.nextInt(all.length)]);
  }

  private static <T> T any(List<T> all, SplittableRandom random) {
    return all.get(random.nextInt(all.size()));
  }

  private static View.Kind layout(SplittableRandom random) {
    return any(List.of(View.Kind.values()), random);
  }

  private static Reference.Mode mode(Operation operation, SplittableRandom random) {
    return Shared.random(operation, random).mode();
  }
}
