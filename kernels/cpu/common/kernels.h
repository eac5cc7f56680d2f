// SPDX-License-Identifier: Apache-2.0
//
// The kernels' table: one per instruction set, chosen once at run time. A kernel does a range of one
// tensor's elements on the calling thread.
#ifndef SINTER_KERNELS_CPU_COMMON_KERNELS_H_
#define SINTER_KERNELS_CPU_COMMON_KERNELS_H_

#include <stdint.h>

#include "batch.h"
#include "cpu/agreement.h"
#include "cpu/fisher.h"
#include "cpu/fusion.h"
#include "cpu/gather.h"
#include "cpu/random.h"
#include "cpu/select.h"
#include "cpu/sparse.h"
#include "cpu/spherical.h"
#include "formula/reduce.h"

namespace sinter::cpu {

struct AssignmentKernels;
struct CompatibilityKernels;

struct PartCounts {
  int64_t nonfinite;
  int64_t saturated;
};

// Elements [begin, end) of an item; begin is a multiple of 4096. `streamed`: the output is too large
// to stay in the caches, so stores go past them.
using ElementwiseKernel = void (*)(const Item& item, const Batch& batch, int64_t begin, int64_t end,
                                   bool streamed, PartCounts& counts);

// Chunks [begin, end) of an item, counted through its rows: one value per term and chunk, the terms'
// values side by side.
using ReduceKernel = void (*)(const ReduceItem& item, DType load, int64_t begin, int64_t end,
                              double* partials);

struct Kernels {
  const char* name;
  ElementwiseKernel cast;
  ElementwiseKernel lerp;
  ElementwiseKernel linear;
  ElementwiseKernel nearswap;
  ElementwiseKernel task_arithmetic;
  ReduceKernel sum;
  ReduceKernel norm_l1;
  ReduceKernel sum_of_squares;
  ReduceKernel norm_max;
  ReduceKernel dot;
  ReduceKernel dots;
  ReduceKernel moments;
  ReduceKernel count;
  ReduceKernel fisher_statistics;
  ReduceKernel masked_sum;
  ReduceKernel statistics;
  ReduceKernel based_statistics;
  const AgreementKernels* agreement;
  const AssignmentKernels* assignment;
  const CompatibilityKernels* compatibility;
  const FisherKernels* fisher;
  const FusionKernels* fusion;
  GatherKernel gather;
  const RandomKernels* random;
  const SelectKernels* select;
  const SparseKernels* sparse;
  const SphericalKernels* spherical;
};

// The table in use: the best this processor runs, or the one named by the environment variable
// SINTER_CPU (baseline, avx2 or avx512). Throws Failure where that one is unknown or not supported
// here.
const Kernels& kernels();

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_COMMON_KERNELS_H_
