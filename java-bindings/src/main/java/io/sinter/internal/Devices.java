// SPDX-License-Identifier: Apache-2.0
package io.sinter.internal;

import io.sinter.DeviceInfo;
import io.sinter.NativeUnavailableException;
import io.sinter.internal.ffi.Abi;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Devices by number, and questions about them.
public final class Devices {
  private Devices() {}

  /// `cpu` or `cuda:N`.
  public static String name(int device) {
    return device == Abi.SINTER_CPU ? "cpu" : "cuda:" + device;
  }

  /// How many CUDA devices there are; where there are none, why.
  public record Count(int devices, String reason) {}

  /// Counts the CUDA devices.
  public static Count count() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment count = arena.allocate(ValueLayout.JAVA_INT);
      int status = Abi.sinter_device_count(count, error);
      if (status == Abi.SINTER_OK) {
        return new Count(count.get(ValueLayout.JAVA_INT, 0), "there is none");
      }
      return new Count(0, Abi.sinter_error.message(error, 0));
    }
  }

  /// Counts the CUDA devices: none, where the native library cannot be loaded.
  public static Count countIfLoadable() {
    try {
      return count();
    } catch (NativeUnavailableException e) {
      return new Count(0, String.valueOf(e.getMessage()));
    }
  }

  /// Reads a device's properties.
  public static DeviceInfo info(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment error = Status.error(arena);
      MemorySegment info = arena.allocate(Abi.sinter_device_info.LAYOUT);
      Abi.sinter_device_info.struct_size(info, 0, info.byteSize());
      Status.check(Abi.sinter_device_properties(device, info, error), error);
      return new DeviceInfo(
          Abi.sinter_device_info.name(info, 0),
          Abi.sinter_device_info.detail(info, 0),
          Abi.sinter_device_info.processors(info, 0),
          Abi.sinter_device_info.compute_capability(info, 0),
          Abi.sinter_device_info.driver_version(info, 0),
          Abi.sinter_device_info.runtime_version(info, 0),
          Abi.sinter_device_info.memory_total(info, 0),
          Abi.sinter_device_info.memory_free(info, 0),
          Abi.sinter_device_info.emulated(info, 0) == 1);
    }
  }
}
