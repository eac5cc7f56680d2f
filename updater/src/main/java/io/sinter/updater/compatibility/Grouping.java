// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.compatibility;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// One way of splitting the examples into groups: by customer, by language, or into those that the
/// old model was trained on (`old`) and those that came with the update (`new`).
public final class Grouping {
  private final String name;
  private final List<String> groups;
  private final int[] of;

  private Grouping(String name, List<String> groups, int[] of) {
    this.name = name;
    this.groups = groups;
    this.of = of;
  }

  /// A grouping from each example's group.
  ///
  /// @throws IllegalArgumentException where there are more than 1000 groups
  public static Grouping of(String name, List<String> groupOfExample) {
    Builder builder = new Builder("grouping '" + name + "'", name);
    try {
      groupOfExample.forEach(builder::add);
    } catch (CompatibilityException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
    return builder.build();
  }

  /// What the examples are split by.
  public String name() {
    return name;
  }

  /// The groups, in the order in which examples first name them.
  public List<String> groups() {
    return groups;
  }

  /// How many examples there are.
  public int size() {
    return of.length;
  }

  /// The group of an example: an index of [#groups].
  public int group(int example) {
    return of[example];
  }

  /// The groups of all examples.
  public int[] toArray() {
    return of.clone();
  }

  /// The same groups of examples in another order: example i is what was `from[i]`.
  Grouping ordered(int[] from) {
    int[] ordered = new int[from.length];
    for (int i = 0; i < from.length; i++) {
      ordered[i] = of[from[i]];
    }
    return new Grouping(name, groups, ordered);
  }

  /// Takes one example after the other.
  static final class Builder {
    private final String origin;
    private final String name;
    private final Map<String, Integer> groups = new LinkedHashMap<>();
    private final IntColumn of = new IntColumn();

    Builder(String origin, String name) {
      this.origin = origin;
      this.name = name;
    }

    void add(String group) {
      Integer known = groups.get(group);
      if (known == null) {
        if (groups.size() == Columns.MAX_GROUPS) {
          throw CompatibilityException.of(
              origin,
              "'" + name + "' has more than " + Columns.MAX_GROUPS + " different values",
              "What is different for every example is no group: call it 'id', or leave it out");
        }
        known = groups.size();
        groups.put(group, known);
      }
      if (of.size() == IntColumn.MAX) {
        throw Columns.tooMany(origin);
      }
      of.add(known);
    }

    Grouping build() {
      if (of.size() == 0) {
        throw Columns.empty(origin);
      }
      return new Grouping(name, List.copyOf(new ArrayList<>(groups.keySet())), of.toArray());
    }
  }
}
