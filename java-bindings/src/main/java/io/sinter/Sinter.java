// SPDX-License-Identifier: Apache-2.0
package io.sinter;

import io.sinter.internal.ffi.Abi;
import io.sinter.internal.ffi.Library;
import java.nio.file.Path;

/// The native library: which one it is, and where it was found.
///
/// Every method throws [NativeUnavailableException] where there is none.
public final class Sinter {
  private Sinter() {}

  /// {@return the version, for example `0.1.0`}
  public static String version() {
    int version = abiVersion();
    return version / 10000 + "." + version / 100 % 100 + "." + version % 100;
  }

  /// {@return one line: version, backends, compilers, architectures}
  public static String buildInfo() {
    return Abi.sinter_build_info();
  }

  /// {@return the SHA-256, in hexadecimal, of the header that the library was built from; equal
  /// hashes mean equal ABIs}
  public static String abiHash() {
    return Abi.sinter_abi_hash();
  }

  /// {@return the file the native library was loaded from}
  public static Path library() {
    return Library.path();
  }

  /// {@return the ABI's version: major * 10000 + minor * 100 + patch}
  public static int abiVersion() {
    return Abi.sinter_abi_version();
  }
}
