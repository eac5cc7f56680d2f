// SPDX-License-Identifier: Apache-2.0
/// The merge methods, a class for each family: its entry in the registry, how a tensor's values
/// become an operation, and how a batch of those is run.
@NullMarked
package io.sinter.updater.methods;

import org.jspecify.annotations.NullMarked;
