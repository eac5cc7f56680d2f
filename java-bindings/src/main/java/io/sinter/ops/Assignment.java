// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Linear assignment, exact: a column for each row, all different, such that the sum of their costs
/// is the smallest or the largest possible; with a proof.
///
/// The proof are duals in float64: `u[i]` is the smallest `c[i][j] - v[j]` of its row, so no
/// solution costs less than the sum of all `u` and `v`, and [Solution#gap] tells how far the
/// solution is from that. Where there are more columns than rows, `v` is 0 for columns without a
/// row and at most 0 for the others. [Sense#MAXIMIZE] turns all signs.
///
/// All forms synchronise the stream, and refuse a cost that is not finite (or beyond 2^1000) with a
/// [NumericException] that names its row and column.
///
/// Sources: Jonker & Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
/// assignment problems", Computing 1987; Bertsekas, "The auction algorithm", Annals of Operations
/// Research 1988.
public final class Assignment {
  private Assignment() {}

  /// What is sought.
  public enum Sense {
    /// The smallest sum.
    MINIMIZE,
    /// The largest sum.
    MAXIMIZE
  }

  /// How a solution was found.
  public enum Method {
    /// The rows' own cheapest columns are all different.
    ROW_MINIMA(Abi.SINTER_ASSIGNMENT_ROW_MINIMA),
    /// Augmenting row reduction, and shortest augmenting paths for the rows it left.
    REDUCTION(Abi.SINTER_ASSIGNMENT_REDUCTION),
    /// An auction with falling epsilon before that.
    AUCTION(Abi.SINTER_ASSIGNMENT_AUCTION);

    private final int code;

    Method(int code) {
      this.code = code;
    }

    private static Method of(double code) {
      for (Method method : values()) {
        if (method.code == code) {
          return method;
        }
      }
      throw new AssertionError("no method has the number " + code);
    }
  }

  /// A solution, and the proof that it is optimal. The arrays are the caller's.
  ///
  /// @param columns each row's column, all different
  /// @param objective the sum of the costs of all rows' columns
  /// @param gap by how much the objective misses the optimum at most, in float64; 0 or rounding
  /// @param spread the largest cost minus the smallest
  /// @param u the rows' duals
  /// @param v the columns' duals; a good start for a problem that differs little
  /// @param method how it was found
  /// @param paths rows that were placed by an augmenting path
  public record Solution(
      int[] columns,
      double objective,
      double gap,
      double spread,
      double[] u,
      double[] v,
      Method method,
      int paths) {
    /// {@return whether the gap is at most a millionth of the spread, however many rows there are}
    public boolean isCertified() {
      return gap <= 1e-6 * spread;
    }
  }

  /// Solves one problem.
  ///
  /// @param stream the stream
  /// @param cost `[rows, columns]`, rows at most columns, f32 or f64; elements of a row are
  ///     neighbours
  /// @param sense what is sought
  /// @return the solution
  /// @throws NumericException if a cost is not finite
  public static Solution solve(Stream stream, Tensor cost, Sense sense) {
    return solve(stream, List.of(cost), sense, null).getFirst();
  }

  /// Solves one problem from the duals of one that differs little.
  ///
  /// @param stream the stream
  /// @param cost `[rows, columns]`, rows at most columns, f32 or f64; elements of a row are
  ///     neighbours
  /// @param sense what is sought
  /// @param start what `v` starts from, one number for each column. Any lead to an optimum; those
  ///     that are not finite count as 0
  /// @return the solution
  /// @throws NumericException if a cost is not finite
  public static Solution solve(Stream stream, Tensor cost, Sense sense, double[] start) {
    return solve(stream, List.of(cost), sense, List.of(start)).getFirst();
  }

  /// Solves a batch of problems of any sizes: on the CPU as many at a time as the stream has
  /// threads; on a CUDA device small ones all at once, and large ones one after the other. There,
  // one
  /// problem of fewer than some 1000 rows is better given to a CPU stream.
  ///
  /// @param stream the stream
  /// @param costs `[rows, columns]` each, rows at most columns, f32 or f64; elements of a row are
  ///     neighbours
  /// @param sense what is sought
  /// @param start what each `v` starts from, or null
  /// @return the solutions, in the problems' order
  /// @throws NumericException if a cost is not finite
  public static List<Solution> solve(
      Stream stream, List<Tensor> costs, Sense sense, @Nullable List<double[]> start) {
    Objects.requireNonNull(sense, "sense");
    long[] at = places(costs);
    check(costs, start);
    try (Tensor host = stream.allocatePinned(DType.F64, at[costs.size()])) {
      MemorySegment memory = host.segment();
      for (int k = 0; start != null && k < costs.size(); k++) {
        long[] shape = costs.get(k).shape();
        MemorySegment.copy(
            MemorySegment.ofArray(start.get(k)),
            0,
            memory,
            8 * (at[k] + Abi.SINTER_ASSIGNMENT_RESULTS + shape[0]),
            8 * shape[1]);
      }
      if (stream.device().isCpu()) {
        run(stream, costs, sense, start != null, host, at);
      } else {
        try (Tensor out = stream.allocate(DType.F64, at[costs.size()])) {
          if (start != null) {
            stream.copy(host, out);
          }
          run(stream, costs, sense, start != null, out, at);
          stream.copy(out, host);
        }
      }
      stream.synchronize();
      List<Solution> solutions = new ArrayList<>();
      for (int k = 0; k < costs.size(); k++) {
        solutions.add(read(memory.asSlice(8 * at[k]), costs.get(k).shape()));
      }
      return solutions;
    }
  }

