// SPDX-License-Identifier: Apache-2.0
/// Whole programs on real data: a classifier trained, updated, and merged with its old version.
@NullMarked
package io.sinter.examples;

import org.jspecify.annotations.NullMarked;
