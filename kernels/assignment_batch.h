// SPDX-License-Identifier: Apache-2.0
//
// Linear assignment: what its launchers are given, validated.
#ifndef SINTER_KERNELS_ASSIGNMENT_BATCH_H_
#define SINTER_KERNELS_ASSIGNMENT_BATCH_H_

#include <stdint.h>

#include "formula/dtype.h"

namespace sinter {

// The values of sinter_assignment_method.
enum class AssignmentMethod : int32_t { kRowMinima = 1, kReduction = 2, kAuction = 3 };

// Numbers that describe a solution, in the order of sinter_assignment_result.
constexpr int kAssignmentResults = 5;

// One problem. All pointers but the name are to the stream's device.
struct AssignmentItem {
  int64_t rows;     // <= columns
  int64_t columns;  // below 2^31 together
  const unsigned char* cost;
  DType dtype;          // kF32 or kF64
  int64_t stride;       // elements from one row to the next
  const double* start;  // [columns] or null: where v starts
  int32_t* column;      // [rows]
  double* u;            // [rows] or null
  double* v;            // [columns] or null
  double* results;      // [kAssignmentResults] or null
  const char* name;     // for messages, or null
};

struct AssignmentBatch {
  const AssignmentItem* items;
  int64_t count;
  bool maximize;
};

// Duals beyond this are not started from: what c - v loses of the costs to rounding would add up to a
// part of what the certificate allows.
SINTER_FN double largest_start(double spread, int64_t rows) {
  return 1e-7 * spread / (0x1p-52 * static_cast<double>(rows));
}

// Costs beyond this have differences, or sums over a row's alternatives, that are not finite.
constexpr double kLargestCost = 0x1p1000;

}  // namespace sinter

#endif  // SINTER_KERNELS_ASSIGNMENT_BATCH_H_
