// SPDX-License-Identifier: Apache-2.0
//
// The CPU's launchers, one per operation, named as in sinter.h. They return when the work is done.
#ifndef SINTER_KERNELS_CPU_LAUNCH_H_
#define SINTER_KERNELS_CPU_LAUNCH_H_

#include "batch.h"
#include "cpu/common/team.h"
#include "cpu/common/workspace.h"
#include "formula/reduce.h"

namespace sinter {
struct AssignmentBatch;
struct FlipBatch;
struct FlipBootstrap;
struct GatherBatch;
struct GramBatch;
struct LossBatch;
struct ScoreBatch;
struct ScoreBootstrap;
struct SphericalBatch;
}  // namespace sinter

namespace sinter::cpu {

// What a stream lends its launchers.
struct Context {
  Team& team;
  Workspace& workspace;
};

void cast(const Context& context, const Batch& batch);
void lerp(const Context& context, const Batch& batch);
void linear(const Context& context, const Batch& batch);
// Throws Failure (kNumeric) before an output is written, where an input is not finite.
void slerp(const Context& context, const Batch& batch);
void task_arithmetic(const Context& context, const Batch& batch);
void nearswap(const Context& context, const Batch& batch);

void gather(const Context& context, const GatherBatch& batch);

// Spherical averages. `spherical` throws Failure (kNumeric) before an output is written.
void gram(const Context& context, const GramBatch& batch);
void spherical(const Context& context, const SphericalBatch& batch);

// ties, breadcrumbs, dare and della. Throws Failure (kNumeric) before an output is written, where the
// method takes a statistic and a difference is not finite.
void sparse_mixture(const Context& context, const SparseBatch& sparse);

// Uniform on [0, 1); the bits of an item's one weight are its key.
void random(const Context& context, const Batch& batch);

void sum(const Context& context, const ReduceBatch& batch);
void norm_l1(const Context& context, const ReduceBatch& batch);
void norm_l2(const Context& context, const ReduceBatch& batch);
void norm_max(const Context& context, const ReduceBatch& batch);
void dot(const Context& context, const ReduceBatch& batch);
void dots(const Context& context, const ReduceBatch& batch);
void moments(const Context& context, const ReduceBatch& batch);
void count(const Context& context, const ReduceBatch& batch);
void masked_sum(const Context& context, const ReduceBatch& batch);
void chunk_statistics(const Context& context, const StatisticsBatch& batch);

// Exact selection (see sinter_select). Uses the workspace; throws nothing on non-finite elements but
// says so in the results.
void select(const Context& context, const SelectBatch& batch);
// These throw Failure (kNumeric) on a non-finite element, before anything is written.
void write_selections(const Context& context, const SelectCall& call);
void quantile(const Context& context, const QuantileBatch& batch);
void rank(const Context& context, const RankBatch& batch);

// The weights are epsilon; of ramplus_tl epsilon, r and alpha.
void ram(const Context& context, const Batch& batch);
void ramplus_tl(const Context& context, const Batch& batch);
// The weights are one per model, a lambda_t per model, lambda and the threshold.
void consensus_ta(const Context& context, const Batch& batch);
// The weights are topk and floor.
void sce(const Context& context, const Batch& batch);

void arcee_fusion(const Context& context, const FusionBatch& batch);

// Compatibility. These throw Failure (kNumeric) on a NaN logit or a number out of range.
void flips(const Context& context, const FlipBatch& batch);
void score_changes(const Context& context, const ScoreBatch& batch);
void compatibility_loss(const Context& context, const LossBatch& batch);
void score_bootstrap(const Context& context, const ScoreBootstrap& bootstrap);
void flip_bootstrap(const Context& context, const FlipBootstrap& bootstrap);

// Fisher information. accumulate: input 0 is the gradients, 1 the state, which weighs; finish: the
// weight is the number of examples.
void fisher_accumulate(const Context& context, const Batch& batch);
void fisher_finish(const Context& context, const Batch& batch);
void fisher_statistics(const Context& context, const ReduceBatch& batch);
// The weights are one per model, each one's share of the weights up to it, a scale per model, the
// floor and epsilon. The last half of the inputs weighs the first.
void fisher_merge(const Context& context, const Batch& batch);
// Inputs are the new models, for bcwi at least two, and the old one. The weights are alpha; of
// fisher_bcwi alpha and the mean.
void bcwi(const Context& context, const Batch& batch);
void fisher_bcwi(const Context& context, const Batch& batch);

// Throws Failure (kNumeric) where a cost is not finite; what was written then means nothing.
void assign(const Context& context, const AssignmentBatch& batch);

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_LAUNCH_H_
