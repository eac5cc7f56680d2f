// SPDX-License-Identifier: Apache-2.0
package io.sinter.updater;

import org.jspecify.annotations.Nullable;

/// A merge method of one's own, element by element, in Java. It runs on the CPU device, between
/// casts that are Sinter's: elements are float32, whatever the files hold.
///
/// ```java
/// record Midrange() implements ElementwiseMethod {
///   public Method description() {
///     return Method.named("midrange").summary("Between the extremes.").atLeastModels(1).build();
///   }
///
///   public void apply(Block block) {
///     for (int i = 0; i < block.count(); i++) {
///       float least = block.model(0)[i];
///       float most = least;
///       for (int m = 1; m < block.models(); m++) {
///         least = Math.min(least, block.model(m)[i]);
///         most = Math.max(most, block.model(m)[i]);
///       }
///       block.out()[i] = (least + most) / 2;
///     }
///   }
/// }
///
/// Recipe recipe = Recipe.read(file, List.of(new Midrange()));
/// ```
public interface ElementwiseMethod {
  /// Its name, and what a recipe may say about it. [Method#named] starts one.
  Method description();

  /// Computes a block of elements. Called from several threads, in any order: what an element
  /// becomes may depend on the block's arrays at its own index and on the parameters, and on
  /// nothing else.
  void apply(Block block);

  /// Elements of one tensor.
  interface Block {
    /// How many: the arrays may be longer.
    int count();

    /// How many models there are, the base not counted where [Method#base] is not
    /// [Method.Base#MODEL].
    int models();

    /// A model's elements.
    float[] model(int model);

    /// The base's elements; `null` where there is no base apart from the models.
    float @Nullable [] base();

    /// Where results go. It holds nothing before.
    float[] out();

    /// A parameter of the whole merge.
    double number(String parameter);

    /// A parameter of one model.
    double number(String parameter, int model);

    /// The tensor's name in the output.
    String tensor();

    /// The index of the first element in the tensor.
    long from();
  }
}
