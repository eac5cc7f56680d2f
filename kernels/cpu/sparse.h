// SPDX-License-Identifier: Apache-2.0
//
// ties, breadcrumbs, dare and della: the kernels of one instruction set, as its table lists them.
#ifndef SINTER_KERNELS_CPU_SPARSE_H_
#define SINTER_KERNELS_CPU_SPARSE_H_

#include "batch.h"
#include "formula/sparse.h"

namespace sinter::cpu {

struct PartCounts;

// What is kept of one model's differences of one tensor by their ranks within rows.
struct RankedJob {
  const Item* item;
  const SparseBatch* sparse;
  int32_t model;
  RowShape rows;
  double density;
  double epsilon;
  uint64_t key;
  // Filled: a bit for each element (zeroed before), or its factor, of the type computed in.
  uint32_t* bits;
  void* factors;
};

// Rows that are done as one, so that elements are read in runs where a row's are far apart.
constexpr int64_t kRankedColumns = 8;

SINTER_FN int64_t ranked_columns(const RowShape& rows) {
  return rows.inner < kRankedColumns ? rows.inner : kRankedColumns;
}
SINTER_FN int64_t ranked_units(const RowShape& rows) {
  return rows.outer * ((rows.inner + ranked_columns(rows) - 1) / ranked_columns(rows));
}
// Bytes of one thread for a job: per element of a row, 16 to sort it, 4 for a rank's bound, and the
// differences of the rows that are done as one, which their ranks replace.
SINTER_FN int64_t ranked_bytes(const RowShape& rows, bool wide) {
  return rows.length * (20 + ranked_columns(rows) * (wide ? 8 : 4)) + 8;
}

struct SparseKernels {
  // The mixture of elements [begin, end); thinnings[models].
  void (*mix)(const Item& item, const SparseBatch& sparse, const Thinning* thinnings, int64_t begin,
              int64_t end, bool streamed, PartCounts& counts);
  // Chunks [begin, end) of the canonical sums of magnitudes, of all differences and of the kept ones:
  // partials[chunk - begin][models][2].
  void (*norms)(const Item& item, const SparseBatch& sparse, const Thinning* thinnings,
                int64_t begin, int64_t end, double* partials);
  // A unit of a job, in `room` of ranked_bytes, which holds what the job's units share unless this is
  // the first that is done there; false where a difference is not finite.
  bool (*rank)(const RankedJob& job, int64_t unit, bool first, unsigned char* room);
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_SPARSE_H_
