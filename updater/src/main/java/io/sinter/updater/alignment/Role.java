// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater.alignment;

import java.util.Locale;

/// What an axis is to a group.
public enum Role {
  /// Its units.
  UNITS,
  /// The output of the query projection: key/value group x query head x dimension.
  QUERY,
  /// The output of the key projection: key/value group x dimension.
  KEY,
  /// The output of the value projection: key/value group x dimension.
  VALUE,
  /// The input of the output projection: key/value group x query head x dimension of values.
  OUTPUT;

  /// Whether the axis counts query heads.
  boolean ofQueries() {
    return this == QUERY || this == OUTPUT;
  }

  /// As specs and names of activations write it.
  public String code() {
    return name().toLowerCase(Locale.ROOT);
  }
}
