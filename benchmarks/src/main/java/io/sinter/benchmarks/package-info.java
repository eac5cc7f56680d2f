// SPDX-License-Identifier: Apache-2.0

/// Benchmarks, each beside its traffic twin, and the guard that holds what was reached.
@NullMarked
package io.sinter.benchmarks;

import org.jspecify.annotations.NullMarked;
