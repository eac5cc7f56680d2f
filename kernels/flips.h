// SPDX-License-Identifier: Apache-2.0
//
// What the launchers of flip counts are given, and how they report data that admits no result.
#ifndef SINTER_KERNELS_FLIPS_H_
#define SINTER_KERNELS_FLIPS_H_

#include <string>

#include "batch.h"
#include "failure.h"
#include "formula/compatibility.h"

namespace sinter {

// sinter_flips and sinter_logit_flips; results are null where they are not asked for. All pointers are
// of the stream's device.
struct FlipBatch {
  int64_t examples;
  int32_t classes;
  int32_t groups;
  const int32_t* labels;
  const int32_t* group_of;
  bool of_logits;
  const int32_t* predictions[2];  // old and new
  View logits[2];                 // [examples, classes]
  const char* names[2];           // of the logits; may be null
  int64_t* totals;
  int64_t* by_class;
  int64_t* by_group;
  int64_t* old_to_new;
  int64_t* label_to[2];
  int32_t* predicted[2];
  uint8_t* outcomes;
};

// What is said of a fault; `value` is the number out of range. `names` are those of the logits.
inline Failure flip_failure(uint64_t fault, int32_t value, int32_t classes, int32_t groups,
                            const std::string (&names)[2]) {
  const std::string row = std::to_string(fault_row(fault));
  const std::string bound = std::to_string(classes - 1);
  switch (fault_kind(fault)) {
    case FlipFault::kOldLogit:
    case FlipFault::kNewLogit: {
      const bool is_new = fault_kind(fault) == FlipFault::kNewLogit;
      const std::string& name = names[is_new ? 1 : 0];
      return Failure(Status::kNumeric,
                     std::string(is_new ? "new_logits" : "old_logits") +
                         (name.empty() ? "" : " '" + name + "'") + " has NaN at row " + row +
                         ", column " + std::to_string(fault_column(fault)) +
                         ": there is no prediction; find out why the model gives NaN, or leave "
                         "that example out");
    }
    case FlipFault::kGroup:
      return Failure(Status::kNumeric, "group_of[" + row + "] is " + std::to_string(value) +
                                           ": it must be 0 to " + std::to_string(groups - 1) +
                                           ", as there are " + std::to_string(groups) + " groups");
    default: {
      const char* const operand = fault_kind(fault) == FlipFault::kLabel ? "labels"
                                  : fault_kind(fault) == FlipFault::kOldPrediction
                                      ? "old_predictions"
                                      : "new_predictions";
      return Failure(Status::kNumeric, std::string(operand) + "[" + row + "] is " +
                                           std::to_string(value) + ": it must be 0 to " + bound +
                                           ", as there are " + std::to_string(classes) +
                                           " classes; correct it, or leave that example out");
    }
  }
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FLIPS_H_
