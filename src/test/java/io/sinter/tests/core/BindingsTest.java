// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.Sinter;
import io.sinter.internal.ffi.Abi;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The generated bindings against the C compiler, the library, and headers they must refuse.
class BindingsTest {
  @TempDir static Path compiled;
  private static @Nullable Method generator;

  @Test
  void libraryHasTheHashOfTheBindings() {
    assertEquals(Abi.HASH, Abi.sinter_abi_hash());
  }

  @Test
  void libraryExportsExactlyWhatTheBindingsCall() throws IOException {
    Set<String> exports = Elf.exports(Sinter.library());
    exports.removeIf(name -> name.startsWith("__")); // a sanitizer's own
    assertEquals(bound(), exports);
  }

  @Test
  void bindingsCallExactlyTheHeadersFunctions() throws IOException {
    String header = Files.readString(Sources.root().resolve("native/include/sinter.h"));
    assertEquals(
        Pattern.compile("SINTER_API[^;(]*?(sinter_\\w+)\\(")
            .matcher(header)
            .results()
            .map(match -> match.group(1))
            .collect(Collectors.toCollection(TreeSet::new)),
        bound());
  }

  private static Set<String> bound() {
    return Arrays.stream(Abi.class.getDeclaredMethods())
        .filter(method -> Modifier.isPublic(method.getModifiers()))
        .map(Method::getName)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void everyFieldIsWhereTheCompilerPutsIt() throws IOException {
    String compiled = Files.readString(Sources.root().resolve("native/target/cmake/layout.txt"));
    StringBuilder ours = new StringBuilder();
    for (StructLayout struct : structs()) {
      ours.append("%s - 0 %d\n".formatted(struct.name().orElseThrow(), struct.byteSize()));
      for (MemoryLayout field : struct.memberLayouts()) {
        String name = field.name().orElseThrow();
        long offset = struct.byteOffset(PathElement.groupElement(name));
        ours.append(
            "%s %s %d %d\n".formatted(struct.name().orElseThrow(), name, offset, field.byteSize()));
      }
    }
    assertEquals(compiled, ours.toString());
  }

  private static List<StructLayout> structs() {
    return List.of(
        Abi.sinter_error.LAYOUT.withName("sinter_error"),
        Abi.sinter_device_info.LAYOUT.withName("sinter_device_info"),
        Abi.sinter_stream_options.LAYOUT.withName("sinter_stream_options"),
        Abi.sinter_tensor.LAYOUT.withName("sinter_tensor"),
        Abi.sinter_arithmetic.LAYOUT.withName("sinter_arithmetic"),
        Abi.sinter_mixture.LAYOUT.withName("sinter_mixture"),
        Abi.sinter_examples.LAYOUT.withName("sinter_examples"),
        Abi.sinter_flip_table.LAYOUT.withName("sinter_flip_table"),
        Abi.sinter_loss_options.LAYOUT.withName("sinter_loss_options"),
        Abi.sinter_assignment.LAYOUT.withName("sinter_assignment"),
        Abi.sinter_products_info.LAYOUT.withName("sinter_products_info"));
  }

  @Test
  void accessorsReachTheirElementOfAnArray() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment array = arena.allocate(Abi.sinter_tensor.LAYOUT, 3);
      Abi.sinter_tensor.dtype(array, 1, 77);
      Abi.sinter_tensor.shape(array, 1, 7, -5);
      Abi.sinter_tensor.data(array, 1, MemorySegment.ofAddress(0x1234));
      long start = Abi.sinter_tensor.LAYOUT.byteSize();
      assertEquals(77, array.get(ValueLayout.JAVA_INT, start + 8));
      assertEquals(0x1234, array.get(ValueLayout.JAVA_LONG, start + 24));
      assertEquals(-5, array.get(ValueLayout.JAVA_LONG, start + 40 + 7 * 8));
      assertEquals(77, Abi.sinter_tensor.dtype(array, 1));
      assertEquals(-5, Abi.sinter_tensor.shape(array, 1, 7));
      assertEquals(0, Abi.sinter_tensor.dtype(array, 0));
      assertEquals(0, Abi.sinter_tensor.dtype(array, 2));
    }
  }

  @Test
  void committedBindingsAreWhatTheHeaderGives() throws Exception {
    Path root = Sources.root();
    Generated result =
        generate(
            "--check",
            root.resolve("native/include/sinter.h"),
            root.resolve("java-bindings/src/main/java/io/sinter/internal/ffi/Abi.java"),
            root.resolve("native/test/layout.c"));
    assertEquals(new Generated(0, ""), result);
  }

  @Test
  void staleBindingsAreNamedWithTheirLine(@TempDir Path folder) throws Exception {
    Path header = Sources.root().resolve("native/include/sinter.h");
    Path abi = folder.resolve("Abi.java");
    Path layout = folder.resolve("layout.c");
    assertEquals(0, generate("--write", header, abi, layout).status());
    Files.writeString(abi, Files.readString(abi).replace("SINTER_CPU = -1", "SINTER_CPU = 0"));
    Generated result = generate("--check", header, abi, layout);
    assertEquals(1, result.status());
    assertTrue(result.output().matches("(?s).*Abi.java:[0-9]+: out of date.*"), result.output());
  }

  @Test
  void commentsAndWhiteSpaceDoNotCountInTheHash(@TempDir Path folder) throws Exception {
    String plain = "int32_t a; int64_t b;";
    String dressed =
        "/* a comment // with both * kinds **/\n"
            + "int32_t  a; // to /* the end\n"
            + "\tint64_t/**/b;\r\n"
            + "//";
    byte[] sha = MessageDigest.getInstance("SHA-256").digest(plain.getBytes(UTF_8));
    String expected = HexFormat.of().formatHex(sha);
    for (String header : List.of(plain, dressed)) {
      Path file = Files.writeString(folder.resolve("any.h"), header);
      assertEquals(new Generated(0, expected), generate("--hash", file));
    }
  }

  private record Generated(int status, String output) {}

  /// Runs the generator, compiled once.
  private static Generated generate(String mode, Path... files) throws Exception {
    if (generator == null) {
      Path source = Sources.root().resolve("java-bindings/tools/GenerateBindings.java");
      Path classes = Files.createDirectories(compiled.resolve("classes"));
      int status =
          ToolProvider.findFirst("javac")
              .orElseThrow()
              .run(System.out, System.err, "-d", classes.toString(), source.toString());
      assertEquals(0, status);
      URL[] path = {classes.toUri().toURL()};
      generator =
          Class.forName("GenerateBindings", true, new URLClassLoader(path))
              .getMethod("run", String[].class, PrintStream.class, PrintStream.class);
    }
    List<String> arguments = new ArrayList<>(List.of(mode));
    for (Path file : files) {
      arguments.add(file.toString());
    }
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    PrintStream print = new PrintStream(output, true, UTF_8);
    int status = (int) generator.invoke(null, arguments.toArray(String[]::new), print, print);
    return new Generated(status, output.toString(UTF_8).strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "#define SINTER_MAX 8                             | unknown preprocessor line",
        "union u { int32_t a; };                          | expected enum",
        "enum e { A };                                    | expected =",
        "enum e { A = 0x10 };                             | expected a decimal number",
        "enum e { A = B };                                | expected a decimal number",
        "enum e { A = 1, A = 2 };                         | declared already",
        "typedef struct s { int32_t a : 3; } s;           | unknown character ':'",
        "typedef struct s { bool a; } s;                  | unknown type bool",
        "typedef struct s { int64_t a; } t;               | another name",
        "typedef struct s { int32_t a; int64_t b; } s;    | padding",
        "typedef struct s { int64_t b; int32_t a; } s;    | padding",
        "typedef struct s { int64_t b[N]; } s;            | expected a decimal number",
        "typedef struct s { char b; } s;                  | unknown kind of field",
        "SINTER_API int32_t f(unsigned a);                | unknown type unsigned",
        "SINTER_API int32_t f(int32_t a, ...);            | unknown character '.'",
        "SINTER_API int32_t f(int32_t (*callback)(void)); | expected a name",
        "SINTER_API int32_t f();                          | expected a name",
        "SINTER_API void* f(void);                        | unknown result type",
        "SINTER_API int32_t f(other* a);                  | unknown type other",
        "SINTER_API int32_t f(int32_t a); SINTER_API void | expected a name",
        "int32_t f(void);                                 | expected enum",
        "/* open                                          | not closed",
      })
  void generatorRefusesWhatItDoesNotKnow(String construct, String reason, @TempDir Path folder)
      throws Exception {
    Path header = folder.resolve("sinter.h");
    Files.writeString(header, "#ifndef SINTER_H\n#define SINTER_H\n\n" + construct + "\n#endif\n");
    Generated result =
        generate("--write", header, folder.resolve("Abi.java"), folder.resolve("layout.c"));
    assertEquals(1, result.status(), result.output());
    assertTrue(result.output().contains(reason), result.output());
    assertTrue(result.output().matches("(?s).*sinter\\.h:[4-7]: .*"), result.output());
    assertFalse(Files.exists(folder.resolve("Abi.java")));
  }
}
