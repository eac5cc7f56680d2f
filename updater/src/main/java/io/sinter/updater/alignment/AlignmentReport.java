// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import java.util.List;

/// What a matching came to.
///
/// The objective of a tensor is the sum over its elements of the reference's times the renamed
/// model's; that of a group is the sum over the tensors that it names, so that groups share parts
// of
/// theirs. Batch norms' running statistics do not count.
///
/// @param architecture the spec's
/// @param before the objective over all tensors that a group names, as the model was
/// @param after the same, of the renamed model
/// @param sweeps rounds over all groups, the last of which changed nothing where it converged
/// @param converged whether it ended because nothing changed any more
/// @param solved how often a group was solved
/// @param skipped how often one was not, because nothing that it depends on had changed
/// @param seconds all of it
/// @param productSeconds of these, in matrix products
/// @param assignmentSeconds of these, in assignments
/// @param groups in the order of the spec
public record AlignmentReport(
    String architecture,
    double before,
    double after,
    int sweeps,
    boolean converged,
    int solved,
    int skipped,
    double seconds,
    double productSeconds,
    double assignmentSeconds,
    List<OfGroup> groups) {

  public AlignmentReport {
    groups = List.copyOf(groups);
  }

  /// A group.
  ///
  /// @param before its objective as the model was
  /// @param after its objective at the end
  /// @param units how many there are: of heads, query heads
  /// @param moved how many of them another one took the place of
  /// @param solved how often it was solved
  /// @param gap by how much its last assignment misses the best at most; of heads the largest of
  ///     its assignments relative to their costs
  /// @param spread the largest cost of that assignment minus the smallest
  /// @param method how that was found; `ALTERNATION`, of heads with several queries to a group, is
  ///     certified step by step, and ends in a local optimum
  public record OfGroup(
      Group group,
      double before,
      double after,
      int units,
      int moved,
      int solved,
      double gap,
      double spread,
      String method) {
    /// Of the permutation that a group ended with.
    static OfGroup of(
        Group group,
        Permutation permutation,
        double before,
        double after,
        int solved,
        double gap,
        double spread,
        String method) {
      int units =
          switch (group) {
            case Group.Units all -> all.size();
            case Group.Heads heads -> heads.groups() * heads.queries();
          };
      return new OfGroup(
          group, before, after, units, moved(permutation), solved, gap, spread, method);
    }

    private static int moved(Permutation permutation) {
      int moved = 0;
      switch (permutation) {
        case Permutation.Units units -> {
          int[] order = units.order();
          for (int i = 0; i < order.length; i++) {
            moved += order[i] != i ? 1 : 0;
          }
        }
        case Permutation.Heads heads -> {
          for (int g = 0; g < heads.groups().length; g++) {
            for (int h = 0; h < heads.queries()[g].length; h++) {
              moved += heads.groups()[g] != g || heads.queries()[g][h] != h ? 1 : 0;
            }
          }
        }
      }
      return moved;
    }

    /// {@return whether the gap is at most a millionth of the spread}
    public boolean isCertified() {
      return gap <= 1e-6 * spread;
    }
  }
}
