// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.NumericException;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;

/// Arithmetic on the differences between fine-tuned models and their base, each rounded to
/// [Arithmetic#deltaDtype] first where that is given.
///
/// [#ties], [#breadcrumbs], [#dare] and [#della] thin the differences out and mix what is kept by a
/// [Mixture]; `density` is the share of a model's elements that is kept, and 1 or more keeps all.
///
/// A method that takes a statistic of the tensor reads the inputs twice and refuses elements that
/// are not finite with a [NumericException] that names tensor and model: from the call itself on
/// the CPU, before anything is written, and from the next [Stream#synchronize] elsewhere.
public final class TaskVectors {
  private TaskVectors() {}

  /// Task arithmetic: `out = base + lambda sum_i w_i (x_i - base)`, the sum divided by `sum_i w_i`
  /// (by 1 where that is below 1e-8 in magnitude) if `normalize`; `base[...], x_i[...] ->
  /// out[...]`.
  ///
  /// Source: Ilharco et al., "Editing models with task arithmetic", ICLR 2023.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param lambda any finite number
  /// @param normalize whether to divide by the sum of the weights
  /// @param out any dtype; may be `base` or one of the inputs
  public static void taskArithmetic(
      Stream stream,
      Tensor base,
      List<Tensor> inputs,
      double[] weights,
      double lambda,
      boolean normalize,
      Tensor out) {
    taskArithmetic(
        stream,
        List.of(base),
        List.of(inputs),
        new double[][] {weights},
        new double[] {lambda},
        normalize,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Computes a batch as [#taskArithmetic(Stream, Tensor, List, double\[\], double, boolean,
  /// Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param lambda one finite number for each tensor
  /// @param normalize whether to divide by the sum of a tensor's weights
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void taskArithmetic(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      double[] lambda,
      boolean normalize,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    try (Call call = Call.on(stream, "taskArithmetic", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment lambdas = call.numbers("lambda", lambda);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_task_arithmetic(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              lambdas,
              normalize ? 1 : 0,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// TIES: keeps the `k = floor(density n)` differences of largest magnitude of each tensor and
  /// model, exactly; of equal magnitudes the lowest index first, and one where `density n < 1`;
  /// `base[...], x_i[...] -> out[...]`.
  ///
  /// Takes a statistic. [Mixture#rescale] is [Rescale#NONE] or [Rescale#L1]. Source: Yadav et al.,
  /// "TIES-merging", NeurIPS 2023.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param densities the share of elements kept of each model, 0 or more
  /// @param lambda any finite number
  /// @param mixture how kept differences are mixed
  /// @param out any dtype; may be `base` or one of the inputs
  /// @throws NumericException if an element is not finite
  public static void ties(
      Stream stream,
      Tensor base,
      List<Tensor> inputs,
      double[] weights,
      double[] densities,
      double lambda,
      Mixture mixture,
      Tensor out) {
    ties(
        stream,
        List.of(base),
        List.of(inputs),
        new double[][] {weights},
        new double[][] {densities},
        new double[] {lambda},
        mixture,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#ties(Stream, Tensor, List, double\[\], double\[\], double, Mixture,
  /// Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param densities `[tensor][model]`, 0 or more
  /// @param lambda one finite number for each tensor
  /// @param mixture how kept differences are mixed
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite
  public static void ties(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      double[][] densities,
      double[] lambda,
      Mixture mixture,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(mixture, "mixture");
    try (Call call = Call.on(stream, "ties", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment shares = call.numbers("densities", densities, models, Call.Range.NOT_NEGATIVE);
      MemorySegment lambdas = call.numbers("lambda", lambda);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_ties(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              shares,
              MemorySegment.NULL,
              lambdas,
              mixture.marshal(call),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Merges a batch as [#ties(Stream, List, List, double\[\]\[\], double\[\]\[\], double\[\],
  /// Mixture, List, Arithmetic)] does, keeping what selections made before say.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param selections contiguous f64 `[tensors, models, 2]` on the stream's device, as
  ///     [Selection#select(Stream, List, List, long\[\], io.sinter.DType, io.sinter.DType, Tensor)]
  ///     and [Selection#selectJoint] fill it
  /// @param lambda one finite number for each tensor
  /// @param mixture how kept differences are mixed
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite where that is a statistic's
  public static void ties(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      Tensor selections,
      double[] lambda,
      Mixture mixture,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(selections, "selections");
    Objects.requireNonNull(mixture, "mixture");
    try (Call call = Call.on(stream, "ties", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment selected = call.parameters("selections", selections, call.count(), models, 2);
      MemorySegment lambdas = call.numbers("lambda", lambda);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_ties(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              MemorySegment.NULL,
              selected,
              lambdas,
              mixture.marshal(call),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Model breadcrumbs: as ties, but the `g = min(floor(gamma n), n - k)` differences of largest
  /// magnitude are dropped, and the next `k` kept; `base[...], x_i[...] -> out[...]`.
  ///
  /// Takes a statistic. Source: Davari & Belilovsky, "Model breadcrumbs", ECCV 2024.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param densities the share of elements kept of each model, 0 or more
  /// @param gammas the share of largest differences dropped of each model, from 0 to 1
  /// @param lambda any finite number
  /// @param mixture how kept differences are mixed
  /// @param out any dtype; may be `base` or one of the inputs
  /// @throws NumericException if an element is not finite
  public static void breadcrumbs(
      Stream stream,
      Tensor base,
      List<Tensor> inputs,
      double[] weights,
      double[] densities,
      double[] gammas,
      double lambda,
      Mixture mixture,
      Tensor out) {
    breadcrumbs(
        stream,
        List.of(base),
        List.of(inputs),
        new double[][] {weights},
        new double[][] {densities},
        new double[][] {gammas},
        new double[] {lambda},
        mixture,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#breadcrumbs(Stream, Tensor, List, double\[\], double\[\], double\[\],
  /// double, Mixture, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param densities `[tensor][model]`, 0 or more
  /// @param gammas `[tensor][model]`, from 0 to 1
  /// @param lambda one finite number for each tensor
  /// @param mixture how kept differences are mixed
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite
  public static void breadcrumbs(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      double[][] densities,
      double[][] gammas,
      double[] lambda,
      Mixture mixture,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(mixture, "mixture");
    try (Call call = Call.on(stream, "breadcrumbs", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment shares = call.numbers("densities", densities, models, Call.Range.NOT_NEGATIVE);
      MemorySegment outliers = call.numbers("gammas", gammas, models, Call.Range.SHARE);
      MemorySegment lambdas = call.numbers("lambda", lambda);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_breadcrumbs(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              shares,
              outliers,
              lambdas,
              mixture.marshal(call),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// DARE: keeps each difference with probability `density`, where the element's random word (see
  /// [Philox]) is below `density 2^32`; 0 keeps none; `base[...], x_i[...] -> out[...]`.
  ///
  /// Source: Yu et al., "Language models are super Mario", ICML 2024.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param densities the share of elements kept of each model, 0 or more
  /// @param keys one for each model; see [Philox#key]
  /// @param lambda any finite number
  /// @param mixture how kept differences are mixed
  /// @param out any dtype; may be `base` or one of the inputs
  /// @throws NumericException if an element is not finite and [Rescale#L1] is asked for
  public static void dare(
      Stream stream,
      Tensor base,
      List<Tensor> inputs,
      double[] weights,
      double[] densities,
      long[] keys,
      double lambda,
      Mixture mixture,
      Tensor out) {
    dare(
        stream,
        List.of(base),
        List.of(inputs),
        new double[][] {weights},
        new double[][] {densities},
        new long[][] {keys},
        new double[] {lambda},
        mixture,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#dare(Stream, Tensor, List, double\[\], double\[\], long\[\], double,
  /// Mixture, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param densities `[tensor][model]`, 0 or more
  /// @param keys `[tensor][model]`; see [Philox#key]
  /// @param lambda one finite number for each tensor
  /// @param mixture how kept differences are mixed
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite and [Rescale#L1] is asked for
  public static void dare(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      double[][] densities,
      long[][] keys,
      double[] lambda,
      Mixture mixture,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(mixture, "mixture");
    try (Call call = Call.on(stream, "dare", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment shares = call.numbers("densities", densities, models, Call.Range.NOT_NEGATIVE);
      MemorySegment seeds = call.integers("keys", keys, models);
      MemorySegment lambdas = call.numbers("lambda", lambda);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_dare(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              shares,
              seeds,
              lambdas,
              mixture.marshal(call),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// DELLA: as dare, with a probability for each element: the rank of its magnitude within its row
  /// (see [Selection#rank]) maps linearly onto `density - epsilon`, for the smallest, to `density +
  /// epsilon`; `density` itself in rows of one element; `base[...], x_i[...] -> out[...]`.
  ///
  /// A probability outside (0, 1) is an [IllegalArgumentException]. Takes a statistic. Source: Deep
  /// et al., "DELLA-merging", 2024.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param densities the share of elements kept of each model, 0 or more
  /// @param epsilons for each model, how far the probabilities reach to both sides of its density
  /// @param keys one for each model; see [Philox#key]
  /// @param lambda any finite number
  /// @param mixture how kept differences are mixed
  /// @param out any dtype; may be `base` or one of the inputs
  /// @throws NumericException if an element is not finite
  public static void della(
      Stream stream,
      Tensor base,
      List<Tensor> inputs,
      double[] weights,
      double[] densities,
      double[] epsilons,
      long[] keys,
      double lambda,
      Mixture mixture,
      Tensor out) {
    della(
        stream,
        List.of(base),
        List.of(inputs),
        new double[][] {weights},
        new double[][] {densities},
        new double[][] {epsilons},
        new long[][] {keys},
        new double[] {lambda},
        mixture,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#della(Stream, Tensor, List, double\[\], double\[\], double\[\], long\[\],
  /// double, Mixture, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param densities `[tensor][model]`, 0 or more
  /// @param epsilons `[tensor][model]`
  /// @param keys `[tensor][model]`; see [Philox#key]
  /// @param lambda one finite number for each tensor
  /// @param mixture how kept differences are mixed
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite
  public static void della(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      double[][] densities,
      double[][] epsilons,
      long[][] keys,
      double[] lambda,
      Mixture mixture,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(mixture, "mixture");
    try (Call call = Call.on(stream, "della", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment shares = call.numbers("densities", densities, models, Call.Range.NOT_NEGATIVE);
      MemorySegment spreads = call.numbers("epsilons", epsilons, models, Call.Range.NOT_NEGATIVE);
      MemorySegment seeds = call.integers("keys", keys, models);
      MemorySegment lambdas = call.numbers("lambda", lambda);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_della(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              shares,
              spreads,
              seeds,
              lambdas,
              mixture.marshal(call),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Select, calculate, erase: keeps the `floor(m topk)` positions of largest variance over the
  /// models (all, where `topk` is 1 or more; `m` counts those whose variance is not zero), weighs
  /// each model by the mean square of its kept differences, and mixes those whose sign is that of
  /// the sum over the models; `base[...], x_i[...] -> out[...]`.
  ///
  /// Takes a statistic. Source: Wan et al., "FuseChat", 2024.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param topk the share of positions kept, 0 or more
  /// @param floor models weigh the same where their mean squares' sum is below this: 1e-6 in
  ///     mergekit's convention, 0 (only a sum of zero) in the paper's
  /// @param out any dtype; may be `base` or one of the inputs
  /// @throws NumericException if an element is not finite
  public static void sce(
      Stream stream, Tensor base, List<Tensor> inputs, double topk, double floor, Tensor out) {
    sce(
        stream,
        List.of(base),
        List.of(inputs),
        new double[] {topk},
        floor,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#sce(Stream, Tensor, List, double, double, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param topk one number for each tensor, 0 or more
  /// @param floor models weigh the same where their mean squares' sum is below this; 0 or more
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite
  public static void sce(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[] topk,
      double floor,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    try (Call call = Call.on(stream, "sce", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment shares = call.numbers("topk", topk, Call.Range.NOT_NEGATIVE);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_sce(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              shares,
              call.number("floor", floor, Call.Range.NOT_NEGATIVE),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Reinforced agent merging: `out = base +` the mean of the active differences, those above
  /// `epsilon` in magnitude, or `base` where none is; `base[...], x_i[...] -> out[...]`.
  ///
  /// Source: Yuan et al., "Behavior knowledge merge in reinforced agentic models", 2026.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param epsilon differences above this in magnitude are active; 0 or more
  /// @param out any dtype; may be `base` or one of the inputs
  public static void ram(
      Stream stream, Tensor base, List<Tensor> inputs, double epsilon, Tensor out) {
    ram(stream, List.of(base), List.of(inputs), epsilon, List.of(out), Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#ram(Stream, Tensor, List, double, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param epsilon differences above this in magnitude are active; 0 or more
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void ram(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double epsilon,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    try (Call call = Call.on(stream, "ram", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_ram(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              call.number("epsilon", epsilon, Call.Range.NOT_NEGATIVE),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// RAM+ at the tensors' level: as [#ram(Stream, Tensor, List, double, Tensor)], but where only
  /// one difference is active it is multiplied by `1 + r clamp(rho, 0, alpha)`, `rho` the number of
  /// the model's active positions that others share over that of those it has alone; `base[...],
  /// x_i[...] -> out[...]`.
  ///
  /// Reads the inputs twice; elements that are not finite are active, and no error. Source: Yuan et
  /// al., "Behavior knowledge merge in reinforced agentic models", 2026.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param options what is active, and how far it is amplified
  /// @param out any dtype; may be `base` or one of the inputs
  public static void ramplusTl(
      Stream stream, Tensor base, List<Tensor> inputs, RamplusOptions options, Tensor out) {
    ramplusTl(stream, List.of(base), List.of(inputs), options, List.of(out), Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#ramplusTl(Stream, Tensor, List, RamplusOptions, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param options what is active, and how far it is amplified
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void ramplusTl(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      RamplusOptions options,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    Objects.requireNonNull(options, "options");
    try (Call call = Call.on(stream, "ramplusTl", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_ramplus_tl(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              options.epsilon(),
              options.r(),
              options.alpha(),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Consensus task arithmetic: `out = base + lambda m`, `m = sum_i t_i` with `t_i = w_i (x_i -
  /// base)`, where at least `threshold` models find the element important, `|t_i| >= lambdaT_i |m -
  /// t_i|`; `base` elsewhere; `base[...], x_i[...] -> out[...]`.
  ///
  /// A difference that is not finite makes the element NaN. Source: Wang et al., "Localizing task
  /// information for improved model merging and compression", ICML 2024, with weights of 1, a
  /// threshold of 2 and `lambdaT` from 0.2 to 0.6.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param weights one finite number for each model
  /// @param lambdaT one number for each model, 0 or more: how much of what the others add its own
  ///     difference must reach
  /// @param threshold how many models must find an element important; from 1 to all
  /// @param lambda any finite number
  /// @param out any dtype; may be `base` or one of the inputs
  public static void consensusTa(
      Stream stream,
      Tensor base,
      List<Tensor> inputs,
      double[] weights,
      double[] lambdaT,
      int threshold,
      double lambda,
      Tensor out) {
    consensusTa(
        stream,
        List.of(base),
        List.of(inputs),
        new double[][] {weights},
        new double[][] {lambdaT},
        threshold,
        new double[] {lambda},
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#consensusTa(Stream, Tensor, List, double\[\], double\[\], int, double,
  /// Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param weights `[tensor][model]`, finite
  /// @param lambdaT `[tensor][model]`, 0 or more
  /// @param threshold how many models must find an element important; from 1 to all
  /// @param lambda one finite number for each tensor
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void consensusTa(
      Stream stream,
      List<Tensor> base,
      List<List<Tensor>> inputs,
      double[][] weights,
      double[][] lambdaT,
      int threshold,
      double[] lambda,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    if (threshold < 1 || (!inputs.isEmpty() && threshold > models)) {
      throw new IllegalArgumentException(
          "consensusTa: threshold is "
              + threshold
              + "; it must be from 1 to the number of models, "
              + models);
    }
    try (Call call = Call.on(stream, "consensusTa", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment numbers = call.numbers("weights", weights, models);
      MemorySegment shares = call.numbers("lambdaT", lambdaT, models, Call.Range.NOT_NEGATIVE);
      MemorySegment lambdas = call.numbers("lambda", lambda);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_consensus_ta(
              call.stream(),
              call.count(),
              models,
              bases,
              tensors,
              numbers,
              shares,
              threshold,
              lambdas,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Arcee fusion: keeps the differences `d = x - base` that matter, `out = base + d` where the
  /// importance is at least `median + 1.5 (q3 - q1)`, else `base`; `base[...], x[...] -> out[...]`.
  ///
  /// The importance is `|d|` times the divergence `sum p log(p / q)` of its row along the last
  /// axis, with `p = softmax(x) + 1e-8` and `q = softmax(base) + 1e-8`; quartiles are exact, as
  /// [Selection#quantile(Stream, List, double\[\], io.sinter.DType, Tensor)]'s. Takes a statistic.
  /// Source: mergekit's arcee_fusion.
  ///
  /// @param stream the stream
  /// @param base any dtype
  /// @param x any dtype
  /// @param out any dtype; may be `base` or `x`
  /// @throws NumericException if an element is not finite
  public static void arceeFusion(Stream stream, Tensor base, Tensor x, Tensor out) {
    arceeFusion(stream, List.of(base), List.of(x), List.of(out), Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#arceeFusion(Stream, Tensor, Tensor, Tensor)] does.
  ///
  /// @param stream the stream
  /// @param base one for each tensor
  /// @param x any dtypes, of the shapes of `base`
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  /// @throws NumericException if an element is not finite
  public static void arceeFusion(
      Stream stream, List<Tensor> base, List<Tensor> x, List<Tensor> out, Arithmetic arithmetic) {
    try (Call call = Call.on(stream, "arceeFusion", base.size())) {
      MemorySegment bases = call.inputs("base", base);
      MemorySegment models = call.inputs("x", x);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_arcee_fusion(
              call.stream(),
              call.count(),
              bases,
              models,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }
}
