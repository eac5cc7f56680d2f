// SPDX-License-Identifier: Apache-2.0

/// The native library as Java sees it: loading, layouts, symbols, lifetimes, errors.
@NullMarked
package io.sinter.tests.core;

import org.jspecify.annotations.NullMarked;
