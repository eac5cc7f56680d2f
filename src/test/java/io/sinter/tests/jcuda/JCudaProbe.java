// SPDX-License-Identifier: Apache-2.0
package io.sinter.tests.jcuda;

import io.sinter.DType;
import io.sinter.Device;
import io.sinter.Stream;
import io.sinter.Tensor;
import io.sinter.jcuda.JCudaBlas;
import io.sinter.jcuda.JCudaStreams;
import io.sinter.jcuda.JCudaTensors;
import io.sinter.ops.Interpolation;
import java.lang.foreign.ValueLayout;
import jcuda.Pointer;
import jcuda.Sizeof;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasPointerMode;
import jcuda.runtime.JCuda;
import jcuda.runtime.cudaError;
import jcuda.runtime.cudaMemcpyKind;
import jcuda.runtime.cudaStream_t;

/// JCuda and Sinter on one GPU, in a JVM of its own. Prints a line for each part: `ok` or
/// `SKIPPED`, with the reason. That JCuda finds its native libraries is seen without a GPU as well.
final class JCudaProbe {
  private static final int N = 1000;

  private JCudaProbe() {}

  public static void main(String[] args) {
    System.out.println(
        "jcuda is " + (Pointer.class.getModule().isNamed() ? "" : "not ") + "a module");
    part(
        "natives",
        () ->
            System.out.println(
                "cudaGetDeviceCount of JCuda returns " + JCuda.cudaGetDeviceCount(new int[1])));
    Device device = null;
    for (Device each : Device.all()) {
      if (!each.isCpu() && !each.info().emulated()) {
        device = each;
        break;
      }
    }
    if (device == null) {
      System.out.println(
          "SKIPPED: no real CUDA device: "
              + Device.cudaUnavailableReason().orElse("the device is emulated"));
      return;
    }
    Device cuda = device;
    part("runtime", () -> runtime(cuda));
    part("driver", () -> driver(cuda));
    part("cublas", () -> cublas(cuda));
  }

  private static void part(String name, Runnable test) {
    try {
      test.run();
      System.out.println(name + " ok");
    } catch (LinkageError e) {
      System.out.println(name + " SKIPPED: JCuda's native library does not load: " + firstLines(e));
    }
  }

  private static String firstLines(LinkageError e) {
    return String.valueOf(e.getMessage())
        .lines()
        .limit(3)
        .reduce("", (a, b) -> a + " " + b)
        .strip();
  }

  /// Memory and a stream of the runtime API, used by both sides.
  private static void runtime(Device device) {
    check(JCuda.cudaSetDevice(device.ordinal()), cudaError.cudaSuccess, "cudaSetDevice");
    cudaStream_t theirs = new cudaStream_t();
    check(JCuda.cudaStreamCreate(theirs), cudaError.cudaSuccess, "cudaStreamCreate");
    Pointer memory = new Pointer();
    check(JCuda.cudaMalloc(memory, (long) N * Sizeof.FLOAT), cudaError.cudaSuccess, "cudaMalloc");
    float[] values = new float[N];
    for (int i = 0; i < N; i++) {
      values[i] = i;
    }
    try (Stream stream = JCudaStreams.stream(device, theirs);
        Tensor tensor = JCudaTensors.tensor(device, memory, DType.F32, N);
        Tensor zero = stream.allocate(DType.F32, N)) {
      JCuda.cudaMemcpyAsync(
          memory,
          Pointer.to(values),
          (long) N * Sizeof.FLOAT,
          cudaMemcpyKind.cudaMemcpyHostToDevice,
          theirs);
      JCuda.cudaMemsetAsync(
          JCudaTensors.pointer(zero),
          0,
          (long) N * Sizeof.FLOAT,
          JCudaStreams.runtimeStream(stream));
      Interpolation.lerp(stream, tensor, zero, 0.5, tensor); // ordered by the stream they share
      stream.synchronize();
    }
    float[] back = new float[N];
    check(
        JCuda.cudaMemcpy(
            Pointer.to(back),
            memory, // still allocated: closing the tensor freed nothing
            (long) N * Sizeof.FLOAT,
            cudaMemcpyKind.cudaMemcpyDeviceToHost),
        cudaError.cudaSuccess,
        "cudaMemcpy");
    for (int i = 0; i < N; i++) {
      require(back[i] == i * 0.5f, "element " + i + " is " + back[i]);
    }
    check(JCuda.cudaStreamSynchronize(theirs), cudaError.cudaSuccess, "cudaStreamSynchronize");
    check(JCuda.cudaStreamDestroy(theirs), cudaError.cudaSuccess, "cudaStreamDestroy");
    check(JCuda.cudaFree(memory), cudaError.cudaSuccess, "cudaFree");
  }

