// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Assignment;
import io.sinter.updater.alignment.Costs.OfHeads;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Matches attention heads in two levels: for each pair of a key/value group of the reference and
/// one of the model, what order of query heads, of values and, where nothing rotates them, of the
/// dimensions that queries and keys share brings them closest; then which group takes the place of
/// which.
///
/// For a pair, orders are improved in turn, each by an exact assignment with the others as they
/// are, from several starts; what they come to is a local optimum. With one query head to a group
/// nothing depends on another's order, and it is the optimum.
final class HeadMatching {
  /// Numbers of the problems that are solved together.
  private static final long TOGETHER = 1L << 23;

  private static final int MAX_ROUNDS = 100;

  private final Group.Heads group;
  private final OfHeads products;
  private final Stream stream;
  private final Permutation.Heads current;
  private double gap;
  private double spread;
  private long nanos;

  HeadMatching(Group.Heads group, OfHeads products, Permutation.Heads current, Stream stream) {
    this.group = group;
    this.products = products;
    this.current = current;
    this.stream = stream;
  }

  /// How a group is solved, for reports.
  static String method(Group.Heads group) {
    return group.queries() == 1 ? "PAIRS" : "ALTERNATION";
  }

  /// What was found.
  ///
  /// @param gap the largest gap of an assignment, relative to its spread, times `spread`
  /// @param spread of the costs of the assignment of groups
  /// @param nanos spent in assignments
  record Found(
      Permutation.Heads permutation, double objective, double gap, double spread, long nanos) {}

  /// Orders for one pair of groups, on their way to a local optimum.
  private static final class Candidate {
    private final int mine;
    private final int other;
    private int[] queries;
    private int[] keys;
    private int[] values;
    private double objective = Double.NEGATIVE_INFINITY;

    Candidate(int mine, int other, int[] queries, int[] keys, int[] values) {
      this.mine = mine;
      this.other = other;
      this.queries = queries;
      this.keys = keys;
      this.values = values;
    }
  }

  Found solve() {
    int groups = group.groups();
    Candidate[][] best = new Candidate[groups][groups];
    long size = group.size();
    int pairs = (int) Math.clamp(TOGETHER / Math.max(1, size * size), 1, groups * groups);
    for (int from = 0; from < groups * groups; from += pairs) {
      int to = Math.min(groups * groups, from + pairs);
      for (Candidate candidate : improved(candidates(from, to))) {
        Candidate known = best[candidate.mine][candidate.other];
        if (known == null || candidate.objective > known.objective) {
          best[candidate.mine][candidate.other] = candidate;
        }
      }
    }
    double[][] scores = new double[groups][groups];
    for (int g = 0; g < groups; g++) {
      for (int o = 0; o < groups; o++) {
        scores[g][o] = best[g][o].objective;
      }
    }
    Assignment.Solution solution = assign(Collections.singletonList(scores)).getFirst();
    int[] order = solution.columns();
    int[][] queries = new int[groups][];
    int[][] keys = new int[groups][];
    int[][] values = new int[groups][];
    double objective = 0;
    for (int g = 0; g < groups; g++) {
      Candidate chosen = best[g][order[g]];
      queries[g] = chosen.queries;
      keys[g] = chosen.keys;
      values[g] = chosen.values;
      objective += chosen.objective;
    }
    return new Found(
        new Permutation.Heads(order, queries, keys, values), objective, gap, spread, nanos);
  }

  /// The objective of a permutation.
  double objective(Permutation.Heads permutation) {
    double sum = 0;
    for (int g = 0; g < group.groups(); g++) {
      sum +=
          objective(
              new Candidate(
                  g,
                  permutation.groups()[g],
                  permutation.queries()[g],
                  permutation.keys()[g],
                  permutation.values()[g]));
    }
    return sum;
  }

