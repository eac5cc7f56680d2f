// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Products;
import io.sinter.tests.support.Codec;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Tolerance;
import io.sinter.tests.support.View;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Products and factorisations against plain loops in double, within the rounding of their dtype.
class ProductsTest {
  private static final List<DType> RESULTS = List.of(DType.F32, DType.F64);

  static List<Device> devices() {
    return Devices.all();
  }

  static List<Device> factorising() {
    return Devices.all().stream().filter(d -> d.isCpu() || Devices.slow(d)).toList();
  }

  // ---- Plain loops ----

  /// A matrix of numbers.
  private record Numbers(int rows, int columns, double[] values) {
    static Numbers random(int rows, int columns, SplittableRandom random) {
      double[] values = new double[rows * columns];
      Arrays.setAll(values, i -> random.nextDouble(-1, 1));
      return new Numbers(rows, columns, values);
    }

    double at(int i, int j) {
      return values[i * columns + j];
    }

    Numbers transposed() {
      double[] turned = new double[values.length];
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          turned[j * rows + i] = at(i, j);
        }
      }
      return new Numbers(columns, rows, turned);
    }

    Numbers times(Numbers other) {
      double[] product = new double[rows * other.columns];
      for (int i = 0; i < rows; i++) {
        for (int k = 0; k < columns; k++) {
          for (int j = 0; j < other.columns; j++) {
            product[i * other.columns + j] += at(i, k) * other.at(k, j);
          }
        }
      }
      return new Numbers(rows, other.columns, product);
    }

    Numbers magnitudes() {
      return new Numbers(rows, columns, Arrays.stream(values).map(Math::abs).toArray());
    }

    double norm() {
      return Math.sqrt(Arrays.stream(values).map(x -> x * x).sum());
    }

    Numbers minus(Numbers other) {
      double[] difference = values.clone();
      Arrays.setAll(difference, i -> values[i] - other.values[i]);
      return new Numbers(rows, columns, difference);
    }

    /// As stored in a type.
    Numbers rounded(DType type) {
      return new Numbers(rows, columns, elements(type).values());
    }

    Elements elements(DType type) {
      return Elements.of(type, values);
    }

    static Numbers of(int rows, int columns, Elements elements) {
      return new Numbers(rows, columns, elements.values());
    }
  }

  private static Numbers read(Stream stream, Operand operand, int rows, int columns) {
    return Numbers.of(rows, columns, operand.elements(stream));
  }

  /// Each element is a sum of `k` products: off by k + 4 roundings of the sum of magnitudes at
  // most.
  private static void checkProduct(
      String what,
      DType type,
      Numbers a,
      Numbers b,
      double alpha,
      double beta,
      Numbers before,
      Numbers now) {
    Numbers product = a.times(b);
    Numbers most = a.magnitudes().times(b.magnitudes());
    double eps = Codec.unitRoundoff(type);
    for (int i = 0; i < now.values().length; i++) {
      double kept = beta == 0 ? 0 : beta * before.values()[i];
      double bound = Math.abs(alpha) * most.values()[i] + Math.abs(kept);
      Tolerance.roundings(type, 0, (a.columns() + 4) * eps * bound)
          .check(what + ", element " + i, alpha * product.values()[i] + kept, now.values()[i]);
    }
  }

  // ---- Products ----

  @ParameterizedTest
  @MethodSource("devices")
  void gemmOfAnyOperands(Device device) {
    SplittableRandom random = Seeds.of("gemm");
    int[] sizes = {0, 1, 2, 7, 16, 33, 64, 90};
    try (Stream stream = device.stream()) {
      for (DType type : RESULTS) {
        for (int trial = 0; trial < 120; trial++) {
          int m = sizes[random.nextInt(sizes.length)];
          int n = sizes[random.nextInt(sizes.length)];
          int k = sizes[random.nextInt(sizes.length)];
          boolean turnA = random.nextBoolean();
          boolean turnB = random.nextBoolean();
          double alpha = random.nextBoolean() ? 1 : -0.75;
          double beta = random.nextBoolean() ? 0 : 0.5;
          DType ofA = random.nextBoolean() ? type : DType.values()[random.nextInt(6)];
          DType ofB = random.nextBoolean() ? type : DType.values()[random.nextInt(6)];
          // As it is read: rounded to its own dtype, then to the result's.
          Numbers a = Numbers.random(m, k, random).rounded(ofA);
          Numbers b = Numbers.random(k, n, random).rounded(ofB);
          Numbers c = Numbers.random(m, n, random).rounded(type);
          Numbers givenA = turnA ? a.transposed() : a;
          Numbers givenB = turnB ? b.transposed() : b;
          String what =
              "["
                  + m
                  + ", "
                  + k
                  + ", "
                  + n
                  + "] "
                  + ofA
                  + turnA
                  + " "
                  + ofB
                  + turnB
                  + " in "
                  + type
                  + " on "
                  + device
                  + " ("
                  + Seeds.note()
                  + ")";
          try (Operand left = matrix(stream, givenA, ofA, random);
              Operand right = matrix(stream, givenB, ofB, random);
              Operand out =
                  beta == 0
                      ? Operand.output(stream, type, View.matrix(random, m, n), random)
                      : Operand.inPlace(
                          stream, c.elements(type), View.matrix(random, m, n), random)) {
            Products.gemm(
                stream, turnA, left.tensor(), turnB, right.tensor(), alpha, beta, out.tensor());
            stream.synchronize();
            Numbers now = read(stream, out, m, n);
            checkProduct(what, type, a.rounded(type), b.rounded(type), alpha, beta, c, now);
            left.checkUntouched(stream, what);
            right.checkUntouched(stream, what);
            out.check(stream, out.elements(stream), what);
          }
        }
      }
    }
  }

  private static Operand matrix(
      Stream stream, Numbers numbers, DType type, SplittableRandom random) {
    View view = View.matrix(random, numbers.rows(), numbers.columns());
    return Operand.input(stream, numbers.elements(type), view, random);
  }

  @ParameterizedTest
  @MethodSource("devices")
  void syrkFillsBothTriangles(Device device) {
    SplittableRandom random = Seeds.of("syrk");
    try (Stream stream = device.stream()) {
      for (DType type : RESULTS) {
        for (int n : new int[] {0, 1, 5, 31, 65, 100}) {
          for (boolean turn : new boolean[] {false, true}) {
            int k = random.nextInt(0, 80);
            double beta = random.nextBoolean() ? 0 : 0.5;
            DType of = random.nextBoolean() ? type : DType.values()[random.nextInt(6)];
            Numbers a = Numbers.random(n, k, random).rounded(of);
            Numbers half = Numbers.random(n, n, random);
            Numbers c = half.minus(half.transposed()).magnitudes().rounded(type);
            String what = n + " by " + k + " of " + of + " in " + type + " on " + device;
            try (Operand in = matrix(stream, turn ? a.transposed() : a, of, random);
                Operand out =
                    Operand.inPlace(stream, c.elements(type), View.matrix(n, n), random)) {
              Products.syrk(stream, turn, in.tensor(), -0.5, beta, out.tensor());
              stream.synchronize();
              Numbers now = read(stream, out, n, n);
              Numbers read = a.rounded(type);
              checkProduct(what, type, read, read.transposed(), -0.5, beta, c, now);
              assertTrue(Arrays.equals(now.values(), now.transposed().values()), what);
            }
          }
        }
      }
    }
  }

  @Test
  void convertedOperandsAreMultipliedByPieces() {
    // Pieces of 64 MiB: some 7900 of k here. Small whole numbers, so that sums are exact.
    SplittableRandom random = Seeds.of("pieces");
    int m = 3;
    int n = 2100;
    int k = 8100;
    double[] a = random.ints((long) m * k, -2, 3).asDoubleStream().toArray();
    double[] b = random.ints((long) k * n, -2, 3).asDoubleStream().toArray();
    Numbers expected = new Numbers(m, k, a).times(new Numbers(k, n, b));
    try (Stream stream = Device.cpu().stream();
        Operand left =
            Operand.input(stream, Elements.of(DType.BF16, a), View.matrix(m, k), random);
        Operand right =
            Operand.input(stream, Elements.of(DType.BF16, b), View.matrix(k, n), random);
        Operand out = Operand.output(stream, DType.F32, View.matrix(m, n), random)) {
      Products.gemm(stream, left.tensor(), right.tensor(), out.tensor());
      out.check(stream, expected.elements(DType.F32), "by pieces (" + Seeds.note() + ")");
    }
  }

  // ---- Factorisations ----

  @ParameterizedTest
  @MethodSource("factorising")
  void choleskyGivesTheMatrixBackAndSolves(Device device) {
    SplittableRandom random = Seeds.of("cholesky");
    try (Stream stream = device.stream()) {
      for (DType type : RESULTS) {
        double eps = Codec.unitRoundoff(type);
        for (int n : new int[] {0, 1, 2, 17, 64, 70}) {
          Numbers root = Numbers.random(n, n + 3, random);
          Numbers a = root.times(root.transposed()).rounded(type);
          Numbers wanted = Numbers.random(n, 5, random);
          Numbers b = a.times(wanted).rounded(type);
          String what = n + " in " + type + " on " + device + " (" + Seeds.note() + ")";
          try (Operand factor =
                  Operand.inPlace(stream, a.elements(type), View.matrix(n, n), random);
              Operand right =
                  Operand.inPlace(stream, b.elements(type), View.matrix(n, 5), random)) {
            Products.cholesky(stream, factor.tensor());
            Products.choleskySolve(stream, factor.tensor(), right.tensor());
            stream.synchronize();
            Numbers now = read(stream, factor, n, n);
            double[] lower = now.values().clone();
            for (int i = 0; i < n; i++) {
              for (int j = i + 1; j < n; j++) {
                assertEquals(a.at(i, j), now.at(i, j), "above the diagonal: " + what);
                lower[i * n + j] = 0;
              }
            }
            Numbers l = new Numbers(n, n, lower);
            double most = 4 * (n + 1) * eps * a.norm() * n;
            assertTrue(l.times(l.transposed()).minus(a).norm() <= most, what);
            Numbers x = read(stream, right, n, 5);
            double residual = a.times(x).minus(b).norm();
            double bound = 8 * (n + 1) * eps * (n * a.norm() * x.norm() + b.norm());
            assertTrue(residual <= bound, what + ": " + residual + " of " + bound);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("factorising")
  void whatIsNotPositiveDefiniteIsRefused(Device device) {
    SplittableRandom random = Seeds.of("indefinite");
    Elements matrix = Elements.of(DType.F64, 4, 2, 0, 2, 5, 0, 0, 0, -1);
    try (Stream stream = device.stream();
        Operand a = Operand.inPlace(stream, matrix, View.matrix(3, 3), random)) {
      NumericException refusal =
          assertThrows(NumericException.class, () -> Products.cholesky(stream, a.tensor()));
      assertTrue(
          refusal
              .getMessage()
              .contains("not positive definite: so is not its leading minor of order 3"),
          refusal.getMessage());
    }
  }

  @ParameterizedTest
  @MethodSource("factorising")
  void leastSquaresLeavesAResidualAcrossAllColumns(Device device) {
    SplittableRandom random = Seeds.of("least squares");
    try (Stream stream = device.stream()) {
      for (DType type : RESULTS) {
        double eps = Codec.unitRoundoff(type);
        for (int[] shape : new int[][] {{1, 1}, {5, 5}, {30, 7}, {90, 64}, {6, 0}}) {
          int m = shape[0];
          int n = shape[1];
          Numbers a = Numbers.random(m, n, random).rounded(type);
          Numbers b = Numbers.random(m, 3, random).rounded(type);
          String what = m + " by " + n + " in " + type + " on " + device;
          try (Operand left = Operand.inPlace(stream, a.elements(type), View.matrix(m, n), random);
              Operand right =
                  Operand.inPlace(stream, b.elements(type), View.matrix(m, 3), random)) {
            Products.leastSquares(stream, left.tensor(), right.tensor());
            stream.synchronize();
            double[] top = Arrays.copyOf(read(stream, right, m, 3).values(), n * 3);
            Numbers x = new Numbers(n, 3, top);
            Numbers rest = a.times(x).minus(b);
            double bound = 16 * m * eps * a.norm() * (a.norm() * x.norm() + b.norm());
            double off = a.transposed().times(rest).norm();
            assertTrue(off <= bound, what + ": " + off + " of " + bound);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("factorising")
  void eigenvectorsAreRowsInRisingOrder(Device device) {
    SplittableRandom random = Seeds.of("eigen");
    try (Stream stream = device.stream()) {
      for (DType type : RESULTS) {
        double eps = Codec.unitRoundoff(type);
        for (int n : new int[] {0, 1, 2, 19, 50}) {
          Numbers half = Numbers.random(n, n, random);
          Numbers a = half.minus(half.transposed()).magnitudes().rounded(type);
          // Only the lower triangle counts.
          double[] given = a.values().clone();
          for (int i = 0; i < n; i++) {
            Arrays.fill(given, i * n + i + 1, (i + 1) * n, 7);
          }
          String what = n + " in " + type + " on " + device;
          try (Operand matrix =
                  Operand.inPlace(stream, Elements.of(type, given), View.matrix(n, n), random);
              Operand values = Operand.output(stream, type, View.flat(n), random)) {
            Products.eigen(stream, matrix.tensor(), values.tensor());
            stream.synchronize();
            Numbers v = read(stream, matrix, n, n);
            double[] lambda = values.elements(stream).values();
            double bound = 16 * (n + 1) * eps * (a.norm() + 1);
            for (int i = 0; i < n; i++) {
              assertTrue(i == 0 || lambda[i - 1] <= lambda[i], what);
              Numbers vector =
                  new Numbers(n, 1, Arrays.copyOfRange(v.values(), i * n, (i + 1) * n));
              double[] by = vector.values().clone();
              double own = lambda[i];
              Arrays.setAll(by, j -> by[j] * own);
              double off = a.times(vector).minus(new Numbers(n, 1, by)).norm();
              assertTrue(off <= bound, what + ": " + off + " of " + bound);
              assertEquals(1, vector.norm(), bound, what);
            }
          }
        }
      }
    }
  }

  // ---- Where they come from, and refusals ----

  @Test
  void theLibraryIsReported() {
    Products.Library library = Products.library(Device.cpu());
    assertTrue(Files.exists(Path.of(library.file())), library.file());
    assertTrue(library.detail().startsWith("OpenBLAS "), library.detail());
  }

  @ParameterizedTest
  @MethodSource("devices")
  void whatCannotBeIsRefusedByName(Device device) {
    try (Stream stream = device.stream();
        Tensor a = stream.allocate(DType.F32, 3, 4);
        Tensor c = stream.allocate(DType.F32, 3, 3);
        Tensor half = stream.allocate(DType.BF16, 3, 3);
        Tensor flat = stream.allocate(DType.F32, 9)) {
      refused("its shape must be [4, 3]", () -> Products.gemm(stream, a, c, c));
      refused("its shape must be [3, 3]", () -> Products.syrk(stream, false, a, 1, 0, a));
      refused("has rank 1", () -> Products.gemm(stream, flat, c, c));
      refused("must be f32 or f64", () -> Products.gemm(stream, false, a, true, a, 1, 0, half));
      refused("overlaps", () -> Products.gemm(stream, c, half, c));
      refused("alpha is NaN", () -> Products.gemm(stream, false, a, true, a, Double.NaN, 0, c));
      refused("its shape must be [4, 4]", () -> Products.cholesky(stream, a.permute(1, 0)));
    }
  }

  private static void refused(String words, Runnable call) {
    IllegalArgumentException refusal =
        assertThrows(IllegalArgumentException.class, call::run, words);
    assertTrue(refusal.getMessage().contains(words), refusal.getMessage());
  }
}
