// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

/// How to match.
///
/// @param seed of the order in which groups are solved
/// @param maxSweeps the most rounds over all groups; it stops before where a round changes nothing
/// @param workspace bytes that the cost matrices of groups solved together may take; a group that
///     needs more is solved alone
/// @param threads to use; 0 for all
public record AlignmentOptions(long seed, int maxSweeps, long workspace, int threads) {
  /// Up to 100 sweeps, 2 GiB of cost matrices, all threads.
  public static final AlignmentOptions DEFAULT = new AlignmentOptions(0, 100, 1L << 31, 0);

  public AlignmentOptions {
    if (maxSweeps < 1) {
      throw new IllegalArgumentException(
          "maxSweeps is " + maxSweeps + "; there must be at least 1");
    }
    if (workspace < 0) {
      throw new IllegalArgumentException("workspace is " + workspace + " bytes; give 0 or more");
    }
    if (threads < 0) {
      throw new IllegalArgumentException("threads is " + threads + "; give 0 or more");
    }
  }

  public AlignmentOptions withSeed(long value) {
    return new AlignmentOptions(value, maxSweeps, workspace, threads);
  }

  public AlignmentOptions withMaxSweeps(int value) {
    return new AlignmentOptions(seed, value, workspace, threads);
  }

  public AlignmentOptions withWorkspace(long bytes) {
    return new AlignmentOptions(seed, maxSweeps, bytes, threads);
  }

  public AlignmentOptions withThreads(int value) {
    return new AlignmentOptions(seed, maxSweeps, workspace, value);
  }
}
