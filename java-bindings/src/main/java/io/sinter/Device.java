// SPDX-License-Identifier: Apache-2.0
package io.sinter;

import io.sinter.internal.Devices;
import io.sinter.internal.ffi.Abi;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// The CPU, or a CUDA device. A value: it holds nothing and is not closed.
public final class Device {
  private static final Device CPU = new Device(Abi.SINTER_CPU);

  private final int number;

  private Device(int number) {
    this.number = number;
  }

  static Device of(int number) {
    return number == Abi.SINTER_CPU ? CPU : new Device(number);
  }

  /// A device, and why it was chosen.
  ///
  /// @param device the device
  /// @param reason one sentence
  public record Selection(Device device, String reason) {}

  /// {@return the CPU}
  public static Device cpu() {
    return CPU;
  }

  /// {@return a CUDA device}
  ///
  /// @param ordinal its number, from 0
  /// @throws IllegalArgumentException if the number is negative
  /// @throws DeviceException if there is no such device, with the reason
  /// @throws NativeUnavailableException if the native library cannot be loaded
  public static Device cuda(int ordinal) {
    if (ordinal < 0) {
      throw new IllegalArgumentException("ordinal is " + ordinal + "; CUDA devices are 0, 1, ...");
    }
    Device device = of(ordinal);
    device.info();
    return device;
  }

  /// Chooses the first CUDA device, or the CPU where there is none.
  ///
  /// @return the device, and why
  /// @throws NativeUnavailableException if the native library cannot be loaded
  public static Selection best() {
    Devices.Count count = Devices.count();
    if (count.devices() == 0) {
      return new Selection(CPU, "no CUDA device: " + count.reason());
    }
    Device first = of(0);
    return new Selection(
        first,
        count.devices() == 1
            ? "the only CUDA device: " + first.info().name()
            : "the first of " + count.devices() + " CUDA devices: " + first.info().name());
  }

  /// {@return the device that a user named: `auto` (see [#best]), `cpu` or `cuda:N`}
  ///
  /// @param text the name
  /// @throws IllegalArgumentException if it is none of these
  /// @throws DeviceException if there is no such device, with the reason
  /// @throws NativeUnavailableException if the native library cannot be loaded
  public static Device parse(String text) {
    if (text.equals("auto")) {
      return best().device();
    }
    if (text.equals("cpu")) {
      return CPU;
    }
    if (text.matches("cuda:[0-9]{1,9}")) {
      return cuda(Integer.parseInt(text.substring("cuda:".length())));
    }
    throw new IllegalArgumentException(
        "\"" + text + "\" names no device; use auto, cpu or cuda:N (cuda:0 is the first)");
  }

  /// {@return the CPU, then the CUDA devices; never throws}
  public static List<Device> all() {
    List<Device> devices = new ArrayList<>(List.of(CPU));
    int cuda = Devices.countIfLoadable().devices();
    for (int ordinal = 0; ordinal < cuda; ordinal++) {
      devices.add(of(ordinal));
    }
    return List.copyOf(devices);
  }

  /// {@return why there is no CUDA device, or empty where there is one; never throws}
  public static Optional<String> cudaUnavailableReason() {
    Devices.Count count = Devices.countIfLoadable();
    return count.devices() > 0 ? Optional.empty() : Optional.of(count.reason());
  }

  /// {@return whether this is the CPU}
  public boolean isCpu() {
    return number == Abi.SINTER_CPU;
  }

  /// {@return a CUDA device's number, or -1 for the CPU}
  public int ordinal() {
    return number;
  }

  /// {@return the device's properties, read now}
  ///
  /// @throws DeviceException if there is no such device any more, or it failed
  /// @throws NativeUnavailableException if the native library cannot be loaded
  public DeviceInfo info() {
    return Devices.info(number);
  }

  /// {@return a new stream with default options, to be closed}
  ///
  /// @throws DeviceException if the device failed
  /// @throws NativeUnavailableException if the native library cannot be loaded
  public Stream stream() {
    return stream(StreamOptions.DEFAULT);
  }

  /// {@return a new stream, to be closed}
  ///
  /// @param options how it works
  /// @throws DeviceException if the device failed
  /// @throws NativeUnavailableException if the native library cannot be loaded
  public Stream stream(StreamOptions options) {
    return new Stream(this, Objects.requireNonNull(options, "options"));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Device device && device.number == number;
  }

  @Override
  public int hashCode() {
    return number;
  }

  /// `cpu` or `cuda:N`, as [#parse] reads it.
  @Override
  public String toString() {
    return Devices.name(number);
  }
}
