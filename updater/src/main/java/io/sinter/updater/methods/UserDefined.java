// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.methods;

import io.sinter.DType;
import io.sinter.Tensor;
import io.sinter.ops.Conversion;
import io.sinter.updater.ElementwiseMethod;
import io.sinter.updater.Method;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ForkJoinPool;
import org.jspecify.annotations.Nullable;

/// A caller's method: its blocks between native casts.
public final class UserDefined implements MergeMethod {
  /// Elements of a block: its arrays stay in the cache.
  static final int BLOCK = 1 << 13;

  private final ElementwiseMethod method;
  private final Method description;

  public UserDefined(ElementwiseMethod method) {
    this.method = method;
    this.description = method.description();
  }

  @Override
  public Method description() {
    return description;
  }

  @Override
  public Computation computation(Setting setting) {
    return setting.by(new Apply(method), setting.values().keySet().toArray(String[]::new));
  }

  /// Runs a caller's method.
  record Apply(ElementwiseMethod method) implements Kernel {
    @Override
    public boolean cpuOnly() {
      return true;
    }

    @Override
    public void run(Batch batch) {
      try (Scratch scratch = new Scratch(batch)) {
        scratch.decode();
        List<Part> parts = parts(batch);
        int threads =
            batch.threads() == 0 ? Runtime.getRuntime().availableProcessors() : batch.threads();
        try (ForkJoinPool pool = new ForkJoinPool(threads)) {
          pool.submit(() -> parts.parallelStream().forEach(part -> apply(batch, scratch, part)))
              .join();
        }
        scratch.encode();
      }
    }

    private static List<Part> parts(Batch batch) {
      List<Part> parts = new ArrayList<>();
      for (int i = 0; i < batch.size(); i++) {
        long elements = batch.outs().get(i).elements();
        for (long from = 0; from < elements; from += BLOCK) {
          parts.add(new Part(i, from, (int) Math.min(BLOCK, elements - from)));
        }
      }
      return parts;
    }

    private void apply(Batch batch, Scratch scratch, Part part) {
      Computation computation = batch.computations().get(part.piece());
      float[][] inputs = new float[scratch.inputs.size()][];
      for (int k = 0; k < inputs.length; k++) {
        inputs[k] =
            part.of(scratch.inputs.get(k).get(part.piece())).toArray(ValueLayout.JAVA_FLOAT);
      }
      Elements block =
          new Elements(
              part.count(),
              computation.based(),
              inputs,
              new float[part.count()],
              computation.numbers(),
              batch.names().get(part.piece()),
              batch.offsets()[part.piece()] + part.from());
      method.apply(block);
      MemorySegment.copy(
          block.out(),
          0,
          part.of(scratch.out.get(part.piece())),
          ValueLayout.JAVA_FLOAT,
          0,
          part.count());
    }
  }

  private record Part(int piece, long from, int count) {
    MemorySegment of(Tensor tensor) {
      return tensor.segment().asSlice(from * Float.BYTES, (long) count * Float.BYTES);
    }
  }

  /// The operands and the results as float32.
  private static final class Scratch implements AutoCloseable {
    private final Batch batch;
    private final List<Tensor> owned = new ArrayList<>();
    private final List<List<Tensor>> inputs = new ArrayList<>();
    private final List<Tensor> out;

    Scratch(Batch batch) {
      this.batch = batch;
      try {
        for (int k = 0; k < batch.operands().size(); k++) {
          inputs.add(pieces(DType.F32));
        }
        out = pieces(DType.F32);
      } catch (RuntimeException | Error e) {
        close();
        throw e;
      }
    }

    private List<Tensor> pieces(DType dtype) {
      long total = batch.outs().stream().mapToLong(Tensor::elements).sum();
      Tensor all = batch.stream().allocate(dtype, total);
      owned.add(all);
      List<Tensor> pieces = new ArrayList<>();
      long at = 0;
      for (Tensor tensor : batch.outs()) {
        pieces.add(all.slice(0, at, at + tensor.elements()));
        at += tensor.elements();
      }
      return pieces;
    }

    /// Rounds to the recipe's dtype on the way, where it has one.
    void decode() {
      DType dtype = batch.arithmetic().dtype();
      for (int k = 0; k < inputs.size(); k++) {
        List<Tensor> stored = batch.operands().get(k);
        if (dtype != null && dtype != DType.F32) {
          List<Tensor> rounded = pieces(dtype);
          Conversion.cast(batch.stream(), stored, rounded, null);
          stored = rounded;
        }
        Conversion.cast(batch.stream(), stored, inputs.get(k), null);
      }
    }

    void encode() {
      Conversion.cast(batch.stream(), out, batch.outs(), batch.arithmetic().counts());
    }

    @Override
    public void close() {
      owned.forEach(Tensor::close);
    }
  }

  private record Elements(
      int count,
      boolean based,
      float[][] inputs,
      float[] out,
      Map<String, double[]> numbers,
      String tensor,
      long from)
      implements ElementwiseMethod.Block {
    @Override
    public int models() {
      return inputs.length - (based ? 1 : 0);
    }

    @Override
    public float[] model(int model) {
      return inputs[model + (based ? 1 : 0)];
    }

    @Override
    public float @Nullable [] base() {
      return based ? inputs[0] : null;
    }

    @Override
    public double number(String parameter) {
      return number(parameter, 0);
    }

    @Override
    public double number(String parameter, int model) {
      double[] values = numbers.get(parameter);
      if (values == null) {
        throw new IllegalArgumentException(
            "the method's description has no parameter '" + parameter + "'; add it there");
      }
      return values[model];
    }
  }
}
