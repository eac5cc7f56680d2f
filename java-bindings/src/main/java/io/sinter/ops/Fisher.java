// SPDX-License-Identifier: Apache-2.0
package io.sinter.ops;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.internal.Call;
import io.sinter.internal.Call.Range;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Fisher information of models, means that it weights, and backward-compatible interpolation from
/// an old model to a new one.
///
/// A Fisher diagonal `F` has a number for each parameter: the mean, over examples, of the squared
/// gradient of `log p(y | x)`. It is [accumulated][#accumulate] from gradients of one example each,
/// [finished][#finish], and looked over by [#statistics] before it is used. As a weight of models
// it
/// is read as it is stored, whatever [Arithmetic#dtype] says, and does not decide what elements are
/// computed in. A negative number in it counts as 0, a NaN makes the element NaN.
public final class Fisher {
  private Fisher() {}

  /// Adds an example's squared gradients: `state = fma(g, g, state)`.
  ///
  /// @param stream the stream
  /// @param gradients of one example, any dtypes; the square of a batch's gradient is no Fisher
  ///     information
  /// @param state f32 or f64, of the gradients' shapes
  public static void accumulate(Stream stream, List<Tensor> gradients, List<Tensor> state) {
    accumulate(stream, gradients, 1, state);
  }

  /// Adds an example's weighted squared gradients: `state = fma(w g, g, state)`.
  ///
  /// @param stream the stream
  /// @param gradients of one example, any dtypes
  /// @param weight 1, or `p(y | x)` for the exact Fisher information, where all `y` take their
  // turn;
  ///     0 or more
  /// @param state f32 or f64, of the gradients' shapes
  public static void accumulate(
      Stream stream, List<Tensor> gradients, double weight, List<Tensor> state) {
    double[] weights = new double[gradients.size()];
    Arrays.fill(weights, weight);
    accumulate(stream, gradients, weights, state, null);
  }

  /// Adds weighted squared gradients, each tensor's by a weight of its own.
  ///
  /// A gradient that is not finite makes the state's element not finite, for good: to refuse it
  /// first would cost a second pass over the gradients. `counts` tells at once, [#statistics] at
  // the
  /// end.
  ///
  /// @param stream the stream
  /// @param gradients any dtypes
  /// @param weights one for each tensor, 0 or more
  /// @param state f32 or f64, of the gradients' shapes
  /// @param counts receives what was written that is not finite, see [Arithmetic#counts]; or null
  public static void accumulate(
      Stream stream,
      List<Tensor> gradients,
      double[] weights,
      List<Tensor> state,
      @Nullable Tensor counts) {
    try (Call call = Call.on(stream, "accumulate", gradients.size())) {
      MemorySegment inputs = call.inputs("gradients", gradients);
      MemorySegment numbers = call.numbers("weights", weights, Range.NOT_NEGATIVE);
      MemorySegment sums = call.outputs("state", checkedStates(call, state));
      MemorySegment counted = call.results("counts", counts, call.count(), 3);
      call.check(
          Abi.sinter_fisher_accumulate(
              call.stream(), call.count(), inputs, numbers, sums, counted, call.error()));
    }
  }

  /// Divides sums of squares by the number of examples, in place.
  ///
  /// @param stream the stream
  /// @param state f32 or f64
  /// @param examples how many were accumulated; 1 or more
  public static void finish(Stream stream, List<Tensor> state, long examples) {
    try (Call call = Call.on(stream, "finish", state.size())) {
      MemorySegment sums = call.outputs("state", checkedStates(call, state));
      if (examples < 1) {
        throw call.mistake("examples is " + examples + "; it must be 1 or more");
      }
      call.check(
          Abi.sinter_fisher_finish(call.stream(), call.count(), sums, examples, call.error()));
    }
  }

  private static List<Tensor> checkedStates(Call call, List<Tensor> state) {
    for (int k = 0; k < state.size(); k++) {
      Tensor each = Objects.requireNonNull(state.get(k), "state[" + k + "]");
      if (each.dtype() != DType.F32 && each.dtype() != DType.F64) {
        throw call.mistake(
            "state[" + k + "] is " + each + "; sums of squares are kept in F32 or F64");
      }
    }
    return state;
  }

  /// What is known of tensors of a Fisher diagonal: `in[k][...] -> out f64[count, 4]`, the sum, the
  /// sum of squares, the number of negative elements and of those that are not finite.
  ///
  /// @param stream the stream
  /// @param in any dtypes and shapes
  /// @param out contiguous
  public static void statistics(Stream stream, List<Tensor> in, Tensor out) {
    try (Call call = Call.on(stream, "statistics", in.size())) {
      MemorySegment inputs = call.inputs("in", in);
      MemorySegment results =
          call.results("out", Objects.requireNonNull(out, "out"), call.count(), 4);
      call.check(
          Abi.sinter_fisher_statistics(call.stream(), call.count(), inputs, results, call.error()));
    }
  }

