// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples;

import io.sinter.DType;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.ops.Arithmetic;
import io.sinter.ops.Interpolation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// What an update breaks, and what merging the old version back in does about it.
///
/// An update that is right more often on average is still wrong on some examples that the old
/// version got right: negative flips, which users see as things that stopped working. Merged
/// weights `theta = alpha old + (1 - alpha) new` trade between the versions. The sweep merges at
/// each alpha on the stream's device, classifies the test images and counts.
///
/// Source: Schumann et al., "Backward Compatibility During Data Updates by Weight Interpolation",
/// EACL 2024.
///
/// @param oldVersion the old version against itself
/// @param newVersion the new version, as its checkpoint has it, against the old one
/// @param merged the merged versions against the old one, by rising alpha; alpha 0 is the new
///     version again, alpha 1 the old
public record UpdateSweep(Outcome oldVersion, Outcome newVersion, List<Outcome> merged) {

  /// How a version does on the test images.
  ///
  /// @param alpha the old version's share in it
  /// @param examples images classified
  /// @param right those classified rightly
  /// @param negativeFlips those the old version had right and this one has wrong
  /// @param positiveFlips those the old version had wrong and this one has right
  public record Outcome(
      double alpha, int examples, int right, int negativeFlips, int positiveFlips) {

    /// Share of the examples that are right.
    public double accuracy() {
      return (double) right / examples;
    }

    /// Negative flip rate: share of all examples that the old version had right and this has wrong.
    public double negativeFlipRate() {
      return (double) negativeFlips / examples;
    }

    /// Positive flip rate: share of all examples that the old version had wrong and this has right.
    public double positiveFlipRate() {
      return (double) positiveFlips / examples;
    }
  }

  /// Defensive copy.
  public UpdateSweep {
    merged = List.copyOf(merged);
  }

  /// Merges at alpha = 0, .1, ..., 1 on the stream's device and measures each.
  public static UpdateSweep run(Stream stream, FashionMnist data) {
    byte[] labels = data.test().labels();
    int[] before = data.oldModel().classify(data.test());
    int[] updated = data.newModel().classify(data.test());
    List<Outcome> merged = new ArrayList<>();
    try (Weights oldModel = Weights.upload(stream, data.oldModel());
        Weights newModel = Weights.upload(stream, data.newModel());
        Weights out = Weights.allocate(stream)) {
      for (int tenths = 0; tenths <= 10; tenths++) {
        double[] alpha = new double[Classifier.PARAMETERS.size()];
        Arrays.fill(alpha, tenths / 10.0);
        Interpolation.lerp(
            stream, newModel.onDevice, oldModel.onDevice, alpha, out.onDevice, Arithmetic.DEFAULT);
        int[] after = out.download(stream).classify(data.test());
        merged.add(outcome(tenths / 10.0, labels, before, after));
      }
    }
    return new UpdateSweep(
        outcome(1, labels, before, before), outcome(0, labels, before, updated), merged);
  }

  private static Outcome outcome(double alpha, byte[] labels, int[] before, int[] after) {
    int right = 0;
    int negative = 0;
    int positive = 0;
    for (int i = 0; i < labels.length; i++) {
      boolean was = before[i] == labels[i];
      boolean is = after[i] == labels[i];
      right += is ? 1 : 0;
      negative += was && !is ? 1 : 0;
      positive += !was && is ? 1 : 0;
    }
    return new Outcome(alpha, labels.length, right, negative, positive);
  }

  /// A classifier's tensors on a stream's device, each with a twin in host memory to copy through.
  private static final class Weights implements AutoCloseable {
    final List<Tensor> onDevice = new ArrayList<>();
    private final List<Tensor> onHost = new ArrayList<>();

    static Weights allocate(Stream stream) {
      Weights weights = new Weights();
      for (Classifier.Parameter parameter : Classifier.PARAMETERS) {
        weights.onDevice.add(stream.allocate(DType.F32, parameter.shape()).named(parameter.name()));
        weights.onHost.add(
            stream.allocatePinned(DType.F32, parameter.shape()).named(parameter.name()));
      }
      return weights;
    }

    static Weights upload(Stream stream, Classifier model) {
      Weights weights = allocate(stream);
      List<float[]> values = model.values();
      for (int i = 0; i < values.size(); i++) {
        weights.onHost.get(i).segment().copyFrom(MemorySegment.ofArray(values.get(i)));
      }
      stream.copy(weights.onHost, weights.onDevice);
      return weights;
    }

    Classifier download(Stream stream) {
      stream.copy(onDevice, onHost);
      stream.synchronize();
      return Classifier.of(
          onHost.stream().map(host -> host.segment().toArray(ValueLayout.JAVA_FLOAT)).toList());
    }

    @Override
    public void close() {
      onDevice.forEach(Tensor::close);
      onHost.forEach(Tensor::close);
    }
  }
}
