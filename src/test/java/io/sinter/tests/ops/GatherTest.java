// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Gather;
import io.sinter.tests.support.Devices;
import io.sinter.tests.support.Elements;
import io.sinter.tests.support.Operand;
import io.sinter.tests.support.Reference;
import io.sinter.tests.support.Seeds;
import io.sinter.tests.support.Values;
import io.sinter.tests.support.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Gathers along any axes, against a walk over the output that counts its way through the input.
class GatherTest {
  static List<Device> devices() {
    return Devices.all();
  }

  // ---- Plain loops ----

  /// The number, in the input's row-major order, of the element that each place of the output gets.
  private static int[] sources(long[] shape, List<int[]> indices, long[] out) {
    int count = 1;
    for (long size : out) {
      count *= (int) size;
    }
    int[] sources = new int[count];
    for (int i = 0; i < count; i++) {
      int rest = i;
      int place = 0;
      int step = 1;
      for (int axis = shape.length - 1; axis >= 0; axis--) {
        int at = rest % (int) out[axis];
        rest /= (int) out[axis];
        int[] list = indices.get(axis);
        place += (list == null ? at : list[at]) * step;
        step *= (int) shape[axis];
      }
      sources[i] = place;
    }
    return sources;
  }

  private static Elements gathered(Elements in, int[] sources) {
    long[] bits = new long[sources.length];
    Arrays.setAll(bits, i -> in.bits()[sources[i]]);
    return new Elements(in.type(), bits);
  }

  // ---- Cases ----

  /// Kinds of indices; what comes of an axis of size `n`.
  private enum Kind {
    STAYS,
    PERMUTATION,
    ANY,
    RUNS,
    SLICE,
    REVERSED,
    NONE;

    int @Nullable [] indices(int n, SplittableRandom random) {
      return switch (this) {
        case STAYS -> null;
        case PERMUTATION -> permutation(n, random);
        case ANY -> random.ints(random.nextInt(1, 2 * n + 2), 0, n).toArray();
        case RUNS -> {
          int run = n % 4 == 0 ? 4 : n % 3 == 0 ? 3 : 1;
          int[] heads = permutation(n / run, random);
          int[] list = new int[n];
          Arrays.setAll(list, i -> heads[i / run] * run + i % run);
          yield list;
        }
        case SLICE -> {
          int from = random.nextInt(n);
          int[] list = new int[random.nextInt(n - from) + 1];
          Arrays.setAll(list, i -> from + i);
          yield list;
        }
        case REVERSED -> {
          int[] list = new int[n];
          Arrays.setAll(list, i -> n - 1 - i);
          yield list;
        }
        case NONE -> new int[0];
      };
    }

    static int[] permutation(int n, SplittableRandom random) {
      int[] list = new int[n];
      Arrays.setAll(list, i -> i);
      for (int i = n - 1; i > 0; i--) {
        int j = random.nextInt(i + 1);
        int swapped = list[i];
        list[i] = list[j];
        list[j] = swapped;
      }
      return list;
    }
  }

  private record Case(View view, long[] shape, List<int[]> indices, long[] out) {
    static Case of(View view, Stream stream, Kind[] kinds, SplittableRandom random) {
      long[] shape;
      try (Tensor flat = stream.allocate(DType.F8_E4M3, view.outerCount())) {
        shape = view.of(flat).shape();
      }
      List<int[]> indices = new ArrayList<>();
      long[] out = shape.clone();
      for (int axis = 0; axis < shape.length; axis++) {
        int[] list = kinds[axis % kinds.length].indices((int) shape[axis], random);
        indices.add(list);
        out[axis] = list == null ? shape[axis] : list.length;
      }
      return new Case(view, shape, indices, out);
    }

    int count() {
      int count = 1;
      for (long size : shape) {
        count *= (int) size;
      }
      return count;
    }
  }

