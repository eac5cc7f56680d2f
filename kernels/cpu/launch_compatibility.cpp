// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <string>

#include "cpu/common/parts.h"
#include "cpu/compatibility.h"
#include "cpu/launch.h"
#include "flips.h"

namespace sinter::cpu {
namespace {

template <class T>
void clear(T* counts, int64_t size) {
  if (counts != nullptr) {
    std::fill(counts, counts + size, T{0});
  }
}

int32_t value_at(const FlipBatch& batch, uint64_t fault) {
  const int64_t row = fault_row(fault);
  switch (fault_kind(fault)) {
    case FlipFault::kLabel:
      return batch.labels[row];
    case FlipFault::kGroup:
      return batch.group_of[row];
    case FlipFault::kOldPrediction:
      return batch.predictions[0][row];
    case FlipFault::kNewPrediction:
      return batch.predictions[1][row];
    default:
      return 0;
  }
}

}  // namespace

void flips(const Context& context, const FlipBatch& batch) {
  const int64_t classes = batch.classes;
  context.team.run(1, [&](int64_t) {
    clear(batch.totals, kOutcomes);
    clear(batch.by_class, classes * kOutcomes);
    clear(batch.by_group, int64_t{batch.groups} * kOutcomes);
    clear(batch.old_to_new, classes * classes);
    clear(batch.label_to[0], classes * classes);
    clear(batch.label_to[1], classes * classes);
  });
  const int64_t each =
      batch.of_logits ? std::max<int64_t>(1, kPart / std::max<int64_t>(classes, 1)) : kPart;
  std::atomic<uint64_t> first{kNoFlipFault};
  const CompatibilityKernels& all = *kernels().compatibility;
  context.team.run((batch.examples + each - 1) / each, [&](int64_t part) {
    const int64_t begin = part * each;
    const uint64_t fault = all.flips(batch, begin, std::min(begin + each, batch.examples));
    uint64_t known = first.load();
    while (fault < known && !first.compare_exchange_weak(known, fault)) {
    }
  });
  const uint64_t fault = first.load();
  if (fault != kNoFlipFault) {
    const std::string names[2] = {batch.names[0] != nullptr ? batch.names[0] : "",
                                  batch.names[1] != nullptr ? batch.names[1] : ""};
    throw flip_failure(fault, value_at(batch, fault), batch.classes, batch.groups, names);
  }
}

}  // namespace sinter::cpu
