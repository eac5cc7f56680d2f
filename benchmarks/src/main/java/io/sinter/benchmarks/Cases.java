// SPDX-License-Identifier: Apache-2.0
package io.sinter.benchmarks;

import io.sinter.DType;
import io.sinter.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/// Every benchmark at every size that the guard holds.
final class Cases {
  private static final List<DType> DTYPES = List.of(DType.BF16, DType.F32);
  private static final long[] SIZES = {1L << 20, 1L << 26, 1L << 28};

  /// Those that are held at a small and a large size, in bf16 only.
  private static final Map<String, Supplier<MergeBenchmark>> FURTHER = new LinkedHashMap<>();

  private static final long[] FURTHER_SIZES = {1L << 20, 1L << 26};

  static {
    FURTHER.put("nuslerp", NuslerpBenchmark::new);
    FURTHER.put("multislerp 3", MultislerpBenchmark::new);
    FURTHER.put("karcher 3", KarcherBenchmark::new);
    FURTHER.put("model stock 2", ModelStockBenchmark::new);
    FURTHER.put("nearswap", NearswapBenchmark::new);
    FURTHER.put("arcee fusion", ArceeFusionBenchmark::new);
    FURTHER.put("breadcrumbs 2", BreadcrumbsBenchmark::new);
    FURTHER.put("della 1", DellaBenchmark::new);
    FURTHER.put("sce 2", SceBenchmark::new);
    FURTHER.put("ram 2", RamBenchmark::new);
    FURTHER.put("ramplus_tl 2", RamplusTlBenchmark::new);
    FURTHER.put("consensus_ta 2", ConsensusTaBenchmark::new);
    FURTHER.put("fisher bcwi", FisherBcwiBenchmark::new);
    FURTHER.put("fisher merge 2", FisherMergeBenchmark::new);
    FURTHER.put("fisher accumulate", FisherAccumulateBenchmark::new);
    FURTHER.put("select", SelectBenchmark::new);
    FURTHER.put("quantile 3", QuantileBenchmark::new);
    FURTHER.put("rank", RankBenchmark::new);
    FURTHER.put("gram 4", GramBenchmark::new);
    FURTHER.put("moments", MomentsBenchmark::new);
    FURTHER.put("chunk statistics", ChunkStatisticsBenchmark::new);
    FURTHER.put("gather rows", () -> gather(GatherBenchmark.Axes.ROWS, false));
    FURTHER.put("gather columns", () -> gather(GatherBenchmark.Axes.COLUMNS, false));
    FURTHER.put("gather both", () -> gather(GatherBenchmark.Axes.BOTH, false));
    FURTHER.put("gather both, lerp", () -> gather(GatherBenchmark.Axes.BOTH, true));
    FURTHER.put("flips of 1000 classes", CompatibilityBenchmark::new);
    FURTHER.put("random", RandomBenchmark::new);
  }

  /// One benchmark, ready to be set up.
  ///
  /// @param name what guard.json calls it
  /// @param brief whether the short guard runs it
  record Case(String name, boolean brief, Supplier<MergeBenchmark> benchmark) {}

  private Cases() {}

  static List<Case> on(Device device) {
    List<Case> cases = new ArrayList<>();
    for (DType dtype : DTYPES) {
      for (long size : SIZES) {
        boolean brief = size == 1L << 26;
        cases.add(of(device, "lerp", dtype, size, brief, LerpBenchmark::new));
        for (int models : new int[] {2, 4, 8}) {
          cases.add(
              of(
                  device,
                  "linear " + models,
                  dtype,
                  size,
                  brief && models == 4,
                  () -> {
                    LinearBenchmark linear = new LinearBenchmark();
                    linear.models = models;
                    return linear;
                  }));
        }
        boolean gated = brief && dtype == DType.BF16;
        cases.add(
            of(device, "task arithmetic 2", dtype, size, gated, TaskArithmeticBenchmark::new));
        cases.add(of(device, "slerp", dtype, size, gated, SlerpBenchmark::new));
        cases.add(of(device, "dare 1", dtype, size, gated, DareBenchmark::new));
        cases.add(of(device, "ties 2", dtype, size, gated, TiesBenchmark::new));
      }
      cases.add(batch(device, dtype, 64, 1L << 16));
      cases.add(batch(device, dtype, 4096, 1L << 24));
      cases.add(batch(device, dtype, 1 << 20, 1L << 27));
    }
    for (long size : FURTHER_SIZES) {
      FURTHER.forEach((name, make) -> cases.add(of(device, name, DType.BF16, size, false, make)));
      // Evaluations give float32.
      cases.add(
          of(device, "flips of 1000 classes", DType.F32, size, false, CompatibilityBenchmark::new));
    }
    return cases;
  }

  private static GatherBenchmark gather(GatherBenchmark.Axes axes, boolean lerp) {
    GatherBenchmark gather = new GatherBenchmark();
    gather.axes = axes;
    gather.lerp = lerp;
    return gather;
  }

  /// Not for the short guard: what a batch costs in Java depends on what the JIT has got to.
  private static Case batch(Device device, DType dtype, int each, long size) {
    return of(
        device,
        "batch of " + each,
        dtype,
        size,
        false,
        () -> {
          BatchBenchmark batch = new BatchBenchmark();
          batch.each = each;
          return batch;
        });
  }

  private static Case of(
      Device device,
      String operation,
      DType dtype,
      long size,
      boolean brief,
      Supplier<MergeBenchmark> make) {
    String name = operation + ", " + dtype.name().toLowerCase(Locale.ROOT) + ", " + size;
    return new Case(
        name,
        brief,
        () -> {
          MergeBenchmark benchmark = make.get();
          benchmark.device = device.toString();
          benchmark.dtype = dtype;
          benchmark.elements = size;
          return benchmark;
        });
  }
}
