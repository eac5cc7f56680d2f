// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static io.sinter.tests.updater.Merging.merge;
import static io.sinter.tests.updater.Merging.options;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hashing;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Sinter;
import io.sinter.Tensor;
import io.sinter.ops.NormKind;
import io.sinter.ops.Reductions;
import io.sinter.tests.support.Seeds;
import io.sinter.updater.IoMode;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.TensorStatistics;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `sinter.json` against hashes and plain double loops over what was written.
class ProvenanceTest {
  private static final String TASK =
      """
      merge_method: task_arithmetic
      base_model: base
      random_seed: 7
      models:
      - {model: a, parameters: {weight: 0.5}}
      - {model: b, parameters: {weight: 0.25}}
      """;

  @TempDir Path folder;

  private JsonNode provenance(String output) throws IOException {
    return new ObjectMapper().readTree(folder.resolve(output).resolve("sinter.json").toFile());
  }

  /// Tensors around the sizes of chunks and windows, in four types, some with values that are not
  /// finite; the last two have no base to be compared with.
  private void models() throws IOException {
    SplittableRandom random = Seeds.of("provenance");
    List<String> names = List.of("base", "a", "b");
    Map<String, Map<String, PlainFile.Plain>> models = new HashMap<>();
    names.forEach(name -> models.put(name, new LinkedHashMap<>()));
    int[] sizes = {0, 1, 7, 4095, 4096, 4097, 65537, 300_001};
    for (int size : sizes) {
      float[] stored = new float[size];
      for (String name : names) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
          values[i] = (float) random.nextGaussian();
          if (!name.equals("base") && random.nextInt(4) > 0) { // Some elements stay as they were.
            values[i] = stored[i];
          }
        }
        if (name.equals("base")) {
          stored = values;
        }
        float[] halves = new float[size];
        for (int i = 0; i < size; i++) {
          halves[i] = Float.intBitsToFloat(Float.floatToRawIntBits(values[i]) & 0xffff0000);
        }
        models.get(name).put("f32." + size, PlainFile.f32(new long[] {size}, values));
        models.get(name).put("bf16." + size, PlainFile.bf16(new long[] {size}, halves));
        models.get(name).put("f16." + size, PlainFile.f16(new long[] {size}, values));
      }
    }
    for (String name : names) {
      float[] odd = new float[10_001];
      for (int i = 0; i < odd.length; i++) {
        odd[i] = (float) random.nextGaussian();
      }
      odd[5000] = name.equals("a") ? Float.NaN : 1;
      odd[10_000] = name.equals("b") ? Float.NEGATIVE_INFINITY : 1;
      models.get(name).put("f32.odd", PlainFile.f32(new long[] {73, 137}, odd));
      models.get(name).put("bf16.odd", PlainFile.bf16(new long[] {10_001}, truncated(odd)));
      models.get(name).put("f32.zeros", PlainFile.f32(new long[] {5}, -0f, 0, 0, -0f, 0));
      models
          .get(name)
          .put("f32.nan", PlainFile.f32(new long[] {2}, Float.NaN, Float.POSITIVE_INFINITY));
      float last = name.equals("b") ? Float.NEGATIVE_INFINITY : 2;
      models.get(name).put("f32.minus", PlainFile.f32(new long[] {2}, 1, last));
      models.get(name).put("bf16.minus", PlainFile.bf16(new long[] {2}, last, 1));
      models.get(name).put("position_ids", PlainFile.i64(1, 2, 3));
      PlainFile.model(folder.resolve(name), models.get(name));
    }
  }

  private static float[] truncated(float[] values) {
    float[] halves = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      halves[i] =
          Float.isNaN(values[i])
              ? Float.NaN
              : Float.intBitsToFloat(Float.floatToRawIntBits(values[i]) & 0xffff0000);
    }
    return halves;
  }

  // ---- the file ---------------------------------------------------------------------------------

  @Test
  void tellsWhatWasMergedWithWhat() throws IOException {
    models();
    Instant before = Instant.now();
    MergeReport report =
        merge(TASK, options(folder).withThreads(2).withHashInputs(true), folder.resolve("out"));
    JsonNode json = provenance("out");
    assertEquals(1, json.get("schema").asInt());
    assertEquals(Sinter.version(), json.get("sinter").get("version").asText());
    assertEquals(Sinter.abiHash(), json.get("sinter").get("abiHash").asText());
    assertTrue(Sinter.abiHash().matches("[0-9a-f]{64}"), Sinter.abiHash());
    assertEquals("cpu", json.get("devices").get(0).get("name").asText());
    assertEquals(
        Device.cpu().info().detail(), json.get("devices").get(0).get("instructionSet").asText());
    assertEquals(2, json.get("devices").get(0).get("threads").asInt());
    Instant started = Instant.parse(json.get("started").asText());
    Instant finished = Instant.parse(json.get("finished").asText());
    assertFalse(started.isBefore(before.minus(Duration.ofSeconds(1))), started.toString());
    assertFalse(finished.isBefore(started), finished.toString());
    assertEquals(TASK, json.get("recipe").get("text").asText());
    assertEquals("r.yml", json.get("recipe").get("origin").asText());
    assertEquals("task_arithmetic", json.get("recipe").get("method").asText());
    assertEquals(7, json.get("recipe").get("seed").asLong());
    assertEquals(report.nonFinite(), json.get("counts").get("nonFinite").asLong());
    List<String> inputs = new ArrayList<>();
    for (JsonNode input : json.get("inputs")) {
      String model = input.get("model").asText();
      inputs.add(model);
      assertEquals(folder.resolve(model).toString(), input.get("path").asText());
      assertEquals(1, input.get("files").size());
      JsonNode file = input.get("files").get(0);
      Path path = folder.resolve(model).resolve(file.get("file").asText());
      byte[] bytes = Files.readAllBytes(path);
      assertEquals(bytes.length, file.get("bytes").asLong());
      assertEquals(
          Files.getLastModifiedTime(path).toInstant(),
          Instant.parse(file.get("modified").asText()));
      int header = 8 + ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(0);
      assertEquals(
          "XXH3-128:" + xxh3(Arrays.copyOf(bytes, header)), file.get("headerHash").asText());
      assertEquals("XXH3-128", file.get("algorithm").asText());
      assertEquals(xxh3(bytes), file.get("hash").asText());
    }
    assertEquals(List.of("base", "a", "b"), inputs);
  }

  /// Every file of the output but itself, whole, hashed by somebody else.
  @Test
  void hashesEveryFileOfTheOutput() throws Exception {
    models();
    Files.writeString(folder.resolve("base/config.json"), "{\"model_type\": \"mlp\"}");
    for (boolean sha256 : new boolean[] {false, true}) {
      MergeOptions options = options(folder).withMaxShardBytes(600_000).withSha256(sha256);
      merge(TASK, options, folder.resolve("out" + sha256));
      Set<String> listed = new TreeSet<>(Set.of("sinter.json"));
      for (JsonNode file : provenance("out" + sha256).get("outputs")) {
        Path path = folder.resolve("out" + sha256).resolve(file.get("file").asText());
        byte[] bytes = Files.readAllBytes(path);
        assertEquals(bytes.length, file.get("bytes").asLong());
        assertEquals(sha256 ? "SHA-256" : "XXH3-128", file.get("algorithm").asText());
        assertEquals(
            sha256
                ? HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes))
                : xxh3(bytes),
            file.get("hash").asText(),
            path.toString());
        listed.add(file.get("file").asText());
      }
      try (Stream<Path> files = Files.list(folder.resolve("out" + sha256))) {
        assertEquals(listed, new TreeSet<>(files.map(f -> f.getFileName().toString()).toList()));
      }
      assertTrue(listed.contains("model.safetensors.index.json"), listed.toString());
      assertTrue(listed.contains("config.json"), listed.toString());
    }
  }

  /// As `xxhsum -H2` prints it.
  private static String xxh3(byte[] bytes) {
    HashValue128 hash = Hashing.xxh3_128().hashBytesTo128Bits(bytes);
    return "%016x%016x".formatted(hash.getMostSignificantBits(), hash.getLeastSignificantBits());
  }

  // ---- statistics -------------------------------------------------------------------------------

  @Test
  void statisticsAreThoseOfPlainLoops() throws IOException {
    models();
    Map<String, PlainFile.Plain> base = PlainFile.readFolder(folder.resolve("base"));
    MergeReport report = merge(TASK, options(folder), folder.resolve("out"));
    Map<String, PlainFile.Plain> merged = PlainFile.readFolder(folder.resolve("out"));
    assertEquals(merged.size(), report.statistics().size());
    long nonFinite = 0;
    long unchanged = 0;
    for (TensorStatistics tensor : report.statistics()) {
      check(tensor, merged.get(tensor.name()), base.get(tensor.name()));
      nonFinite += tensor.nonFinite();
      unchanged += tensor.change() != null && tensor.change().elements() == 0 ? 1 : 0;
    }
    assertEquals(report.nonFinite(), nonFinite);
    assertEquals(8, nonFinite, "2 in each odd one, 1 in each minus, both of f32.nan");
    assertTrue(unchanged < report.statistics().size() / 2, unchanged + " unchanged");
    JsonNode json = provenance("out").get("tensors");
    for (int i = 0; i < json.size(); i++) {
      check(report.statistics().get(i), json.get(i));
    }
  }

  private static void check(TensorStatistics actual, PlainFile.Plain tensor, PlainFile.Plain base) {
    String what = actual.name() + ", " + Seeds.note();
    assertEquals(tensor.dtype(), actual.type().code(), what);
    assertEquals(Arrays.toString(tensor.shape()), Arrays.toString(actual.shape()), what);
    int size = PlainFile.size(tensor.dtype());
    assertNotNull(actual.change(), what);
    long changed = 0;
    for (int i = 0; i < tensor.bytes().length; i += size) {
      changed += Arrays.equals(tensor.bytes(), i, i + size, base.bytes(), i, i + size) ? 0 : 1;
    }
    assertEquals(changed, actual.change().elements(), what);
    if (tensor.dtype().equals("I64")) {
      assertEquals(null, actual.norm(), what);
      assertEquals(null, actual.min(), what);
      return;
    }
    double min = Double.POSITIVE_INFINITY;
    double max = Double.NEGATIVE_INFINITY;
    double squares = 0;
    double differences = 0;
    long nonFinite = 0;
    double[] values = tensor.values();
    double[] bases = base.values();
    for (int i = 0; i < values.length; i++) {
      if (Double.isFinite(values[i])) {
        min = Math.min(min, values[i]); // -0 is below 0, here too.
        max = Math.max(max, values[i]);
      } else {
        nonFinite++;
      }
      squares += values[i] * values[i];
      double difference = (float) values[i] - (float) bases[i];
      differences += difference * difference;
    }
    assertEquals(min > max ? null : min, actual.min(), what);
    assertEquals(min > max ? null : max, actual.max(), what);
    assertEquals(nonFinite, actual.nonFinite(), what);
    assertClose(Math.sqrt(squares), actual.norm(), values.length, what);
    assertClose(Math.sqrt(differences), actual.change().norm(), values.length, what);
  }

  /// Both add up as many float64 numbers, in different orders.
  private static void assertClose(double expected, Double actual, int elements, String what) {
    if (Double.isFinite(expected)) {
      assertEquals(expected, actual, expected * Math.ulp(1.0) * (elements + 2), what);
    } else {
      assertEquals(expected, actual, what);
    }
  }

  private static void check(TensorStatistics expected, JsonNode json) {
    assertEquals(expected.name(), json.get("name").asText());
    assertEquals(expected.type().code(), json.get("type").asText());
    if (expected.norm() != null) {
      number(expected.norm(), json.get("norm"));
      number(expected.min(), json.get("min"));
      number(expected.max(), json.get("max"));
      number(expected.change().norm(), json.get("change").get("norm"));
      assertEquals(expected.nonFinite(), json.get("nonFinite").asLong());
    }
    assertEquals(expected.change().elements(), json.get("change").get("elements").asLong());
  }

  private static void number(Double expected, JsonNode json) {
    if (expected == null || !Double.isFinite(expected)) {
      assertTrue(json.isNull(), json.toString());
    } else {
      assertEquals(expected, json.doubleValue());
    }
  }

  @Test
  void aBaseOfAnotherTypeOrShape() throws IOException {
    PlainFile.model(
        folder.resolve("base"),
        Map.of(
            "x", PlainFile.f32(new long[] {3}, 1.0009765625f, 2, 1.5f),
            "gone", PlainFile.f32(new long[] {1}, 1)));
    PlainFile.model(
        folder.resolve("a"),
        Map.of(
            "x", PlainFile.f32(new long[] {3}, 1.0009765625f, 3, 1.5f),
            "gone", PlainFile.f32(new long[] {1}, 1)));
    String slerp =
        """
        merge_method: slerp
        base_model: base
        models: [{model: base}, {model: a}]
        parameters: {t: 1}
        dtype: bfloat16
        """;
    MergeReport report = merge(slerp, options(folder), folder.resolve("out"));
    for (TensorStatistics tensor : report.statistics()) {
      if (tensor.name().equals("x")) {
        // 1.0009765625 becomes 1 in bfloat16: another number, but not another bfloat16.
        assertEquals(1, tensor.change().elements());
        assertEquals(
            Math.sqrt(1 + 0.0009765625 * 0.0009765625), tensor.change().norm(), Math.ulp(1.0));
      }
    }
  }

  /// The numbers depend on the bytes alone.
  @Test
  void statisticsDependOnNothingButTheBytes() throws IOException {
    models();
    MergeOptions options = options(folder);
    merge(TASK, options.withThreads(1), folder.resolve("out"));
    Map<String, JsonNode> expected = statistics("out");
    List<MergeOptions> others = new ArrayList<>();
    others.add(options.withThreads(3));
    others.add(options.withMaxShardBytes(100_000));
    others.add(options.withIo(IoMode.PREAD));
    for (Device device : Device.all()) {
      others.add(options.withDevice(device).withMaxShardBytes(0));
    }
    for (int i = 0; i < others.size(); i++) {
      merge(TASK, others.get(i), folder.resolve("out" + i));
      assertEquals(expected, statistics("out" + i), others.get(i) + ", " + Seeds.note());
    }
  }

  private Map<String, JsonNode> statistics(String output) throws IOException {
    Map<String, JsonNode> statistics = new HashMap<>();
    for (JsonNode tensor : provenance(output).get("tensors")) {
      ((ObjectNode) tensor).remove("file");
      statistics.put(tensor.get("name").asText(), tensor);
    }
    return statistics;
  }

  /// A tensor in many passes, of more than one level of chunks, has the norm that one native call
  /// gives: 2^54 swallows each 1 that is added to it, and not their sum.
  @Test
  void normsAreCanonical() throws IOException {
    int elements = 4096 * 4096 + 5 * 4096 + 3;
    byte[] bytes = new byte[2 * elements];
    ByteBuffer values = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < elements; i += 4096) {
      values.putShort(2 * i, (short) (Float.floatToRawIntBits(i == 0 ? 0x1p27f : 1) >>> 16));
    }
    PlainFile.model(
        folder.resolve("a"),
        Map.of("x", new PlainFile.Plain("BF16", new long[] {elements}, bytes)));
    merge(
        "merge_method: passthrough\nmodels: [{model: a}]\n",
        options(folder),
        folder.resolve("out"));
    try (io.sinter.Stream stream = Device.cpu().stream();
        Tensor tensor = stream.allocate(DType.BF16, elements)) {
      tensor.segment().copyFrom(MemorySegment.ofArray(bytes));
      assertEquals(
          Reductions.norm(stream, tensor, NormKind.L2),
          provenance("out").get("tensors").get(0).get("norm").doubleValue(),
          Seeds.note());
    }
  }

  @Test
  void withoutStatistics() throws IOException {
    models();
    MergeReport report = merge(TASK, options(folder).withStatistics(false), folder.resolve("out"));
    assertEquals(List.of(), report.statistics());
    for (JsonNode tensor : provenance("out").get("tensors")) {
      assertFalse(tensor.has("norm"), tensor.toString());
      assertTrue(tensor.has("shape"), tensor.toString());
    }
  }
}
