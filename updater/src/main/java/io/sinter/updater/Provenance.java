// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import com.fasterxml.jackson.core.JsonGenerator;
import io.sinter.Device;
import io.sinter.DeviceInfo;
import io.sinter.Sinter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// Where an output comes from and what is in it: `sinter.json`, the last file to be written into an
/// output. `docs/provenance.md` says what its fields mean.
final class Provenance {
  static final String FILE = "sinter.json";

  /// Raised when a reader of the file would misread a newer one.
  static final int SCHEMA = 1;

  private static final long WINDOW = 1 << 22;

  private final Recipe recipe;
  private final MergeOptions options;
  private final List<Device> devices;
  private final Instant started = Instant.now();
  private final List<Model> models = new ArrayList<>();
  private final SequencedMap<String, Planner.Fisher> fishers;

  private record Model(String text, Checkpoint checkpoint, List<Input> files) {}

  /// An input file as it was when it was opened.
  private record Input(Path file, long bytes, Instant modified, Hash header) {}

  private record Hash(String algorithm, String hex) {}

  /// @param models by the text that names them in the recipe
  /// @param fishers their Fisher diagonals, likewise
  Provenance(
      Recipe recipe,
      MergeOptions options,
      List<Device> devices,
      Map<String, Checkpoint> models,
      SequencedMap<String, Planner.Fisher> fishers) {
    this.fishers = fishers;
    this.recipe = recipe;
    this.options = options;
    this.devices = devices;
    models.forEach(
        (text, checkpoint) ->
            this.models.add(
                new Model(
                    text,
                    checkpoint,
                    checkpoint.stamps().stream()
                        .filter(stamp -> checkpoint.files().contains(stamp.file()))
                        .map(stamp -> input(checkpoint, stamp))
                        .toList())));
  }

