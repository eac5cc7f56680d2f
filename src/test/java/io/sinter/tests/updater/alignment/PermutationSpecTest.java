// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater.alignment;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.tests.support.Seeds;
import io.sinter.tests.updater.Goldens;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.TensorEntry;
import io.sinter.updater.alignment.Architectures;
import io.sinter.updater.alignment.Axis;
import io.sinter.updater.alignment.Group;
import io.sinter.updater.alignment.Permutation;
import io.sinter.updater.alignment.PermutationSpec;
import io.sinter.updater.alignment.Role;
import io.sinter.updater.alignment.SpecException;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Specs: what is recognised, and that what they say about axes is what permuted networks need.
class PermutationSpecTest {
  // ---- A golden pair: a model whose units were permuted, and what it must come back to. --------

  @Test
  void theSpecOfLlamaUndoesAPlantedPermutationByteForByte() throws IOException {
    Path folder = Goldens.root().resolve("align/llama");
    try (Checkpoint model = Checkpoint.open(folder.resolve("model"));
        Checkpoint expected = Checkpoint.open(folder.resolve("expected"))) {
      PermutationSpec spec =
          Architectures.recognise(
              shapes(model), Files.readString(folder.resolve("model/config.json")));
      assertEquals("llama", spec.architecture());
      assertEquals(new Group.Units("residual", 32), spec.groups().get("residual"));
      assertEquals(new Group.Units("layers.1.mlp", 48), spec.groups().get("layers.1.mlp"));
      assertEquals(
          new Group.Heads("layers.2.attention", 2, 2, 8, true),
          spec.groups().get("layers.2.attention"));
      assertEquals(7, spec.groups().size());

      // Weights are random, so equal values find the permutations.
      Map<String, Permutation> found = new HashMap<>();
      int[] residual =
          match(
              columns(floats(expected, "model.embed_tokens.weight"), 32),
              columns(floats(model, "model.embed_tokens.weight"), 32));
      found.put("residual", new Permutation.Units(residual));
      for (int layer = 0; layer < 3; layer++) {
        String prefix = "model.layers." + layer + ".";
        found.put(
            "layers." + layer + ".mlp",
            new Permutation.Units(
                rows(expected, model, prefix + "mlp.gate_proj.weight", residual)));
        int[] q = rows(expected, model, prefix + "self_attn.q_proj.weight", residual);
        int[] v = rows(expected, model, prefix + "self_attn.v_proj.weight", residual);
        int[] groups = {v[0] / 8, v[8] / 8};
        int[][] queries = new int[2][];
        int[][] keys = new int[2][];
        int[][] values = new int[2][];
        for (int g = 0; g < 2; g++) {
          int first = 16 * g;
          queries[g] = new int[] {q[first] / 8 % 2, q[first + 8] / 8 % 2};
          keys[g] = IntStream.range(0, 8).map(x -> q[first + x] % 8).toArray();
          int start = 8 * g;
          values[g] = IntStream.range(0, 8).map(x -> v[start + x] % 8).toArray();
        }
        assertArrayEquals(IntStream.range(0, 8).toArray(), keys[0], "rotation fixes q and k");
        found.put(
            "layers." + layer + ".attention", new Permutation.Heads(groups, queries, keys, values));
      }

      boolean moved = false;
      for (TensorEntry entry : model.tensors().values()) {
        float[] in = floats(model, entry.name());
        float[] out = gather(spec, entry, in, found);
        moved |= !Arrays.equals(in, out);
        assertArrayEquals(floats(expected, entry.name()), out, entry.name());
      }
      assertTrue(moved);
    }
  }

  private static SequencedMap<String, long[]> shapes(Checkpoint model) {
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    model.tensors().forEach((name, entry) -> shapes.put(name, entry.shape()));
    return shapes;
  }

