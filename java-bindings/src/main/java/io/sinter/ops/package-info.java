// SPDX-License-Identifier: Apache-2.0

/// The operations, one class for each family of kernels.
///
/// Each operation has a form for one tensor and one for a batch, which costs one launch whatever
/// its size. All tensors are on the stream's device, and those of one batch entry have one shape;
/// dtypes may differ. On a CUDA device the work is enqueued and the call returns; on the CPU it is
/// done.
///
/// Elements are computed in float32 (float64 where an input is float64) and rounded once, to
/// nearest even, to the output's dtype. The same inputs give the same bytes on every device. An
/// output may be one of the inputs; any other overlap is refused or undefined.
///
/// Every operation throws [IllegalArgumentException] for wrong shapes, devices, counts and
/// non-finite weights, [IllegalStateException] for a closed stream or tensor, and
/// [io.sinter.SinterException] where the device fails, memory runs out or a mapped file cannot be
/// read.
@NullMarked
package io.sinter.ops;

import org.jspecify.annotations.NullMarked;