  private static List<Case> cases(Stream stream, SplittableRandom random) {
    List<Case> cases = new ArrayList<>();
    Kind[] all = Kind.values();
    for (View.Kind layout : View.Kind.values()) {
      for (int size : new int[] {1, 2, 31, 64, 240, 1021, 4096, 5040}) {
        Kind[] kinds = random.ints(8, 0, all.length - 1).mapToObj(i -> all[i]).toArray(Kind[]::new);
        cases.add(Case.of(View.of(layout, size, random), stream, kinds, random));
      }
    }
    // What models have: rows, columns and both of matrices, heads, kernels of convolutions.
    for (Kind rows : List.of(Kind.STAYS, Kind.PERMUTATION, Kind.ANY, Kind.RUNS, Kind.REVERSED)) {
      for (Kind columns : List.of(Kind.STAYS, Kind.PERMUTATION, Kind.ANY, Kind.RUNS, Kind.SLICE)) {
        for (int[] shape : new int[][] {{7, 300}, {64, 96}, {3, 2600}, {130, 33}}) {
          View view = View.matrix(random, shape[0], shape[1]);
          cases.add(Case.of(view, stream, new Kind[] {rows, columns}, random));
        }
      }
    }
    Kind[] conv = {Kind.PERMUTATION, Kind.PERMUTATION, Kind.STAYS, Kind.STAYS};
    cases.add(Case.of(View.shaped(new long[] {12, 20, 3, 3}, random), stream, conv, random));
    cases.add(Case.of(View.shaped(new long[] {12, 20, 1, 1}, random), stream, conv, random));
    cases.add(Case.of(View.matrix(20, 30), stream, new Kind[] {Kind.NONE, Kind.ANY}, random));
    cases.add(Case.of(View.matrix(20, 30), stream, new Kind[] {Kind.STAYS, Kind.NONE}, random));
    return cases;
  }

  // ---- Tests ----

