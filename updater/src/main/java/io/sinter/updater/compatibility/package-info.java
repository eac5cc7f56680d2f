// SPDX-License-Identifier: Apache-2.0

/// What an update breaks: predictions of the old and the new model compared, a gate in front of a
/// deployment, and the evaluators that a sweep over candidates asks.
@NullMarked
package io.sinter.updater.compatibility;

import org.jspecify.annotations.NullMarked;
