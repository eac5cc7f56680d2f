// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;

/// Grey images of 28 by 28 pixels with the class each of them shows.
///
/// @param pixels one byte per pixel, 0 to 255, image after image, row after row
/// @param labels one byte per image, 0 to 9
public record LabelledImages(byte[] pixels, byte[] labels) {

  /// Pixels of one image.
  public static final int PIXELS = 28 * 28;

  /// Classes of Fashion-MNIST.
  public static final int CLASSES = 10;

  /// Checks that there is an image for each label, and that labels are classes.
  public LabelledImages {
    if (pixels.length != (long) PIXELS * labels.length) {
      throw new IllegalArgumentException(
          pixels.length + " pixels for " + labels.length + " labels; expected " + PIXELS + " each");
    }
    for (byte label : labels) {
      if (label < 0 || label >= CLASSES) {
        throw new IllegalArgumentException(
            "label " + label + " is not one of 0 to " + (CLASSES - 1));
      }
    }
  }

  /// The number of images.
  public int count() {
    return labels.length;
  }

  /// The first `n` images.
  public LabelledImages first(int n) {
    return new LabelledImages(Arrays.copyOf(pixels, n * PIXELS), Arrays.copyOf(labels, n));
  }

  /// Reads a pair of gzipped IDX files, the format Fashion-MNIST is published in.
  public static LabelledImages readIdx(Path images, Path labels) throws IOException {
    return new LabelledImages(readIdx(images, 28, 28), readIdx(labels));
  }

  /// Reads one IDX file of bytes: two zeros, 8 (unsigned bytes), the rank, then the sizes, of which
  /// the first is the number of items and the others are given.
  private static byte[] readIdx(Path file, int... itemShape) throws IOException {
    try (InputStream raw = Files.newInputStream(file);
        DataInputStream in = new DataInputStream(new GZIPInputStream(raw, 1 << 16))) {
      int magic = in.readInt();
      if (magic != 0x0800 + 1 + itemShape.length) {
        throw new IOException(
            "%s: not an IDX file of bytes of rank %d (magic number %08x)"
                .formatted(file, 1 + itemShape.length, magic));
      }
      int bytes = in.readInt();
      for (int expected : itemShape) {
        int size = in.readInt();
        if (size != expected) {
          throw new IOException(
              "%s: items of size %d, expected %d".formatted(file, size, expected));
        }
        bytes *= size;
      }
      byte[] data = in.readNBytes(bytes);
      if (data.length != bytes) {
        throw new EOFException("%s: ends after %d of %d bytes".formatted(file, data.length, bytes));
      }
      return data;
    }
  }
}
