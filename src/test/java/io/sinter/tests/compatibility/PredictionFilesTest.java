// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.compatibility;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.updater.compatibility.CompatibilityException;
import io.sinter.updater.compatibility.Grouping;
import io.sinter.updater.compatibility.Labels;
import io.sinter.updater.compatibility.Predictions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Predictions, labels and groups as files bring them.
class PredictionFilesTest {
  @TempDir private Path folder;

  private static void refused(Executable read, Path file, String... texts) {
    String message = assertThrows(CompatibilityException.class, read).getMessage();
    assertTrue(message.startsWith(file + ": "), message);
    assertTrue(message.endsWith("."), message);
    for (String text : texts) {
      assertTrue(message.contains(text), () -> "'" + text + "' expected in: " + message);
    }
  }

  private void refuses(Path file, String... texts) {
    refused(() -> Predictions.read(file), file, texts);
  }

  private Path csv(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name + ".csv"), text);
  }

  private static int[] predicted(Path file) {
    return Predictions.read(file).toArray();
  }

  // ---- arrays -----------------------------------------------------------------------------------

  /// Files that NumPy 2.4 wrote.
  @Test
  void readsWhatNumpyWrites() throws IOException {
    String head1 =
        "934e554d5059010076007b276465736372273a20273c6938272c2027666f727472616e5f6f72646572273a204661"
            + "6c73652c20277368617065273a2028332c292c207d"
            + "20".repeat(60)
            + "0a";
    Path whole = folder.resolve("whole.npy");
    Files.write(
        whole, HexFormat.of().parseHex(head1 + "030000000000000000000000000000000100000000000000"));
    assertArrayEquals(new int[] {3, 0, 1}, predicted(whole));
    assertArrayEquals(new int[] {3, 0, 1}, Labels.read(whole).toArray());

    String head3 =
        "934e554d50590300740000007b276465736372273a20277c7531272c2027666f727472616e5f6f72646572273a20"
            + "46616c73652c20277368617065273a2028332c292c207d"
            + "20".repeat(58)
            + "0a";
    Path third = folder.resolve("third.npy");
    Files.write(third, HexFormat.of().parseHex(head3 + "030001"));
    assertArrayEquals(new int[] {3, 0, 1}, predicted(third));

    String head2d =
        "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a204661"
            + "6c73652c20277368617065273a2028322c2033292c207d"
            + "20".repeat(58)
            + "0a";
    Path logits = folder.resolve("logits.npy");
    Files.write(
        logits,
        HexFormat.of().parseHex(head2d + "0000003f0000803f0000803f0000807f00000040000080ff"));
    assertArrayEquals(new int[] {1, 0}, predicted(logits)); // .5 1 1 and inf 2 -inf
    assertEquals(3, Predictions.read(logits).classes());
    refused(() -> Labels.read(logits), logits, "its array is [2, 3] of F32", "whole numbers");
  }

  @ParameterizedTest
  @CsvSource({
    "|b1, BOOL, 1",
    "|i1, I8, 1",
    "|u1, U8, 1",
    "<i2, I16, 2",
    "<u2, U16, 2",
    "<i4, I32, 4",
    "<u4, U32, 4",
    "<i8, I64, 8",
    "<u8, U64, 8"
  })
  void readsEveryWholeNumber(String descr, String code, int bytes) throws IOException {
    long largest = descr.endsWith("b1") ? 1 : bytes == 1 ? 127 : bytes == 2 ? 32767 : (1 << 20) - 1;
    byte[] data = ArrayFiles.ints(bytes, 0, largest, 1);
    Path npy = ArrayFiles.npy(folder.resolve("a.npy"), descr, "(3,)", data);
    assertArrayEquals(new int[] {0, (int) largest, 1}, predicted(npy));
    Path tensors =
        ArrayFiles.safetensors(folder.resolve("a.safetensors"), "predictions", code, "[3]", data);
    assertArrayEquals(new int[] {0, (int) largest, 1}, predicted(tensors));
    if (bytes > 1) {
      byte[] bad = ArrayFiles.ints(bytes, 0, -1);
      Path negative = ArrayFiles.npy(folder.resolve("b.npy"), descr, "(2,)", bad);
      if (descr.equals("<u2")) {
        assertArrayEquals(new int[] {0, 65535}, predicted(negative));
      } else {
        String shown =
            descr.equals("<u4")
                ? "4294967295"
                : descr.equals("<u8") ? "18446744073709551615" : "-1";
        refuses(negative, "its array[1] is " + shown + ",", "0 to 1048575");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"F16", "BF16", "F32", "F64"})
  void readsEveryKindOfLogits(String code) throws IOException {
    double[] values = {-1.5, 2, 2, 0, -0.0, -1, Double.NEGATIVE_INFINITY, -8, 3};
    byte[] data =
        switch (code) {
          case "F64" -> ArrayFiles.doubles(values);
          case "F32" -> floats(values);
          case "F16" ->
              ArrayFiles.ints(
                  2,
                  Arrays.stream(values)
                      .mapToLong(value -> Float.floatToFloat16((float) value))
                      .toArray());
          default ->
              ArrayFiles.ints(
                  2,
                  Arrays.stream(values)
                      .mapToLong(value -> Float.floatToRawIntBits((float) value) >>> 16)
                      .toArray());
        };
    Path file =
        ArrayFiles.safetensors(folder.resolve("a.safetensors"), "logits", code, "[3,3]", data);
    assertArrayEquals(new int[] {1, 0, 2}, predicted(file));
  }

  private static byte[] floats(double... values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return ArrayFiles.floats(floats);
  }

  /// More rows than are read at once, of a width that does not divide what is.
  @Test
  void rowsGoOnFromPieceToPiece() throws IOException {
    int rows = 9001;
    int classes = 7;
    float[] logits = new float[rows * classes];
    int[] expected = new int[rows];
    for (int i = 0; i < rows; i++) {
      expected[i] = i * 31 % classes;
      logits[i * classes + expected[i]] = 1;
    }
    Path file =
        ArrayFiles.npy(folder.resolve("a.npy"), "<f4", "(9001, 7)", ArrayFiles.floats(logits));
    assertArrayEquals(expected, predicted(file));
  }

  @Test
  void refusesNaN() throws IOException {
    float[] logits = new float[5 * 4];
    logits[3 * 4 + 2] = Float.NaN;
    Path npy = ArrayFiles.npy(folder.resolve("a.npy"), "<f4", "(5, 4)", ArrayFiles.floats(logits));
    refuses(npy, "its array has NaN at row 3, column 2", "Find out why");
    Path tensors =
        ArrayFiles.safetensors(
            folder.resolve("a.safetensors"), "logits", "F32", "[5,4]", ArrayFiles.floats(logits));
    refuses(tensors, "'logits' has NaN at row 3, column 2");
  }

  @Test
  void refusesWhatIsNoPlainArray() throws IOException {
    Path file = folder.resolve("a.npy");
    byte[] four = ArrayFiles.ints(4, 1, 2, 3, 4);
    refuses(ArrayFiles.npy(file, ">i4", "(4,)", four), "'>i4', which is big-endian", "astype");
    refuses(ArrayFiles.npy(file, "|O", "(4,)", four), "'|O', which is Python objects");
    refuses(ArrayFiles.npy(file, "<U1", "(4,)", four), "its elements are '<U1'");
    refuses(ArrayFiles.npy(file, "<f4", "(4,)", four), "is [4] of F32", "[examples, classes]");
    refuses(ArrayFiles.npy(file, "<i4", "(2, 2)", four), "is [2, 2] of I32");
    refuses(ArrayFiles.npy(file, "<i4", "()", four), "is [] of I32");
    refuses(ArrayFiles.npy(file, "<f4", "(2, 2, 1)", four), "is [2, 2, 1] of F32");
    refuses(ArrayFiles.npy(file, "<f4", "(4, 0)", new byte[0]), "has 0 columns");
    refuses(ArrayFiles.npy(file, "<f4", "(0, 4)", new byte[0]), "holds no examples");
    refuses(ArrayFiles.npy(file, "<i4", "(0,)", new byte[0]), "holds no examples");
    refuses(ArrayFiles.npy(file, "<i4", "(3,)", four), "goes on behind the last element");
    refuses(ArrayFiles.npy(file, "<f4", "(1, 9999999)", four), "has 9999999 columns");
    String fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }";
    Files.write(file, ArrayFiles.join(ArrayFiles.npyHeader(1, fortran), four));
    refuses(file, "in Fortran's order", "ascontiguousarray");
    String records =
        "{'descr': [('x', '<i4'), ('y', '<f4')], 'fortran_order': False, 'shape': (1,)}";
    Files.write(file, ArrayFiles.join(ArrayFiles.npyHeader(1, records), four));
    refuses(file, "an array of records");
  }

  @Test
  void truncatedFilesSaySo() throws IOException {
    Path file = folder.resolve("a.npy");
    refuses(
        ArrayFiles.npy(file, "<i4", "(4,)", ArrayFiles.ints(4, 1, 2, 3)),
        "is truncated",
        "4 elements of I32",
        "ends in number 3");
    // What is claimed is not allocated.
    refuses(ArrayFiles.npy(file, "<i8", "(2305843009213693951,)", new byte[0]), "is truncated");
    refuses(
        ArrayFiles.npy(file, "<f4", "(4611686018427387904, 4)", new byte[0]),
        "[4611686018427387904, 4]",
        "damaged");
    byte[] whole =
        ArrayFiles.join(
            ArrayFiles.npyHeader(1, "{'descr': '<i4', 'fortran_order': False, 'shape': (4,), }"),
            ArrayFiles.ints(4, 1, 2, 3, 0));
    Files.write(file, whole);
    assertArrayEquals(new int[] {1, 2, 3, 0}, predicted(file));
    for (int length = 0; length < whole.length; length++) {
      Files.write(file, Arrays.copyOf(whole, length));
      refuses(file);
    }
    Path tensors =
        ArrayFiles.safetensors(
            folder.resolve("a.safetensors"),
            "predictions",
            "I32",
            "[3]",
            ArrayFiles.ints(4, 1, 2, 3));
    byte[] bytes = Files.readAllBytes(tensors);
    for (int length = 0; length < bytes.length; length++) {
      Files.write(tensors, Arrays.copyOf(bytes, length));
      refuses(tensors);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{}",
        "{'descr': '<i4'}",
        "{'descr': '<i4', 'fortran_order': False}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (4,), 'more': '1'}",
        "{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': (4,)}",
        "{'descr': '<i4', 'fortran_order': 0, 'shape': (4,)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (-4,)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (9999999999999999999,)}",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (4,)",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (4,)} {}",
        "{'descr': '<i4' 'fortran_order': False, 'shape': (4,)}"
      })
  void refusesOtherHeaders(String dictionary) throws IOException {
    Path file = folder.resolve("a.npy");
    Files.write(
        file, ArrayFiles.join(ArrayFiles.npyHeader(2, dictionary), ArrayFiles.ints(4, 1, 2, 3, 4)));
    refuses(file, "is not one that NumPy writes");
  }

  @Test
  void refusesOtherVersions() throws IOException {
    Path file = folder.resolve("a.npy");
    Files.write(file, ArrayFiles.npyHeader(4, "{}"));
    refuses(file, "version 4.0");
    byte[] minor = ArrayFiles.npyHeader(1, "{}");
    minor[7] = 1;
    Files.write(file, minor);
    refuses(file, "version 1.1");
    byte[] vast = ArrayFiles.npyHeader(2, "{}");
    Arrays.fill(vast, 8, 12, (byte) -1);
    Files.write(file, vast);
    refuses(file, "a header of 4294967295 bytes");
    Files.writeString(file, "id,prediction\n");
    refuses(file, "does not begin as a .npy file does");
  }

  @Test
  void tensorsAreFoundByName() throws IOException {
    Path file = folder.resolve("a.safetensors");
    byte[] data = ArrayFiles.ints(4, 1, 2);
    refuses(
        ArrayFiles.safetensors(file, "labels", "I32", "[2]", data),
        "holds no tensor 'predictions' or 'logits', but 'labels'");
    assertArrayEquals(new int[] {1, 2}, Labels.read(file).toArray());
    ArrayFiles.safetensors(file, "predictions", "I32", "[2]", data);
    refused(() -> Labels.read(file), file, "holds no tensor 'labels', but 'predictions'");
    refuses(ArrayFiles.safetensors(file, "predictions", "F8_E4M3", "[8]", data), "is of F8_E4M3");
    refuses(
        ArrayFiles.safetensors(
            file,
            "{\"predictions\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                + "\"logits\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[4,8]}}",
            data),
        "holds both");
    refuses(ArrayFiles.safetensors(file, "{}", new byte[0]), "holds no tensor 'predictions'");
  }

  @Test
  void unknownKindsAreRefused() throws IOException {
    for (String name : List.of("a.txt", "a", "a.npz", "csv")) {
      Path file = Files.writeString(folder.resolve(name), "1\n");
      refuses(file, "of a kind that is not known", ".safetensors, .npy and .csv");
    }
    refuses(folder.resolve("a.npz"), "numpy.save");
    for (String kind : List.of("csv", "npy", "safetensors")) {
      Path none = folder.resolve("none." + kind);
      refuses(none, "no such file");
    }
    refuses(Files.createDirectory(folder.resolve("d.csv")), "cannot be read");
    assertArrayEquals(new int[] {1}, predicted(Files.writeString(folder.resolve("A.CSV"), "1")));
  }

  // ---- CSV --------------------------------------------------------------------------------------

  @Test
  void readsCsv() throws IOException {
    int[] expected = {3, 0, 12};
    assertArrayEquals(expected, predicted(csv("a", "3\n0\n12\n")));
    assertArrayEquals(expected, predicted(csv("b", "prediction\n3\n0\n12")));
    assertArrayEquals(expected, predicted(csv("c", "x,3\ny,0\nz,12\n")));
    assertArrayEquals(expected, predicted(csv("d", "id,prediction\r\nx, 3\r\ny,0 \r\nz,12\r\n")));
    assertArrayEquals(
        expected,
        predicted(csv("e", "\ufeffScore,ID,Prediction\n.5,\"a,\"\"b\n\",3\n\n.1,b,0\n,c,012\n")));
    assertArrayEquals(expected, predicted(csv("f", "\"3\"\r\"0\"\r\"12\"")));
    assertArrayEquals(expected, predicted(csv("g", ",prediction\n0,3\n1,0\n2,12\n")));
    assertArrayEquals(
        expected, predicted(csv("h", "id,label,prediction,group\n1,0,3,a\n2,0,0,a\n3,0,12,b\n")));
  }

  @Test
  void readsLabelsWithGroups() throws IOException {
    Labels named =
        Labels.read(csv("a", "instance,label,id,Lang\nold,1,a,de\nnew,0,b,fr\nold,2,c,de"));
    assertArrayEquals(new int[] {1, 0, 2}, named.toArray());
    assertEquals(List.of("instance", "Lang"), names(named));
    Grouping instance = named.groupings().getFirst();
    assertEquals(List.of("old", "new"), instance.groups());
    assertArrayEquals(new int[] {0, 1, 0}, instance.toArray());
    Labels unnamed = Labels.read(csv("b", "a,1,old,x\nb,0,new,x\n"));
    assertEquals(List.of("group", "group2"), names(unnamed));
    assertEquals(List.of("x"), unnamed.groupings().getLast().groups());
    assertEquals(List.of(), names(Labels.read(csv("c", "a,1\nb,0\n"))));
  }

  private static List<String> names(Labels labels) {
    return labels.groupings().stream().map(Grouping::name).toList();
  }

  @Test
  void readsGroupsOfItsOwn() throws IOException {
    Labels labels = Labels.read(csv("labels", "id,label\nx,1\ny,0\nz,2\n"));
    Labels both = labels.withGroups(csv("groups", "id,lang,site\nz,de,1\nx,fr,2\ny,de,1\n"));
    assertEquals(List.of("lang", "site"), names(both));
    assertArrayEquals(new int[] {1, 0, 0}, both.groupings().getFirst().toArray());
    assertEquals(List.of("de", "fr"), both.groupings().getFirst().groups());
    Path npy = ArrayFiles.npy(folder.resolve("g.npy"), "<i8", "(3,)", ArrayFiles.ints(8, 7, -1, 7));
    Labels more = both.withGroups(npy);
    assertEquals(List.of("lang", "site", "group"), names(more));
    assertEquals(List.of("7", "-1"), more.groupings().getLast().groups());
    Path tensors =
        ArrayFiles.safetensors(
            folder.resolve("g.safetensors"), "shift", "U8", "[3]", ArrayFiles.ints(1, 0, 1, 1));
    assertEquals(List.of("shift"), names(labels.withGroups(tensors)));

    Path other = csv("other", "id,lang\nx,fr\ny,de\nw,de\n");
    refused(() -> labels.withGroups(other), other, "lacks the example 'z' of", "labels.csv");
    Path two = csv("two", "id,lang\nx,fr\ny,de\n");
    refused(() -> labels.withGroups(two), two, "holds 2 examples, and", "labels.csv holds 3");
    Path same = csv("same", "lang\nfr\nde\nde\n");
    String twice =
        assertThrows(CompatibilityException.class, () -> both.withGroups(same)).getMessage();
    assertTrue(twice.contains("two groupings 'lang'"), twice);
    Path nothing = csv("nothing", "id\nx\ny\nz\n");
    refused(() -> labels.withGroups(nothing), nothing, "line 1: no column has a name");
    Path real = ArrayFiles.npy(folder.resolve("r.npy"), "<f4", "(3,)", ArrayFiles.floats(1, 2, 3));
    refused(() -> labels.withGroups(real), real, "is [3] of F32");
  }

  @Test
  void refusesOtherCsv() throws IOException {
    refuses(csv("a", ""), "holds no examples");
    refuses(csv("b", "\n\n"), "holds no examples");
    refuses(csv("c", "id,prediction\n"), "holds no examples");
    refuses(csv("d", "prediction\n1\ncat\n"), "line 3: prediction is 'cat', not a class number");
    refuses(csv("e", "prediction\n1\n1.0\n"), "line 3: prediction is '1.0'");
    refuses(csv("f", "id,prediction\n1,\n"), "line 2: prediction is empty");
    refuses(csv("g", "prediction\n-1\n"), "line 2: prediction is -1, and", "0 to 1048575");
    refuses(csv("h", "1\n1048576\n"), "line 2: prediction is 1048576");
    refuses(csv("i", "1\n99999999999999999999999\n"), "line 2: prediction is 9999");
    refuses(csv("j", "name,class\n1,1\n"), "line 1: it is neither a header with a column");
    refuses(csv("k", "1,2,3\n"), "line 1: it is neither");
    refuses(csv("l", "1,2\n\n3\n"), "line 3: there are 1 cells, and 2 in the first line");
    refuses(csv("m", "id,prediction,id\n1,2,3\n"), "there are two columns 'id'");
    refuses(csv("n", "1,2\n\"3,4\n"), "line 2: the quotes of a cell are not closed");
    refuses(csv("o", "1,2\n\"3\"4,4\n"), "line 2: text follows the quotes");
    refuses(csv("p", "x".repeat(70_000)), "more than 65536 characters");
    refuses(csv("q", "1,".repeat(2000)), "more than 1000 cells");
    Path bytes = folder.resolve("r.csv");
    Files.write(bytes, new byte[] {'1', '\n', (byte) 0xff, '\n'});
    refuses(bytes, "is not UTF-8 text");
    refuses(csv("s", "prediction\n\u001b[31m\n"), "\\u001b[31m");
    String many =
        "label,name\n"
            + IntStream.range(0, 1001).mapToObj(i -> "1,n" + i).collect(Collectors.joining("\n"));
    Path names = csv("t", many);
    refused(() -> Labels.read(names), names, "'name' has more than 1000 different values", "id");
    Path tens = csv("u", "id,label\na,1\nb,x\n");
    refused(() -> Labels.read(tens), tens, "line 3: label is 'x'");
  }

  @Test
  void lineNumbersCountThoseInsideOfQuotes() throws IOException {
    refuses(csv("a", "id,prediction\n\"a\nb\r\nc\",1\n\nd,x\n"), "line 6: prediction is 'x'");
  }

  // ---- in code ----------------------------------------------------------------------------------

  @Test
  void inCode() {
    assertArrayEquals(new int[] {1, 0}, Predictions.of(1, 0).toArray());
    int[] mine = {1, 0};
    Predictions copy = Predictions.of(mine);
    mine[0] = 9;
    assertEquals(1, copy.get(0));
    copy.toArray()[0] = 9;
    assertEquals(1, copy.get(0));
    assertEquals(2, Predictions.ofLogits(new float[][] {{1, 0, 2}, {0, 1, 1}}).get(0));
    assertEquals(1, Predictions.ofLogits(new float[][] {{1, 0, 2}, {0, 1, 1}}).get(1));
    for (Executable wrong :
        List.<Executable>of(
            Predictions::of,
            () -> Predictions.of(1, -1),
            () -> Predictions.of(1 << 20),
            () -> Labels.of(-100),
            Labels::of,
            () -> Predictions.ofLogits(new float[0][]),
            () -> Predictions.ofLogits(new float[1][0]),
            () -> Predictions.ofLogits(new float[][] {{1, 2}, {1}}),
            () -> Predictions.ofLogits(new float[][] {{1, Float.NaN}}),
            () -> Grouping.of("a", List.of()))) {
      RuntimeException e = assertThrows(RuntimeException.class, wrong);
      assertTrue(
          e instanceof IllegalArgumentException || e instanceof CompatibilityException,
          e::toString);
    }
    String nan =
        assertThrows(
                IllegalArgumentException.class,
                () -> Predictions.ofLogits(new float[][] {{1, 2}, {1, Float.NaN}}))
            .getMessage();
    assertTrue(nan.contains("row 1, column 1"), nan);
    Labels labels = Labels.of(1, 0, 1).with(Grouping.of("a", List.of("x", "y", "x")));
    assertArrayEquals(new int[] {0, 1, 0}, labels.groupings().getFirst().toArray());
    assertEquals("labels", labels.origin());
    assertThrows(CompatibilityException.class, () -> labels.with(Grouping.of("b", List.of("x"))));
  }

  @Test
  void textIsUtf8() throws IOException {
    Path file = folder.resolve("a.csv");
    Files.write(file, "label,Größe\n1,müde\n".getBytes(StandardCharsets.UTF_8));
    assertEquals("Größe", Labels.read(file).groupings().getFirst().name());
    assertEquals(List.of("müde"), Labels.read(file).groupings().getFirst().groups());
  }
}
