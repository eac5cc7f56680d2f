// SPDX-License-Identifier: Apache-2.0
package io.sinter.examples.bcwi;

/// How a classifier does on the test examples, compared with the old model.
///
/// @param accuracy share that it has right
/// @param nfr negative flip rate: share that the old model has right and it has wrong
/// @param pfr positive flip rate: share that the old model has wrong and it has right
/// @param oldAccuracy accuracy on old instances, see [Split]
/// @param oldNfr negative flip rate on old instances
/// @param newAccuracy accuracy on new instances
/// @param newNfr negative flip rate on new instances
record Measures(
    double accuracy,
    double nfr,
    double pfr,
    double oldAccuracy,
    double oldNfr,
    double newAccuracy,
    double newNfr) {}
