// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// Problems laid out in memory, run in one call, and checked to the byte: outputs, counts, inputs,
/// and everything around them.
public final class Trial {
  private Trial() {}

  /// Runs and checks; fails with the problem, the element, and how to run it again.
  public static void run(
      Stream stream, List<Problem> problems, View.Kind layout, SplittableRandom random) {
    List<Operand> all = new ArrayList<>();
    try {
      List<List<Operand>> inputs = new ArrayList<>();
      List<Operand> outputs = new ArrayList<>();
      for (Problem problem : problems) {
        place(stream, problem, layout, random, inputs, outputs, all);
      }
      Operand counts = Operand.output(stream, DType.F64, View.flat(3 * problems.size()), random);
      all.add(counts);
      Problem.call(
          stream,
          problems,
          inputs.stream().map(list -> list.stream().map(Operand::tensor).toList()).toList(),
          outputs.stream().map(Operand::tensor).toList(),
          matrix(counts, problems.size()));
      stream.synchronize();
      check(stream, problems, layout, inputs, outputs, counts);
    } finally {
      all.forEach(Operand::close);
    }
  }

  private static Tensor matrix(Operand counts, int rows) {
    return counts.tensor().reshape(rows, 3);
  }

  /// Inputs and an output of one problem, each laid out anew; one time in four, where types allow,
  /// the output is one of the inputs.
  private static void place(
      Stream stream,
      Problem problem,
      View.Kind layout,
      SplittableRandom random,
      List<List<Operand>> inputs,
      List<Operand> outputs,
      List<Operand> all) {
    int count = problem.count();
    View shape = View.of(layout, count, random);
    int shared = random.nextInt(4 * problem.inputs().size());
    List<Operand> placed = new ArrayList<>();
    for (int k = 0; k < problem.inputs().size(); k++) {
      Elements elements = problem.inputs().get(k);
      boolean inPlace = k == shared && elements.type() == problem.out();
      View view = k == 0 ? shape : shape.relaid(random);
      Operand operand =
          inPlace
              ? Operand.inPlace(stream, elements, view, random)
              : Operand.input(stream, elements, view, random);
      placed.add(operand);
      all.add(operand);
      if (inPlace) {
        outputs.add(operand);
      }
    }
    if (outputs.size() == inputs.size()) {
      Operand out = Operand.output(stream, problem.out(), shape.relaid(random), random);
      outputs.add(out);
      all.add(out);
    }
    inputs.add(placed);
  }

  private static void check(
      Stream stream,
      List<Problem> problems,
      View.Kind layout,
      List<List<Operand>> inputs,
      List<Operand> outputs,
      Operand counts) {
    double[] expectedCounts = new double[3 * problems.size()];
    for (int k = 0; k < problems.size(); k++) {
      Problem problem = problems.get(k);
      String what =
          problem
              + ", "
              + layout
              + ", tensor "
              + k
              + " of "
              + problems.size()
              + " on "
              + stream.device()
              + " ("
              + Seeds.note()
              + ")";
      Reference.Result expected = problem.expected();
      outputs.get(k).check(stream, expected.out(), what);
      for (Operand input : inputs.get(k)) {
        if (input != outputs.get(k)) {
          input.checkUntouched(stream, what + ", an input");
        }
      }
      expectedCounts[3 * k] = expected.nonFinite();
      expectedCounts[3 * k + 1] = expected.saturated();
    }
    counts.check(
        stream,
        Elements.of(DType.F64, expectedCounts),
        problems.get(0) + ": counts of " + problems.size() + " (" + Seeds.note() + ")");
  }
}
