// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

/// Whatever assigns classes to examples: a model, or several at once.
@FunctionalInterface
interface Classifier {

  /// The class of each example.
  int[] classify(Sample sample);
}
