// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.updater.Checkpoint;
import io.sinter.updater.CheckpointException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/// How a model's units are renamed so that it comes as close as possible to a reference, and what
/// finding that out came to.
///
/// ```java
/// try (Checkpoint reference = Checkpoint.open(Path.of("a"));
///     Checkpoint model = Checkpoint.open(Path.of("b"))) {
///   PermutationSpec spec = Architectures.of(reference, null);
///   Alignment found = Alignment.weights(spec, reference, model, AlignmentOptions.DEFAULT);
///   System.out.println(found.report().after() + " of " + found.report().before());
/// }
/// ```
///
/// The renamed model computes the same function. [io.sinter.updater.Realignment] writes it.
///
/// @param spec of both models
/// @param permutations of every group, by name
public record Alignment(
    PermutationSpec spec, SequencedMap<String, Permutation> permutations, AlignmentReport report) {

  public Alignment {
    permutations = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(permutations));
  }

  /// Matches the units of two models by their weights.
  ///
  /// @throws SpecException where the models or the spec do not fit together, naming the tensor
  /// @throws io.sinter.NumericException where a weight is not finite, naming the tensor
  /// @throws CheckpointException where a model cannot be read
  public static Alignment weights(
      PermutationSpec spec, Checkpoint reference, Checkpoint model, AlignmentOptions options) {
    return weights(spec, reference, model, options, AlignmentListener.NONE);
  }

  /// Matches the units of two models by their weights.
  ///
  /// @param listener told of every group that is solved
  /// @throws SpecException where the models or the spec do not fit together, naming the tensor
  /// @throws io.sinter.NumericException where a weight is not finite, naming the tensor
  /// @throws CheckpointException where a model cannot be read
  public static Alignment weights(
      PermutationSpec spec,
      Checkpoint reference,
      Checkpoint model,
      AlignmentOptions options,
      AlignmentListener listener)
      throws CheckpointException {
    try (Stream stream =
        Device.cpu().stream(StreamOptions.DEFAULT.withThreads(options.threads()))) {
      Pair pair = new Pair(spec, reference, model, stream);
      return new WeightMatching(spec, pair, options, listener).run();
    }
  }

  /// Matches the units of two models by their activations on the same samples.
  ///
  /// Files hold tensors `[..., units]`, all axes but the last counting samples, named after the
  /// group; of heads with a role behind (`layers.0.attention.output`); of several taps of a group
  /// with `@` and a name of the tap's own behind that. Every group needs one at least.
  ///
  /// @param reference the reference's activations
  /// @param model the model's
  /// @throws SpecException where a tap is missing, or does not fit its group or its counterpart
  /// @throws io.sinter.NumericException where activations are not finite, naming the group
  /// @throws CheckpointException where a file cannot be read
  public static Alignment activations(
      PermutationSpec spec,
      Checkpoint reference,
      Checkpoint model,
      Similarity similarity,
      AlignmentOptions options,
      AlignmentListener listener)
      throws CheckpointException {
    try (Stream stream =
        Device.cpu().stream(StreamOptions.DEFAULT.withThreads(options.threads()))) {
      return new ActivationMatching(spec, reference, model, similarity, stream, listener).run();
    }
  }
}