  /// {@return what is known of each of some tensors} [FisherStatistics#of] adds them up.
  ///
  /// @param stream the stream, which is synchronised
  /// @param in any dtypes and shapes
  public static List<FisherStatistics> statistics(Stream stream, List<Tensor> in) {
    double[] all = Results.read(stream, out -> statistics(stream, in, out), in.size(), 4);
    List<FisherStatistics> each = new ArrayList<>();
    for (int k = 0; k < in.size(); k++) {
      each.add(
          new FisherStatistics(
              in.get(k).elements(),
              all[4 * k],
              all[4 * k + 1],
              (long) all[4 * k + 2],
              (long) all[4 * k + 3]));
    }
    return each;
  }

  /// Mean of models, weighted by their Fisher information: `out = sum_i v_i x_i / sum_i v_i`, `v_i
  // =
  /// w_i (max(F_i scale_i, floor) + epsilon)`; `x_i[...], F_i[...] -> out[...]`.
  ///
  /// Computed model by model, each lerped in by its part of the weights so far: equal elements stay
  /// what they are, and where all `F` are zero or equal this is the mean by the weights, never NaN.
  /// Source: Matena and Raffel, "Merging models with Fisher-weighted averaging", NeurIPS 2022.
  ///
  /// @param stream the stream
  /// @param inputs the models' tensors, at least one; any dtypes
  /// @param fishers one for each model; any dtypes
  /// @param weights one for each model, 0 or more; not all 0
  /// @param scales one for each model: [FisherStatistics#scale] of its whole diagonal, or 1
  /// @param options the floor and what is added
  /// @param out any dtype; may be one of the inputs
  public static void merge(
      Stream stream,
      List<Tensor> inputs,
      List<Tensor> fishers,
      double[] weights,
      double[] scales,
      FisherMergeOptions options,
      Tensor out) {
    merge(
        stream,
        List.of(inputs),
        List.of(fishers),
        new double[][] {weights},
        scales,
        options,
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Merges a batch as [#merge(Stream, List, List, double\[\], double\[\], FisherMergeOptions,
  /// Tensor)] does.
  ///
  /// @param stream the stream
  /// @param inputs `[tensor][model]`, the same number of models for each tensor
  /// @param fishers `[tensor][model]`, of the shapes of `inputs`
  /// @param weights `[tensor][model]`, 0 or more; not all of a tensor's are 0
  /// @param scales one for each model, the same for all tensors
  /// @param options the floor and what is added
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void merge(
      Stream stream,
      List<List<Tensor>> inputs,
      List<List<Tensor>> fishers,
      double[][] weights,
      double[] scales,
      FisherMergeOptions options,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("inputs", inputs);
    try (Call call = Call.on(stream, "merge", inputs.size())) {
      MemorySegment tensors = call.inputs("inputs", inputs, models);
      MemorySegment information = call.inputs("fishers", fishers, models);
      MemorySegment numbers = call.numbers("weights", weights, models, Range.NOT_NEGATIVE);
      if (scales.length != models && !inputs.isEmpty()) {
        throw call.mistake("scales has " + scales.length + " numbers for " + models + " models");
      }
      MemorySegment factors = call.list("scales", scales, Range.NOT_NEGATIVE);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_fisher_merge(
              call.stream(),
              call.count(),
              models,
              tensors,
              information,
              numbers,
              factors,
              options.floor(),
              options.epsilon(),
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Backward-compatible weight interpolation: `out = lerp(updated, old, alpha)`, as
  /// [Interpolation#lerp] computes it; `old[...], updated[...] -> out[...]`.
  ///
  /// `alpha = 0` copies the new model and `alpha = 1` the old one. Source: Schumann et al.,
  /// "Backward compatibility during data updates by weight interpolation", EACL 2024.
  ///
  /// @param stream the stream
  /// @param old any dtype
  /// @param updated any dtype
  /// @param alpha the old model's weight; any finite number
  /// @param out any dtype; may be one of the inputs
  public static void bcwi(Stream stream, Tensor old, Tensor updated, double alpha, Tensor out) {
    bcwi(
        stream,
        List.of(old),
        List.of(List.of(updated)),
        new double[] {alpha},
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Interpolates a batch as [#bcwi(Stream, Tensor, Tensor, double, Tensor)] does, from the mean of
  /// new models where there are several (SoupBCWI): `m = x_1`, then `m = fma(1 / i, x_i - m, m)`.
  ///
  /// @param stream the stream
  /// @param old any dtypes
  /// @param updated `[tensor][model]`, of the shapes of `old`, the same number of models for each
  ///     tensor
  /// @param alpha one finite number for each tensor; at 0 `old` is not looked at
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void bcwi(
      Stream stream,
      List<Tensor> old,
      List<List<Tensor>> updated,
      double[] alpha,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("updated", updated);
    try (Call call = Call.on(stream, "bcwi", old.size())) {
      MemorySegment before = call.inputs("old", old);
      MemorySegment after = call.inputs("updated", updated, models);
      MemorySegment numbers = call.numbers("alpha", alpha);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_bcwi(
              call.stream(),
              call.count(),
              models,
              before,
              after,
              numbers,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Backward-compatible interpolation by the old model's Fisher information: `out = lerp(updated,
  /// old, w)`, `w = a f / (a f + (1 - a))`, `a = alpha`, `f = F / mean`; `old[...], updated[...],
  /// fisher[...] -> out[...]`.
  ///
  /// `F` that is the same everywhere gives exactly [#bcwi]; where `F` is 0 the new model stays.
  ///
  /// @param stream the stream
  /// @param old any dtype
  /// @param updated any dtype
  /// @param fisher the old model's, any dtype
  /// @param mean of the old model's Fisher diagonal over all its parameters:
  ///     [FisherStatistics#mean]; 0 where all of it is 0, which gives [#bcwi]
  /// @param alpha from 0 to 1: outside, the weight has a pole
  /// @param out any dtype; may be one of the inputs
  public static void fisherBcwi(
      Stream stream,
      Tensor old,
      Tensor updated,
      Tensor fisher,
      double mean,
      double alpha,
      Tensor out) {
    fisherBcwi(
        stream,
        List.of(old),
        List.of(List.of(updated)),
        List.of(fisher),
        new double[] {mean},
        new double[] {alpha},
        List.of(out),
        Arithmetic.DEFAULT);
  }

  /// Interpolates a batch as [#fisherBcwi(Stream, Tensor, Tensor, Tensor, double, double, Tensor)]
  /// does, from the mean of new models where there are several.
  ///
  /// @param stream the stream
  /// @param old any dtypes
  /// @param updated `[tensor][model]`, of the shapes of `old`
  /// @param fisher of the shapes of `old`
  /// @param mean one number for each tensor, 0 or more; the whole model's, and so most often the
  ///     same for all
  /// @param alpha one number for each tensor, from 0 to 1; at 0 `old` is not looked at
  /// @param out one for each tensor
  /// @param arithmetic how elements are computed
  public static void fisherBcwi(
      Stream stream,
      List<Tensor> old,
      List<List<Tensor>> updated,
      List<Tensor> fisher,
      double[] mean,
      double[] alpha,
      List<Tensor> out,
      Arithmetic arithmetic) {
    int models = Call.models("updated", updated);
    try (Call call = Call.on(stream, "fisherBcwi", old.size())) {
      MemorySegment before = call.inputs("old", old);
      MemorySegment after = call.inputs("updated", updated, models);
      MemorySegment information = call.inputs("fisher", fisher);
      MemorySegment means = call.numbers("mean", mean, Range.NOT_NEGATIVE);
      MemorySegment numbers = call.numbers("alpha", alpha, Range.SHARE);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_fisher_bcwi(
              call.stream(),
              call.count(),
              models,
              before,
              after,
              information,
              means,
              numbers,
              outputs,
              arithmetic.marshal(call),
              call.error()));
    }
  }

  /// Rows along axis 0 by a map of classes: row `r` of each output is row `rows[r]` of the old
  /// tensor, or row `r` of the updated one where `rows[r]` is -1; bytes are kept.
  ///
  /// For a classification head that has grown: interpolation from the result leaves new classes as
  /// the new model has them.
  ///
  /// @param stream the stream
  /// @param old `[m, ...]` each
  /// @param updated `[classes, ...]` each, of the dtypes of `old`; null for rows of zeros, as a
  ///     Fisher diagonal has them where there was no class
  /// @param rows of `old`, from 0, or -1; one for each class, the same for all tensors
  /// @param out `[classes, ...]` each; may be `updated`, and is apart from `old`
  public static void classRows(
      Stream stream,
      List<Tensor> old,
      @Nullable List<Tensor> updated,
      int[] rows,
      List<Tensor> out) {
    try (Call call = Call.on(stream, "classRows", old.size())) {
      MemorySegment before = call.inputsOfAnyShape("old", old);
      MemorySegment after = call.inputsOrNull("updated", updated);
      long[] places = new long[rows.length];
      for (int r = 0; r < rows.length; r++) {
        for (int k = 0; k < old.size(); k++) {
          Tensor each = old.get(k);
          if (each.rank() == 0 || rows[r] < -1 || rows[r] >= each.shape()[0]) {
            throw call.mistake(
                "rows["
                    + r
                    + "] is "
                    + rows[r]
                    + ", and old["
                    + k
                    + "] is "
                    + each
                    + "; give a row of it, or -1");
          }
        }
        places[r] = rows[r];
      }
      MemorySegment indices = call.list(places);
      MemorySegment outputs = call.outputs("out", out);
      call.check(
          Abi.sinter_class_rows(
              call.stream(),
              call.count(),
              before,
              after,
              rows.length,
              indices,
              outputs,
              call.error()));
    }
  }
}
