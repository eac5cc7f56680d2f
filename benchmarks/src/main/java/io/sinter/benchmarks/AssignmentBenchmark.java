// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Assignment;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// Linear assignment, duals and certificate included, beside shortest augmenting paths in plain
/// Java: the algorithm that scipy's `linear_sum_assignment` runs in C++.
///
/// `benchmarks/peers/assignment.py` races scipy itself, over more families.
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public class AssignmentBenchmark {
  /// What costs are like.
  public enum Family {
    /// Independent of each other.
    UNIFORM,
    /// Products of 16 numbers of each row and column.
    LOW_RANK,
    /// A unit and its noisy copy, in another order: row minima are a permutation.
    RELATED
  }

  /// `cpu` or `cuda:N`.
  @Param("cpu")
  public String device = "cpu";

  /// What costs are like.
  @Param({"UNIFORM", "LOW_RANK", "RELATED"})
  public Family family = Family.UNIFORM;

  /// Rows, and columns, of each problem.
  @Param({"256", "1024"})
  public int size;

  /// Problems in one call.
  @Param({"1", "16"})
  public int problems;

  /// The CPU's threads; 0 = all.
  @Param("0")
  public int threads;

  private final List<Tensor> costs = new ArrayList<>();
  private final List<float[]> plain = new ArrayList<>();
  private @Nullable Stream stream;

  /// Makes the problems, and checks both contenders against each other.
  @Setup
  public void setUp() {
    SplittableRandom random = new SplittableRandom(1);
    stream = Device.parse(device).stream(StreamOptions.DEFAULT.withThreads(threads));
    for (int k = 0; k < problems; k++) {
      float[] cost = costs(random);
      plain.add(cost);
      try (Tensor host = stream.allocatePinned(DType.F32, size, size)) {
        MemorySegment.copy(cost, 0, host.segment(), ValueLayout.JAVA_FLOAT, 0, cost.length);
        Tensor placed = stream.allocate(DType.F32, size, size);
        costs.add(placed);
        stream.copy(host, placed);
        stream.synchronize();
      }
    }
    double[] expected = java();
    List<Assignment.Solution> found = sinter();
    for (int k = 0; k < problems; k++) {
      Assignment.Solution solution = found.get(k);
      double allowed = 1e-9 * size * solution.spread();
      if (!solution.isCertified() || Math.abs(solution.objective() - expected[k]) > allowed) {
        throw new AssertionError(
            "problem " + k + ": " + solution.objective() + " in place of " + expected[k]);
      }
    }
  }

  private float[] costs(SplittableRandom random) {
    int rank = family == Family.RELATED ? 64 : 16;
    float[][] a = new float[size][rank];
    float[][] b = new float[size][rank];
    for (int i = 0; i < size; i++) {
      for (int k = 0; k < rank; k++) {
        a[i][k] = (float) random.nextGaussian();
        b[i][k] = (float) random.nextGaussian();
      }
    }
    float[] cost = new float[size * size];
    for (int i = 0; i < size; i++) {
      for (int j = 0; j < size; j++) {
        double c = family == Family.UNIFORM ? random.nextDouble() : 0;
        for (int k = 0; k < rank && family == Family.LOW_RANK; k++) {
          c -= a[i][k] * b[j][k];
        }
        for (int k = 0; k < rank && family == Family.RELATED; k++) {
          double d = a[(i * 7 + 3) % size][k] - a[j][k] - 0.25 * b[j][k];
          c += d * d;
        }
        cost[i * size + j] = (float) c;
      }
    }
    return cost;
  }

  /// Frees what [#setUp] made.
  @TearDown
  public void tearDown() {
    costs.forEach(Tensor::close);
    costs.clear();
    plain.clear();
    if (stream != null) {
      stream.close();
    }
  }

  /// {@return the library's solutions}
  @Benchmark
  public List<Assignment.Solution> sinter() {
    return Assignment.solve(stream, costs, Assignment.Sense.MINIMIZE, null);
  }

  /// {@return the objectives of the plain Java method}
  @Benchmark
  public double[] java() {
    double[] objectives = new double[problems];
    for (int k = 0; k < problems; k++) {
      objectives[k] = shortestPaths(plain.get(k), size);
    }
    return objectives;
  }

  /// A shortest augmenting path for each row in turn, with dense arrays; no duals for a start.
  private static double shortestPaths(float[] cost, int n) {
    double[] u = new double[n];
    double[] v = new double[n];
    double[] distance = new double[n];
    int[] rowOf = new int[n];
    int[] columnOf = new int[n];
    int[] previous = new int[n];
    int[] left = new int[n];
    Arrays.fill(rowOf, -1);
    Arrays.fill(columnOf, -1);
    for (int source = 0; source < n; source++) {
      for (int j = 0; j < n; j++) {
        left[j] = j;
      }
      Arrays.fill(distance, Double.POSITIVE_INFINITY);
      int open = n;
      int row = source;
      double least = 0;
      int sink = -1;
      while (sink < 0) {
        double base = least - u[row];
        int nearest = -1;
        double next = Double.POSITIVE_INFINITY;
        for (int at = 0; at < open; at++) {
          int j = left[at];
          double d = base + cost[row * n + j] - v[j];
          if (d < distance[j]) {
            distance[j] = d;
            previous[j] = row;
          }
          if (distance[j] < next || (distance[j] == next && rowOf[j] < 0)) {
            next = distance[j];
            nearest = at;
          }
        }
        least = next;
        int column = left[nearest];
        left[nearest] = left[--open];
        left[open] = column;
        if (rowOf[column] < 0) {
          sink = column;
        } else {
          row = rowOf[column];
        }
      }
      u[source] += least;
      for (int at = open; at < n; at++) {
        int j = left[at];
        if (j != sink) {
          u[rowOf[j]] += least - distance[j];
          v[j] -= least - distance[j];
        }
      }
      for (int column = sink; ; ) {
        row = previous[column];
        rowOf[column] = row;
        int before = columnOf[row];
        columnOf[row] = column;
        if (row == source) {
          break;
        }
        column = before;
      }
    }
    double objective = 0;
    for (int i = 0; i < n; i++) {
      objective += cost[i * n + columnOf[i]];
    }
    return objective;
  }
}
