// SPDX-License-Identifier: Apache-2.0

/// Checkpoints, recipes and the merge: what turns model folders and a recipe into a new model
/// folder.
///
/// A [Checkpoint] reads safetensors files, a [Recipe]
/// says what to do with them in the YAML that mergekit users already have, and a
/// [Merge] does it: planned in full, and checked in full, before a byte is
/// written.
@NullMarked
package io.sinter.updater;

import org.jspecify.annotations.NullMarked;
