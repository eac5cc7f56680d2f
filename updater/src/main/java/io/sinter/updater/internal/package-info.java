// SPDX-License-Identifier: Apache-2.0

/// What this module's packages share, and nobody else sees.
@NullMarked
package io.sinter.updater.internal;

import org.jspecify.annotations.NullMarked;
