// SPDX-License-Identifier: Apache-2.0
//
// Task vectors: differences from a base. Their weighted sum is weighted / add_weighted of
// interpolate.h; it is added to the base last, so that it is rounded at its own, smaller scale.
#ifndef SINTER_KERNELS_FORMULA_TASK_VECTORS_H_
#define SINTER_KERNELS_FORMULA_TASK_VECTORS_H_

#include "formula/dtype.h"
#include "formula/interpolate.h"

namespace sinter {

// x - base, rounded to delta_dtype as well where that is not kStored.
template <class T>
SINTER_FN T task_delta(T x, T base, DType delta_dtype) {
  return round_to(delta_dtype, x - base);
}

template <class T>
SINTER_FN T add_to_base(T base, T sum) {
  return base + sum;
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_TASK_VECTORS_H_
