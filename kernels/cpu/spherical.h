// SPDX-License-Identifier: Apache-2.0
//
// nuslerp, multislerp, karcher, model_stock and Gram matrices: the kernels of one instruction set,
// as its table lists them.
#ifndef SINTER_KERNELS_CPU_SPHERICAL_H_
#define SINTER_KERNELS_CPU_SPHERICAL_H_

#include "batch.h"

namespace sinter {
struct GramItem;
struct GramBatch;
}  // namespace sinter

namespace sinter::cpu {

struct PartCounts;

// Chunks [begin, end), numbered vector by vector: the upper triangles of their products, side by
// side.
using GramKernel = void (*)(const GramItem& item, const GramBatch& batch, int64_t begin,
                            int64_t end, double* partials);

// Elements [begin, end) of weighted sums, or with `base` of task vectors, whose coefficients differ
// between vectors of `length` elements: `columns` as sinter_vectors says, else rows. Model k's
// coefficients for vector v stand at v * models + k, or for columns at k * vectors + v.
struct VectorSums {
  const double* coefficients;
  int64_t vectors;
  int64_t length;
  bool columns;
  bool base;
};
using VectorSumsKernel = void (*)(const Item& item, const Batch& batch, const VectorSums& sums,
                                  int64_t begin, int64_t end, bool streamed, PartCounts& counts);

struct SphericalKernels {
  GramKernel gram;
  VectorSumsKernel vector_sums;
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_SPHERICAL_H_
