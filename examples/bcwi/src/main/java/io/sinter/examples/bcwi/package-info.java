// SPDX-License-Identifier: Apache-2.0
/// An experiment on real data: what updates of classifiers break, and what interpolating between
/// the old and the new weights does about it.
///
/// Source: Schumann et al., "Backward Compatibility During Data Updates by Weight Interpolation",
/// EACL 2024.
@NullMarked
package io.sinter.examples.bcwi;

import org.jspecify.annotations.NullMarked;
