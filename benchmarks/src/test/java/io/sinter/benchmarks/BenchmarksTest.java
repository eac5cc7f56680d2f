// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Sinter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.openjdk.jmh.annotations.Benchmark;

/// Runs the body of every benchmark once, at a small size: what is timed is what is tested.
class BenchmarksTest {
  /// More than a period of the pattern for one, an odd length for all.
  private static final long SMALL = 1_500_001;

  @TestFactory
  List<DynamicTest> everyBenchmarkBodyRunsOnceAndIsVerified() {
    List<DynamicTest> tests = new ArrayList<>();
    for (Device device : Device.all()) {
      for (Map.Entry<String, Supplier<MergeBenchmark>> each : oneOfEachKind(device).entrySet()) {
        tests.add(
            DynamicTest.dynamicTest(
                each.getKey() + " on " + device, () -> runEveryBody(each.getValue().get())));
      }
    }
    return tests;
  }

  @Test
  void downcallBodiesReturnTheVersion() {
    DowncallBenchmark benchmark = new DowncallBenchmark();
    int version = Sinter.abiVersion();
    assertEquals(version, benchmark.plain());
    assertEquals(version, benchmark.critical());
    assertEquals(version, benchmark.method());
    assertEquals(1000L * version, benchmark.c());
    benchmark.contenders().forEach(c -> c.work().run(3));
  }

  /// Its set-up compares the two contenders.
  @Test
  void assignmentBodiesAgree() {
    for (AssignmentBenchmark.Family family : AssignmentBenchmark.Family.values()) {
      AssignmentBenchmark benchmark = new AssignmentBenchmark();
      benchmark.family = family;
      benchmark.size = 40;
      benchmark.problems = 2;
      benchmark.setUp();
      try {
        assertEquals(2, benchmark.sinter().size());
        assertEquals(2, benchmark.java().length);
      } finally {
        benchmark.tearDown();
      }
    }
  }

  @Test
  void verificationFindsAWrongElement() {
    LerpBenchmark wrong =
        new LerpBenchmark() {
          @Override
          protected double reference(double[] x) {
            return super.reference(x) * 1.01;
          }
        };
    wrong.elements = 1000;
    wrong.dtype = DType.F32;
    try {
      assertThrows(AssertionError.class, wrong::setUp);
    } finally {
      wrong.tearDown();
    }
  }

  @Test
  void verificationFindsAnElementThatWasNeverWritten() {
    LerpBenchmark lazy =
        new LerpBenchmark() {
          @Override
          protected void operate() {
            io.sinter.ops.Interpolation.lerp(
                stream(),
                input(0).slice(0, 0, elements - 1),
                input(1).slice(0, 0, elements - 1),
                0.3,
                out().slice(0, 0, elements - 1));
          }
        };
    lazy.elements = SMALL;
    lazy.dtype = DType.BF16;
    try {
      AssertionError e = assertThrows(AssertionError.class, lazy::setUp);
      assertTrue(e.getMessage().contains("element " + (SMALL - 1)), e.getMessage());
    } finally {
      lazy.tearDown();
    }
  }

  /// DARE's numbers and which of equal magnitudes TIES keeps are libtorch's own.
  @TestFactory
  List<DynamicTest> libtorchDoesTheSameWork() {
    List<DynamicTest> tests = new ArrayList<>();
    for (Supplier<MergeBenchmark> each :
        List.<Supplier<MergeBenchmark>>of(
            LerpBenchmark::new,
            LinearBenchmark::new,
            TaskArithmeticBenchmark::new,
            SlerpBenchmark::new)) {
      MergeBenchmark benchmark = each.get();
      benchmark.elements = SMALL;
      benchmark.dtype = DType.F32;
      tests.add(
          DynamicTest.dynamicTest(
              benchmark.getClass().getSimpleName(), () -> verifyLibtorch(benchmark)));
    }
    return tests;
  }

  private static void verifyLibtorch(MergeBenchmark benchmark) {
    try {
      benchmark.setUp();
      Contender libtorch =
          benchmark.contenders().stream()
              .filter(contender -> contender.name().equals("libtorch"))
              .findFirst()
              .orElse(null);
      assumeTrue(libtorch != null, "libtorch is not on the class path");
      benchmark.verifyPeer(libtorch, 64); // its sums are float32
    } finally {
      benchmark.tearDown();
    }
  }

  @Test
  void raceComparesRoundByRound() {
    Race race =
        Race.run(
            List.of(Contender.of("slow", () -> sleep(4)), Contender.of("quick", () -> sleep(1))),
            3,
            1);
    assertEquals("quick", race.fastest());
    assertTrue(race.ratio("quick", "slow") > 1, "quick is faster");
    assertEquals(2.5, Race.median(new double[] {4, 1, 2, 3}));
    assertEquals(2, Race.median(new double[] {3, 1, 2}));
  }

  private static Map<String, Supplier<MergeBenchmark>> oneOfEachKind(Device device) {
    Map<String, Supplier<MergeBenchmark>> kinds = new LinkedHashMap<>();
    for (Cases.Case c : Cases.on(device)) {
      String kind = c.name().substring(0, c.name().lastIndexOf(','));
      kinds.putIfAbsent(kind, c.benchmark());
    }
    return kinds;
  }

  private static void runEveryBody(MergeBenchmark benchmark) throws Throwable {
    boolean manyTensors = benchmark instanceof BatchBenchmark batch && batch.each < 4096;
    benchmark.elements = manyTensors ? 4_001 : SMALL;
    try {
      benchmark.setUp();
      List<Method> bodies =
          Arrays.stream(benchmark.getClass().getMethods())
              .filter(m -> m.isAnnotationPresent(Benchmark.class))
              .toList();
      assertTrue(bodies.size() >= 2, "a benchmark has the operation and its twin");
      for (Method body : bodies) {
        body.invoke(benchmark);
      }
      benchmark.contenders().forEach(c -> c.work().run(1));
    } catch (InvocationTargetException e) {
      throw e.getCause();
    } finally {
      benchmark.tearDown();
    }
  }

  private static void sleep(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
