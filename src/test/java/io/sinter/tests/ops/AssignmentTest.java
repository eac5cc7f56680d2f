// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.ops.Assignment;
import io.sinter.ops.Assignment.Method;
import io.sinter.ops.Assignment.Sense;
import io.sinter.ops.Assignment.Solution;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.GuardedMemory;
import io.sinter.tests.support.Seeds;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Assignment: every solution by its certificate, computed anew here, and its objective against a
/// plain search, a plain Hungarian algorithm, or scipy.
class AssignmentTest {
  private static final List<Device> DEVICES = Devices.all();

  /// A family of costs; all of them exact in float32.
  private enum Family {
    UNIFORM,
    NORMAL,
    LOW_RANK_1,
    LOW_RANK_4,
    LOW_RANK_32,
    GEOMETRIC,
    PLANTED,
    FEW_VALUES,
    MANY_TIES,
    CONSTANT,
    PRODUCTS,
    FAR_FROM_ZERO;

    double[][] costs(int rows, int columns, SplittableRandom random) {
      double[][] c = new double[rows][columns];
      int rank = this == LOW_RANK_1 ? 1 : this == LOW_RANK_4 ? 4 : this == LOW_RANK_32 ? 32 : 2;
      double[][] a = normal(rows, rank, random);
      double[][] b = normal(columns, rank, random);
      int[] planted = permutation(columns, random);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          double dot = 0;
          double distance = 0;
          for (int k = 0; k < rank; k++) {
            dot += a[i][k] * b[j][k];
            distance += (a[i][k] - b[j][k]) * (a[i][k] - b[j][k]);
          }
          c[i][j] =
              (float)
                  switch (this) {
                    case UNIFORM -> random.nextDouble();
                    case NORMAL -> random.nextGaussian();
                    case LOW_RANK_1, LOW_RANK_4, LOW_RANK_32 -> dot;
                    case GEOMETRIC -> Math.sqrt(distance);
                    // Nearest, but not everybody's cheapest.
                    case PLANTED ->
                        j == planted[i] ? 0.5 + random.nextDouble() : 0.9 + random.nextDouble();
                    case FEW_VALUES -> random.nextInt(3) - 1;
                    case MANY_TIES -> random.nextInt(40);
                    case CONSTANT -> -2.5;
                    // All rows agree which columns are cheap: the order of the sums decides.
                    case PRODUCTS -> (i + 1.0) * (j + 1.0);
                    case FAR_FROM_ZERO -> 1e6 + random.nextInt(100);
                  };
        }
      }
      return c;
    }
  }

  private static double[][] normal(int rows, int columns, SplittableRandom random) {
    double[][] out = new double[rows][columns];
    for (double[] row : out) {
      for (int j = 0; j < columns; j++) {
        row[j] = random.nextGaussian();
      }
    }
    return out;
  }

  private static int[] permutation(int n, SplittableRandom random) {
    int[] p = IntStream.range(0, n).toArray();
    for (int i = n - 1; i > 0; i--) {
      int k = random.nextInt(i + 1);
      int held = p[i];
      p[i] = p[k];
      p[k] = held;
    }
    return p;
  }

  // ---- References -------------------------------------------------------------------------------

  /// The best sum over all injective maps.
  private static double bruteForce(double[][] c, int row, boolean[] taken) {
    if (row == c.length) {
      return 0;
    }
    double best = Double.POSITIVE_INFINITY;
    for (int j = 0; j < c[row].length; j++) {
      if (!taken[j]) {
        taken[j] = true;
        best = Math.min(best, c[row][j] + bruteForce(c, row + 1, taken));
        taken[j] = false;
      }
    }
    return best;
  }

  /// The Hungarian algorithm as textbooks have it, row by row, O(n^3), all in float64.
  private static double hungarian(double[][] c) {
    int n = c.length;
    int m = n == 0 ? 0 : c[0].length;
    double[] u = new double[n + 1];
    double[] v = new double[m + 1];
    int[] rowOf = new int[m + 1];
    int[] from = new int[m + 1];
    for (int i = 1; i <= n; i++) {
      rowOf[0] = i;
      int at = 0;
      double[] least = new double[m + 1];
      Arrays.fill(least, Double.POSITIVE_INFINITY);
      boolean[] used = new boolean[m + 1];
      do {
        used[at] = true;
        int row = rowOf[at];
        double delta = Double.POSITIVE_INFINITY;
        int next = 0;
        for (int j = 1; j <= m; j++) {
          if (!used[j]) {
            double reduced = c[row - 1][j - 1] - u[row] - v[j];
            if (reduced < least[j]) {
              least[j] = reduced;
              from[j] = at;
            }
            if (least[j] < delta) {
              delta = least[j];
              next = j;
            }
          }
        }
        for (int j = 0; j <= m; j++) {
          if (used[j]) {
            u[rowOf[j]] += delta;
            v[j] -= delta;
          } else {
            least[j] -= delta;
          }
        }
        at = next;
      } while (rowOf[at] != 0);
      while (at != 0) {
        rowOf[at] = rowOf[from[at]];
        at = from[at];
      }
    }
    double sum = 0;
    for (int j = 1; j <= m; j++) {
      if (rowOf[j] != 0) {
        sum += c[rowOf[j] - 1][j - 1];
      }
    }
    return sum;
  }

  private static double optimum(double[][] c, Sense sense) {
    double sign = sense == Sense.MINIMIZE ? 1 : -1;
    double[][] signed = new double[c.length][];
    for (int i = 0; i < c.length; i++) {
      signed[i] = Arrays.stream(c[i]).map(x -> sign * x).toArray();
    }
    int columns = c.length == 0 ? 0 : c[0].length;
    return sign * (columns <= 7 ? bruteForce(signed, 0, new boolean[columns]) : hungarian(signed));
  }

  // ---- Checks -----------------------------------------------------------------------------------

  /// A map without repetition, duals that are feasible to the last bit, and a gap as it was said.
  private static void certify(double[][] c, int columns, Sense sense, Solution s, String what) {
    double sign = sense == Sense.MINIMIZE ? 1 : -1;
    boolean[] taken = new boolean[columns];
    double least = Double.POSITIVE_INFINITY;
    double most = Double.NEGATIVE_INFINITY;
    double objective = 0;
    double gap = 0;
    double size = 0;
    assertEquals(c.length, s.columns().length, what);
    for (int i = 0; i < c.length; i++) {
      int j = s.columns()[i];
      assertTrue(j >= 0 && j < columns && !taken[j], what + ": column of row " + i);
      taken[j] = true;
      double u = Double.POSITIVE_INFINITY;
      for (int k = 0; k < columns; k++) {
        u = Math.min(u, sign * c[i][k] - sign * s.v()[k]);
        least = Math.min(least, c[i][k]);
        most = Math.max(most, c[i][k]);
        size = Math.max(size, Math.abs(c[i][k]));
      }
      assertTrue(sign * u == s.u()[i], what + ": u of row " + i + " is " + s.u()[i]);
      objective += c[i][j];
      gap += sign * c[i][j] - sign * s.v()[j] - u;
    }
    double spread = c.length == 0 ? 0 : most - least;
    double rounding = c.length * size * 1e-15;
    assertEquals(spread, s.spread(), what + ": spread");
    assertEquals(objective, s.objective(), rounding, what + ": objective");
    assertEquals(gap, s.gap(), 1e-12 * spread, what + ": gap");
    assertTrue(s.gap() >= 0 && s.gap() <= 1e-6 * spread, what + ": gap " + s.gap());
    assertTrue(s.isCertified(), what);
    if (c.length < columns) {
      for (int j = 0; j < columns; j++) {
        assertTrue(sign * s.v()[j] <= 0, what + ": v of column " + j + " is " + s.v()[j]);
        assertTrue(taken[j] || s.v()[j] == 0, what + ": v of column " + j + ", which nobody has");
      }
    }
  }

  private static void check(double[][] c, int columns, Sense sense, Solution s, String what) {
    certify(c, columns, sense, s, what);
    double optimum = optimum(c, sense);
    double rounding = Math.max(s.spread(), Math.abs(optimum)) * 1e-12;
    assertEquals(optimum, s.objective(), rounding, what + ": against the reference");
  }

  private static Tensor place(Stream stream, double[][] c, int columns, DType type) {
    Tensor host = stream.allocatePinned(type, c.length, columns);
    fill(host.segment(), c, columns, columns, type);
    if (stream.device().isCpu()) {
      return host;
    }
    try (host) {
      Tensor device = stream.allocate(type, c.length, columns);
      stream.copy(host, device);
      return device;
    }
  }

  private static void fill(MemorySegment memory, double[][] c, int columns, int step, DType type) {
    for (int i = 0; i < c.length; i++) {
      for (int j = 0; j < columns; j++) {
        long at = (long) i * step + j;
        if (type == DType.F64) {
          memory.set(ValueLayout.JAVA_DOUBLE_UNALIGNED, 8 * at, c[i][j]);
        } else {
          memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * at, (float) c[i][j]);
        }
      }
    }
  }

  private static Solution solve(
      Stream stream, double[][] c, int columns, DType type, Sense sense, double... start) {
    try (Tensor cost = place(stream, c, columns, type)) {
      return start.length == 0
          ? Assignment.solve(stream, cost, sense)
          : Assignment.solve(stream, cost, sense, start);
    }
  }

  // ---- Tests ------------------------------------------------------------------------------------

  private static final int[] SIZES = {
    1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 17, 31, 32, 33, 40, 63, 64, 65, 100, 127, 129, 200, 257, 300
  };

  @TestFactory
  java.util.stream.Stream<DynamicTest> families() {
    return DEVICES.stream()
        .flatMap(
            device ->
                Arrays.stream(Family.values())
                    .map(
                        family ->
                            DynamicTest.dynamicTest(
                                family + " on " + device, () -> family(device, family))));
  }

  private static void family(Device device, Family family) {
    SplittableRandom random = Seeds.of("assignment " + family);
    try (Stream stream = device.stream()) {
      for (int n : SIZES) {
        int repeats = Devices.slow(device) && n > 65 ? 0 : n <= 9 || Seeds.full() ? 4 : 1;
        for (int k = 0; k < repeats; k++) {
          int rows = k % 2 == 0 || n == 1 ? n : 1 + random.nextInt(n);
          DType type = random.nextBoolean() ? DType.F32 : DType.F64;
          Sense sense = random.nextBoolean() ? Sense.MINIMIZE : Sense.MAXIMIZE;
          double[][] c = family.costs(rows, n, random);
          String what =
              family
                  + " "
                  + type
                  + "["
                  + rows
                  + ", "
                  + n
                  + "] "
                  + sense
                  + " on "
                  + device
                  + " ("
                  + Seeds.note()
                  + ")";
          check(c, n, sense, solve(stream, c, n, type, sense), what);
        }
      }
    }
  }

  /// All rungs of the ladder are climbed by some family here, so none goes untested.
  @Test
  void everyMethodIsUsed() {
    Set<Method> used = EnumSet.noneOf(Method.class);
    long paths = 0;
    SplittableRandom random = Seeds.of("assignment methods");
    try (Stream stream = Device.cpu().stream()) {
      for (Family family : Family.values()) {
        double[][] c = family.costs(300, 300, random);
        Solution s = solve(stream, c, 300, DType.F32, Sense.MINIMIZE);
        check(c, 300, Sense.MINIMIZE, s, family + " (" + Seeds.note() + ")");
        used.add(s.method());
        paths += s.paths();
      }
      double[][] own = new double[50][50];
      for (int i = 0; i < 50; i++) {
        own[i][(i * 7 + 3) % 50] = -1 - i;
      }
      Solution s = solve(stream, own, 50, DType.F32, Sense.MINIMIZE);
      check(own, 50, Sense.MINIMIZE, s, "rows' minima are a permutation");
      assertEquals(Method.ROW_MINIMA, s.method());
      assertEquals(0, s.gap());
      assertArrayEquals(new double[50], s.v());
    }
    used.add(Method.ROW_MINIMA);
    assertEquals(EnumSet.allOf(Method.class), used);
    assertTrue(paths > 20, "augmenting paths: " + paths);
  }

  /// Where part of the rows changes, the old duals lead to the new optimum; and so do any others.
  @TestFactory
  java.util.stream.Stream<DynamicTest> starts() {
    return DEVICES.stream()
        .map(device -> DynamicTest.dynamicTest(device.toString(), () -> starts(device)));
  }

  private static void starts(Device device) {
    SplittableRandom random = Seeds.of("assignment starts");
    int n = Devices.slow(device) ? 60 : 250;
    try (Stream stream = device.stream()) {
      for (Family family : Family.values()) {
        for (int rows : new int[] {n, n - n / 10}) {
          for (double share : new double[] {0, 0.02, 0.2}) {
            Sense sense = random.nextBoolean() ? Sense.MINIMIZE : Sense.MAXIMIZE;
            double[][] c = family.costs(rows, n, random);
            Solution before = solve(stream, c, n, DType.F32, sense);
            double[][] other = family.costs(rows, n, random);
            for (int i = 0; i < rows; i++) {
              c[i] = random.nextDouble() < share ? other[i] : c[i];
            }
            String what =
                family
                    + "["
                    + rows
                    + ", "
                    + n
                    + "], "
                    + share
                    + " of the rows changed, "
                    + sense
                    + " on "
                    + device
                    + " ("
                    + Seeds.note()
                    + ")";
            Solution after = solve(stream, c, n, DType.F32, sense, before.v());
            check(c, n, sense, after, what);
          }
          Sense sense = random.nextBoolean() ? Sense.MINIMIZE : Sense.MAXIMIZE;
          double[][] c = family.costs(rows, n, random);
          double[] start = new double[n];
          for (int j = 0; j < n; j++) {
            start[j] =
                switch (random.nextInt(8)) {
                  case 0 -> Double.NaN;
                  case 1 -> Double.NEGATIVE_INFINITY;
                  case 2 -> 1e30;
                  default -> random.nextGaussian() * 3;
                };
          }
          String what = family + "[" + rows + ", " + n + "] from anywhere on " + device;
          check(c, n, sense, solve(stream, c, n, DType.F64, sense, start), what);
        }
      }
    }
  }

  /// Stored results: integers, so that sums are exact.
  @TestFactory
  java.util.stream.Stream<DynamicTest> scipy() {
    return DEVICES.stream()
        .map(device -> DynamicTest.dynamicTest(device.toString(), () -> scipy(device)));
  }

  private static void scipy(Device device) throws IOException {
    try (Stream stream = device.stream();
        BufferedReader lines =
            new BufferedReader(
                new InputStreamReader(
                    Objects.requireNonNull(
                        AssignmentTest.class.getResourceAsStream(
                            "/goldens/assignment/objectives.csv")),
                    StandardCharsets.UTF_8))) {
      int compared = 0;
      for (String line : lines.lines().skip(1).toList()) {
        String[] fields = line.split(",");
        int rows = Integer.parseInt(fields[2]);
        int columns = Integer.parseInt(fields[3]);
        if (columns > (Devices.slow(device) ? 64 : Seeds.full() ? 4096 : 1100)) {
          continue;
        }
        double[][] c = golden(fields[0], Long.parseLong(fields[1]), rows, columns);
        for (Sense sense : Sense.values()) {
          Solution s = solve(stream, c, columns, DType.F32, sense);
          certify(c, columns, sense, s, line + " " + sense);
          double expected = Double.parseDouble(fields[sense == Sense.MINIMIZE ? 4 : 5]);
          assertEquals(expected, s.objective(), line + " " + sense + " on " + device);
          compared++;
        }
      }
      assertTrue(compared >= 60, "compared " + compared);
    }
  }

  /// As `goldens/assignment/make.py`.
  private static double[][] golden(String family, long seed, int rows, int columns) {
    double[][] c = new double[rows][columns];
    switch (family) {
      case "uniform", "ties" -> {
        int below = family.equals("ties") ? 10 : 1 << 24;
        for (int i = 0; i < rows; i++) {
          for (int j = 0; j < columns; j++) {
            c[i][j] = word(seed, (long) i * columns + j) % below;
          }
        }
      }
      case "geometric" -> {
        for (int i = 0; i < rows; i++) {
          for (int j = 0; j < columns; j++) {
            for (int k = 0; k < 2; k++) {
              double d = word(seed, 2L * i + k) % 1000 - word(seed + 1, 2L * j + k) % 1000;
              c[i][j] += d * d;
            }
          }
        }
      }
      default -> {
        int rank = Integer.parseInt(family.substring("low-rank-".length()));
        double[] a = new double[rows * rank];
        double[] b = new double[columns * rank];
        Arrays.setAll(a, k -> word(seed, k) % 129 - 64);
        Arrays.setAll(b, k -> word(seed + 1, k) % 129 - 64);
        for (int i = 0; i < rows; i++) {
          for (int j = 0; j < columns; j++) {
            for (int k = 0; k < rank; k++) {
              c[i][j] += a[i * rank + k] * b[j * rank + k];
            }
          }
        }
      }
    }
    return c;
  }

  /// 24 bits of splitmix64's word `index`.
  private static long word(long seed, long index) {
    long z = seed + 0x9e3779b97f4a7c15L * (index + 1);
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return (z ^ (z >>> 31)) >>> 40;
  }

  /// Problems of a batch, of any sizes, have the solutions they have alone, bit for bit; whatever
  /// the number of threads.
  @TestFactory
  java.util.stream.Stream<DynamicTest> batches() {
    return DEVICES.stream()
        .map(device -> DynamicTest.dynamicTest(device.toString(), () -> batches(device)));
  }

  private static void batches(Device device) {
    SplittableRandom random = Seeds.of("assignment batches");
    int most = Devices.slow(device) ? 40 : 120;
    List<double[][]> costs = new ArrayList<>();
    List<Integer> widths = new ArrayList<>();
    List<DType> types = new ArrayList<>();
    for (Family family : Family.values()) {
      for (int k = 0; k < 3; k++) {
        int columns = k == 0 ? random.nextInt(4) : 1 + random.nextInt(most);
        int rows = k == 1 ? columns : random.nextInt(columns + 1);
        costs.add(family.costs(rows, columns, random));
        widths.add(columns);
        types.add(random.nextBoolean() ? DType.F32 : DType.F64);
      }
    }
    if (!Devices.slow(device)) { // the whole team's
      costs.add(Family.UNIFORM.costs(500, 500, random));
      costs.add(Family.LOW_RANK_4.costs(450, 520, random));
      widths.addAll(List.of(500, 520));
      types.addAll(List.of(DType.F32, DType.F64));
    }
    for (int threads : device.isCpu() ? new int[] {1, 2, 5} : new int[] {1}) {
      List<Tensor> tensors = new ArrayList<>();
      try (Stream stream = device.stream(StreamOptions.DEFAULT.withThreads(threads));
          Stream single = device.stream(StreamOptions.DEFAULT.withThreads(1))) {
        for (int k = 0; k < costs.size(); k++) {
          tensors.add(place(stream, costs.get(k), widths.get(k), types.get(k)));
        }
        stream.synchronize();
        List<Solution> all = Assignment.solve(stream, tensors, Sense.MAXIMIZE, null);
        for (int k = 0; k < costs.size(); k++) {
          String what = "problem " + k + ", " + threads + " threads, " + device;
          certify(costs.get(k), widths.get(k), Sense.MAXIMIZE, all.get(k), what);
          Solution alone = Assignment.solve(single, tensors.get(k), Sense.MAXIMIZE);
          assertArrayEquals(alone.columns(), all.get(k).columns(), what);
          assertArrayEquals(alone.v(), all.get(k).v(), what);
          assertArrayEquals(alone.u(), all.get(k).u(), what);
          assertEquals(alone.objective(), all.get(k).objective(), what);
          assertEquals(alone.gap(), all.get(k).gap(), what);
        }
        assertEquals(List.of(), Assignment.solve(stream, List.of(), Sense.MINIMIZE, null));
      } finally {
        tensors.forEach(Tensor::close);
      }
    }
  }

  /// Costs without a tie have one optimum, and every device finds it.
  @Test
  void devicesAgreeWhereTheOptimumIsUnique() {
    SplittableRandom random = Seeds.of("assignment devices");
    for (int n : new int[] {5, 33, 64}) {
      for (Family family : List.of(Family.UNIFORM, Family.LOW_RANK_4, Family.GEOMETRIC)) {
        double[][] c = family.costs(n, n, random);
        int[] expected = null;
        for (Device device : DEVICES) {
          try (Stream stream = device.stream()) {
            int[] columns = solve(stream, c, n, DType.F32, Sense.MINIMIZE).columns();
            expected = expected == null ? columns : expected;
            assertArrayEquals(expected, columns, family + " " + n + " on " + device);
          }
        }
      }
    }
  }

  /// Rows apart, at odd addresses, up to a page that must not be touched.
  @Test
  void readsItsCostsOnlyWhereverTheyLie() {
    SplittableRandom random = Seeds.of("assignment layouts");
    try (Stream stream = Device.cpu().stream()) {
      for (DType type : List.of(DType.F32, DType.F64)) {
        for (int columns : new int[] {1, 7, 33, 40, 101, 520, 521, 1030}) {
          int rows = columns < 2 ? 1 : columns / 2;
          double[][] c = Family.LOW_RANK_4.costs(rows, columns, random);
          Solution plain = solve(stream, c, columns, type, Sense.MINIMIZE);
          int step = columns + 3;
          long bytes = type.bytes() * ((rows - 1L) * step + columns);
          try (GuardedMemory guarded = new GuardedMemory(bytes, 0);
              GuardedMemory odd = new GuardedMemory(type.bytes() * (long) rows * columns, 1)) {
            fill(guarded.memory(), c, columns, step, type);
            Tensor whole = Tensor.of(guarded.memory(), type, bytes / type.bytes());
            if (rows > 1) {
              Tensor first = whole.slice(0, 0, (rows - 1L) * step).reshape(rows - 1, step);
              Solution some = Assignment.solve(stream, first.slice(1, 0, columns), Sense.MINIMIZE);
              certify(Arrays.copyOf(c, rows - 1), columns, Sense.MINIMIZE, some, "rows apart");
            }
            Tensor last =
                whole
                    .slice(0, (rows - 1L) * step, (rows - 1L) * step + columns)
                    .reshape(1, columns);
            certify(
                new double[][] {c[rows - 1]},
                columns,
                Sense.MINIMIZE,
                Assignment.solve(stream, last, Sense.MINIMIZE),
                "the last row");
            fill(odd.memory(), c, columns, columns, type);
            Solution same =
                Assignment.solve(
                    stream, Tensor.of(odd.memory(), type, rows, columns), Sense.MINIMIZE);
            assertArrayEquals(plain.columns(), same.columns(), type + " " + columns);
            assertArrayEquals(plain.v(), same.v(), type + " " + columns);
          }
        }
      }
    }
  }

  @TestFactory
  java.util.stream.Stream<DynamicTest> emptyAndSingle() {
    return DEVICES.stream()
        .map(
            device ->
                DynamicTest.dynamicTest(
                    device.toString(),
                    () -> {
                      try (Stream stream = device.stream()) {
                        Solution none =
                            solve(stream, new double[0][0], 0, DType.F32, Sense.MINIMIZE);
                        certify(new double[0][0], 0, Sense.MINIMIZE, none, "0 x 0");
                        Solution wide =
                            solve(stream, new double[0][3], 3, DType.F64, Sense.MAXIMIZE);
                        certify(new double[0][3], 3, Sense.MAXIMIZE, wide, "0 x 3");
                        double[][] one = {{-4}};
                        Solution s = solve(stream, one, 1, DType.F32, Sense.MAXIMIZE);
                        check(one, 1, Sense.MAXIMIZE, s, "1 x 1");
                        assertEquals(-4, s.objective());
                      }
                    }));
  }

  @TestFactory
  java.util.stream.Stream<DynamicTest> costsThatAreNotFinite() {
    return DEVICES.stream()
        .map(device -> DynamicTest.dynamicTest(device.toString(), () -> notFinite(device)));
  }

  private static void notFinite(Device device) {
    SplittableRandom random = Seeds.of("assignment not finite");
    try (Stream stream = device.stream()) {
      for (double bad :
          new double[] {
            Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 0x1p1001, -0x1p1001
          }) {
        for (int n : new int[] {1, 9, 40, 50}) {
          double[][] c = Family.UNIFORM.costs(n, n, random);
          int row = random.nextInt(n);
          int column = random.nextInt(n);
          c[row][column] = bad;
          DType type = Double.isFinite(bad) || n == 40 ? DType.F64 : DType.F32;
          try (Tensor good = place(stream, Family.UNIFORM.costs(6, 8, random), 8, DType.F32);
              Tensor cost = place(stream, c, n, type).named("group")) {
            NumericException e =
                assertThrows(
                    NumericException.class,
                    () -> Assignment.solve(stream, List.of(good, cost), Sense.MINIMIZE, null));
            String place = "row " + row + ", column " + column;
            assertTrue(e.getMessage().contains(place), place + " is not in " + e.getMessage());
            assertTrue(e.getMessage().contains("group"), e.getMessage());
            // And the stream goes on.
            Assignment.solve(stream, good, Sense.MINIMIZE);
          }
        }
      }
    }
  }

  @Test
  void refusesWhatIsNoProblem() {
    try (Stream stream = Device.cpu().stream();
        Tensor tall = stream.allocatePinned(DType.F32, 4, 3);
        Tensor flat = stream.allocatePinned(DType.F32, 12);
        Tensor half = stream.allocatePinned(DType.BF16, 3, 4)) {
      Tensor turned = tall.permute(1, 0);
      assertMistake(stream, tall, "more rows than columns");
      assertMistake(stream, flat, "[rows, columns]");
      assertMistake(stream, half, "f32 or f64");
      assertMistake(stream, turned, "neighbours");
      Tensor good = flat.reshape(3, 4);
      assertThrows(
          IllegalArgumentException.class,
          () -> Assignment.solve(stream, good, Sense.MINIMIZE, new double[3]));
      assertThrows(
          IllegalArgumentException.class,
          () -> Assignment.solve(stream, List.of(good), Sense.MINIMIZE, List.of()));
    }
  }

  private static void assertMistake(Stream stream, Tensor cost, String why) {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> Assignment.solve(stream, cost, Sense.MINIMIZE));
    assertTrue(e.getMessage().contains(why), e.getMessage());
  }
}
