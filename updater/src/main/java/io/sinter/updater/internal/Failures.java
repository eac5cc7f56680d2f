// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.internal;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Objects;

/// Words for what the operating system reports.
public final class Failures {
  private Failures() {}

  /// The failure behind one that a folder's iterator wraps.
  public static IOException io(Exception e) {
    return switch (e) {
      case IOException io -> io;
      case DirectoryIteratorException iteration -> iteration.getCause();
      default -> new IOException(e);
    };
  }

  /// Why an operation failed, without the path that the message around it names already.
  public static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such file or folder";
      case AccessDeniedException _ -> "permission denied";
      case FileSystemException f when f.getReason() != null -> f.getReason();
      default -> Objects.requireNonNullElse(e.getMessage(), e.getClass().getSimpleName());
    };
  }
}
