// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import io.sinter.updater.Checkpoint;
import io.sinter.updater.TensorEntry;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// A safetensors file of predictions, logits, labels or groups.
final class TensorFile {
  private static final String LOGITS = "logits";

  private TensorFile() {}

  static Columns read(Path file, Columns.Wanted wanted) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(file);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (wanted == Columns.Wanted.GROUPS) {
        List<Grouping> groupings = new ArrayList<>();
        for (TensorEntry tensor : checkpoint.tensors().values()) {
          groupings.add(data(file, tensor).grouping(open(channel, tensor), tensor.name()));
        }
        if (groupings.isEmpty()) {
          throw Columns.empty(file.toString());
        }
        return new Columns(file.toString(), null, new int[0], 0, groupings);
      }
      TensorEntry tensor = checkpoint.tensors().get(wanted.tensor());
      TensorEntry logits = checkpoint.tensors().get(LOGITS);
      boolean predictions = wanted == Columns.Wanted.PREDICTIONS;
      if (predictions && tensor != null && logits != null) {
        throw CompatibilityException.of(
            file.toString(),
            "holds both 'predictions' and 'logits', and only one can be meant",
            "Leave one out");
      }
      if (tensor == null && predictions) {
        tensor = logits;
      }
      if (tensor == null) {
        throw CompatibilityException.of(
            file.toString(),
            "holds no tensor '"
                + wanted.tensor()
                + (predictions ? "' or 'logits'" : "'")
                + (checkpoint.tensors().isEmpty()
                    ? ""
                    : ", but "
                        + checkpoint.tensors().keySet().stream()
                            .limit(5)
                            .map(name -> "'" + name + "'")
                            .collect(Collectors.joining(", "))),
            "Name it so");
      }
      return data(file, tensor).classes(open(channel, tensor), wanted);
    }
  }

  private static ArrayData data(Path file, TensorEntry tensor) {
    Element type =
        Element.ofCode(tensor.type().code())
            .orElseThrow(
                () ->
                    CompatibilityException.of(
                        file.toString(),
                        "tensor '" + tensor.name() + "' is of " + tensor.type().code(),
                        "Use whole numbers of 8 to 64 bits, or F16, BF16, F32 or F64 for logits"));
    return new ArrayData(file.toString(), "'" + tensor.name() + "'", type, tensor.shape());
  }

  private static InputStream open(FileChannel channel, TensorEntry tensor) throws IOException {
    channel.position(tensor.offset());
    return Channels.newInputStream(channel);
  }
}