  /// Where each problem's numbers begin in one tensor: results, u, v, and columns, two to a number.
  private static long[] places(List<Tensor> costs) {
    long[] at = new long[costs.size() + 1];
    for (int k = 0; k < costs.size(); k++) {
      Tensor cost = Objects.requireNonNull(costs.get(k), "costs[" + k + "]");
      if (cost.rank() != 2 || (cost.dtype() != DType.F32 && cost.dtype() != DType.F64)) {
        throw mistake(k, cost, "must be f32 or f64 [rows, columns]");
      }
      long rows = cost.shape()[0];
      long columns = cost.shape()[1];
      if (rows > columns) {
        throw mistake(k, cost, "has more rows than columns; pass permute(1, 0), copied");
      }
      if (rows + columns > Integer.MAX_VALUE) {
        throw mistake(k, cost, "has 2^31 rows and columns or more");
      }
      if (rows > 0 && columns > 1 && cost.strides()[1] != 1) {
        throw mistake(k, cost, "has rows whose elements are not neighbours; copy it first");
      }
      at[k + 1] = at[k] + Abi.SINTER_ASSIGNMENT_RESULTS + rows + columns + (rows + 1) / 2;
    }
    return at;
  }

  private static void check(List<Tensor> costs, @Nullable List<double[]> start) {
    if (start == null) {
      return;
    }
    if (start.size() != costs.size()) {
      throw new IllegalArgumentException(
          "assign: start has " + start.size() + " entries for " + costs.size() + " problems");
    }
    for (int k = 0; k < costs.size(); k++) {
      double[] numbers = Objects.requireNonNull(start.get(k), "start[" + k + "]");
      if (numbers.length != costs.get(k).shape()[1]) {
        throw new IllegalArgumentException(
            "assign: start[" + k + "] has " + numbers.length + " numbers for " + costs.get(k));
      }
    }
  }

  private static IllegalArgumentException mistake(int k, Tensor cost, String what) {
    return new IllegalArgumentException("assign: costs[" + k + "] is " + cost + ", and " + what);
  }

  private static void run(
      Stream stream, List<Tensor> costs, Sense sense, boolean start, Tensor out, long[] at) {
    try (Call call = Call.on(stream, "assign", costs.size())) {
      MemorySegment tensors = call.inputs("costs", costs);
      long base = Abi.sinter_tensor.data(call.results("out", out, at[costs.size()]), 0).address();
      MemorySegment problems = call.structs(Abi.sinter_assignment.LAYOUT);
      long size = Abi.sinter_tensor.LAYOUT.byteSize();
      for (int k = 0; k < costs.size(); k++) {
        long[] shape = costs.get(k).shape();
        long u = base + 8 * (at[k] + Abi.SINTER_ASSIGNMENT_RESULTS);
        MemorySegment v = MemorySegment.ofAddress(u + 8 * shape[0]);
        Abi.sinter_assignment.struct_size(problems, k, Abi.sinter_assignment.LAYOUT.byteSize());
        Abi.sinter_assignment.cost(problems, k, tensors.asSlice(k * size, size));
        Abi.sinter_assignment.start(problems, k, start ? v : MemorySegment.NULL);
        Abi.sinter_assignment.column(
            problems, k, MemorySegment.ofAddress(u + 8 * (shape[0] + shape[1])));
        Abi.sinter_assignment.u(problems, k, MemorySegment.ofAddress(u));
        Abi.sinter_assignment.v(problems, k, v);
        Abi.sinter_assignment.results(problems, k, MemorySegment.ofAddress(base + 8 * at[k]));
      }
      call.check(
          Abi.sinter_assign(
              call.stream(),
              call.count(),
              problems,
              sense == Sense.MAXIMIZE ? 1 : 0,
              call.error()));
    }
  }

  private static Solution read(MemorySegment memory, long[] shape) {
    int rows = Math.toIntExact(shape[0]);
    int columns = Math.toIntExact(shape[1]);
    int head = Abi.SINTER_ASSIGNMENT_RESULTS;
    double[] numbers =
        memory.asSlice(0, 8L * (head + rows + columns)).toArray(ValueLayout.JAVA_DOUBLE);
    return new Solution(
        memory.asSlice(8L * numbers.length, 4L * rows).toArray(ValueLayout.JAVA_INT),
        numbers[Abi.SINTER_ASSIGNMENT_OBJECTIVE],
        numbers[Abi.SINTER_ASSIGNMENT_GAP],
        numbers[Abi.SINTER_ASSIGNMENT_SPREAD],
        Arrays.copyOfRange(numbers, head, head + rows),
        Arrays.copyOfRange(numbers, head + rows, head + rows + columns),
        Method.of(numbers[Abi.SINTER_ASSIGNMENT_METHOD]),
        (int) numbers[Abi.SINTER_ASSIGNMENT_PATHS]);
  }
}
