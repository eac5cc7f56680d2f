// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

import java.util.Optional;

/// A data set as the experiment uses it.
///
/// @param name its name
/// @param pool what training and development examples are drawn from
/// @param test the examples to report on; empty where they are what is left of the pool
/// @param units hidden units of its classifiers
record Data(String name, Sample pool, Optional<Sample> test, int units) {

  Architecture architecture() {
    return new Architecture(pool.examples().inputs(), units, pool.examples().classes());
  }
}
