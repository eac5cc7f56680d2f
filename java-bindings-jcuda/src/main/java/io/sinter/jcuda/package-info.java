// SPDX-License-Identifier: Apache-2.0

/// Memory, streams and cuBLAS handles shared with JCuda: the same addresses, no copies.
///
/// ```java
/// CUdeviceptr weights = new CUdeviceptr();
/// JCudaDriver.cuMemAlloc(weights, 4 * n);
/// try (Stream stream = JCudaStreams.stream(device, yours);
///     Tensor tensor = JCudaTensors.tensor(device, weights, DType.F32, n)) {
///   Interpolation.lerp(stream, tensor, other, 0.5, tensor); // in order with what `yours` runs
/// }
/// JCudaDriver.cuMemFree(weights);
/// ```
///
/// What JCuda made stays JCuda's: closing a tensor or a stream of this package frees nothing of it.
/// What Sinter made stays Sinter's. Nobody tells either side when the other ends something: memory
/// must outlive the work on it, and a native stream the [io.sinter.Stream] over it. The use of what
/// is gone is undefined, as it is in CUDA.
///
/// JCuda's driver and runtime classes share addresses with Sinter in the device's primary context,
/// which the runtime uses by itself and the driver after `cuDevicePrimaryCtxRetain`.
///
/// JCuda is an optional dependency: name `org.jcuda:jcuda` (and `jcublas` for [JCudaBlas]) beside
/// this artifact. On the module path JCuda finds its native libraries only in its own module:
/// `--patch-module jcuda=jcuda-natives-12.6.0-linux-x86_64.jar`, or unpacked on
/// `java.library.path`.
@NullMarked
package io.sinter.jcuda;

import org.jspecify.annotations.NullMarked;
