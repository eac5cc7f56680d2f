// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import static io.sinter.updater.Method.ParameterSpec.number;

import io.sinter.ops.Gather;
import io.sinter.updater.Method;
import io.sinter.updater.alignment.Alignment;
import io.sinter.updater.alignment.Axis;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// Renames the units of a model as an alignment says, and merges it with its reference on the way
/// where that is asked for. No recipe can name it: permutations are not written in one.
public final class Realign implements MergeMethod {
  /// What a recipe calls it.
  public static final String NAME = "align";

  /// The parameter of what is merged.
  public static final String ALPHA = "alpha";

  private final Map<String, List<int @Nullable []>> indices = new HashMap<>();

  public Realign(Alignment alignment) {
    // Axes that move together share an array: it is checked and sent to a device once.
    Map<List<Integer>, int[]> known = new HashMap<>();
    alignment
        .spec()
        .tensors()
        .forEach(
            (tensor, axes) -> {
              List<int @Nullable []> each = new ArrayList<>();
              for (Axis axis : axes) {
                each.add(
                    axis.permuted()
                        ? moved(alignment.spec().indices(axis, alignment.permutations()), known)
                        : null);
              }
              indices.put(tensor, each);
            });
  }

  private static int @Nullable [] moved(int[] order, Map<List<Integer>, int[]> known) {
    for (int i = 0; i < order.length; i++) {
      if (order[i] != i) {
        return known.computeIfAbsent(Arrays.stream(order).boxed().toList(), _ -> order);
      }
    }
    return null;
  }

  /// Takes elements along axes, in any type.
  ///
  /// @param indices of every tensor; the object stands for them, in fingerprints its hash does
  private record Move(Map<String, List<int @Nullable []>> indices) implements Kernel {
    @Override
    public void run(Batch batch) {
      Gather.gather(
          batch.stream(), batch.model(0), of(batch), batch.outs(), batch.arithmetic().counts());
    }

    private List<List<int @Nullable []>> of(Batch batch) {
      return batch.names().stream().map(indices::get).toList();
    }

    @Override
    public boolean whole() {
      return true;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Move that && indices == that.indices;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(indices);
    }

    @Override
    public String toString() {
      return "Move " + hash(indices);
    }
  }

  /// The same, and interpolates from the reference.
  private record MoveAndMerge(Move move) implements Kernel {
    @Override
    public void run(Batch batch) {
      Gather.lerp(
          batch.stream(),
          batch.base(),
          batch.model(0),
          move.of(batch),
          batch.number(ALPHA),
          batch.outs(),
          batch.arithmetic());
    }

    @Override
    public boolean whole() {
      return true;
    }

    @Override
    public boolean roundsDifferences() {
      return false;
    }
  }

  /// Stands for the permutations where merges are compared.
  private static UUID hash(Map<String, List<int @Nullable []>> indices) {
    StringBuilder all = new StringBuilder();
    new TreeMap<>(indices)
        .forEach(
            (tensor, lists) -> {
              all.append(tensor);
              lists.forEach(list -> all.append(Arrays.toString(list)));
            });
    return UUID.nameUUIDFromBytes(all.toString().getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public Method description() {
    return Method.named(NAME)
        .summary("A model whose units are renamed to match its reference's, or between the two.")
        .purpose("Brings networks that were trained apart into one order.")
        .formula("base + alpha (P x - base)")
        .source("Ainsworth et al., \"Git Re-Basin\", ICLR 2023")
        .base(Method.Base.OLD)
        .models(1)
        .with(number(ALPHA, "The renamed model's share: 1 is it alone, 0 the reference.").orElse(1))
        .build();
  }

  @Override
  public Computation computation(Setting setting) {
    Move move = new Move(indices);
    return setting.number(ALPHA) == 1
        ? new Computation(move, false, setting.models(), Map.of(), List.of())
        : setting.by(new MoveAndMerge(move), ALPHA);
  }
}
