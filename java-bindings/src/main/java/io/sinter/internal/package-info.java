// SPDX-License-Identifier: Apache-2.0

/// Lifetimes, checks and marshalling behind the public API.
@NullMarked
package io.sinter.internal;

import org.jspecify.annotations.NullMarked;
