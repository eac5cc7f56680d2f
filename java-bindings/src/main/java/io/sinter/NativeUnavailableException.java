// SPDX-License-Identifier: Apache-2.0
package io.sinter;

import java.util.List;

/// The native library could not be loaded. The message lists every attempt and its reason.
public final class NativeUnavailableException extends SinterException {
  private static final long serialVersionUID = 1;

  /// Made by the loader.
  ///
  /// @param attempts what was tried, each with the reason it failed
  public NativeUnavailableException(List<String> attempts) {
    super("libsinter could not be loaded:\n  " + String.join("\n  ", attempts));
  }
}
