// SPDX-License-Identifier: Apache-2.0
//
// Compatibility: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_COMPATIBILITY_H_
#define SINTER_KERNELS_CPU_COMPATIBILITY_H_

#include "compatibility_batch.h"

namespace sinter::cpu {

// What the rows of a loss come to.
struct LossRows {
  int64_t included;    // n
  double* divergence;  // [rows]; 0 where a row is left out
  double* entropy;     // [rows], likewise
  int64_t* masked;     // rows held to the old model, added to by all threads
};

// What the scores of examples come to.
struct ScoreRows {
  double* gain;    // [examples]: D where it is above 0, else 0
  double* loss;    // [examples]: -D where D is below 0, else 0
  int64_t* fixed;  // [examples], or null: D as a multiple of 2^-bits
  int32_t bits;
  int64_t* gains;  // examples, added to by all threads
  int64_t* regressions;
};

// Each does a range [begin, end) of examples, rows or resamples; those that return a number return the
// first fault.
struct CompatibilityKernels {
  // Adds to the counts, which other threads may be adding to, and writes what is asked for of each
  // example. Those that have a fault are not counted.
  uint64_t (*flips)(const FlipBatch& batch, int64_t begin, int64_t end);
  uint64_t (*loss)(const LossBatch& batch, const LossRows& rows, int64_t begin, int64_t end);
  uint64_t (*scores)(const View (&scores)[2], const ScoreRows& rows, int64_t begin, int64_t end);
  void (*flip_bootstrap)(const FlipBootstrap& bootstrap, int64_t begin, int64_t end);
  void (*score_bootstrap)(const ScoreBootstrap& bootstrap, const int64_t* fixed, int64_t begin,
                          int64_t end);
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_COMPATIBILITY_H_
