// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Files that are read whole, up to a size that none of their kind has.
final class SmallFile {
  private SmallFile() {}

  static byte[] read(Path file, int maxBytes) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(maxBytes);
      if (bytes.length == maxBytes && in.read() >= 0) {
        throw new FileSystemException(
            file.toString(), null, "it is larger than the " + maxBytes + " bytes it may have");
      }
      return bytes;
    }
  }
}
