// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.support;

import io.sinter.Device;
import java.util.List;

/// The devices that tests run on: the CPU, and every CUDA device, real or emulated.
public final class Devices {
  private static final List<Device> ALL = find();

  private Devices() {}

  public static List<Device> all() {
    return ALL;
  }

  /// Whether a device is the emulation, which is some hundred times slower than what it emulates.
  public static boolean slow(Device device) {
    return device.info().emulated();
  }

  /// A skip is never silent, and with `-Dsinter.requireGpu=true` it is a failure.
  private static List<Device> find() {
    List<Device> all = Device.all();
    if (all.size() == 1) {
      String reason = Device.cudaUnavailableReason().orElse("no reason given");
      if (Boolean.getBoolean("sinter.requireGpu")) {
        throw new AssertionError(
            "sinter.requireGpu is set, and there is no CUDA device: " + reason);
      }
      System.out.println("Operations are tested on the CPU only: " + reason);
    }
    return all;
  }
}