  /// The starts of pairs number `from` to `to`.
  private List<Candidate> candidates(int from, int to) {
    int groups = group.groups();
    List<Candidate> all = new ArrayList<>();
    List<double[][]> problems = new ArrayList<>();
    for (int pair = from; pair < to; pair++) {
      int g = pair / groups;
      int o = pair % groups;
      all.add(start(g, o));
      problems.add(valueCosts(g, o, null));
      if (!group.rotary()) {
        problems.add(keyCosts(g, o, null));
      }
    }
    List<Assignment.Solution> solutions = assign(problems);
    int step = group.rotary() ? 1 : 2;
    for (int i = 0; i < to - from; i++) {
      all.get(i).values = solutions.get(step * i).columns();
      if (!group.rotary()) {
        all.get(i).keys = solutions.get(step * i + 1).columns();
      }
    }
    if (group.queries() == 1) {
      return all; // One round finds the best from anywhere.
    }
    for (int pair = from; pair < to; pair++) {
      int g = pair / groups;
      int o = pair % groups;
      all.add(start(g, o));
      for (int k = 0; k < groups; k++) {
        boolean identity =
            ordered(current.queries()[k])
                && ordered(current.keys()[k])
                && ordered(current.values()[k]);
        if (current.groups()[k] == o && !identity) {
          all.add(
              new Candidate(g, o, current.queries()[k], current.keys()[k], current.values()[k]));
        }
      }
    }
    return all;
  }

  private static boolean ordered(int[] order) {
    return IntStream.range(0, order.length).allMatch(i -> order[i] == i);
  }

  private Candidate start(int g, int o) {
    return new Candidate(
        g, o, inOrder(group.queries()), inOrder(group.size()), inOrder(group.size()));
  }

  private static int[] inOrder(int size) {
    return IntStream.range(0, size).toArray();
  }

  /// Improves each candidate until it rises no more.
  private List<Candidate> improved(List<Candidate> candidates) {
    List<Candidate> rising = candidates;
    for (int round = 0; round < MAX_ROUNDS && !rising.isEmpty(); round++) {
      if (group.queries() > 1) {
        List<Assignment.Solution> found = assign(rising.stream().map(this::queryCosts).toList());
        for (int i = 0; i < rising.size(); i++) {
          rising.get(i).queries = found.get(i).columns();
        }
      }
      List<Assignment.Solution> found =
          assign(rising.stream().map(c -> valueCosts(c.mine, c.other, c.queries)).toList());
      for (int i = 0; i < rising.size(); i++) {
        rising.get(i).values = found.get(i).columns();
      }
      if (!group.rotary()) {
        found = assign(rising.stream().map(c -> keyCosts(c.mine, c.other, c.queries)).toList());
        for (int i = 0; i < rising.size(); i++) {
          rising.get(i).keys = found.get(i).columns();
        }
      }
      List<Candidate> next = new ArrayList<>();
      for (Candidate candidate : rising) {
        double objective = objective(candidate);
        if (objective > candidate.objective + 1e-12 * Math.abs(candidate.objective)
            || candidate.objective == Double.NEGATIVE_INFINITY) {
          candidate.objective = objective;
          next.add(candidate);
        }
      }
      rising = group.queries() == 1 ? List.of() : next;
    }
    return candidates;
  }

  // ---- what orders are worth --------------------------------------------------------------------

  private double objective(Candidate c) {
    double sum = 0;
    int size = group.size();
    sum += keys(c.mine, c.other, c.keys);
    for (int h = 0; h < group.queries(); h++) {
      sum += queries(c.mine, h, c.other, c.queries[h], c.keys);
      sum += outputs(c.mine, h, c.other, c.queries[h], c.values);
    }
    for (int x = 0; x < size; x++) {
      sum += products.value().get((long) c.mine * size + x, (long) c.other * size + c.values[x]);
    }
    return sum;
  }

