// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Whether somebody is watching.
final class Terminal {

  private Terminal() {}

  /// Text of foreign files without what a terminal would act on.
  static String plain(String text) {
    return text.replaceAll("[\\p{Cntrl}\\p{Cf}\\u2028\\u2029]", "?");
  }

  /// Whether stderr is a terminal that can rewrite a line. `System.console()` tells of stdin and
  /// stdout only, and these are often redirected where stderr is not.
  static boolean isStderr() {
    if ("dumb".equals(System.getenv("TERM"))) {
      return false;
    }
    try {
      String device = Files.readSymbolicLink(Path.of("/proc/self/fd/2")).toString();
      return device.startsWith("/dev/pts/") || device.startsWith("/dev/tty");
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }
}
