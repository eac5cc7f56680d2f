// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

/// Told of a matching as it goes on. What it throws ends the matching.
@FunctionalInterface
public interface AlignmentListener {
  /// Hears nothing.
  AlignmentListener NONE = (_, _, _) -> {};

  /// A group was solved.
  ///
  /// @param sweep counted from 1
  /// @param rise by how much the objective rose; 0 where the group stays as it is
  void solved(int sweep, String group, double rise);
}
