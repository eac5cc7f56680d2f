// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.abort;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.ops.Assignment;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Problem;
import io.sinter.tests.support.Problem.Operation;
import io.sinter.tests.support.Problem.Shared;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream.Builder;
import org.junit.jupiter.api.Test;

/// One matrix of operations in a fresh JVM for each instruction set: all print the same hashes.
class InstructionSetTest {
  private static final List<String> SETS = List.of("avx512", "avx2", "baseline");

  @Test
  void everyInstructionSetGivesTheSameBytes() throws IOException, InterruptedException {
    String best = Device.cpu().info().detail();
    if (System.getenv("SINTER_CPU") != null || !SETS.contains(best)) {
      String reason = "instruction sets are compared from a run that forces none; this is " + best;
      System.out.println(reason);
      abort(reason);
    }
    List<String> sets = SETS.subList(SETS.indexOf(best), SETS.size());
    if (sets.size() < SETS.size()) {
      System.out.println("No CPU here for " + SETS.subList(0, SETS.indexOf(best)));
    }
    List<String> expected = null;
    for (String set : sets) {
      List<String> lines = child(set);
      assertEquals(set, lines.get(0), "the instruction set in use");
      List<String> hashes = lines.subList(1, lines.size());
      assertEquals(Matrix.lines(), hashes.size(), set + " printed " + lines);
      expected = expected == null ? hashes : expected;
      assertEquals(expected, hashes, set + " against " + best);
    }
  }

  private static List<String> child(String set) throws IOException, InterruptedException {
    Builder<String> places = java.util.stream.Stream.builder();
    places.add(place(InstructionSetTest.class));
    for (String key : List.of("jdk.module.path", "java.class.path", "surefire.test.class.path")) {
      Arrays.stream(System.getProperty(key, "").split(File.pathSeparator)).forEach(places::add);
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    String library = System.getProperty("sinter.library");
    if (library != null) {
      command.add("-Dsinter.library=" + library);
    }
    command.add("-cp");
    command.add(
        String.join(
            File.pathSeparator,
            places.build().filter(place -> !place.isEmpty()).distinct().toList()));
    command.add(Matrix.class.getName());
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("SINTER_CPU", set);
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    Process process = builder.start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), set + " failed: " + printed);
    return printed.lines().toList();
  }

  private static String place(Class<?> type) {
    return Path.of(
            java.net.URI.create(
                type.getProtectionDomain().getCodeSource().getLocation().toString()))
        .toString();
  }

  /// Prints the instruction set, then one hash per operation, input type and output type.
  static final class Matrix {
    private static final int[] SIZES = {1, 15, 64, 1001, 4097, 70_003};

    private static final int[] ASSIGNMENTS = {20, 70, 300};

    private Matrix() {}

    static int lines() {
      return Operation.values().length * DType.values().length * DType.values().length
          + 2 * ASSIGNMENTS.length;
    }

    public static void main(String[] args) throws NoSuchAlgorithmException {
      System.out.println(Device.cpu().info().detail());
      try (Stream stream = Device.cpu().stream()) {
        for (Operation operation : Operation.values()) {
          for (DType in : DType.values()) {
            for (DType out : DType.values()) {
              System.out.println(
                  operation + " " + in + " " + out + " " + hash(stream, operation, in, out));
            }
          }
        }
        for (int n : ASSIGNMENTS) {
          // Of rank 2, which takes an auction and paths, and with ties.
          System.out.println("assignment " + n + " " + hash(stream, n, 100, DType.F32));
          System.out.println("assignment " + n + " " + hash(stream, n, 1e6, DType.F64));
        }
      }
    }

    private static String hash(Stream stream, int n, double range, DType type)
        throws NoSuchAlgorithmException {
      SplittableRandom random = Seeds.of("matrix assignment " + n);
      double[] x = random.doubles(4L * n, -range, range).map(Math::rint).toArray();
      double[] costs = new double[n * n];
      Arrays.setAll(
          costs,
          k -> x[k / n] * x[n + k % n] / range + x[2 * n + k / n] * x[3 * n + k % n] / range);
      Operand cost =
          Operand.input(stream, Elements.of(type, costs), View.flat(costs.length), random);
      Assignment.Solution s =
          Assignment.solve(stream, cost.tensor().reshape(n, n), Assignment.Sense.MINIMIZE);
      cost.close();
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(Arrays.toString(s.columns()).getBytes(StandardCharsets.UTF_8));
      digest.update(Arrays.toString(s.v()).getBytes(StandardCharsets.UTF_8));
      digest.update(Arrays.toString(s.u()).getBytes(StandardCharsets.UTF_8));
      digest.update((s.objective() + " " + s.gap()).getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest.digest());
    }

    private static String hash(Stream stream, Operation operation, DType in, DType out)
        throws NoSuchAlgorithmException {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      SplittableRandom random = Seeds.of("matrix " + operation + in + out);
      for (int size : SIZES) {
        if (size > 5000 && in != out) {
          continue;
        }
        Values values = Values.values()[random.nextInt(Values.values().length)];
        Shared shared = new Shared(operation, 3, size % 2 == 0, Reference.Mode.DEFAULT);
        Problem problem = Problem.random(shared, in, out, size, values, random);
        List<Operand> inputs =
            problem.inputs().stream()
                .map(e -> Operand.input(stream, e, View.flat(size), random))
                .toList();
        try (Operand output = Operand.output(stream, out, View.flat(size), random)) {
          Problem.call(
              stream,
              List.of(problem),
              List.of(inputs.stream().map(Operand::tensor).toList()),
              List.of(output.tensor()),
              null);
          for (long bits : output.elements(stream).bits()) {
            for (int k = 0; k < out.bytes(); k++) {
              digest.update((byte) (bits >>> 8 * k));
            }
          }
        }
        inputs.forEach(Operand::close);
      }
      return HexFormat.of().formatHex(digest.digest());
    }
  }
}
