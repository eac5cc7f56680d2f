// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import java.util.ArrayList;
import java.util.List;

/// Where a group stands: one factor of one segment of one axis of a tensor.
///
/// @param start the segment's first element along the axis
/// @param before the product of the segment's factors before this one
/// @param after the product of those after it
record Place(
    String tensor,
    int axis,
    int start,
    Axis.Segment segment,
    Axis.Factor factor,
    int before,
    int after) {

  /// All places of a group, in the order of the tensors.
  static List<Place> of(String group, PermutationSpec spec) {
    List<Place> places = new ArrayList<>();
    spec.tensors()
        .forEach(
            (tensor, axes) -> {
              for (int a = 0; a < axes.size(); a++) {
                int start = 0;
                for (Axis.Segment segment : axes.get(a).segments()) {
                  List<Axis.Factor> factors = segment.factors();
                  for (int f = 0; f < factors.size(); f++) {
                    if (group.equals(factors.get(f).group())) {
                      places.add(
                          new Place(
                              tensor,
                              a,
                              start,
                              segment,
                              factors.get(f),
                              product(factors.subList(0, f)),
                              product(factors.subList(f + 1, factors.size()))));
                    }
                  }
                  start += segment.size();
                }
              }
            });
    return places;
  }

  private static int product(List<Axis.Factor> factors) {
    return new Axis.Segment(factors).size();
  }
}
