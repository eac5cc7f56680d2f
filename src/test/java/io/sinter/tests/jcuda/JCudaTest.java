// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.jcuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.DeviceException;
import io.sinter.Sinter;
import io.sinter.Stream;
import io.sinter.StreamOptions;
import io.sinter.Tensor;
import io.sinter.jcuda.JCudaBlas;
import io.sinter.jcuda.JCudaStreams;
import io.sinter.jcuda.JCudaTensors;
import io.sinter.ops.Interpolation;
import io.sinter.tests.support.Devices;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Constructor;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.jcublas.cublasHandle;
import jcuda.runtime.cudaStream_t;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Addresses that JCuda and Sinter share: on any machine by JCuda's Java side alone (the emulated
/// device has addresses too), and on one with a GPU by both libraries at work.
class JCudaTest {
  static List<Device> devices() {
    return Devices.all();
  }

  static List<Device> cudaDevices() {
    List<Device> cuda = new ArrayList<>(Devices.all());
    cuda.removeIf(Device::isCpu);
    return cuda;
  }

  private static void assertMessage(
      Class<? extends RuntimeException> type, Executable executable, String... parts) {
    String message = String.valueOf(assertThrows(type, executable).getMessage());
    for (String part : parts) {
      assertTrue(message.contains(part), "\"" + part + "\" is not in: " + message);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void pointersWithoutAnAddressOnADeviceAreRefused(Device device) {
    List<Pointer> none =
        List.of(
            new Pointer(),
            new CUdeviceptr(),
            Pointer.to(new float[4]),
            Pointer.to(new float[4]).withByteOffset(8),
            Pointer.to(ByteBuffer.allocate(16)),
            Pointer.to(ByteBuffer.allocateDirect(16)),
            Pointer.to(ByteBuffer.allocateDirect(16)).withByteOffset(4),
            Pointer.to(new CUdeviceptr().withByteOffset(4096)));
    for (Pointer pointer : none) {
      assertMessage(
          IllegalArgumentException.class,
          () -> JCudaTensors.tensor(device, pointer, DType.F32, 1),
          "pointer " + pointer,
          "Java array or buffer",
          "cudaMalloc");
    }
    assertThrows(NullPointerException.class, () -> JCudaTensors.tensor(device, null, DType.F32, 1));
    assertThrows(
        NullPointerException.class,
        () -> JCudaTensors.tensor(device, new CUdeviceptr().withByteOffset(4096), null, 1));
  }

  @Test
  void hostMemoryAndTheCpuAreRefused() {
    Device cpu = Device.cpu();
    CUdeviceptr pointer = new CUdeviceptr().withByteOffset(4096);
    assertMessage(
        IllegalArgumentException.class,
        () -> JCudaTensors.tensor(cpu, pointer, DType.F32, 1),
        "device is cpu",
        "Tensor.of");
    try (Stream stream = cpu.stream();
        Tensor tensor = stream.allocate(DType.F32, 2).named("mine")) {
      assertMessage(
          IllegalArgumentException.class,
          () -> JCudaTensors.pointer(tensor),
          "\"mine\"",
          "host memory",
          "Pointer.to");
      assertMessage(
          DeviceException.class, () -> JCudaStreams.driverStream(stream), "no native streams");
      assertMessage(
          DeviceException.class, () -> JCudaStreams.runtimeStream(stream), "no native streams");
      assertMessage(
          DeviceException.class,
          () -> JCudaStreams.stream(cpu, legacyStream()).close(),
          "no native streams");
    }
  }

  /// CU_STREAM_LEGACY, without initialising the class that has it, which needs a driver.
  private static CUstream legacyStream() {
    try {
      Constructor<CUstream> constructor = CUstream.class.getDeclaredConstructor(long.class);
      constructor.setAccessible(true);
      return constructor.newInstance(1L);
    } catch (ReflectiveOperationException e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void streamsAndHandlesThatWereNotCreatedAreRefused(Device device) {
    assertMessage(
        IllegalArgumentException.class,
        () -> JCudaStreams.stream(device, new CUstream()).close(),
        "was not created",
        "CU_STREAM_LEGACY");
    assertMessage(
        IllegalArgumentException.class,
        () -> JCudaStreams.stream(device, new cudaStream_t(), StreamOptions.DEFAULT).close(),
        "was not created");
    assertThrows(
        NullPointerException.class,
        () -> JCudaStreams.stream(device, (CUstream) null, StreamOptions.DEFAULT).close());
    assertThrows(
        NullPointerException.class,
        () -> JCudaStreams.stream(device, new CUstream(), null).close());
    try (Stream stream = device.stream()) {
      assertMessage(
          IllegalArgumentException.class,
          () -> JCudaBlas.share(new cublasHandle(), stream),
          "was not created",
          "cublasCreate");
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void tensorsKeepTheirAddressThereAndBack(Device device) {
    if (device.isCpu()) {
      return;
    }
    try (Stream stream = device.stream();
        Tensor owner = stream.allocate(DType.F32, 2, 3);
        Tensor host = stream.allocatePinned(DType.F32, 2, 3)) {
      for (int i = 0; i < 6; i++) {
        host.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
      }
      stream.copy(host, owner);
      CUdeviceptr pointer = JCudaTensors.pointer(owner);
      Tensor wrapped = JCudaTensors.tensor(device, pointer, DType.F32, 2, 3);
      assertEquals(pointer, JCudaTensors.pointer(wrapped));
      Tensor row = JCudaTensors.tensor(device, pointer.withByteOffset(12), DType.F32, 1, 3);
      assertEquals(JCudaTensors.pointer(owner.slice(0, 1, 2)), JCudaTensors.pointer(row));
      Interpolation.lerp(stream, row, wrapped.slice(0, 0, 1), 1, row);
      wrapped.close();
      assertMessage(IllegalStateException.class, () -> JCudaTensors.pointer(wrapped), "is closed");
      stream.copy(owner, host); // closing freed nothing
      stream.synchronize();
      assertEquals(2, host.segment().getAtIndex(ValueLayout.JAVA_FLOAT, 5));
    }
  }

  @ParameterizedTest
  @MethodSource("devices")
  void streamsKeepTheirAddressThereAndBack(Device device) {
    if (device.isCpu()) {
      return;
    }
    try (Stream owner = device.stream()) {
      CUstream driver = JCudaStreams.driverStream(owner);
      cudaStream_t runtime = JCudaStreams.runtimeStream(owner);
      assertEquals(driver, new CUstream(runtime));
      try (Stream first = JCudaStreams.stream(device, driver);
          Stream second =
              JCudaStreams.stream(
                  device, runtime, StreamOptions.DEFAULT.withWorkspaceLimit(1 << 20))) {
        assertEquals(driver, JCudaStreams.driverStream(first));
        assertEquals(runtime, JCudaStreams.runtimeStream(second));
        first.synchronize();
      }
      owner.synchronize(); // closing ended nothing
    }
    Stream closed = device.stream();
    closed.close();
    assertMessage(IllegalStateException.class, () -> JCudaStreams.driverStream(closed), "closed");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void bothLibrariesWorkOnOneGpu(boolean modules) throws Exception {
    String output = probe(modules);
    System.out.println(output);
    assertTrue(output.contains(modules ? "jcuda is a module" : "jcuda is not a module"), output);
    boolean gpu = cudaDevices().stream().anyMatch(device -> !device.info().emulated());
    assertEquals(gpu, output.contains("runtime ok"), output);
    if (gpu && Boolean.getBoolean("sinter.requireGpu")) {
      assertTrue(output.contains("driver ok"), output);
    }
    assumeTrue(gpu, output);
  }

  /// What the probe printed in a JVM of its own, with all of it on the class path or on the module
  /// path.
  private static String probe(boolean modules) throws IOException, InterruptedException {
    List<Path> jars = new ArrayList<>();
    for (Class<?> type :
        List.of(Device.class, JCudaTensors.class, Pointer.class, cublasHandle.class)) {
      jars.add(location(type));
    }
    List<Path> natives = new ArrayList<>();
    for (String library : List.of("JCudaRuntime", "JCublas")) {
      natives.add(jarOf("lib/lib" + library + "-12.6.0-linux-x86_64.so"));
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dsinter.library=" + Sinter.library()));
    Path tests = location(JCudaProbe.class);
    if (modules) {
      command.addAll(
          List.of(
              "--module-path",
              joined(jars),
              "--add-modules",
              "io.sinter.jcuda,jcublas",
              "--enable-native-access=io.sinter,jcuda,jcublas",
              "--patch-module",
              "jcuda=" + natives.get(0),
              "--patch-module",
              "jcublas=" + natives.get(1),
              "--class-path",
              tests.toString()));
    } else {
      jars.addAll(natives);
      jars.add(tests);
      command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "--class-path", joined(jars)));
    }
    command.add(JCudaProbe.class.getName());
    Path output = Files.createTempFile("jcuda", ".txt");
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().keySet().removeIf(name -> name.startsWith("JAVA_"));
      Process process = builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
      assertTrue(process.waitFor(120, TimeUnit.SECONDS), "the other JVM hangs");
      String text = Files.readString(output).strip();
      assertEquals(0, process.exitValue(), text);
      assertFalse(text.contains("WARNING"), text);
      return text;
    } finally {
      Files.delete(output);
    }
  }

  private static String joined(List<Path> paths) {
    return paths.stream()
        .map(Path::toString)
        .collect(Collectors.joining(System.getProperty("path.separator")));
  }

  private static Path location(Class<?> type) {
    try {
      return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /// The jar that a resource without a package is in.
  private static Path jarOf(String resource) {
    URL url = ClassLoader.getSystemResource(resource);
    assertTrue(url != null, resource + " is on neither path");
    String jar = url.toString().replaceFirst("^jar:", "").replaceFirst("!/.*$", "");
    return Path.of(URI.create(jar));
  }
}
