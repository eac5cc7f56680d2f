// SPDX-License-Identifier: Apache-2.0

/// The native library: finding it, and calling it. Every restricted method is called in here.
@NullMarked
package io.sinter.internal.ffi;

import org.jspecify.annotations.NullMarked;
