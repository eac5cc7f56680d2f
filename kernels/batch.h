// SPDX-License-Identifier: Apache-2.0
//
// What a launcher is given: validated descriptors of one batch, the same for both processors. The
// launchers' names and meanings are those of sinter.h; see kernels/cpu/launch.h and
// kernels/cuda/launch.h.
#ifndef SINTER_KERNELS_BATCH_H_
#define SINTER_KERNELS_BATCH_H_

#include <stdint.h>

#include "formula/dtype.h"

namespace sinter {

constexpr int kMaxRank = 8;

struct Statistic;  // failure.h

// A typed view. Dimensions of size 1 are dropped and neighbours that lie in one stride are merged,
// so rank 1 with stride 1, or rank 0, is contiguous.
struct View {
  unsigned char* data;
  DType dtype;
  int32_t rank;
  int64_t shape[kMaxRank];
  int64_t strides[kMaxRank];  // in elements

  bool contiguous() const { return rank == 0 || (rank == 1 && strides[0] == 1); }
};

// One entry of an elementwise batch.
struct Item {
  int64_t elements;
  // -1: the formula. Else: the output is this input, cast (and so copied where dtypes are equal).
  int32_t copy_of;
  // Computed in float64: Batch::load is, or is kStored and an input is.
  bool wide;
  // The output's name for messages, or null; valid during the call only.
  const char* name;
  View output;
  const View* inputs;     // [Batch::inputs]; task vectors: the base, then the models
  const double* weights;  // lerp, slerp: t; linear: a weight per input; task vectors: per model
};

// Non-finite elements written, results saturated, and vectors for which the method fell back, per
// item: the layout of sinter_arithmetic::counts.
struct Counts {
  double nonfinite;
  double saturated;
  double fallbacks;
};

struct Batch {
  const Item* items;
  int64_t count;
  int32_t inputs;
  DType load;      // inputs are rounded to it first; kStored: not
  DType delta;     // task vectors: differences are rounded to it; kStored: not
  Counts* counts;  // [count] on the stream's device, or null
  // The last ones of the inputs, which are weights of the others: taken as stored, not rounded to
  // `load`, and Item::wide does not ask for their dtypes.
  int32_t weighing = 0;
};

// What a sparse mixture keeps of a model's differences.
enum class Sparsifier : int32_t {
  kSelected,   // what selections say
  kMagnitude,  // the largest, or those that follow them
  kRandom,
  kRanked  // at random, with a probability by rank
};

// The values of sinter_rescale.
enum class Rescale : int32_t { kNone = 0, kL1 = 1, kDensity = 2 };

// A tensor as rows along axis 1: row (o, j) has elements (o length + l) inner + j, l = 0 .. length - 1.
struct RowShape {
  int64_t outer, length, inner;
};

// ties, breadcrumbs, dare and della. Input 0 is the base; an item's weights are the models' and then
// lambda.
struct SparseBatch {
  Batch batch;
  Sparsifier sparsifier;
  bool consensus;
  bool plain_election;
  bool normalize;
  Rescale rescale;
  const char* method;        // for messages
  const double* selections;  // kSelected: [count][models][2] on the stream's device
  // [count][models], where the sparsifier asks for them.
  const double* densities;
  const double* gammas;
  const double* epsilons;
  const int64_t* keys;
  // kRanked: [count], and [count][1 + models]: the inputs with axis 1 last.
  const RowShape* rows;
  const View* turned;
};

// One pair of sinter_copy: one dtype and shape, bytes kept.
struct CopyItem {
  int64_t elements;
  View from;
  View to;
  bool from_host;
  bool to_host;
};

// One entry of a batch of reductions: a tensor, or each row of `row` elements of it.
struct ReduceItem {
  int64_t elements;
  View a;
  View b;                     // equals a where the reduction has one operand
  int64_t rows = 1;           // of elements / rows elements each; 1: the tensor is one
  double* results = nullptr;  // [rows] on the stream's device; null: in ReduceBatch::results
  double parameter = 0.0;     // count: the threshold

  int64_t row() const { return rows > 0 ? elements / rows : 0; }
};

struct ReduceBatch {
  const ReduceItem* items;
  int64_t count;
  DType load;
  double* results;  // [count] (dots: [count][3]) on the stream's device; rows: null
};

// Statistics of chunks; each item's results are its own, kBasedStatistics or kStatistics per chunk.
struct StatisticsBatch {
  const ReduceItem* items;
  int64_t count;
  bool based;  // b is a base
};

// What keeps exactly k elements: those of magnitude above the threshold, and those that equal it and
// have an index below the cutoff. The cutoff is 1 + the index of the last equal element that is kept,
// or 0. In a joint selection it is that of the tensor in which the last one is; those before keep all
// their equal ones (cutoff = elements), those after none. k = 0 gives (infinity, 0).
struct Selected {
  double threshold;
  int64_t cutoff;
  bool finite;        // if not, the rest means nothing, but
  int32_t fault = 0;  // which is at fault: 3 the base, 2 in, 1 only their difference; else 0
};

// One selection: of the magnitudes of `in`, or of the rounded differences in - base. Where several
// are made of one tensor (other models, other ranks), put them side by side: they share passes.
struct SelectItem {
  int64_t elements;
  const View* base;  // or null
  View in;
  int64_t k;  // 0 .. elements; joint: the first item's counts for all
};

struct SelectBatch {
  const SelectItem* items;
  int64_t count;
  DType load;
  DType delta;
  bool joint;         // one sequence, one threshold
  Selected* results;  // [count]; in the host's memory on the CPU, on the device on CUDA
};

// sinter_select: the same, its results as pairs of numbers.
struct SelectCall {
  SelectBatch batch;         // but for its results
  double* out;               // [count][2] on the stream's device
  const char* const* names;  // [count], each may be null
};

struct QuantileItem {
  int64_t elements;
  View in;
};

struct QuantileBatch {
  const QuantileItem* items;
  int64_t count;
  int32_t quantiles;
  const double* q;  // [quantiles]
  DType load;
  double* results;           // [count][quantiles] on the stream's device
  const char* const* names;  // [count], each may be null
};

// Ranks, within rows, of magnitudes of in or of the rounded differences in - base. Views have the
// row's axis last, so a row's elements are neighbours.
struct RankItem {
  int64_t elements;
  int64_t row;       // elements of a row
  const View* base;  // or null
  View in;
  View out;
  // For messages: the tensor's number and name (or null), and in's number among its inputs, the base
  // being 0; see no_result.
  int64_t tensor;
  const char* name;
  int64_t input;
};

struct RankBatch {
  const RankItem* items;
  int64_t count;
  DType load;
  DType delta;
  const Statistic* statistic;
};

// arcee_fusion: inputs are the base and x.
struct FusionBatch {
  Batch batch;
  const int64_t* rows;  // [count]: elements of a row, along the last axis
};

}  // namespace sinter

#endif  // SINTER_KERNELS_BATCH_H_