  /// A tensor and a stream of Sinter's, used by the driver API.
  private static void driver(Device device) {
    check(JCudaDriver.cuInit(0), CUresult.CUDA_SUCCESS, "cuInit");
    try (Stream stream = device.stream();
        Tensor tensor = stream.allocate(DType.F32, N);
        Tensor host = stream.allocatePinned(DType.F32, N)) {
      CUdeviceptr pointer = JCudaTensors.pointer(tensor);
      CUstream ours = JCudaStreams.driverStream(stream);
      JCuda.cudaSetDevice(device.ordinal()); // makes the primary context current
      check(
          JCudaDriver.cuMemsetD32Async(pointer, Float.floatToIntBits(3), N, ours),
          CUresult.CUDA_SUCCESS,
          "cuMemsetD32Async");
      try (Stream again = JCudaStreams.stream(device, ours);
          Tensor wrapped = JCudaTensors.tensor(device, pointer, DType.F32, N)) {
        again.copy(wrapped, host);
        again.synchronize();
      }
      require(host.segment().getAtIndex(ValueLayout.JAVA_FLOAT, N - 1) == 3, "3");
    }
  }

  /// A cuBLAS handle between two operations of Sinter's, on one stream, without synchronising.
  private static void cublas(Device device) {
    cublasHandle handle = new cublasHandle();
    JCuda.cudaSetDevice(device.ordinal());
    check(JCublas2.cublasCreate(handle), 0, "cublasCreate");
    try (Stream stream = device.stream();
        Tensor a = stream.allocate(DType.F32, N);
        Tensor b = stream.allocate(DType.F32, N);
        Tensor dot = stream.allocate(DType.F32, 1);
        Tensor host = stream.allocatePinned(DType.F32, N);
        Tensor result = stream.allocatePinned(DType.F32, 1)) {
      JCudaBlas.share(handle, stream);
      cudaStream_t shared = new cudaStream_t();
      check(JCublas2.cublasGetStream(handle, shared), 0, "cublasGetStream");
      require(shared.equals(JCudaStreams.runtimeStream(stream)), "cuBLAS has another stream");
      for (int i = 0; i < N; i++) {
        host.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 7);
      }
      stream.copy(host, a);
      Interpolation.lerp(stream, a, a, 0.5, b);
      JCublas2.cublasSetPointerMode(handle, cublasPointerMode.CUBLAS_POINTER_MODE_DEVICE);
      check(
          JCublas2.cublasSdot(
              handle,
              N,
              JCudaTensors.pointer(a),
              1,
              JCudaTensors.pointer(b),
              1,
              JCudaTensors.pointer(dot)),
          0,
          "cublasSdot");
      stream.copy(dot, result);
      stream.synchronize();
      float expected = 0;
      for (int i = 0; i < N; i++) {
        expected += (i % 7) * (i % 7); // whole numbers: exact in every order
      }
      float found = result.segment().get(ValueLayout.JAVA_FLOAT, 0);
      require(found == expected, found + " in place of " + expected);
    }
    check(JCublas2.cublasDestroy(handle), 0, "cublasDestroy");
  }

  private static void check(int status, int good, String what) {
    require(status == good, what + " returned " + status);
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new AssertionError(message);
    }
  }
}
