// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

/// Three small Llama-shaped siblings, recipes, and what mergekit 0.1.4 made of them.
public final class Goldens {
  private static final Path ROOT = find();

  private Goldens() {}

  /// The working directory that the recipes' paths are relative to.
  public static Path root() {
    return ROOT;
  }

  private static Path find() {
    try {
      URI marker =
          Objects.requireNonNull(Goldens.class.getResource("/goldens/models/base/config.json"))
              .toURI();
      if (marker.getScheme().equals("file")) {
        return Path.of(marker).getParent().getParent().getParent();
      }
      try (FileSystem jar = FileSystems.newFileSystem(marker, Map.of())) {
        return unpack(jar.getPath("/goldens"));
      }
    } catch (IOException | URISyntaxException e) {
      throw new IllegalStateException("the goldens cannot be found", e);
    }
  }

  private static Path unpack(Path source) throws IOException {
    Path target = Files.createTempDirectory("sinter-goldens");
    Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(target)));
    try (Stream<Path> tree = Files.walk(source)) {
      for (Path path : tree.toList()) {
        Path copy = target.resolve(source.relativize(path).toString());
        if (Files.isDirectory(path)) {
          Files.createDirectories(copy);
        } else {
          Files.copy(path, copy);
        }
      }
    }
    return target;
  }

  private static void delete(Path folder) {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
