// SPDX-License-Identifier: Apache-2.0

/// Permutation specs: which axes of which tensors name the same units of a network, so that two
/// networks trained apart can be brought into one order before they are merged.
@NullMarked
package io.sinter.updater.alignment;

import org.jspecify.annotations.NullMarked;
