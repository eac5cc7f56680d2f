// SPDX-License-Identifier: Apache-2.0
package io.sinter;

/// A device's properties. Numbers that do not apply are 0.
///
/// @param name the model's name
/// @param detail the CPU kernels' instruction set (`baseline`, `avx2` or `avx512`), or a CUDA
///     device's PCI bus id
/// @param processors CUDA multiprocessors, or the hardware threads this process may use
/// @param computeCapability CUDA compute capability: major * 10 + minor
/// @param driverVersion the driver's CUDA version: major * 1000 + minor * 10
/// @param runtimeVersion the library's CUDA version, likewise
/// @param memoryTotal bytes of memory in all
/// @param memoryFree bytes free when the properties were read
/// @param emulated whether kernels run in the CUDA emulation (tests only)
public record DeviceInfo(
    String name,
    String detail,
    int processors,
    int computeCapability,
    int driverVersion,
    int runtimeVersion,
    long memoryTotal,
    long memoryFree,
    boolean emulated) {}
