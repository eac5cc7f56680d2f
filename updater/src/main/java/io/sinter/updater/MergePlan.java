// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.DType;
import io.sinter.updater.methods.Computation;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A merge as it will be run: every tensor of the output, what it is made from, and the passes that
/// make them, in the order of the output files' bytes.
///
/// @param method the merge method's name
/// @param tensors in the order in which they are written
/// @param passes in the order in which they run
/// @param files names of the output's safetensors files
/// @param bytesRead input bytes of all passes
/// @param bytesWritten bytes of the output's safetensors files
/// @param warnings what the user should know before it runs
public record MergePlan(
    String method,
    List<Output> tensors,
    List<Pass> passes,
    List<String> files,
    long bytesRead,
    long bytesWritten,
    List<String> warnings) {

  /// Pieces end at multiples of this many elements, so that the canonical reduction of a tensor's
  /// pieces is that of the tensor: see `sinter_sum` in `sinter.h`.
  public static final long REDUCE_ELEMENTS = 1L << 24;

  public MergePlan {
    tensors = List.copyOf(tensors);
    passes = List.copyOf(passes);
    files = List.copyOf(files);
    warnings = List.copyOf(warnings);
  }

  /// The same with other passes.
  MergePlan withPasses(List<Pass> value, long bytesRead) {
    return new MergePlan(method, tensors, value, files, bytesRead, bytesWritten, warnings);
  }

  /// The same with another value of a parameter that computations take as it is.
  MergePlan with(String parameter, double value) {
    List<Output> changed = tensors.stream().map(output -> output.with(parameter, value)).toList();
    return new MergePlan(method, changed, passes, files, bytesRead, bytesWritten, warnings);
  }

  /// A tensor of the output.
  ///
  /// @param operation what it is made from
  /// @param parameters the method's parameters for it, after filters and gradients: one value, or
  ///     one for each model but the base
  /// @param dtype inputs are rounded to it first; `null` leaves them as stored
  /// @param deltaDtype task vectors are rounded to it; `null` leaves them as computed
  /// @param file index of its file
  /// @param offset where it starts in the file
  public record Output(
      String name,
      StorageType type,
      long[] shape,
      Operation operation,
      Map<String, double[]> parameters,
      @Nullable DType dtype,
      @Nullable DType deltaDtype,
      int file,
      long offset) {
    public Output {
      shape = shape.clone();
      parameters = Collections.unmodifiableMap(new LinkedHashMap<>(parameters));
    }

    @Override
    public long[] shape() {
      return shape.clone();
    }

    /// The number of elements.
    public long elements() {
      return Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    }

    private Output with(String parameter, double value) {
      if (!(operation instanceof Computation computation)) {
        return this;
      }
      Map<String, double[]> changed = new LinkedHashMap<>(parameters);
      changed.put(parameter, new double[] {value});
      return new Output(
          name,
          type,
          shape,
          computation.with(parameter, value),
          changed,
          dtype,
          deltaDtype,
          file,
          offset);
    }

    Output at(int file, long offset) {
      return new Output(name, type, shape, operation, parameters, dtype, deltaDtype, file, offset);
    }
  }

  /// A tensor of an input model.
  ///
  /// @param model index of the model among [Merge#models]; those of Fisher diagonals follow them
  /// @param rows for each row of the output the row of the input, or -1 where the output's row is
  ///     not made from it; `null` where rows are in order
  public record Input(int model, TensorEntry entry, @Nullable List<Integer> rows) {
    public Input {
      rows = rows == null ? null : List.copyOf(rows);
    }

    /// With its rows in order.
    public Input(int model, TensorEntry entry) {
      this(model, entry, null);
    }
  }

  /// How a tensor is made. Where an input has more elements than the output, its first ones are
  /// meant.
  public interface Operation {
    /// The inputs, in the order in which kernels take them.
    List<Input> inputs();
  }

  /// The bytes as they are, for types that are not computed with.
  public record Copy(Input input) implements Operation {
    @Override
    public List<Input> inputs() {
      return List.of(input);
    }
  }

  /// Elements `from` to `from + elements` of output tensor `tensor`.
  public record Piece(int tensor, long from, long elements) {}

  /// Work for one launch.
  public sealed interface Pass {
    List<Piece> pieces();
  }

  /// Reduces pieces to the scalars that a later [ApplyPass] needs. Pieces start at multiples of
  /// [#REDUCE_ELEMENTS].
  public record ReducePass(List<Piece> pieces) implements Pass {}

  /// Computes pieces that are adjacent in one output file. All have one kind of operation, and the
  /// same types.
  ///
  /// @param file index of the file
  /// @param offset where the first piece starts in it
  /// @param bytes of all pieces
  public record ApplyPass(int file, long offset, long bytes, List<Piece> pieces) implements Pass {}
}
