// SPDX-License-Identifier: Apache-2.0
//
// Descriptors of the methods that need norms and angles, and of Gram matrices: the same for both
// processors.
#ifndef SINTER_KERNELS_SPHERICAL_BATCH_H_
#define SINTER_KERNELS_SPHERICAL_BATCH_H_

#include "batch.h"
#include "formula/spherical.h"

namespace sinter {

struct Statistic;

// The values of sinter_vectors.
enum class Vectors : int32_t { kWhole = 0, kRows = 1, kColumns = 2 };

// The vectors of one batch entry. Element j of vector v is element v * length + j of each operand's
// view, which is transposed where vectors are columns.
struct GramItem {
  int64_t vectors;
  int64_t length;
  // Differences are computed in float64: GramBatch::load is, or is kStored and an operand is.
  bool wide;
  const View* operands;  // the base where there is one, then the models
  double* result;        // sinter_gram: [vectors][models][models], at any address; else null
};

struct GramBatch {
  const GramItem* items;
  int64_t count;
  int32_t models;
  bool base;    // x_i are the differences from operand 0
  DType load;   // operands are rounded to it first; kStored: not
  DType delta;  // differences are rounded to it; kStored: not
};

// Gram matrices, coefficients and weighted sums of one batch.
struct SphericalBatch {
  SphericalOptions options;
  Vectors vectors;
  GramBatch gram;  // entries without elements have no vectors
  Batch sums;      // of the same entries and operands; weights as coefficients() takes them
  const Statistic* statistic;  // for messages
};

// Chunks of a vector: one where it has no elements.
SINTER_FN int64_t gram_chunks(int64_t length, int64_t chunk) {
  return length <= chunk ? 1 : (length + chunk - 1) / chunk;
}

}  // namespace sinter

#endif  // SINTER_KERNELS_SPHERICAL_BATCH_H_
