// SPDX-License-Identifier: Apache-2.0
/// The sinter command. [Main] is its entry; everything else is the commands' own.
@NullMarked
package io.sinter.cli;

import org.jspecify.annotations.NullMarked;