  @ParameterizedTest
  @MethodSource("devices")
  void bytesAreKeptAlongAnyAxes(Device device) {
    SplittableRandom random = Seeds.of("gather");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        List<Operand> from = new ArrayList<>();
        List<Operand> to = new ArrayList<>();
        List<Elements> expected = new ArrayList<>();
        List<Case> cases = cases(stream, random);
        for (Case each : cases) {
          Elements in = Values.BITS.elements(type, each.count(), random);
          from.add(Operand.input(stream, in, each.view(), random));
          to.add(Operand.output(stream, type, View.shaped(each.out(), random), random));
          expected.add(gathered(in, sources(each.shape(), each.indices(), each.out())));
        }
        try (Operand counts =
            Operand.output(stream, DType.F64, View.flat(3 * cases.size()), random)) {
          Gather.gather(
              stream,
              tensors(from),
              cases.stream().map(Case::indices).toList(),
              tensors(to),
              counts.tensor().reshape(cases.size(), 3));
          stream.synchronize();
          double[] counted = new double[3 * cases.size()];
          for (int k = 0; k < cases.size(); k++) {
            String what = what(type, cases.get(k), device);
            from.get(k).checkUntouched(stream, what);
            to.get(k).check(stream, expected.get(k), what);
            counted[3 * k] = expected.get(k).nonFinite();
          }
          counts.check(stream, Elements.of(DType.F64, counted), "counts of " + type);
        }
        from.forEach(Operand::close);
        to.forEach(Operand::close);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void otherDtypesAreCast(Device device) {
    SplittableRandom random = Seeds.of("gather casts");
    try (Stream stream = device.stream()) {
      for (DType type : DType.values()) {
        for (DType out : DType.values()) {
          List<Case> cases = cases(stream, random);
          Case each = cases.get(random.nextInt(cases.size()));
          Elements in = Values.BITS.elements(type, each.count(), random);
          try (Operand from = Operand.input(stream, in, each.view(), random);
              Operand to = Operand.output(stream, out, View.shaped(each.out(), random), random)) {
            Gather.gather(stream, from.tensor(), each.indices(), to.tensor());
            stream.synchronize();
            Elements expected = gathered(in, sources(each.shape(), each.indices(), each.out()));
            to.check(stream, expected.cast(out), what(type, each, device) + " to " + out);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void lerpIsThatOfWhatIsGathered(Device device) {
    SplittableRandom random = Seeds.of("gather lerp");
    DType[] types = DType.values();
    try (Stream stream = device.stream()) {
      for (Case each : cases(stream, random)) {
        DType type = types[random.nextInt(types.length)];
        DType other = random.nextBoolean() ? type : types[random.nextInt(types.length)];
        DType out = random.nextBoolean() ? type : types[random.nextInt(types.length)];
        DType load = random.nextInt(4) == 0 ? types[random.nextInt(types.length)] : null;
        double alpha = new double[] {0, 1, 0.3, 0.5, -0.25, 0.9}[random.nextInt(6)];
        Elements in = Values.BITS.elements(type, each.count(), random);
        Elements picked = gathered(in, sources(each.shape(), each.indices(), each.out()));
        Elements before = Values.BITS.elements(other, picked.count(), random);
        View view = View.shaped(each.out(), random);
        boolean inPlace = out == other && random.nextBoolean();
        try (Operand from = Operand.input(stream, in, each.view(), random);
            Operand reference =
                inPlace
                    ? Operand.inPlace(stream, before, view, random)
                    : Operand.input(stream, before, view, random);
            Operand to = Operand.output(stream, out, view.relaid(random), random)) {
          Operand result = inPlace ? reference : to;
          Gather.lerp(
              stream,
              List.of(reference.tensor()),
              List.of(from.tensor()),
              List.of(each.indices()),
              new double[] {alpha},
              List.of(result.tensor()),
              Arithmetic.DEFAULT.withDtype(load));
          stream.synchronize();
          Elements expected =
              Reference.lerp(before, picked, alpha, out, new Reference.Mode(load, null)).out();
          result.check(
              stream,
              expected,
              what(type, each, device) + " with " + other + " to " + out + " at " + alpha);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void largeTensorsInManyPartsAreStreamed(Device device) {
    // Parts of 65536 elements, and outputs past the caches from 8 MiB on.
    int rows = Devices.slow(device) ? 70 : 2100;
    int columns = 1031;
    SplittableRandom random = Seeds.of("large gathers");
    try (Stream stream = device.stream()) {
      for (DType type : List.of(DType.F32, DType.BF16)) {
        for (Kind[] kinds :
            new Kind[][] {
              {Kind.PERMUTATION, Kind.STAYS},
              {Kind.STAYS, Kind.PERMUTATION},
              {Kind.PERMUTATION, Kind.PERMUTATION}
            }) {
          Case each = Case.of(View.matrix(rows, columns), stream, kinds, random);
          Elements in = Values.BITS.elements(type, each.count(), random);
          try (Operand from = Operand.input(stream, in, each.view(), random);
              Operand to = Operand.output(stream, type, View.matrix(rows, columns), random)) {
            Gather.gather(stream, from.tensor(), each.indices(), to.tensor());
            stream.synchronize();
            to.check(
                stream,
                gathered(in, sources(each.shape(), each.indices(), each.out())),
                type + " along " + Arrays.toString(kinds) + " on " + device);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void whatCannotBeIsRefusedByName(Device device) {
    try (Stream stream = device.stream();
        Tensor in = stream.allocate(DType.F32, 3, 4).named("model.up.weight");
        Tensor out = stream.allocate(DType.F32, 3, 4);
        Tensor longer = stream.allocate(DType.F32, 3, 5);
        Tensor flat = stream.allocate(DType.F32, 12)) {
      refused(
          "gather: indices[2] of in[0] 'model.up.weight' along axis 1 is 4, and the axis has 4",
          () -> Gather.gather(stream, in, indices(null, new int[] {0, 1, 4, 2}), out));
      refused(
          "indices[0] of in[0] 'model.up.weight' along axis 0 is -1",
          () -> Gather.gather(stream, in, indices(new int[] {-1, 1, 2}, null), out));
      refused("along axis 1", () -> Gather.gather(stream, in, indices(null, null), longer));
      refused(
          "gives 4 by its indices along axis 1",
          () -> Gather.gather(stream, in, indices(null, new int[4]), longer));
      refused("tensors of one rank", () -> Gather.gather(stream, in, List.of(), flat));
      refused(
          "must be apart from it", () -> Gather.gather(stream, in, indices(new int[3], null), in));
      refused(
          "alpha[0] is NaN",
          () -> Gather.lerp(stream, out, in, indices(new int[3], null), Double.NaN, out));
      // Nothing of what was refused has been enqueued.
      stream.synchronize();
      Gather.gather(stream, List.of(), List.of(), List.of(), null);
    }
  }

  private static void refused(String words, Runnable call) {
    IllegalArgumentException refusal =
        assertThrows(IllegalArgumentException.class, call::run, words);
    assertTrue(refusal.getMessage().contains(words), refusal.getMessage());
    assertEquals(-1, refusal.getMessage().indexOf('\n'));
  }

  private static List<int @Nullable []> indices(int @Nullable []... lists) {
    return Arrays.asList(lists);
  }

  private static List<Tensor> tensors(List<Operand> operands) {
    return operands.stream().map(Operand::tensor).toList();
  }

  private static String what(DType type, Case each, Device device) {
    return type
        + " "
        + Arrays.toString(each.shape())
        + " to "
        + Arrays.toString(each.out())
        + " on "
        + device
        + " ("
        + Seeds.note()
        + ")";
  }
}
