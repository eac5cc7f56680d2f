// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater.alignment;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/// Small networks of every architecture that there is a spec for, with forward passes in plain
/// double loops that know nothing of permutations.
///
/// @param config `config.json`, empty where there is none
record Network(String name, String config, SequencedMap<String, long[]> shapes, Forward forward) {

  /// From weights by name to outputs.
  interface Forward {
    double[] run(Map<String, double[]> weights);
  }

  @Override
  public String toString() {
    return name;
  }

  static List<Network> all() {
    return List.of(
        mlp(),
        vgg(),
        resnet(false),
        resnet(true),
        llama(false),
        llama(true),
        gpt2(),
        bert(),
        vit());
  }

  private static long[] of(long... shape) {
    return shape;
  }

  /// Numbers that look random, the same in every run.
  private static double[] input(int count) {
    return IntStream.range(0, count).mapToDouble(i -> Math.sin(1.7 * i * i + 0.3 * i)).toArray();
  }

  // ---- layers -----------------------------------------------------------------------------------

  /// `y = W x + b`, W `[out, in]`.
  private static double[] linear(Map<String, double[]> w, String layer, double[] x) {
    double[] weight = w.get(layer + ".weight");
    double[] bias = w.get(layer + ".bias");
    double[] y = new double[weight.length / x.length];
    for (int o = 0; o < y.length; o++) {
      y[o] = bias == null ? 0 : bias[o];
      for (int i = 0; i < x.length; i++) {
        y[o] += weight[o * x.length + i] * x[i];
      }
    }
    return y;
  }

  /// `y = x W + b`, W `[in, out]`.
  private static double[] conv1d(Map<String, double[]> w, String layer, double[] x) {
    double[] weight = w.get(layer + ".weight");
    double[] y = w.get(layer + ".bias").clone();
    for (int i = 0; i < x.length; i++) {
      for (int o = 0; o < y.length; o++) {
        y[o] += x[i] * weight[i * y.length + o];
      }
    }
    return y;
  }

  private static double[][] each(double[][] x, java.util.function.UnaryOperator<double[]> f) {
    return Arrays.stream(x).map(f).toArray(double[][]::new);
  }

  private static double[] map(double[] x, DoubleUnaryOperator f) {
    return Arrays.stream(x).map(f).toArray();
  }

  private static double[] plus(double[] a, double[] b) {
    return IntStream.range(0, a.length).mapToDouble(i -> a[i] + b[i]).toArray();
  }

  private static double gelu(double x) {
    return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
  }

  private static double[] rms(double[] x, double[] gain) {
    double mean = Arrays.stream(x).map(v -> v * v).sum() / x.length;
    return IntStream.range(0, x.length)
        .mapToDouble(i -> gain[i] * x[i] / Math.sqrt(mean + 1e-6))
        .toArray();
  }

