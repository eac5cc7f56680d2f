// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Event;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.updater.CheckpointWriter;
import io.sinter.updater.Merge;
import io.sinter.updater.MergeListener;
import io.sinter.updater.MergeOptions;
import io.sinter.updater.MergeReport;
import io.sinter.updater.Recipe;
import io.sinter.updater.StorageType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// The rate of a whole merge on a device, from files in the page cache to files in memory, against
/// the rate of the link that its bytes go over: inputs to the device and results back at once, from
/// and to page-locked memory. On the CPU, where there is no link, a copy in memory stands for it.
///
/// `CheckpointRate FOLDER [--device cuda:0] [--bytes 2000000000] [--rounds 5] [--results FILE]
/// [--commit COMMIT]`; FOLDER should be on a memory file system.
public final class CheckpointRate {
  private static final int MODELS = 2;

  private static final String RECIPE =
      """
      merge_method: linear
      models:
      - {model: m0, parameters: {weight: 0.5}}
      - {model: m1, parameters: {weight: 0.5}}
      """;

  private CheckpointRate() {}

  /// What was measured: medians over the rounds.
  ///
  /// @param link gigabytes a second, both ways together
  /// @param merge gigabytes a second read and written by a merge
  /// @param ratio the median of the rounds' ratios
  /// @param deviceBytes the most that was seen taken of the device's memory
  public record Result(double link, double merge, double ratio, long deviceBytes) {}

  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args[0]);
    Device device = Device.best().device();
    long bytes = 2_000_000_000L;
    int rounds = 5;
    String commit = "unknown";
    Path results = null;
    for (int i = 1; i < args.length; i += 2) {
      switch (args[i]) {
        case "--device" -> device = Device.parse(args[i + 1]);
        case "--bytes" -> bytes = Long.parseLong(args[i + 1]);
        case "--rounds" -> rounds = Integer.parseInt(args[i + 1]);
        case "--commit" -> commit = args[i + 1];
        case "--results" -> results = Path.of(args[i + 1]);
        default -> throw new IllegalArgumentException(args[i] + " is not an option");
      }
    }
    Result result = measure(folder, device, bytes, rounds);
    System.out.printf(
        "%s (%s): link %.1f GB/s, merge %.1f GB/s: %.2f (gate .80); %d MB of the device%n",
        device,
        device.info().name(),
        result.link(),
        result.merge(),
        result.ratio(),
        result.deviceBytes() >> 20);
    if (results != null) {
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("commit", commit);
      json.put("date", java.time.LocalDate.now().toString());
      json.put("device", device.info().name());
      json.put("driver", device.info().driverVersion());
      json.put("modelBytes", bytes);
      json.put("linkGigabytesPerSecond", result.link());
      json.put("mergeGigabytesPerSecond", result.merge());
      json.put("ratio", result.ratio());
      json.put("deviceBytes", result.deviceBytes());
      Files.write(
          results, new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsBytes(json));
    }
  }

  /// @param folder which must exist
  /// @param bytes of each model
  static Result measure(Path folder, Device device, long bytes, int rounds) throws IOException {
    for (int m = 0; m < MODELS; m++) {
      write(folder.resolve("m" + m), bytes, m);
    }
    double[] links = new double[rounds];
    double[] merges = new double[rounds];
    double[] ratios = new double[rounds];
    long free = device.info().memoryFree();
    long[] least = {free};
    MergeListener watch =
        new MergeListener() {
          @Override
          public void progress(long done, long total) {
            least[0] = Math.min(least[0], device.info().memoryFree());
          }
        };
    MergeOptions options =
        MergeOptions.DEFAULT.withDevice(device).withWorkingDirectory(folder).withStatistics(false);
    for (int i = -1; i < rounds; i++) { // The first brings files to the cache, code to the JIT.
      double link = link(device, Math.min(bytes, 256L << 20));
      Path out = folder.resolve("out");
      MergeReport report;
      try (Merge merge = Merge.plan(Recipe.parse(RECIPE, "recipe"), options)) {
        report = merge.run(out, i < 0 ? watch : MergeListener.NONE);
      }
      delete(out);
      if (i >= 0) {
        links[i] = link;
        merges[i] = (report.bytesRead() + report.bytesWritten()) / report.seconds() / 1e9;
        ratios[i] = merges[i] / link;
      }
    }
    for (int m = 0; m < MODELS; m++) {
      delete(folder.resolve("m" + m));
    }
    return new Result(
        median(links), median(merges), median(ratios), device.isCpu() ? 0 : free - least[0]);
  }

  /// Gigabytes a second over the link: two streams take inputs there, one brings results back.
  private static double link(Device device, long bytes) {
    long elements = bytes / Float.BYTES;
    List<Stream> streams = new ArrayList<>();
    List<Tensor> tensors = new ArrayList<>();
    try {
      for (int i = 0; i <= MODELS; i++) {
        Stream stream = device.stream();
        streams.add(stream);
        tensors.add(stream.allocatePinned(DType.F32, elements));
        tensors.add(stream.allocate(DType.F32, elements));
      }
      double best = 0;
      for (int round = 0; round < 4; round++) {
        long start = System.nanoTime();
        for (int i = 0; i <= MODELS; i++) {
          Tensor host = tensors.get(2 * i);
          Tensor there = tensors.get(2 * i + 1);
          streams.get(i).copy(i < MODELS ? host : there, i < MODELS ? there : host);
        }
        for (Stream stream : streams) {
          try (Event done = stream.record()) {
            done.synchronize();
          }
        }
        best = Math.max(best, (MODELS + 1) * bytes / (double) (System.nanoTime() - start));
      }
      return best;
    } finally {
      tensors.forEach(Tensor::close);
      streams.forEach(Stream::close);
    }
  }

  /// A model of tensors of 32 MB, bfloat16, of magnitudes from 1/4 to 2.
  private static void write(Path folder, long bytes, int seed) {
    long each = Math.min(bytes, 32_000_000);
    try (Arena arena = Arena.ofShared()) {
      CheckpointWriter writer = new CheckpointWriter();
      SplittableRandom random = new SplittableRandom(seed);
      MemorySegment values = arena.allocate(each);
      for (long at = 0; at < each; at += 2) {
        int bits = random.nextInt();
        values.set(
            ValueLayout.JAVA_SHORT, at, (short) ((bits & 0x807f) | 0x3e80 + (bits >>> 16 & 0x180)));
      }
      for (int i = 0; i < bytes / each; i++) {
        writer.add("layer" + i, StorageType.BF16, new long[] {each / 2}, values);
      }
      writer.write(folder, 0, true);
    }
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (Path path : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