  private static Input input(Checkpoint checkpoint, InputStamp stamp) {
    long header = 8;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment length = arena.allocate(8);
      checkpoint.read(stamp.file(), 0, length);
      header += length.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
    }
    return new Input(
        stamp.file(),
        stamp.size(),
        stamp.modified().toInstant(),
        hash(checkpoint, stamp.file(), header, ContentHash.xxh3()));
  }

  private static Hash hash(Checkpoint checkpoint, Path file, long bytes, ContentHash hash) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment window = arena.allocate(Math.max(1, Math.min(WINDOW, bytes)));
      for (long at = 0; at < bytes; at += WINDOW) {
        MemorySegment part = window.asSlice(0, Math.min(WINDOW, bytes - at));
        checkpoint.read(file, at, part);
        hash.update(part);
      }
      return new Hash(hash.algorithm(), hash.hex());
    }
  }

  /// The file's bytes.
  ///
  /// @param written what is known of the safetensors files
  /// @param files the other files of the output, by name
  /// @param index the index, if there is one
  /// @param statistics of every tensor; `null` where none were taken
  byte[] encode(
      MergePlan plan,
      ShardWriter written,
      Map<String, byte[]> files,
      Optional<byte[]> index,
      @Nullable List<TensorStatistics> statistics,
      List<String> warnings) {
    SequencedMap<String, byte[]> others = new LinkedHashMap<>(files);
    index.ifPresent(bytes -> others.put(Checkpoint.INDEX, bytes));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (JsonGenerator json = Json.generator(out).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeNumberField("schema", SCHEMA);
      json.writeObjectFieldStart("sinter");
      json.writeStringField("version", Sinter.version());
      json.writeNumberField("abi", Sinter.abiVersion());
      json.writeStringField("abiHash", Sinter.abiHash());
      json.writeStringField("build", Sinter.buildInfo());
      json.writeEndObject();
      json.writeArrayFieldStart("devices");
      for (Device device : devices) {
        writeDevice(json, device);
      }
      json.writeEndArray();
      json.writeStringField("started", started.toString());
      json.writeStringField("finished", Instant.now().toString());
      writeRecipe(json);
      writeInputs(json);
      if (!fishers.isEmpty()) {
        writeFishers(json);
      }
      json.writeArrayFieldStart("outputs");
      for (MergeReport.OutputFile shard : written.files()) {
        writeFile(
            json,
            shard.path().getFileName().toString(),
            shard.bytes(),
            new Hash(shard.algorithm(), shard.hash()));
      }
      for (Map.Entry<String, byte[]> file : others.entrySet()) {
        ContentHash hash = options.sha256() ? ContentHash.sha256() : ContentHash.xxh3();
        hash.update(MemorySegment.ofArray(file.getValue()));
        writeFile(
            json, file.getKey(), file.getValue().length, new Hash(hash.algorithm(), hash.hex()));
      }
      json.writeEndArray();
      json.writeObjectFieldStart("counts");
      json.writeNumberField("bytesRead", plan.bytesRead());
      json.writeNumberField("bytesWritten", plan.bytesWritten());
      json.writeNumberField("nonFinite", written.nonFinite());
      json.writeNumberField("saturated", written.saturated());
      json.writeNumberField("fallbacks", written.fallbacks());
      json.writeEndObject();
      json.writeArrayFieldStart("warnings");
      for (String warning : warnings) {
        json.writeString(warning);
      }
      json.writeEndArray();
      writeTensors(json, plan, statistics);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // An array in memory does not fail.
    }
    out.write('\n');
    return out.toByteArray();
  }

  private void writeDevice(JsonGenerator json, Device device) throws IOException {
    DeviceInfo info = device.info();
    json.writeStartObject();
    json.writeStringField("name", device.toString());
    json.writeStringField("model", info.name());
    if (device.isCpu()) {
      json.writeStringField("instructionSet", info.detail());
      json.writeNumberField(
          "threads", options.threads() == 0 ? info.processors() : options.threads());
    } else {
      json.writeNumberField("computeCapability", info.computeCapability());
      json.writeNumberField("driver", info.driverVersion());
    }
    json.writeEndObject();
  }

  private void writeRecipe(JsonGenerator json) throws IOException {
    json.writeObjectFieldStart("recipe");
    json.writeStringField("origin", recipe.origin());
    json.writeStringField("method", recipe.method().name());
    json.writeStringField("mode", recipe.mode().name().toLowerCase(Locale.ROOT));
    json.writeNumberField("seed", recipe.randomSeed());
    json.writeStringField("text", recipe.text());
    json.writeEndObject();
  }

  private void writeInputs(JsonGenerator json) throws IOException {
    json.writeArrayFieldStart("inputs");
    for (Model model : models) {
      json.writeStartObject();
      json.writeStringField("model", model.text());
      json.writeStringField("path", model.checkpoint().path().toAbsolutePath().toString());
      json.writeArrayFieldStart("files");
      for (Input input : model.files()) {
        json.writeStartObject();
        json.writeStringField("file", input.file().getFileName().toString());
        json.writeNumberField("bytes", input.bytes());
        json.writeStringField("modified", input.modified().toString());
        json.writeStringField(
            "headerHash", input.header().algorithm() + ":" + input.header().hex());
        if (options.hashInputs()) {
          ContentHash content = options.sha256() ? ContentHash.sha256() : ContentHash.xxh3();
          writeHash(json, hash(model.checkpoint(), input.file(), input.bytes(), content));
        }
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void writeFishers(JsonGenerator json) throws IOException {
    json.writeArrayFieldStart("fishers");
    for (Map.Entry<String, Planner.Fisher> entry : fishers.entrySet()) {
      FisherDiagonal diagonal = entry.getValue().diagonal();
      json.writeStartObject();
      json.writeStringField("model", entry.getKey());
      json.writeStringField("path", diagonal.file().toAbsolutePath().toString());
      json.writeStringField("contentHash", diagonal.checkpoint().contentHash(options.threads()));
      json.writeStringField("modelHash", diagonal.model());
      json.writeBooleanField("forced", options.forceFisher());
      json.writeStringField("estimator", diagonal.estimator().text());
      json.writeNumberField("examples", diagonal.examples());
      writeNumber(json, "mean", entry.getValue().totals().mean());
      writeNumber(json, "rms", entry.getValue().totals().rms());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void writeFile(JsonGenerator json, String name, long bytes, Hash hash)
      throws IOException {
    json.writeStartObject();
    json.writeStringField("file", name);
    json.writeNumberField("bytes", bytes);
    writeHash(json, hash);
    json.writeEndObject();
  }

  private static void writeHash(JsonGenerator json, Hash hash) throws IOException {
    json.writeStringField("algorithm", hash.algorithm());
    json.writeStringField("hash", hash.hex());
  }

  private static void writeTensors(
      JsonGenerator json, MergePlan plan, @Nullable List<TensorStatistics> statistics)
      throws IOException {
    json.writeArrayFieldStart("tensors");
    for (int i = 0; i < plan.tensors().size(); i++) {
      MergePlan.Output tensor = plan.tensors().get(i);
      json.writeStartObject();
      json.writeStringField("name", tensor.name());
      json.writeStringField("type", tensor.type().code());
      json.writeFieldName("shape");
      json.writeArray(tensor.shape(), 0, tensor.shape().length);
      json.writeStringField("file", plan.files().get(tensor.file()));
      if (statistics != null) {
        writeStatistics(json, statistics.get(i));
      }
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void writeStatistics(JsonGenerator json, TensorStatistics tensor)
      throws IOException {
    if (!tensor.type().dtype().isEmpty()) {
      writeNumber(json, "min", tensor.min());
      writeNumber(json, "max", tensor.max());
      writeNumber(json, "norm", tensor.norm());
      json.writeNumberField("nonFinite", tensor.nonFinite());
    }
    TensorStatistics.Change change = tensor.change();
    if (change != null) {
      json.writeObjectFieldStart("change");
      if (change.norm() != null) {
        writeNumber(json, "norm", change.norm());
      }
      json.writeNumberField("elements", change.elements());
      json.writeEndObject();
    }
  }

  /// JSON knows no infinity and no NaN.
  private static void writeNumber(JsonGenerator json, String name, @Nullable Double value)
      throws IOException {
    if (value == null || !Double.isFinite(value)) {
      json.writeNullField(name);
    } else {
      json.writeNumberField(name, value);
    }
  }
}