  private double keys(int g, int o, int[] keys) {
    if (group.rotary()) {
      return products.key().get(g, o);
    }
    double sum = 0;
    for (int x = 0; x < group.size(); x++) {
      sum += products.key().get((long) g * group.size() + x, (long) o * group.size() + keys[x]);
    }
    return sum;
  }

  private double queries(int g, int h, int o, int p, int[] keys) {
    long row = (long) g * group.queries() + h;
    long column = (long) o * group.queries() + p;
    if (group.rotary()) {
      return products.query().get(row, column);
    }
    double sum = 0;
    for (int x = 0; x < group.size(); x++) {
      sum += products.query().get(row * group.size() + x, column * group.size() + keys[x]);
    }
    return sum;
  }

  private double outputs(int g, int h, int o, int p, int[] values) {
    long row = ((long) g * group.queries() + h) * group.size();
    long column = ((long) o * group.queries() + p) * group.size();
    double sum = 0;
    for (int x = 0; x < group.size(); x++) {
      sum += products.output().get(row + x, column + values[x]);
    }
    return sum;
  }

  private double[][] queryCosts(Candidate c) {
    double[][] costs = new double[group.queries()][group.queries()];
    for (int h = 0; h < costs.length; h++) {
      for (int p = 0; p < costs.length; p++) {
        costs[h][p] =
            queries(c.mine, h, c.other, p, c.keys) + outputs(c.mine, h, c.other, p, c.values);
      }
    }
    return costs;
  }

  /// @param queries the order of query heads; `null` leaves outputs out
  private double[][] valueCosts(int g, int o, int @Nullable [] queries) {
    int size = group.size();
    double[][] costs = block(products.value(), (long) g * size, (long) o * size);
    for (int h = 0; queries != null && h < group.queries(); h++) {
      add(costs, products.output(), head(g, h), head(o, queries[h]));
    }
    return costs;
  }

  /// @param queries the order of query heads; `null` leaves them out
  private double[][] keyCosts(int g, int o, int @Nullable [] queries) {
    int size = group.size();
    double[][] costs = block(products.key(), (long) g * size, (long) o * size);
    for (int h = 0; queries != null && h < group.queries(); h++) {
      add(costs, products.query(), head(g, h), head(o, queries[h]));
    }
    return costs;
  }

  /// The first element of a query head.
  private long head(int g, int h) {
    return ((long) g * group.queries() + h) * group.size();
  }

  private double[][] block(Costs.Square from, long row, long column) {
    double[][] block = new double[group.size()][group.size()];
    add(block, from, row, column);
    return block;
  }

  private void add(double[][] to, Costs.Square from, long row, long column) {
    for (int x = 0; x < group.size(); x++) {
      for (int y = 0; y < group.size(); y++) {
        to[x][y] += from.get(row + x, column + y);
      }
    }
  }

  // ---- assignments ------------------------------------------------------------------------------

  private List<Assignment.Solution> assign(List<double[][]> problems) {
    int size = problems.getFirst().length;
    long start = System.nanoTime();
    try (Tensor all = stream.allocate(DType.F64, problems.size(), size, size)) {
      MemorySegment elements = all.segment();
      List<Tensor> costs = new ArrayList<>();
      for (int k = 0; k < problems.size(); k++) {
        for (int i = 0; i < size; i++) {
          MemorySegment.copy(
              problems.get(k)[i],
              0,
              elements,
              ValueLayout.JAVA_DOUBLE,
              8L * size * ((long) k * size + i),
              size);
        }
        costs.add(all.slice(0, k, k + 1).reshape(size, size));
      }
      List<Assignment.Solution> solutions =
          Assignment.solve(stream, costs, Assignment.Sense.MAXIMIZE, null);
      for (Assignment.Solution solution : solutions) {
        // The largest relative to its spread; the first sets it.
        if (solution.gap() * spread >= gap * solution.spread()) {
          gap = solution.gap();
          spread = solution.spread();
        }
      }
      return solutions;
    } finally {
      nanos += System.nanoTime() - start;
    }
  }
}