  private static double[] norm(Map<String, double[]> w, String layer, double[] x) {
    double mean = Arrays.stream(x).sum() / x.length;
    double variance = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).sum() / x.length;
    double[] gain = w.get(layer + ".weight");
    double[] bias = w.get(layer + ".bias");
    return IntStream.range(0, x.length)
        .mapToDouble(i -> gain[i] * (x[i] - mean) / Math.sqrt(variance + 1e-5) + bias[i])
        .toArray();
  }

  /// Attention over positions; key/value head `h / (heads / few)` serves query head `h`.
  private static double[][] attention(
      double[][] q, double[][] k, double[][] v, int heads, int few, boolean causal) {
    int size = q[0].length / heads;
    double[][] out = new double[q.length][q[0].length];
    for (int h = 0; h < heads; h++) {
      int g = h / (heads / few);
      for (int t = 0; t < q.length; t++) {
        int seen = causal ? t + 1 : q.length;
        double[] score = new double[seen];
        for (int s = 0; s < seen; s++) {
          for (int x = 0; x < size; x++) {
            score[s] += q[t][h * size + x] * k[s][g * size + x] / Math.sqrt(size);
          }
        }
        double total = Arrays.stream(score).map(Math::exp).sum();
        for (int s = 0; s < seen; s++) {
          for (int x = 0; x < size; x++) {
            out[t][h * size + x] += Math.exp(score[s]) / total * v[s][g * size + x];
          }
        }
      }
    }
    return out;
  }

  private static double[] rotated(double[] x, int position, int size) {
    double[] y = new double[x.length];
    for (int head = 0; head < x.length; head += size) {
      for (int i = 0; i < size / 2; i++) {
        double angle = position * Math.pow(100, -2.0 * i / size);
        double a = x[head + i];
        double b = x[head + i + size / 2];
        y[head + i] = a * Math.cos(angle) - b * Math.sin(angle);
        y[head + i + size / 2] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return y;
  }

  /// A picture of channels x height x width.
  private record Image(int channels, int side, double[] values) {
    Image convolved(double[] weight, double[] bias, int out, int kernel, int stride, boolean deep) {
      int side2 = (side + stride - 1) / stride;
      double[] y = new double[out * side2 * side2];
      int pad = kernel / 2;
      for (int o = 0; o < out; o++) {
        for (int c = 0; c < (deep ? 1 : channels); c++) {
          for (int r = 0; r < side2; r++) {
            for (int s = 0; s < side2; s++) {
              for (int i = 0; i < kernel; i++) {
                for (int j = 0; j < kernel; j++) {
                  int row = r * stride + i - pad;
                  int column = s * stride + j - pad;
                  if (row >= 0 && row < side && column >= 0 && column < side) {
                    y[(o * side2 + r) * side2 + s] +=
                        weight[((o * (deep ? 1 : channels) + c) * kernel + i) * kernel + j]
                            * values[((deep ? o : c) * side + row) * side + column];
                  }
                }
              }
            }
          }
        }
      }
      for (int i = 0; bias != null && i < y.length; i++) {
        y[i] += bias[i / (side2 * side2)];
      }
      return new Image(out, side2, y);
    }

    Image normed(Map<String, double[]> w, String layer) {
      double[] y = values.clone();
      for (int i = 0; i < y.length; i++) {
        int c = i / (side * side);
        y[i] =
            w.get(layer + ".weight")[c]
                    * (y[i] - w.get(layer + ".running_mean")[c])
                    / Math.sqrt(w.get(layer + ".running_var")[c] + 1e-5)
                + w.get(layer + ".bias")[c];
      }
      return new Image(channels, side, y);
    }

    Image rectified() {
      return new Image(channels, side, map(values, v -> Math.max(0, v)));
    }

    Image plus(Image other) {
      return new Image(channels, side, Network.plus(values, other.values));
    }

    double[] means() {
      int area = side * side;
      return IntStream.range(0, channels)
          .mapToDouble(c -> Arrays.stream(values, c * area, (c + 1) * area).sum() / area)
          .toArray();
    }
  }

  private static void batchNorm(SequencedMap<String, long[]> shapes, String layer, int channels) {
    for (String part : List.of("weight", "bias", "running_mean", "running_var")) {
      shapes.put(layer + "." + part, of(channels));
    }
    shapes.put(layer + ".num_batches_tracked", of());
  }

  // ---- networks ---------------------------------------------------------------------------------

  private static Network mlp() {
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    int[] widths = {15, 24, 20, 16, 5};
    for (int i = 0; i < 4; i++) {
      shapes.put("fc" + i + ".weight", of(widths[i + 1], widths[i]));
      shapes.put("fc" + i + ".bias", of(widths[i + 1]));
    }
    return new Network(
        "mlp",
        "",
        shapes,
        w -> {
          double[] x = input(15);
          for (int i = 0; i < 4; i++) {
            x = linear(w, "fc" + i, x);
            x = i < 3 ? map(x, Math::tanh) : x;
          }
          return x;
        });
  }

  /// With a depthwise convolution, and channels x pixels into a linear layer.
  private static Network vgg() {
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("features.0.weight", of(8, 3, 3, 3));
    shapes.put("features.0.bias", of(8));
    batchNorm(shapes, "features.1", 8);
    shapes.put("features.3.weight", of(8, 1, 3, 3));
    shapes.put("features.5.weight", of(10, 8, 3, 3));
    shapes.put("features.5.bias", of(10));
    shapes.put("classifier.0.weight", of(12, 40));
    shapes.put("classifier.0.bias", of(12));
    shapes.put("classifier.2.weight", of(4, 12));
    shapes.put("classifier.2.bias", of(4));
    return new Network(
        "vgg",
        "",
        shapes,
        w -> {
          Image x =
              new Image(3, 4, input(48))
                  .convolved(w.get("features.0.weight"), w.get("features.0.bias"), 8, 3, 1, false)
                  .normed(w, "features.1")
                  .rectified()
                  .convolved(w.get("features.3.weight"), null, 8, 3, 1, true)
                  .convolved(w.get("features.5.weight"), w.get("features.5.bias"), 10, 3, 2, false)
                  .rectified();
          return linear(
              w, "classifier.2", map(linear(w, "classifier.0", x.values()), v -> Math.max(0, v)));
        });
  }

  private static Network resnet(boolean bottleneck) {
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("conv1.weight", of(6, 3, 3, 3));
    batchNorm(shapes, "bn1", 6);
    int in = 6;
    for (int s = 1; s <= 4; s++) {
      int width = 4 + 2 * s;
      int out = bottleneck ? 2 * width : width;
      for (int b = 0; b < 2; b++) {
        String block = "layer" + s + "." + b + ".";
        int kernel = bottleneck ? 1 : 3;
        shapes.put(block + "conv1.weight", of(width, in, kernel, kernel));
        batchNorm(shapes, block + "bn1", width);
        shapes.put(block + "conv2.weight", of(width, width, 3, 3));
        batchNorm(shapes, block + "bn2", width);
        if (bottleneck) {
          shapes.put(block + "conv3.weight", of(out, width, 1, 1));
          batchNorm(shapes, block + "bn3", out);
        }
        if (b == 0 && (s > 1 || bottleneck)) {
          shapes.put(block + "downsample.0.weight", of(out, in, 1, 1));
          batchNorm(shapes, block + "downsample.1", out);
        }
        in = out;
      }
    }
    shapes.put("fc.weight", of(5, in));
    shapes.put("fc.bias", of(5));
    return new Network(
        bottleneck ? "resnet of bottlenecks" : "resnet of basic blocks",
        "",
        shapes,
        w -> {
          Image x =
              new Image(3, 6, input(108))
                  .convolved(w.get("conv1.weight"), null, 6, 3, 1, false)
                  .normed(w, "bn1")
                  .rectified();
          for (int s = 1; s <= 4; s++) {
            int width = 4 + 2 * s;
            int out = bottleneck ? 2 * width : width;
            for (int b = 0; b < 2; b++) {
              String block = "layer" + s + "." + b + ".";
              int stride = s > 1 && b == 0 ? 2 : 1;
              int first = bottleneck ? 1 : stride;
              Image y =
                  x.convolved(
                          w.get(block + "conv1.weight"),
                          null,
                          width,
                          bottleneck ? 1 : 3,
                          first,
                          false)
                      .normed(w, block + "bn1")
                      .rectified()
                      .convolved(
                          w.get(block + "conv2.weight"),
                          null,
                          width,
                          3,
                          bottleneck ? stride : 1,
                          false)
                      .normed(w, block + "bn2");
              if (bottleneck) {
                y =
                    y.rectified()
                        .convolved(w.get(block + "conv3.weight"), null, out, 1, 1, false)
                        .normed(w, block + "bn3");
              }
              double[] down = w.get(block + "downsample.0.weight");
              Image skipped =
                  down == null
                      ? x
                      : x.convolved(down, null, out, 1, stride, false)
                          .normed(w, block + "downsample.1");
              x = y.plus(skipped).rectified();
            }
          }
          return linear(w, "fc", x.means());
        });
  }

  /// Grouped queries, rotary embedding; Qwen's with biases.
  private static Network llama(boolean qwen) {
    int hidden = 20;
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", of(17, hidden));
    for (int l = 0; l < 2; l++) {
      String layer = "model.layers." + l + ".";
      shapes.put(layer + "self_attn.q_proj.weight", of(36, hidden));
      shapes.put(layer + "self_attn.k_proj.weight", of(12, hidden));
      shapes.put(layer + "self_attn.v_proj.weight", of(12, hidden));
      if (qwen) {
        shapes.put(layer + "self_attn.q_proj.bias", of(36));
        shapes.put(layer + "self_attn.k_proj.bias", of(12));
        shapes.put(layer + "self_attn.v_proj.bias", of(12));
      }
      shapes.put(layer + "self_attn.o_proj.weight", of(hidden, 36));
      shapes.put(layer + "mlp.gate_proj.weight", of(28, hidden));
      shapes.put(layer + "mlp.up_proj.weight", of(28, hidden));
      shapes.put(layer + "mlp.down_proj.weight", of(hidden, 28));
      shapes.put(layer + "input_layernorm.weight", of(hidden));
      shapes.put(layer + "post_attention_layernorm.weight", of(hidden));
    }
    shapes.put("model.norm.weight", of(hidden));
    if (!qwen) {
      shapes.put("lm_head.weight", of(17, hidden)); // Else tied.
    }
    return new Network(
        qwen ? "qwen2" : "llama",
        "{\"model_type\": \""
            + (qwen ? "qwen2" : "mistral")
            + "\", \"num_attention_heads\": 9, \"num_key_value_heads\": 3}",
        shapes,
        w -> {
          int[] tokens = {3, 16, 3, 0, 9};
          double[] embedding = w.get("model.embed_tokens.weight");
          double[][] x = new double[tokens.length][];
          for (int t = 0; t < x.length; t++) {
            x[t] = Arrays.copyOfRange(embedding, tokens[t] * hidden, (tokens[t] + 1) * hidden);
          }
          for (int l = 0; l < 2; l++) {
            String layer = "model.layers." + l + ".";
            double[][] in = each(x, r -> rms(r, w.get(layer + "input_layernorm.weight")));
            double[][] q = each(in, r -> linear(w, layer + "self_attn.q_proj", r));
            double[][] k = each(in, r -> linear(w, layer + "self_attn.k_proj", r));
            double[][] v = each(in, r -> linear(w, layer + "self_attn.v_proj", r));
            for (int t = 0; t < x.length; t++) {
              q[t] = rotated(q[t], t, 4);
              k[t] = rotated(k[t], t, 4);
            }
            double[][] a = attention(q, k, v, 9, 3, true);
            for (int t = 0; t < x.length; t++) {
              x[t] = plus(x[t], linear(w, layer + "self_attn.o_proj", a[t]));
              double[] m = rms(x[t], w.get(layer + "post_attention_layernorm.weight"));
              double[] gate =
                  map(linear(w, layer + "mlp.gate_proj", m), g -> g / (1 + Math.exp(-g)));
              double[] up = linear(w, layer + "mlp.up_proj", m);
              for (int i = 0; i < up.length; i++) {
                up[i] *= gate[i];
              }
              x[t] = plus(x[t], linear(w, layer + "mlp.down_proj", up));
            }
          }
          double[] last = rms(x[x.length - 1], w.get("model.norm.weight"));
          return linear(
              qwen ? Map.of("h.weight", embedding) : Map.of("h.weight", w.get("lm_head.weight")),
              "h",
              last);
        });
  }

  private static Network gpt2() {
    int hidden = 18;
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("wte.weight", of(13, hidden));
    shapes.put("wpe.weight", of(6, hidden));
    for (int l = 0; l < 2; l++) {
      String layer = "h." + l + ".";
      for (String norm : List.of("ln_1", "ln_2")) {
        shapes.put(layer + norm + ".weight", of(hidden));
        shapes.put(layer + norm + ".bias", of(hidden));
      }
      shapes.put(layer + "attn.c_attn.weight", of(hidden, 3 * hidden));
      shapes.put(layer + "attn.c_attn.bias", of(3 * hidden));
      shapes.put(layer + "attn.c_proj.weight", of(hidden, hidden));
      shapes.put(layer + "attn.c_proj.bias", of(hidden));
      shapes.put(layer + "mlp.c_fc.weight", of(hidden, 30));
      shapes.put(layer + "mlp.c_fc.bias", of(30));
      shapes.put(layer + "mlp.c_proj.weight", of(30, hidden));
      shapes.put(layer + "mlp.c_proj.bias", of(hidden));
    }
    shapes.put("ln_f.weight", of(hidden));
    shapes.put("ln_f.bias", of(hidden));
    return new Network(
        "gpt2",
        "{\"model_type\": \"gpt2\", \"n_head\": 3}",
        shapes,
        w -> {
          int[] tokens = {2, 12, 7, 7};
          double[][] x = embedded(tokens, hidden, w.get("wte.weight"), w.get("wpe.weight"));
          for (int l = 0; l < 2; l++) {
            String layer = "h." + l + ".";
            double[][] qkv =
                each(x, r -> conv1d(w, layer + "attn.c_attn", norm(w, layer + "ln_1", r)));
            double[][] a =
                attention(
                    each(qkv, r -> Arrays.copyOfRange(r, 0, hidden)),
                    each(qkv, r -> Arrays.copyOfRange(r, hidden, 2 * hidden)),
                    each(qkv, r -> Arrays.copyOfRange(r, 2 * hidden, 3 * hidden)),
                    3,
                    3,
                    true);
            for (int t = 0; t < x.length; t++) {
              x[t] = plus(x[t], conv1d(w, layer + "attn.c_proj", a[t]));
              double[] m =
                  map(conv1d(w, layer + "mlp.c_fc", norm(w, layer + "ln_2", x[t])), Network::gelu);
              x[t] = plus(x[t], conv1d(w, layer + "mlp.c_proj", m));
            }
          }
          return linear(
              Map.of("h.weight", w.get("wte.weight")), "h", norm(w, "ln_f", x[x.length - 1]));
        });
  }

  private static double[][] embedded(
      int[] tokens, int hidden, double[] embedding, double[] positions) {
    double[][] x = new double[tokens.length][hidden];
    for (int t = 0; t < x.length; t++) {
      for (int i = 0; i < hidden; i++) {
        x[t][i] = embedding[tokens[t] * hidden + i] + positions[t * hidden + i];
      }
    }
    return x;
  }

  private static void encoder(
      SequencedMap<String, long[]> shapes, String layer, String self, String out, int hidden) {
    for (String part : List.of("query", "key", "value")) {
      shapes.put(layer + self + part + ".weight", of(hidden, hidden));
      shapes.put(layer + self + part + ".bias", of(hidden));
    }
    shapes.put(layer + out + ".weight", of(hidden, hidden));
    shapes.put(layer + out + ".bias", of(hidden));
    shapes.put(layer + "intermediate.dense.weight", of(30, hidden));
    shapes.put(layer + "intermediate.dense.bias", of(30));
    shapes.put(layer + "output.dense.weight", of(hidden, 30));
    shapes.put(layer + "output.dense.bias", of(hidden));
  }

  private static double[][] self(Map<String, double[]> w, String layer, double[][] x, int heads) {
    return attention(
        each(x, r -> linear(w, layer + "query", r)),
        each(x, r -> linear(w, layer + "key", r)),
        each(x, r -> linear(w, layer + "value", r)),
        heads,
        heads,
        false);
  }

  /// With a masked-LM head tied to the embeddings: its transform has the residual stream on both
  /// axes.
  private static Network bert() {
    int hidden = 16;
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("bert.embeddings.word_embeddings.weight", of(19, hidden));
    shapes.put("bert.embeddings.position_embeddings.weight", of(6, hidden));
    shapes.put("bert.embeddings.LayerNorm.weight", of(hidden));
    shapes.put("bert.embeddings.LayerNorm.bias", of(hidden));
    for (int l = 0; l < 2; l++) {
      String layer = "bert.encoder.layer." + l + ".";
      encoder(shapes, layer, "attention.self.", "attention.output.dense", hidden);
      for (String norm : List.of("attention.output.LayerNorm", "output.LayerNorm")) {
        shapes.put(layer + norm + ".weight", of(hidden));
        shapes.put(layer + norm + ".bias", of(hidden));
      }
    }
    shapes.put("bert.pooler.dense.weight", of(hidden, hidden));
    shapes.put("bert.pooler.dense.bias", of(hidden));
    shapes.put("cls.predictions.transform.dense.weight", of(hidden, hidden));
    shapes.put("cls.predictions.transform.dense.bias", of(hidden));
    shapes.put("cls.predictions.transform.LayerNorm.weight", of(hidden));
    shapes.put("cls.predictions.transform.LayerNorm.bias", of(hidden));
    shapes.put("cls.predictions.bias", of(19));
    shapes.put("cls.seq_relationship.weight", of(2, hidden));
    shapes.put("cls.seq_relationship.bias", of(2));
    return new Network(
        "bert",
        "{\"model_type\": \"bert\", \"num_attention_heads\": 4}",
        shapes,
        w -> {
          int[] tokens = {1, 18, 5, 5, 0};
          double[] words = w.get("bert.embeddings.word_embeddings.weight");
          double[][] x =
              each(
                  embedded(
                      tokens, hidden, words, w.get("bert.embeddings.position_embeddings.weight")),
                  r -> norm(w, "bert.embeddings.LayerNorm", r));
          for (int l = 0; l < 2; l++) {
            String layer = "bert.encoder.layer." + l + ".";
            double[][] a = self(w, layer + "attention.self.", x, 4);
            for (int t = 0; t < x.length; t++) {
              double[] y = plus(x[t], linear(w, layer + "attention.output.dense", a[t]));
              y = norm(w, layer + "attention.output.LayerNorm", y);
              double[] m = map(linear(w, layer + "intermediate.dense", y), Network::gelu);
              x[t] =
                  norm(
                      w, layer + "output.LayerNorm", plus(y, linear(w, layer + "output.dense", m)));
            }
          }
          double[] next =
              linear(
                  w, "cls.seq_relationship", map(linear(w, "bert.pooler.dense", x[0]), Math::tanh));
          double[] masked =
              norm(
                  w,
                  "cls.predictions.transform.LayerNorm",
                  map(linear(w, "cls.predictions.transform.dense", x[2]), Network::gelu));
          double[] logits =
              linear(
                  Map.of("d.weight", words, "d.bias", w.get("cls.predictions.bias")), "d", masked);
          double[] both = Arrays.copyOf(logits, logits.length + next.length);
          System.arraycopy(next, 0, both, logits.length, next.length);
          return both;
        });
  }

  private static Network vit() {
    int hidden = 16;
    SequencedMap<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("vit.embeddings.cls_token", of(1, 1, hidden));
    shapes.put("vit.embeddings.position_embeddings", of(1, 5, hidden));
    shapes.put("vit.embeddings.patch_embeddings.projection.weight", of(hidden, 3, 2, 2));
    shapes.put("vit.embeddings.patch_embeddings.projection.bias", of(hidden));
    for (int l = 0; l < 2; l++) {
      String layer = "vit.encoder.layer." + l + ".";
      encoder(shapes, layer, "attention.attention.", "attention.output.dense", hidden);
      for (String norm : List.of("layernorm_before", "layernorm_after")) {
        shapes.put(layer + norm + ".weight", of(hidden));
        shapes.put(layer + norm + ".bias", of(hidden));
      }
    }
    shapes.put("vit.layernorm.weight", of(hidden));
    shapes.put("vit.layernorm.bias", of(hidden));
    shapes.put("classifier.weight", of(7, hidden));
    shapes.put("classifier.bias", of(7));
    return new Network(
        "vit",
        "{\"model_type\": \"vit\", \"num_attention_heads\": 2}",
        shapes,
        w -> {
          double[] patch = w.get("vit.embeddings.patch_embeddings.projection.weight");
          double[] position = w.get("vit.embeddings.position_embeddings");
          double[][] x = new double[5][];
          for (int t = 0; t < 5; t++) {
            double[] pixels =
                Arrays.copyOfRange(input(48), 12 * Math.max(0, t - 1), 12 * Math.max(1, t));
            double[] y =
                t == 0
                    ? w.get("vit.embeddings.cls_token")
                    : linear(
                        Map.of(
                            "p.weight",
                            patch,
                            "p.bias",
                            w.get("vit.embeddings.patch_embeddings.projection.bias")),
                        "p",
                        pixels);
            x[t] = plus(y, Arrays.copyOfRange(position, t * hidden, (t + 1) * hidden));
          }
          for (int l = 0; l < 2; l++) {
            String layer = "vit.encoder.layer." + l + ".";
            double[][] a =
                self(
                    w,
                    layer + "attention.attention.",
                    each(x, r -> norm(w, layer + "layernorm_before", r)),
                    2);
            for (int t = 0; t < x.length; t++) {
              x[t] = plus(x[t], linear(w, layer + "attention.output.dense", a[t]));
              double[] m =
                  map(
                      linear(
                          w,
                          layer + "intermediate.dense",
                          norm(w, layer + "layernorm_after", x[t])),
                      Network::gelu);
              x[t] = plus(x[t], linear(w, layer + "output.dense", m));
            }
          }
          return linear(w, "classifier", norm(w, "vit.layernorm", x[0]));
        });
  }
}
