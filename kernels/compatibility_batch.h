// SPDX-License-Identifier: Apache-2.0
//
// What the launchers of compatibility are given, and how they report data that admits no result. All
// pointers are of the stream's device, but where it says so.
#ifndef SINTER_KERNELS_COMPATIBILITY_BATCH_H_
#define SINTER_KERNELS_COMPATIBILITY_BATCH_H_

#include <cstdio>
#include <string>

#include "batch.h"
#include "failure.h"
#include "formula/compatibility.h"

namespace sinter {

// sinter_flips and sinter_logit_flips; results are null where they are not asked for.
struct FlipBatch {
  int64_t examples;
  int32_t classes;
  int32_t groups;
  const int32_t* labels;
  const int32_t* group_of;
  bool of_logits;
  const int32_t* predictions[2];  // old and new
  View logits[2];                 // [examples, classes]
  const char* names[2];           // of the logits; may be null; valid during the call
  int64_t* totals;
  int64_t* by_class;
  int64_t* by_group;
  int64_t* old_to_new;
  int64_t* label_to[2];
  int32_t* predicted[2];
  uint8_t* outcomes;
};

struct ScoreBatch {
  int64_t examples;
  View scores[2];  // old and new
  const char* names[2];
  double* out;  // [4]
};

// The values of sinter_loss_mask.
enum class LossMask : int32_t { kWrong = 0, kLikelihood = 1 };

struct LossBatch {
  int64_t rows;
  int32_t classes;
  View logits[3];  // the old model's, the new one's, those that are trained
  const char* names[3];
  const int32_t* labels;
  double temperature;
  double cross_entropy;
  LossMask mask;
  double* loss;  // [5]
  bool has_gradient;
  View gradient;

  // Whether a softmax without temperature is needed beside the one with it.
  bool plain() const {
    return temperature != 1.0 && (cross_entropy > 0.0 || mask == LossMask::kLikelihood);
  }
};

constexpr int kLossNumbers = 5;

struct FlipBootstrap {
  int64_t counts[kOutcomes];
  int64_t resamples;
  uint64_t key;
  int32_t count;
  int32_t measures[kMeasures];
  double* out;  // [count][resamples]
};

struct ScoreBootstrap {
  int64_t examples;
  View scores[2];
  const char* names[2];
  int64_t resamples;
  uint64_t key;
  int32_t count;
  int32_t measures[kScoreMeasures];
  double* out;  // [count][resamples]
};

// What messages need to know of a call.
struct FaultContext {
  int32_t classes;
  int32_t groups;
  bool left_out;         // a label may be kLeftOut
  std::string names[3];  // of the operands of the fault's kind: old, new, trained
};

inline std::string name_of(const char* name) { return name != nullptr ? name : ""; }

// What is said of a fault; `value` is the number that is out of range.
inline Failure example_failure(uint64_t fault, double value, const FaultContext& of) {
  const std::string row = std::to_string(fault_row(fault));
  const ExampleFault kind = fault_kind(fault);
  const auto numeric = [](const std::string& message) {
    return Failure(Status::kNumeric, message);
  };
  const auto named = [&](const char* operand, int model) {
    return std::string(operand) + (of.names[model].empty() ? "" : " '" + of.names[model] + "'");
  };
  switch (kind) {
    case ExampleFault::kOldLogit:
    case ExampleFault::kNewLogit:
    case ExampleFault::kLogit: {
      const int model = static_cast<int>(kind) - static_cast<int>(ExampleFault::kOldLogit);
      constexpr const char* kOperands[] = {"old_logits", "new_logits", "logits"};
      return numeric(named(kOperands[model], model) + " has " +
                     (value != value ? "NaN"
                      : value > 0.0  ? "infinity"
                                     : "nothing but -infinity") +
                     " at row " + row + ", column " + std::to_string(fault_column(fault)) +
                     ": no result can be had from it; find out why the model gives it, or leave "
                     "that example out");
    }
    case ExampleFault::kOldScore:
    case ExampleFault::kNewScore: {
      const int model = kind == ExampleFault::kNewScore ? 1 : 0;
      char number[32];
      std::snprintf(number, sizeof number, "%.9g", value);
      return numeric(named(model == 0 ? "old_scores" : "new_scores", model) + " is " + number +
                     " at example " + row + ": scores must be from 0 to 1");
    }
    default:
      break;
  }
  const std::string number = std::to_string(static_cast<int64_t>(value));
  if (kind == ExampleFault::kGroup) {
    return numeric("group_of[" + row + "] is " + number + ": it must be 0 to " +
                   std::to_string(of.groups - 1) + ", as there are " + std::to_string(of.groups) +
                   " groups");
  }
  const char* const operand = kind == ExampleFault::kLabel           ? "labels"
                              : kind == ExampleFault::kOldPrediction ? "old_predictions"
                                                                     : "new_predictions";
  return numeric(std::string(operand) + "[" + row + "] is " + number + ": it must be 0 to " +
                 std::to_string(of.classes - 1) + (of.left_out ? " (or -100 to be left out)" : "") +
                 ", as there are " + std::to_string(of.classes) +
                 " classes; correct it, or leave that example out");
}

}  // namespace sinter

#endif  // SINTER_KERNELS_COMPATIBILITY_BATCH_H_
