// SPDX-License-Identifier: Apache-2.0
//
// lerp as a formula of elementwise loops. Included by the kernels, compiled once per instruction set.
#ifndef SINTER_KERNELS_CPU_COMMON_LERP_H_
#define SINTER_KERNELS_CPU_COMMON_LERP_H_

#include "cpu/common/elementwise.h"
#include "cpu/kernels_of_tier.h"
#include "formula/interpolate.h"

namespace sinter::cpu::SINTER_TIER {

template <class Compute>
class Lerp {
 public:
  SINTER_CONSTRUCTOR Lerp(const Item& item, const Batch&)
      : t_(static_cast<Compute>(item.weights[0])) {}

  template <DType T, class Input, class Sink>
  inline __attribute__((always_inline)) void run(Input input, int count, Compute*,
                                                 Sink& sink) const {
    const Elements<T> x[] = {elements<T>(input(0)), elements<T>(input(1))};
    const Compute t = t_;
    // Which end lerp starts from is the same for all elements: a loop for each.
    if (t < Compute(0.5)) {
      for_elements<T, Compute>(
          x, count, sink, [&](Element, const Compute(&at)[2]) __attribute__((always_inline)) {
            return lerp<Compute>(at[0], at[1], t);
          });
    } else {
      for_elements<T, Compute>(
          x, count, sink, [&](Element, const Compute(&at)[2]) __attribute__((always_inline)) {
            return lerp<Compute>(at[0], at[1], t);
          });
    }
  }

 private:
  const Compute t_;
};

}  // namespace sinter::cpu::SINTER_TIER

#endif  // SINTER_KERNELS_CPU_COMMON_LERP_H_