  private static float[] floats(Checkpoint model, String name) {
    return model.map(name).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  private static float[][] columns(float[] matrix, int width) {
    float[][] columns = new float[width][matrix.length / width];
    for (int i = 0; i < matrix.length; i++) {
      columns[i % width][i / width] = matrix[i];
    }
    return columns;
  }

  /// `order[i]`: the row of the model that row i of what is expected was.
  private static int[] rows(Checkpoint expected, Checkpoint model, String name, int[] residual) {
    float[][] wanted = columns(floats(expected, name), residual.length);
    float[][] held = columns(floats(model, name), residual.length);
    float[][] a = new float[wanted[0].length][residual.length];
    float[][] b = new float[wanted[0].length][residual.length];
    for (int row = 0; row < a.length; row++) {
      for (int column = 0; column < residual.length; column++) {
        a[row][column] = wanted[column][row];
        b[row][column] = held[residual[column]][row];
      }
    }
    return match(a, b);
  }

  private static int[] match(float[][] wanted, float[][] held) {
    return Arrays.stream(wanted)
        .mapToInt(
            row ->
                IntStream.range(0, held.length)
                    .filter(i -> Arrays.equals(held[i], row))
                    .findFirst()
                    .orElseThrow())
        .toArray();
  }

  private static float[] gather(
      PermutationSpec spec, TensorEntry entry, float[] in, Map<String, Permutation> permutations) {
    List<Axis> axes = spec.tensors().get(entry.name());
    float[] out = new float[in.length];
    int[] first = spec.indices(axes.get(0), permutations);
    int[] second = axes.size() == 1 ? new int[] {0} : spec.indices(axes.get(1), permutations);
    for (int i = 0; i < out.length; i++) {
      out[i] = in[first[i / second.length] * second.length + second[i % second.length]];
    }
    return out;
  }

  // ---- Flat indices ----------------------------------------------------------------------------

  @Test
  void axesOfHeadsMoveInTwoLevels() {
    SplittableRandom random = Seeds.of("heads");
    Group.Heads heads = new Group.Heads("a", 3, 2, 4, false);
    Permutation.Heads permutation =
        new Permutation.Heads(
            shuffled(3, random),
            shuffled(3, 2, random),
            shuffled(3, 4, random),
            shuffled(3, 4, random));
    for (Role role : List.of(Role.QUERY, Role.KEY, Role.VALUE, Role.OUTPUT)) {
      int[] indices = permutation.indices(role);
      assertEquals(heads.elements(role), indices.length);
      boolean ofQueries = role == Role.QUERY || role == Role.OUTPUT;
      boolean ofKeys = role == Role.QUERY || role == Role.KEY;
      int at = 0;
      for (int g = 0; g < 3; g++) {
        for (int h = 0; h < (ofQueries ? 2 : 1); h++) {
          for (int x = 0; x < 4; x++) {
            int group = permutation.groups()[g];
            int inner = (ofKeys ? permutation.keys() : permutation.values())[g][x];
            int head = ofQueries ? 2 * group + permutation.queries()[g][h] : group;
            assertEquals(4 * head + inner, indices[at++], role + " (" + Seeds.note() + ")");
          }
        }
      }
    }
    assertArrayEquals(
        IntStream.range(0, 24).toArray(), Permutation.identity(heads).indices(Role.QUERY));
  }

  private static int[] shuffled(int size, SplittableRandom random) {
    int[] order = IntStream.range(0, size).toArray();
    for (int i = size - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    return order;
  }

  private static int[][] shuffled(int count, int size, SplittableRandom random) {
    return IntStream.range(0, count).mapToObj(_ -> shuffled(size, random)).toArray(int[][]::new);
  }

  @Test
  void segmentsAndFactorsOfAnAxisMoveByThemselves() {
    PermutationSpec spec =
        Architectures.read(
            "spec.yml",
            """
            tensors:
              conv: [channels, 2]
              linear: [_, [channels*2, 3, 2*channels]]
            """,
            shapes("conv", new long[] {3, 2}, "linear", new long[] {5, 15}),
            null);
    int[] order = {2, 0, 1};
    assertArrayEquals(
        new int[] {4, 5, 0, 1, 2, 3, 6, 7, 8, 11, 9, 10, 14, 12, 13},
        spec.indices(
            spec.tensors().get("linear").get(1), Map.of("channels", new Permutation.Units(order))));
    assertEquals(
        List.of("conv[0]", "linear[1]", "linear[1]"),
        spec.uses("channels").stream().map(Object::toString).toList());
  }

  // ---- Recognition -----------------------------------------------------------------------------

  private static SequencedMap<String, long[]> shapes(Object... namesAndShapes) {
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    for (int i = 0; i < namesAndShapes.length; i += 2) {
      shapes.put((String) namesAndShapes[i], (long[]) namesAndShapes[i + 1]);
    }
    return shapes;
  }

  private static long[] of(long... shape) {
    return shape;
  }

  private static void check(PermutationSpec spec, SequencedMap<String, long[]> shapes) {
    assertEquals(List.copyOf(shapes.keySet()), List.copyOf(spec.tensors().keySet()));
    shapes.forEach(
        (name, shape) ->
            assertArrayEquals(
                shape, spec.tensors().get(name).stream().mapToLong(Axis::size).toArray(), name));
    spec.groups().keySet().forEach(group -> assertTrue(spec.uses(group).size() > 1, group));
  }

  @Test
  void gpt2() {
    SequencedMap<String, long[]> shapes =
        shapes(
            "transformer.wte.weight", of(50, 12),
            "transformer.wpe.weight", of(9, 12),
            "transformer.h.0.ln_1.weight", of(12),
            "transformer.h.0.attn.bias", of(1, 1, 9, 9),
            "transformer.h.0.attn.c_attn.weight", of(12, 36),
            "transformer.h.0.attn.c_attn.bias", of(36),
            "transformer.h.0.attn.c_proj.weight", of(12, 12),
            "transformer.h.0.mlp.c_fc.weight", of(12, 48),
            "transformer.h.0.mlp.c_proj.weight", of(48, 12),
            "transformer.ln_f.bias", of(12));
    PermutationSpec spec =
        Architectures.recognise(shapes, "{\"model_type\": \"gpt2\", \"n_head\": 3}");
    check(spec, shapes);
    assertEquals(
        new Group.Heads("h.0.attention", 3, 1, 4, false), spec.groups().get("h.0.attention"));
    assertEquals(
        "h.0.attention.query|h.0.attention.key|h.0.attention.value",
        spec.tensors().get("transformer.h.0.attn.c_attn.weight").get(1).toString());
    assertEquals("residual", spec.tensors().get("transformer.wte.weight").get(1).toString());
    assertEquals("_", spec.tensors().get("transformer.wte.weight").get(0).toString());
  }

  @Test
  void bertAndVit() {
    String layer = "bert.encoder.layer.0.";
    SequencedMap<String, long[]> bert =
        shapes(
            "bert.embeddings.word_embeddings.weight",
            of(30, 8),
            "bert.embeddings.LayerNorm.gamma",
            of(8),
            layer + "attention.self.query.weight",
            of(8, 8),
            layer + "attention.self.key.bias",
            of(8),
            layer + "attention.self.value.weight",
            of(8, 8),
            layer + "attention.output.dense.weight",
            of(8, 8),
            layer + "attention.output.LayerNorm.weight",
            of(8),
            layer + "intermediate.dense.weight",
            of(20, 8),
            layer + "output.dense.weight",
            of(8, 20),
            layer + "output.LayerNorm.bias",
            of(8),
            "bert.pooler.dense.weight",
            of(8, 8),
            "cls.predictions.transform.dense.weight",
            of(8, 8),
            "cls.predictions.bias",
            of(30),
            "classifier.weight",
            of(3, 8));
    PermutationSpec spec =
        Architectures.recognise(bert, "{\"model_type\": \"bert\", \"num_attention_heads\": 2}");
    check(spec, bert);
    assertEquals("[pooler, residual]", spec.tensors().get("bert.pooler.dense.weight").toString());
    assertEquals(
        "[residual, residual]",
        spec.tensors().get("cls.predictions.transform.dense.weight").toString());

    String block = "vit.encoder.layer.1.";
    SequencedMap<String, long[]> vit =
        shapes(
            "vit.embeddings.cls_token",
            of(1, 1, 8),
            "vit.embeddings.position_embeddings",
            of(1, 5, 8),
            "vit.embeddings.patch_embeddings.projection.weight",
            of(8, 3, 4, 4),
            block + "attention.attention.query.weight",
            of(8, 8),
            block + "attention.output.dense.weight",
            of(8, 8),
            block + "intermediate.dense.weight",
            of(16, 8),
            block + "output.dense.weight",
            of(8, 16),
            block + "layernorm_before.weight",
            of(8),
            "vit.layernorm.weight",
            of(8),
            "classifier.weight",
            of(10, 8));
    check(
        Architectures.recognise(vit, "{\"model_type\": \"vit\", \"num_attention_heads\": 4}"), vit);
  }

  /// A ResNet's tensors as torchvision names them, one block per stage but two in the first.
  private static SequencedMap<String, long[]> resnet(boolean bottleneck) {
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("conv1.weight", of(4, 3, 7, 7));
    shapes.put("bn1.weight", of(4));
    shapes.put("bn1.num_batches_tracked", of());
    int in = 4;
    for (int s = 1; s <= 4; s++) {
      int width = 4 << (s - 1);
      int out = bottleneck ? 4 * width : width;
      for (int b = 0; b < (s == 1 ? 2 : 1); b++) {
        String block = "layer" + s + "." + b + ".";
        shapes.put(block + "conv1.weight", of(width, in, bottleneck ? 1 : 3, bottleneck ? 1 : 3));
        shapes.put(block + "bn1.running_mean", of(width));
        shapes.put(block + "conv2.weight", of(width, width, 3, 3));
        shapes.put(block + "bn2.weight", of(width));
        if (bottleneck) {
          shapes.put(block + "conv3.weight", of(out, width, 1, 1));
          shapes.put(block + "bn3.weight", of(out));
        }
        if (b == 0 && (s > 1 || bottleneck)) {
          shapes.put(block + "downsample.0.weight", of(out, in, 1, 1));
          shapes.put(block + "downsample.1.weight", of(out));
        }
        in = out;
      }
    }
    shapes.put("fc.weight", of(10, in));
    shapes.put("fc.bias", of(10));
    return shapes;
  }

  @Test
  void resnets() {
    PermutationSpec basic = Architectures.recognise(resnet(false), null);
    check(basic, resnet(false));
    assertEquals("resnet of basic blocks", basic.architecture());
    assertEquals("[layer1, _, _, _]", basic.tensors().get("conv1.weight").toString());
    assertEquals(
        "[layer2, layer1, _, _]", basic.tensors().get("layer2.0.downsample.0.weight").toString());
    assertEquals(new Group.Units("layer1.1.1", 4), basic.groups().get("layer1.1.1"));
    PermutationSpec bottleneck = Architectures.recognise(resnet(true), null);
    check(bottleneck, resnet(true));
    assertEquals(
        "[layer1.0.1, stem, _, _]", bottleneck.tensors().get("layer1.0.conv1.weight").toString());

    SequencedMap<String, long[]> padded = resnet(false);
    padded.remove("layer3.0.downsample.0.weight");
    assertMessage(
        () -> Architectures.recognise(padded, null),
        "resnet-basic.yml: the model has no tensor 'layer3.0.downsample.0.weight': a shortcut that"
            + " pads with zeros ties channels of two stages. Use a spec for this network.");

    SequencedMap<String, long[]> grouped = resnet(true);
    grouped.put("layer2.0.conv2.weight", of(8, 2, 3, 3));
    assertMessage(
        () -> Architectures.recognise(grouped, null),
        "resnet-bottleneck.yml: axis 1 of tensor 'layer2.0.conv2.weight' has 2 elements, and its"
            + " rule makes 8 ('layer2.0.1' has 8). A grouped convolution ties channels together,"
            + " which permutations of this spec do not: leave its channels out with '_'.");
  }

  @Test
  void layersOneAfterTheOther() {
    SequencedMap<String, long[]> vgg =
        shapes(
            "classifier.0.weight", of(12, 72),
            "classifier.0.bias", of(12),
            "classifier.3.weight", of(5, 12),
            "classifier.3.bias", of(5),
            "features.0.weight", of(6, 3, 3, 3),
            "features.1.running_var", of(6),
            "features.1.num_batches_tracked", of(),
            "features.3.weight", of(6, 1, 3, 3),
            "features.10.weight", of(8, 6, 3, 3),
            "features.10.bias", of(8));
    PermutationSpec features = Architectures.recognise(vgg, null);
    check(features, vgg);
    assertEquals(
        "[classifier.0, features.10*9]", features.tensors().get("classifier.0.weight").toString());

    SequencedMap<String, long[]> net =
        shapes(
            "net.12.weight", of(5, 12),
            "net.12.bias", of(5),
            "net.0.weight", of(6, 3, 3, 3),
            "net.1.weight", of(6),
            "net.1.running_var", of(6),
            "net.1.num_batches_tracked", of(),
            "net.3.weight", of(6, 1, 3, 3),
            "net.5.weight", of(8, 6, 3, 3),
            "net.5.bias", of(8),
            "net.10.weight", of(12, 72));
    PermutationSpec spec = Architectures.recognise(net, null);
    check(spec, net);
    assertEquals("[net.0, _, _, _]", spec.tensors().get("net.3.weight").toString());
    assertEquals("[net.5, net.0, _, _]", spec.tensors().get("net.5.weight").toString());
    assertEquals("[net.10, net.5*9]", spec.tensors().get("net.10.weight").toString());
    assertEquals("[_, net.10]", spec.tensors().get("net.12.weight").toString());

    assertMessage(
        () -> Architectures.recognise(shapes("a.0.weight", of(6, 4), "a.1.weight", of(3, 5)), null),
        "no spec is known for this model: it has no model_type, its tensors are not named as those"
            + " of llama, gpt2, bert, vit, resnet of basic blocks, resnet of bottlenecks, and it is"
            + " no plain sequence of layers (layer 'a.1' [3, 5] is not what follows on the 6"
            + " outputs of 'a.0'). Write a spec for it.");
  }

  // ---- Bad specs -------------------------------------------------------------------------------

  private static void assertMessage(org.junit.jupiter.api.function.Executable run, String message) {
    assertEquals(message, assertThrows(SpecException.class, run).getMessage());
  }

  private static void assertRefused(String yaml, String message, Object... shapes) {
    assertMessage(() -> Architectures.read("s.yml", yaml, shapes(shapes), null), message);
  }

  @Test
  void badSpecsAreRefusedByLine() {
    assertRefused(
        "tensors: {a: [b, _]}\nfoo: 1",
        "s.yml:2: unknown key 'foo' in the spec. Known are architecture, heads, model_types, needs,"
            + " tensors.");
    assertRefused("architecture: x", "s.yml:1: has no 'tensors'. Name every tensor.");
    assertRefused(
        "tensors:\n  a: ['b.{i}']",
        "s.yml:2: group 'b.{i}' has {i}, which the tensor's name has not. Correct it.");
    assertRefused(
        "heads: {h: {heads: 2}}\ntensors:\n  a: [h]",
        "s.yml:3: group 'h' is of heads, and an axis is one of them. Write 'h.query', '.key',"
            + " '.value' or '.output'.");
    assertRefused(
        "tensors: {a: [0*b]}",
        "s.yml:1: a factor is 0. Write a whole number, 1 or more, or a group.");
    assertRefused(
        "tensors: {a: [b*]}", "s.yml:1: a factor is empty. Write '_', a number or a group.");
    assertRefused(
        "heads: {h: {rotary: true}}\ntensors: {}",
        "s.yml:1: group 'h' has no 'heads'. Give their number, or the key of config.json that holds"
            + " it.");
  }

  @Test
  void specsThatDoNotFitTheModelAreRefusedByTensor() {
    assertRefused(
        "tensors: {a: [b, _]}",
        "s.yml: no rule is for tensor 'c'. Add one to a spec of your own, with '_' for each axis"
            + " that nothing permutes.",
        "c",
        of(2));
    assertRefused(
        "tensors: {a: [b, _]}",
        "s.yml: tensor 'a' has the shape [2], and its rule names 2 axes. Correct the spec, or use"
            + " one for this architecture.",
        "a",
        of(2));
    assertRefused(
        "tensors: {a: [b, _], c: [b]}",
        "s.yml: axis 0 of tensor 'c' has 3 elements, and its rule makes 2 ('b' has 2). Correct the"
            + " spec, or use one for this architecture.",
        "a",
        of(2, 4),
        "c",
        of(3));
    assertRefused(
        "heads: {h: {heads: num_heads}}\ntensors: {a: [h.query]}",
        "s.yml: group 'h' takes a number from 'num_heads' of config.json, which has none. Add it"
            + " there, or write the number into a spec of your own.",
        "a",
        of(8));
    assertRefused(
        "heads: {h: {heads: 4, key_value_heads: 3}}\ntensors: {a: [h.query]}",
        "s.yml: group 'h' has 4 heads over 3 key/value heads, which do not divide them. Correct"
            + " config.json.",
        "a",
        of(8));
  }
}
