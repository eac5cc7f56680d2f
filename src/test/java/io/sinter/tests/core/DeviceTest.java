// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import static io.sinter.tests.core.Fixtures.assertMessage;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.DeviceException;
import io.sinter.DeviceInfo;
import io.sinter.DeviceOutOfMemoryException;
import io.sinter.Sinter;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class DeviceTest {
  @Test
  void libraryDescribesItself() {
    assertTrue(Files.isRegularFile(Sinter.library()));
    assertTrue(Sinter.version().matches("[0-9]+\\.[0-9]+\\.[0-9]+"), Sinter.version());
    assertTrue(Sinter.buildInfo().contains(Sinter.version()), Sinter.buildInfo());
    String[] parts = Sinter.version().split("\\.");
    assertEquals(
        Integer.parseInt(parts[0]) * 10000
            + Integer.parseInt(parts[1]) * 100
            + Integer.parseInt(parts[2]),
        Sinter.abiVersion());
  }

  @Test
  void cpuComesFirst() {
    List<Device> all = Device.all();
    assertEquals(Device.cpu(), all.getFirst());
    assertTrue(Device.cpu().isCpu());
    assertEquals("cpu", Device.cpu().toString());
    for (int i = 1; i < all.size(); i++) {
      assertEquals(i - 1, all.get(i).ordinal());
      assertEquals("cuda:" + (i - 1), all.get(i).toString());
      assertFalse(all.get(i).isCpu());
      assertEquals(Device.cuda(i - 1), all.get(i));
      assertEquals(Device.cuda(i - 1).hashCode(), all.get(i).hashCode());
      assertNotEquals(Device.cpu(), all.get(i));
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void propertiesAreFilledIn(Device device) {
    DeviceInfo info = device.info();
    assertFalse(info.name().isBlank());
    assertFalse(info.detail().isBlank());
    assertTrue(info.processors() > 0);
    assertTrue(info.memoryTotal() > 0);
    assertTrue(info.memoryFree() > 0 && info.memoryFree() <= info.memoryTotal());
    if (device.isCpu()) {
      assertTrue(
          List.of("baseline", "avx2", "avx512", "neon").contains(info.detail()), info.detail());
      assertEquals(0, info.computeCapability());
      assertFalse(info.emulated());
    }
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void nameIsReadBack(Device device) {
    assertEquals(device, Device.parse(device.toString()));
  }

  @Test
  void bestSaysWhy() {
    Device.Selection best = Device.best();
    Optional<String> reason = Device.cudaUnavailableReason();
    assertEquals(reason.isPresent(), best.device().isCpu());
    assertEquals(Device.parse("auto"), best.device());
    if (reason.isPresent()) {
      assertTrue(best.reason().contains(reason.get()), best.reason());
    } else {
      assertTrue(best.reason().contains(Device.cuda(0).info().name()), best.reason());
    }
  }

  @Test
  void missingDeviceFailsWithTheReason() {
    int count = Device.all().size() - 1;
    String message = assertMessage(DeviceException.class, () -> Device.cuda(count));
    if (count == 0) {
      // The reason, after the function's name, is the same.
      String reason = Device.cudaUnavailableReason().orElseThrow();
      assertEquals(reason.substring(reason.indexOf(':')), message.substring(message.indexOf(':')));
    }
    assertThrows(DeviceException.class, () -> Device.cuda(9));
    assertThrows(DeviceException.class, () -> Device.parse("cuda:9"));
    assertMessage(IllegalArgumentException.class, () -> Device.cuda(-1), "ordinal is -1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "gpu", "CPU", "cuda", "cuda:", "cuda:-1", "cuda:x", "cuda:1e3", "cuda:0 "})
  void unknownNameListsTheForms(String name) {
    assertMessage(
        IllegalArgumentException.class,
        () -> Device.parse(name),
        "\"" + name + "\"",
        "auto, cpu or cuda:N");
  }

  @Test
  void streamOptionsRefuseNegativeNumbers() {
    assertMessage(
        IllegalArgumentException.class,
        () -> StreamOptions.DEFAULT.withThreads(-1),
        "threads is -1");
    assertMessage(
        IllegalArgumentException.class,
        () -> StreamOptions.DEFAULT.withWorkspaceLimit(-2),
        "workspaceLimit is -2");
    assertEquals(
        new StreamOptions(3, 4), StreamOptions.DEFAULT.withThreads(3).withWorkspaceLimit(4));
  }

  @ParameterizedTest
  @MethodSource("io.sinter.Device#all")
  void tooMuchMemoryIsRefused(Device device) {
    try (Stream stream = device.stream()) {
      long bytes = 1L << 60;
      assertMessage(
          DeviceOutOfMemoryException.class,
          () -> stream.allocate(DType.F8_E5M2, bytes),
          "" + bytes);
      assertMessage(
          DeviceOutOfMemoryException.class,
          () -> stream.allocatePinned(DType.F8_E5M2, bytes),
          "" + bytes);
      stream.allocate(DType.F32, 4).close();
    }
  }
}
