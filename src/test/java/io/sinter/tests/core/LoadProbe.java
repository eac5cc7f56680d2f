// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.core;

import io.sinter.Device;
import io.sinter.NativeUnavailableException;
import io.sinter.Sinter;

/// Loads the library in a JVM of its own and prints what came of it.
final class LoadProbe {
  private LoadProbe() {}

  public static void main(String[] args) {
    try {
      System.out.println("loaded " + Sinter.library());
    } catch (NativeUnavailableException first) {
      System.out.println(first.getMessage());
      try {
        Device.cpu().stream();
        throw new AssertionError("a stream without a library");
      } catch (NativeUnavailableException second) {
        System.out.println("again: " + second.getMessage().equals(first.getMessage()));
      }
      System.out.println("devices: " + Device.all());
      System.out.println("reason: " + Device.cudaUnavailableReason().orElseThrow());
    }
  }
}
