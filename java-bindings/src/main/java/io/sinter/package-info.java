// SPDX-License-Identifier: Apache-2.0

/// Devices, streams and tensors.
///
/// A [Device] is a value. A [Stream] orders work on one device, and a [Tensor] is typed memory, on
/// a device or of the host. Operations, in [io.sinter.ops], take a stream and tensors:
///
/// ```java
/// try (Stream stream = Device.best().device().stream();
///     Tensor a = stream.allocate(DType.F32, 1024);
///     Tensor b = stream.allocate(DType.F32, 1024);
///     Tensor out = stream.allocate(DType.BF16, 1024)) {
///   Interpolation.lerp(stream, a, b, 0.5, out);
///   stream.synchronize();
/// }
/// ```
///
/// A caller's mistake is an [IllegalArgumentException] before anything has happened, the use of
/// something closed an [IllegalStateException], and everything else a [SinterException].
@NullMarked
package io.sinter;

import org.jspecify.annotations.NullMarked;
