// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.updater;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.sinter.Device;
import io.sinter.tests.support.Devices;
import io.sinter.updater.IoMode;
import io.sinter.updater.MergeOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Many merges at once in one process do not disturb each other.
class ConcurrentMergesTest {
  private static final int MERGES = 24;

  private static final String[] METHODS = {
    "linear",
    "slerp",
    "task_arithmetic",
    "ties",
    "dare_ties",
    "della",
    "breadcrumbs",
    "model_stock",
    "multislerp",
    "sce",
    "arcee_fusion",
    "nearswap"
  };

  @TempDir Path folder;

  private static String recipe(String method) {
    StringBuilder text = new StringBuilder("merge_method: " + method + "\nrandom_seed: 7\n");
    boolean pair = List.of("slerp", "arcee_fusion", "nearswap").contains(method);
    if (!List.of("linear", "multislerp").contains(method)) {
      text.append("base_model: m0\n");
    }
    if (method.equals("slerp") || method.equals("nearswap")) {
      text.append("parameters: {t: 0.3}\n");
    }
    text.append("models:\n");
    for (int m = 1; m <= (pair ? 1 : 2); m++) {
      text.append("- {model: m").append(m);
      switch (method) {
        case "linear", "multislerp", "task_arithmetic" ->
            text.append(", parameters: {weight: 0.4}");
        case "ties", "dare_ties", "della", "breadcrumbs" ->
            text.append(", parameters: {weight: 0.4, density: 0.5}");
        default -> {}
      }
      text.append("}\n");
    }
    return text.toString();
  }

  /// Two of each method, on every device, with different options, started together.
  @Test
  void areEqualToMergesOneAfterTheOther() throws Exception {
    for (int m = 0; m < 3; m++) {
      Map<String, PlainFile.Plain> tensors = new LinkedHashMap<>();
      for (int i = 0; i < 6; i++) {
        tensors.put("t" + i, Merging.random(100 * m + i, 1 + 17 * i, 300));
      }
      PlainFile.model(folder.resolve("m" + m), tensors);
    }
    Map<String, byte[]> expected = new LinkedHashMap<>();
    for (String method : METHODS) {
      Path out = folder.resolve("serial-" + method);
      Merging.merge(recipe(method), Merging.options(folder), out);
      expected.put(method, Files.readAllBytes(out.resolve("model.safetensors")));
    }
    CountDownLatch start = new CountDownLatch(1);
    List<Device> devices = Devices.all();
    try (ExecutorService pool = Executors.newFixedThreadPool(MERGES)) {
      List<Future<byte[]>> merges = new ArrayList<>();
      for (int i = 0; i < MERGES; i++) {
        String method = METHODS[i % METHODS.length];
        MergeOptions options =
            Merging.options(folder)
                .withDevice(devices.get(i / METHODS.length % devices.size()))
                .withThreads(i % 3)
                .withMemory(i % 2 == 0 ? 0 : MergeOptions.LEAST_MEMORY)
                .withIo(i % 5 == 0 ? IoMode.PREAD : IoMode.MMAP);
        Path out = folder.resolve("concurrent-" + i);
        merges.add(
            pool.submit(
                () -> {
                  start.await();
                  Merging.merge(recipe(method), options, out);
                  return Files.readAllBytes(out.resolve("model.safetensors"));
                }));
      }
      start.countDown();
      for (int i = 0; i < MERGES; i++) {
        String method = METHODS[i % METHODS.length];
        assertArrayEquals(expected.get(method), merges.get(i).get(), i + ": " + method);
      }
    }
  }
}
