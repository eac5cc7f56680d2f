// SPDX-License-Identifier: Apache-2.0
package io.sinter.cli;

import io.sinter.Device;
import io.sinter.DeviceException;
import io.sinter.DeviceInfo;
import io.sinter.NativeUnavailableException;
import io.sinter.Sinter;
import io.sinter.ops.Products;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `sinter info`: what this machine offers, or why not. Without a library it still tells what it
/// can, and fails.
@Command(
    name = "info",
    description = "Show version, native library, devices and driver, or why there are none.")
final class InfoCommand implements Callable<Integer> {

  private static final String JAVA =
      Runtime.version() + " (" + System.getProperty("java.vendor") + ")";
  private static final String SYSTEM =
      String.join(
          " ",
          System.getProperty("os.name"),
          System.getProperty("os.version"),
          System.getProperty("os.arch"));

  @Spec private CommandSpec spec;

  @Mixin private HelpOption help;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try {
      Sinter.library();
    } catch (NativeUnavailableException e) {
      if (json) {
        Map<String, Object> object = start();
        object.put("libraryUnavailable", e.getMessage());
        out.println(Json.of(object));
      } else {
        printStart(out);
        line("library", "not loaded: " + e.getMessage(), out);
      }
      return Main.FAILED;
    }
    if (json) {
      out.println(Json.of(describe()));
    } else {
      print(out);
    }
    return Main.DONE;
  }

  private static Map<String, Object> start() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("java", JAVA);
    object.put("system", SYSTEM);
    return object;
  }

  private static Map<String, Object> describe() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("version", Sinter.version());
    object.putAll(start());
    object.put("library", Sinter.library().toString());
    object.put("abi", Sinter.abiVersion());
    object.put("build", Sinter.buildInfo());
    List<Map<String, Object>> devices = new ArrayList<>();
    for (Device device : Device.all()) {
      devices.add(describe(device));
    }
    object.put("devices", devices);
    object.put("products", products());
    Device.cudaUnavailableReason().ifPresent(reason -> object.put("cudaUnavailable", reason));
    Device.Selection best = Device.best();
    object.put("default", best.device().toString());
    object.put("defaultReason", best.reason());
    return object;
  }

  /// For each device the library of its matrix products, or why there is none.
  private static Map<String, Object> products() {
    Map<String, Object> object = new LinkedHashMap<>();
    for (Device device : Device.all()) {
      try {
        Products.Library library = Products.library(device);
        object.put(
            device.toString(), Map.of("library", library.file(), "detail", library.detail()));
      } catch (DeviceException e) {
        object.put(device.toString(), Map.of("unavailable", String.valueOf(e.getMessage())));
      }
    }
    return object;
  }

  private static Map<String, Object> describe(Device device) {
    DeviceInfo info = device.info();
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("device", device.toString());
    object.put("name", info.name());
    object.put("memoryTotal", info.memoryTotal());
    object.put("memoryFree", info.memoryFree());
    if (device.isCpu()) {
      object.put("instructionSet", info.detail());
      object.put("threads", info.processors());
    } else {
      object.put("computeCapability", computeCapability(info));
      object.put("multiprocessors", info.processors());
      object.put("pciBus", info.detail());
      object.put("driver", cudaVersion(info.driverVersion()));
      object.put("runtime", cudaVersion(info.runtimeVersion()));
      object.put("emulated", info.emulated());
    }
    return object;
  }

  private static void printStart(PrintWriter out) {
    line("java", JAVA, out);
    line("system", SYSTEM, out);
  }

  private static void print(PrintWriter out) {
    line("version", Sinter.version(), out);
    printStart(out);
    line("library", Sinter.library().toString(), out);
    line("build", Sinter.buildInfo(), out);
    for (Device device : Device.all()) {
      line(device.toString(), text(device), out);
    }
    Device.cudaUnavailableReason().ifPresent(reason -> line("cuda", "none: " + reason, out));
    for (Device device : Device.all()) {
      line("products", "on " + device + " " + productsText(device), out);
    }
    line("default", Device.best().device().toString(), out);
  }

  private static String productsText(Device device) {
    try {
      Products.Library library = Products.library(device);
      return "by " + library.file() + " (" + library.detail() + ")";
    } catch (DeviceException e) {
      return "none: " + e.getMessage();
    }
  }

  private static String text(Device device) {
    DeviceInfo info = device.info();
    List<String> parts = new ArrayList<>();
    parts.add(info.name());
    if (device.isCpu()) {
      parts.add("instruction set " + info.detail());
      parts.add(info.processors() + " threads");
    } else {
      parts.add("compute capability " + computeCapability(info));
      parts.add(info.processors() + " multiprocessors");
    }
    parts.add(
        "%s memory (%s free)"
            .formatted(Units.bytes(info.memoryTotal()), Units.bytes(info.memoryFree())));
    if (!device.isCpu()) {
      parts.add("driver for CUDA " + cudaVersion(info.driverVersion()));
      parts.add("runtime CUDA " + cudaVersion(info.runtimeVersion()));
      parts.add("PCI " + info.detail());
    }
    if (info.emulated()) {
      parts.add("emulated, for tests only");
    }
    return String.join(", ", parts);
  }

  private static String computeCapability(DeviceInfo info) {
    return info.computeCapability() / 10 + "." + info.computeCapability() % 10;
  }

  private static String cudaVersion(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  private static void line(String key, String value, PrintWriter out) {
    out.printf("%-8s %s%n", key, value);
  }
}
