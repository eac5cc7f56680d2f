// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal.ffi;

import io.sinter.internal.Status;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/// Finds the OpenBLAS that products are computed by, once, before the first of them: the file named
/// by `-Dsinter.openblas` or by the environment variable `SINTER_OPENBLAS`, or else what the
// artifact
/// `org.bytedeco:openblas` has for this platform, extracted beside libsinter. Where there is none
// of
/// these libsinter asks the system's loader.
public final class OpenBlas {
  private static final String PROPERTY = "sinter.openblas";
  private static final String VARIABLE = "SINTER_OPENBLAS";
  private static final String NAME = "libopenblas.so.0";

  /// What it needs beside it, as far as the artifact has it.
  private static final List<String> BESIDE =
      List.of("libgcc_s.so.1", "libquadmath.so.0", "libgfortran.so.5");

  private static boolean prepared;

  private OpenBlas() {}

  /// Loads it unless that was done. Where nothing is found nothing happens.
  public static synchronized void prepare() {
    if (prepared) {
      return;
    }
    Library.require();
    String property = System.getProperty(PROPERTY);
    if (property != null) {
      load(Path.of(property).toAbsolutePath());
    } else if (System.getenv(VARIABLE) == null) {
      bundled();
    }
    prepared = true;
  }

  private static void bundled() {
    String folder = "org/bytedeco/openblas/" + Library.platform() + "/";
    List<RuntimeException> refused = new ArrayList<>();
    try {
      if (extracted(Library::open, folder, refused)) {
        return;
      }
      // A jar that no module requires is on the module path, and yet its resources are not found.
      for (Path jar : jars()) {
        try (ZipFile zip = new ZipFile(jar.toFile())) {
          if (extracted(name -> entry(zip, name), folder, refused)) {
            return;
          }
        }
      }
    } catch (IOException | SecurityException e) {
      refused.add(new IllegalStateException("OpenBLAS could not be extracted: " + e, e));
    }
    if (!refused.isEmpty()) {
      throw refused.getLast();
    }
  }

  private static @Nullable InputStream entry(ZipFile zip, String name) throws IOException {
    ZipEntry entry = zip.getEntry(name);
    return entry == null ? null : zip.getInputStream(entry);
  }

  /// Whether a source has the library, and it was loaded from the first cache folder that could be.
  private static boolean extracted(
      Library.Source source, String folder, List<RuntimeException> refused) throws IOException {
    String hash = hash(source, folder + NAME);
    if (hash == null) {
      return false;
    }
    for (Path cache : Library.cacheFolders()) {
      Path target = cache.resolve(hash);
      try {
        for (String name : BESIDE) {
          String own = hash(source, folder + name);
          if (own != null) {
            Library.extract(source, folder + name, own, cache, target.resolve(name));
          }
        }
        Library.extract(source, folder + NAME, hash, cache, target.resolve(NAME));
        load(target.resolve(NAME));
        return true;
      } catch (IOException | SecurityException e) {
        refused.add(new IllegalStateException("extracting to " + target + ": " + e, e));
      } catch (RuntimeException e) { // for one, a folder mounted noexec: the next one may do
        refused.add(e);
      }
    }
    return false;
  }

  private static @Nullable String hash(Library.Source source, String name) throws IOException {
    try (InputStream in = source.open(name)) {
      return in == null ? null : Library.copy(in, OutputStream.nullOutputStream());
    }
  }

  /// The artifact's jars of this platform on the module path and the class path.
  private static List<Path> jars() throws IOException {
    String pattern = "openblas-*-" + Library.platform() + ".jar";
    List<Path> jars = new ArrayList<>();
    for (String property : List.of("jdk.module.path", "java.class.path")) {
      for (String entry : System.getProperty(property, "").split(File.pathSeparator)) {
        if (entry.isEmpty()) {
          continue;
        }
        Path path = Path.of(entry);
        boolean single = Files.isRegularFile(path);
        Path folder = single ? path.toAbsolutePath().getParent() : path;
        if (folder == null || !Files.isDirectory(folder)) {
          continue;
        }
        if (!single) {
          try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, pattern)) {
            found.forEach(jars::add);
          }
        } else if (path.getFileSystem()
            .getPathMatcher("glob:" + pattern)
            .matches(path.getFileName())) {
          jars.add(path);
        }
      }
    }
    return jars;
  }

  private static void load(Path file) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      Status.check(Abi.sinter_products_load(arena.allocateFrom(file.toString()), error), error);
    }
  }
}
