// SPDX-License-Identifier: Apache-2.0
//
// Compatibility of two models' answers: outcomes of examples, and faults in what is compared.
#ifndef SINTER_KERNELS_FORMULA_COMPATIBILITY_H_
#define SINTER_KERNELS_FORMULA_COMPATIBILITY_H_

#include "formula/common.h"

namespace sinter {

// ---- Outcomes ----

// The values of sinter_outcome.
enum class Outcome : int32_t {
  kBothRight = 0,
  kNegativeFlip = 1,
  kPositiveFlip = 2,
  kWrongSame = 3,
  kWrongDifferent = 4
};
constexpr int kOutcomes = 5;

SINTER_FN int32_t outcome_of(int32_t label, int32_t old_prediction, int32_t new_prediction) {
  const int32_t old_wrong = old_prediction != label ? 1 : 0;
  const int32_t new_wrong = new_prediction != label ? 1 : 0;
  const int32_t differ = old_prediction != new_prediction ? 1 : 0;
  // 0 + new_wrong where old is right; 2 + (1 + differ) where both are wrong.
  return 2 * old_wrong + new_wrong + (old_wrong & new_wrong & differ);
}

// ---- Faults ----

// A fault is one number, so that the first one is the smallest: by row, then kind, then column.
enum class FlipFault : int32_t {
  kLabel = 0,
  kGroup = 1,
  kOldPrediction = 2,
  kNewPrediction = 3,
  kOldLogit = 4,
  kNewLogit = 5
};
constexpr uint64_t kNoFlipFault = ~uint64_t{0};
constexpr int kFaultColumnBits = 24;
constexpr int kFaultKindBits = 3;

// Columns past what has room are recorded as the last that has.
SINTER_FN uint64_t fault_of(int64_t row, FlipFault kind, int64_t column) {
  const int64_t last = (int64_t{1} << kFaultColumnBits) - 1;
  return (static_cast<uint64_t>(row) << kFaultKindBits | static_cast<uint64_t>(kind))
             << kFaultColumnBits |
         static_cast<uint64_t>(column < last ? column : last);
}
SINTER_FN int64_t fault_row(uint64_t fault) {
  return static_cast<int64_t>(fault >> (kFaultColumnBits + kFaultKindBits));
}
SINTER_FN FlipFault fault_kind(uint64_t fault) {
  return static_cast<FlipFault>(fault >> kFaultColumnBits & ((1 << kFaultKindBits) - 1));
}
SINTER_FN int64_t fault_column(uint64_t fault) {
  return static_cast<int64_t>(fault & ((uint64_t{1} << kFaultColumnBits) - 1));
}

SINTER_FN bool in_range(int32_t value, int32_t bound) {
  return static_cast<uint32_t>(value) < static_cast<uint32_t>(bound);
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_COMPATIBILITY_H_
