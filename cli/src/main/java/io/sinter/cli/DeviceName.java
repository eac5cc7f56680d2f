// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.Device;
import io.sinter.DeviceException;
import java.util.List;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// A device as named on the command line, looked up when it is needed: a name that cannot be is
/// wrong usage, a device that is not there is a failure.
record DeviceName(String name) {

  private static final Pattern NAME = Pattern.compile("auto|cpu|cuda(:\\d{1,4})?");

  /// What help says about `--device`.
  static final String DESCRIPTION =
      "auto, cpu or cuda:N (default: ${DEFAULT-VALUE}: a CUDA device where there is one).";

  /// What help says where several can share the work.
  static final String DESCRIPTION_OF_SEVERAL =
      "auto, cpu, cuda:N, or cuda for all CUDA devices together (default: ${DEFAULT-VALUE}: a CUDA"
          + " device where there is one).";

  /// The devices that are meant.
  List<Device> devices() {
    Device first = select().device();
    return name.equals("cuda")
        ? Device.all().stream().filter(device -> !device.isCpu()).toList()
        : List.of(first);
  }

  /// Which device it is, or the first of them, and why.
  Device.Selection select() {
    if (name.equals("auto")) {
      return Device.best();
    }
    try {
      return new Device.Selection(
          Device.parse(name.equals("cuda") ? "cuda:0" : name), "asked for with --device");
    } catch (DeviceException e) {
      throw new IllegalStateException("--device " + name + ": " + e.getMessage(), e);
    }
  }

  /// The reason of a choice in a few words, for people.
  String brief(Device.Selection selection) {
    return name.equals("auto") && selection.device().isCpu()
        ? "no CUDA device: sinter info says why"
        : selection.reason();
  }

  static final class Converter implements ITypeConverter<DeviceName> {
    @Override
    public DeviceName convert(String text) {
      if (!NAME.matcher(text).matches()) {
        throw new TypeConversionException(
            "'" + text + "' is not a device; write auto, cpu or cuda:0");
      }
      return new DeviceName(text);
    }
  }
}
