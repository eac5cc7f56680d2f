// SPDX-License-Identifier: Apache-2.0
package io.sinter;

/// How a stream works.
///
/// @param threads on the CPU, the threads that share each operation, the caller's included; 0 means
///     all the process may use. CUDA streams ignore it
/// @param workspaceLimit the most workspace, in bytes, that operations may hold on the stream's
///     device; 0 means no bound. An operation that needs more throws [DeviceOutOfMemoryException]
///     before it has written anything
public record StreamOptions(int threads, long workspaceLimit) {
  /// All threads, no bound on workspace.
  public static final StreamOptions DEFAULT = new StreamOptions(0, 0);

  /// Refuses negative numbers.
  ///
  /// @throws IllegalArgumentException if a number is negative
  public StreamOptions {
    if (threads < 0) {
      throw new IllegalArgumentException("threads is " + threads + "; use 0 for all, or more");
    }
    if (workspaceLimit < 0) {
      throw new IllegalArgumentException(
          "workspaceLimit is " + workspaceLimit + "; use 0 for no bound, or more");
    }
  }

  /// {@return these options with another number of threads}
  ///
  /// @param threads the threads that share each operation; 0 means all
  public StreamOptions withThreads(int threads) {
    return new StreamOptions(threads, workspaceLimit);
  }

  /// {@return these options with another bound on workspace}
  ///
  /// @param bytes the bound; 0 means none
  public StreamOptions withWorkspaceLimit(long bytes) {
    return new StreamOptions(threads, bytes);
  }
}
