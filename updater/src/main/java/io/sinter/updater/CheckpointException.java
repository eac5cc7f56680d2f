// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import io.sinter.updater.internal.Quoted;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// A checkpoint that cannot be read or written. The message names the file, the tensor where there
/// is one, what is wrong, and the remedy.
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public CheckpointException(String message) {
    super(message);
  }

  public CheckpointException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /// @param problem may quote the file: it is shown as [Quoted] does
  static CheckpointException of(Path file, String problem, String remedy) {
    return new CheckpointException(file + ": " + Quoted.text(problem) + ". " + remedy + ".");
  }

  static CheckpointException of(Path file, String tensor, String problem, String remedy) {
    return of(file, "tensor '" + Quoted.text(tensor) + "': " + problem, remedy);
  }

  static CheckpointException of(Path file, String problem, String remedy, Throwable cause) {
    return new CheckpointException(file + ": " + Quoted.text(problem) + ". " + remedy + ".", cause);
  }
}
