// SPDX-License-Identifier: Apache-2.0
//
// Linear assignment: the kernels of one instruction set, as its table lists them, and the state of
// one problem between them.
#ifndef SINTER_KERNELS_CPU_ASSIGNMENT_H_
#define SINTER_KERNELS_CPU_ASSIGNMENT_H_

#include <stdint.h>

namespace sinter::cpu {

// Columns of a row that are kept at hand: its cheapest when it was last read.
constexpr int kCachedColumns = 32;

// No row, no column; and in the place of a row: one of the columns - rows rows of constant cost that
// make a problem square.
constexpr int32_t kNobody = -1;
constexpr int32_t kConstantRow = -2;

// An entry of the heap of augmenting paths: a column, or columns + a row.
struct AssignmentReach {
  double key;
  int32_t id;
};

// A problem being solved. Costs are minimised: `sign` is -1 where the caller maximises.
//
// v only ever falls. So c - v only rises, in floating point too, and of what was read of a row once
// a bound remains: what is not cached costs at least bound[row], now and later.
struct AssignmentState {
  const unsigned char* cost;
  int64_t stride;  // in elements
  int32_t rows;
  int32_t columns;
  bool wide;  // float64 costs
  double sign;

  // What the first pass says.
  double least, most;

  // [columns], then -infinity up to padded_columns(): there, c - v is infinite.
  double* v;
  double* masked;    // v, or -infinity for columns that a path search is done with
  double* distance;  // from the source of a search; infinite where not reached
  int32_t* row_of;
  int32_t* previous;  // the row from which a search came
  int32_t* tree;      // columns that a search is done with
  double* tree_distance;
  int32_t* reached;

  // [rows]
  double* u;      // of the certificate
  double* bound;  // least c - v of columns that are not cached
  double* base;   // in a search: distance minus u
  double* own;    // sign * cost of the row's column
  int32_t* column_of;
  int32_t* cached;    // how many; a multiple of 8 with columns that do not exist
  int32_t* read_in;   // the search in which it was last read
  int32_t* queue;     // free rows: a ring
  int32_t* index;     // [rows][kCachedColumns]
  void* cached_cost;  // [rows][kCachedColumns], of the costs' type

  // [columns + rows]
  AssignmentReach* heap;
  int32_t* position;  // in the heap, or -1

  int32_t queue_head, queue_count;
  int32_t heap_count;
  int32_t reached_count;
  int32_t search;
  int32_t method;
  int64_t paths;
};

// What the first pass finds in a range of rows.
struct AssignmentScan {
  double* minima;        // [columns, rounded up to 8] of the costs' type: of each column
  unsigned char* taken;  // [columns]: is some row's cheapest
  bool distinct;         // rows' cheapest columns are different, and in column_of; their costs in u
  double least, most;
  int32_t fault_row;  // the first with a cost that is not finite or too large, or kNobody
};

struct AssignmentKernels {
  // Rows [begin, end), costs only; `scan` is cleared by the kernel.
  void (*scan)(const AssignmentState& state, int64_t begin, int64_t end, AssignmentScan& scan);
  // Caches of rows [begin, end), for the v that is there.
  void (*fill)(const AssignmentState& state, int64_t begin, int64_t end);
  // From caches and v to an optimal assignment of all rows.
  void (*solve)(AssignmentState& state);
  // u of rows [begin, end).
  void (*certify)(const AssignmentState& state, int64_t begin, int64_t end);
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_ASSIGNMENT_H_
