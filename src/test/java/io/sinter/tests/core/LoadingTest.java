// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Sinter;
import io.sinter.internal.ffi.Abi;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Finding and refusing libraries, each in a JVM of its own.
class LoadingTest {
  @TempDir static Path folder;

  /// A class path entry with the bundled library, and its bytes.
  private static Path bundle;

  private static byte[] library;
  private static String resource;

  @BeforeAll
  static void bundleTheLibrary() throws IOException {
    library = Files.readAllBytes(Sinter.library());
    String arch = System.getProperty("os.arch");
    resource =
        "io/sinter/native/linux-" + (arch.equals("amd64") ? "x86_64" : arch) + "/libsinter.so";
    bundle = folder.resolve("bundle");
    Files.createDirectories(bundle.resolve(resource).getParent());
    Files.write(bundle.resolve(resource), library);
  }

  private static Child probe() {
    return new Child(LoadProbe.class);
  }

  private static Child bundled(Path cache) {
    return probe().addToClassPath(bundle).environment("XDG_CACHE_HOME", cache.toString());
  }

  private static Path extracted(Path cache) throws Exception {
    byte[] sha = MessageDigest.getInstance("SHA-256").digest(library);
    return cache.resolve("sinter").resolve(HexFormat.of().formatHex(sha)).resolve("libsinter.so");
  }

  private static void assertContains(String output, String... parts) {
    for (String part : parts) {
      assertTrue(output.contains(part), "\"" + part + "\" is not in:\n" + output);
    }
  }

  @Test
  void propertyNamesTheLibrary() throws Exception {
    Path copy = Files.write(folder.resolve("libcopy.so"), library);
    Child.Result result = probe().option("-Dsinter.library=" + copy).run();
    assertEquals(new Child.Result(0, "loaded " + copy), result);
  }

  @Test
  void withoutPropertyAndResourceEveryAttemptIsListed() throws Exception {
    Child.Result result = probe().run();
    assertEquals(0, result.status(), result.output());
    assertContains(
        result.output(),
        "libsinter could not be loaded:",
        "-Dsinter.library: not set",
        "resource " + resource + ": not found; add the artifact io.sinter:sinter-native",
        "again: true",
        "devices: [cpu]",
        "reason: libsinter could not be loaded");
  }

  @Test
  void missingFileIsNotReplacedByTheBundledOne() throws Exception {
    Path missing = folder.resolve("missing.so");
    Child.Result result =
        bundled(folder.resolve("unused")).option("-Dsinter.library=" + missing).run();
    assertContains(
        result.output(),
        "-Dsinter.library=" + missing + ": ",
        "the bundled library: not tried, because -Dsinter.library is set",
        "again: true");
  }

  @Test
  void fileThatIsNoLibraryIsRefusedWithTheLoadersReason() throws Exception {
    Path text = Files.writeString(folder.resolve("text.so"), "this is no library");
    Child.Result result = probe().option("-Dsinter.library=" + text).run();
    assertContains(
        result.output(), "-Dsinter.library=" + text + ": ", "file too short", "again: true");
  }

  @Test
  void otherHashIsRefusedAndBothAreShown() throws Exception {
    byte[] other = library.clone();
    byte[] hash = Abi.HASH.getBytes(US_ASCII);
    int at = indexOf(other, hash);
    assertTrue(at > 0, "the library holds its hash");
    other[at] = (byte) (other[at] == 'f' ? 'e' : 'f');
    String wrong = new String(other, at, hash.length, US_ASCII);
    Path file = Files.write(folder.resolve("libother.so"), other);
    Child.Result result = probe().option("-Dsinter.library=" + file).run();
    assertContains(
        result.output(),
        "its ABI hash is " + wrong + ", and these bindings need " + Abi.HASH,
        "again: true");
  }

  private static int indexOf(byte[] bytes, byte[] part) {
    for (int i = 0; i + part.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + part.length, part, 0, part.length)) {
        return i;
      }
    }
    return -1;
  }

  @Test
  void bundledLibraryIsExtractedForItsOwnerOnly() throws Exception {
    Path cache = Files.createDirectory(folder.resolve("cache"));
    Path file = extracted(cache);
    assertEquals(new Child.Result(0, "loaded " + file), bundled(cache).run());
    for (Path each : List.of(file, file.getParent(), file.getParent().getParent())) {
      assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(each)));
    }
    try (Stream<Path> siblings = Files.list(file.getParent())) {
      assertEquals(List.of(file), siblings.toList(), "no temporary file is left");
    }

    // A second JVM uses the same file, and puts a damaged one right.
    Object before = Files.getAttribute(file, "unix:ino");
    assertEquals(0, bundled(cache).run().status());
    assertEquals(before, Files.getAttribute(file, "unix:ino"));
    Files.write(file, new byte[] {1, 2, 3});
    assertEquals(new Child.Result(0, "loaded " + file), bundled(cache).run());
    assertEquals(-1, Files.mismatch(file, bundle.resolve(resource)));
  }

  @Test
  void manyJvmsExtractAtOnce() throws Exception {
    Path cache = Files.createDirectory(folder.resolve("shared-cache"));
    List<CompletableFuture<Child.Result>> results =
        Stream.generate(
                () ->
                    CompletableFuture.supplyAsync(
                        () -> {
                          try {
                            return bundled(cache).run();
                          } catch (IOException | InterruptedException e) {
                            throw new AssertionError(e);
                          }
                        }))
            .limit(4)
            .toList();
    for (CompletableFuture<Child.Result> result : results) {
      assertEquals(new Child.Result(0, "loaded " + extracted(cache)), result.get());
    }
  }

  @Test
  void folderThatOthersCanWriteIsNotTrusted() throws Exception {
    Path cache = Files.createDirectory(folder.resolve("open-cache"));
    Path open = Files.createDirectory(cache.resolve("sinter"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    Path fallback = Files.createDirectory(folder.resolve("fallback"));
    Child.Result result = bundled(cache).option("-Djava.io.tmpdir=" + fallback).run();
    assertEquals(0, result.status());
    assertTrue(result.output().startsWith("loaded " + fallback), result.output());
    assertFalse(Files.exists(extracted(cache)));
  }

  @Test
  void cacheThatCannotBeWrittenIsListed() throws Exception {
    Path cache = Files.writeString(folder.resolve("file-cache"), "a file");
    Path temporary = Files.writeString(folder.resolve("file-tmp"), "a file");
    Child.Result result = bundled(cache).option("-Djava.io.tmpdir=" + temporary).run();
    assertContains(
        result.output(),
        "extracting to " + extracted(cache) + ": ",
        "extracting to " + temporary.resolve("sinter-"),
        "again: true");
  }
}
