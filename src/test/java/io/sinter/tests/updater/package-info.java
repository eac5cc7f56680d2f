// SPDX-License-Identifier: Apache-2.0

/// Checkpoints, recipes and merges, against files made here and against what mergekit made.
@NullMarked
package io.sinter.tests.updater;

import org.jspecify.annotations.NullMarked;
