// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "cpu/common/parts.h"
#include "cpu/compatibility.h"
#include "cpu/launch.h"

namespace sinter::cpu {
namespace {

template <class T>
void clear(T* counts, int64_t size) {
  if (counts != nullptr) {
    std::fill(counts, counts + size, T{0});
  }
}

// Runs range(begin, end), which returns a fault, over [0, count) in parts of `each`; returns the first.
template <class Range>
uint64_t first_fault(const Context& context, int64_t count, int64_t each, const Range& range) {
  std::atomic<uint64_t> first{kNoExampleFault};
  context.team.run((count + each - 1) / each, [&](int64_t part) {
    const int64_t begin = part * each;
    const uint64_t fault = range(begin, std::min(begin + each, count));
    uint64_t known = first.load();
    while (fault < known && !first.compare_exchange_weak(known, fault)) {
    }
  });
  return first.load();
}

// Rows that make a part.
int64_t rows_each(int64_t classes) { return std::max<int64_t>(1, kPart / classes); }

// An element of any view as a number.
double element_of(const View& view, int64_t index) {
  int64_t place = 0;
  for (int d = view.rank - 1; d >= 0; --d) {
    place += index % view.shape[d] * view.strides[d];
    index /= view.shape[d];
  }
  double x = 0.0;
  with_dtype(view.dtype, [&]<DType T>() {
    typename Format<T>::Storage stored;
    std::memcpy(&stored, view.data + place * dtype_bytes(T), sizeof stored);
    x = static_cast<double>(Format<T>::decode(stored));
  });
  return x;
}

double value_at(const FlipBatch& batch, uint64_t fault) {
  const int64_t row = fault_row(fault);
  const ExampleFault kind = fault_kind(fault);
  switch (kind) {
    case ExampleFault::kLabel:
      return batch.labels[row];
    case ExampleFault::kGroup:
      return batch.group_of[row];
    case ExampleFault::kOldPrediction:
      return batch.predictions[0][row];
    case ExampleFault::kNewPrediction:
      return batch.predictions[1][row];
    default:
      return element_of(batch.logits[kind == ExampleFault::kNewLogit ? 1 : 0],
                        row * batch.classes + fault_column(fault));
  }
}

// Checks scores and fills `rows`.
void score_rows(const Context& context, const View (&scores)[2], const char* const (&names)[2],
                int64_t examples, const ScoreRows& rows) {
  const CompatibilityKernels& all = *kernels().compatibility;
  const uint64_t fault = first_fault(context, examples, kPart, [&](int64_t begin, int64_t end) {
    return all.scores(scores, rows, begin, end);
  });
  if (fault != kNoExampleFault) {
    const int model = fault_kind(fault) == ExampleFault::kNewScore ? 1 : 0;
    throw example_failure(fault, element_of(scores[model], fault_row(fault)),
                          {0, 0, false, {name_of(names[0]), name_of(names[1]), ""}});
  }
}

ReduceItem sum_of(double* values, int64_t count) {
  View view = {};
  view.data = reinterpret_cast<unsigned char*>(values);
  view.dtype = DType::kF64;
  view.rank = 1;
  view.shape[0] = count;
  view.strides[0] = 1;
  return {count, view, view};
}

// Draws are dear: parts of few resamples.
constexpr int64_t kResamples = 1024;

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
  const CompatibilityKernels& all = *kernels().compatibility;
  const uint64_t fault =
      first_fault(context, batch.examples, batch.of_logits ? rows_each(classes) : kPart,
                  [&](int64_t begin, int64_t end) { return all.flips(batch, begin, end); });
  if (fault != kNoExampleFault) {
    throw example_failure(fault, value_at(batch, fault),
                          {batch.classes,
                           batch.groups,
                           false,
                           {name_of(batch.names[0]), name_of(batch.names[1]), ""}});
  }
}

void score_changes(const Context& context, const ScoreBatch& batch) {
  std::vector<double> changes(static_cast<size_t>(batch.examples) * 2);
  int64_t gains = 0;
  int64_t regressions = 0;
  double* const gain = changes.data();
  double* const loss = gain + batch.examples;
  score_rows(context, batch.scores, batch.names, batch.examples,
             {gain, loss, nullptr, 0, &gains, &regressions});
  const ReduceItem items[] = {sum_of(gain, batch.examples), sum_of(loss, batch.examples)};
  double sums[2];
  sum(context, {items, 2, DType::kStored, sums});
  const double numbers[] = {static_cast<double>(gains), static_cast<double>(regressions), sums[0],
                            sums[1]};
  for (int j = 0; j < 4; ++j) {
    put(batch.out + j, numbers[j]);
  }
}

void compatibility_loss(const Context& context, const LossBatch& batch) {
  std::atomic<int64_t> included{0};
  uint64_t fault = first_fault(context, batch.rows, kPart, [&](int64_t begin, int64_t end) {
    int64_t some = 0;
    for (int64_t i = begin; i < end; ++i) {
      if (batch.labels[i] == kLeftOut) {
        continue;
      }
      if (!in_range(batch.labels[i], batch.classes)) {
        return fault_of(i, ExampleFault::kLabel, 0);
      }
      ++some;
    }
    included += some;
    return kNoExampleFault;
  });
  const FaultContext of = {
      batch.classes,
      0,
      true,
      {name_of(batch.names[0]), name_of(batch.names[1]), name_of(batch.names[2])}};
  if (fault != kNoExampleFault) {
    throw example_failure(fault, batch.labels[fault_row(fault)], of);
  }
  std::vector<double> losses(static_cast<size_t>(batch.rows) * 2);
  int64_t masked = 0;
  const LossRows rows = {included.load(), losses.data(), losses.data() + batch.rows, &masked};
  const CompatibilityKernels& all = *kernels().compatibility;
  fault =
      first_fault(context, batch.rows, rows_each(batch.classes),
                  [&](int64_t begin, int64_t end) { return all.loss(batch, rows, begin, end); });
  if (fault != kNoExampleFault) {
    const int model =
        static_cast<int>(fault_kind(fault)) - static_cast<int>(ExampleFault::kOldLogit);
    throw example_failure(
        fault,
        element_of(batch.logits[model], fault_row(fault) * batch.classes + fault_column(fault)),
        of);
  }
  const ReduceItem items[] = {sum_of(rows.divergence, batch.rows),
                              sum_of(rows.entropy, batch.rows)};
  double sums[2];
  sum(context, {items, 2, DType::kStored, sums});
  double numbers[kLossNumbers];
  loss_numbers(sums[0], sums[1], masked, rows.included, batch.cross_entropy, numbers);
  for (int j = 0; j < kLossNumbers; ++j) {
    put(batch.loss + j, numbers[j]);
  }
}

void flip_bootstrap(const Context& context, const FlipBootstrap& bootstrap) {
  const CompatibilityKernels& all = *kernels().compatibility;
  const int64_t parts = (bootstrap.resamples + kResamples - 1) / kResamples;
  context.team.run(parts, [&](int64_t part) {
    const int64_t begin = part * kResamples;
    all.flip_bootstrap(bootstrap, begin, std::min(begin + kResamples, bootstrap.resamples));
  });
}

void score_bootstrap(const Context& context, const ScoreBootstrap& bootstrap) {
  std::vector<int64_t> fixed(static_cast<size_t>(bootstrap.examples));
  const int32_t bits = change_bits(bootstrap.examples);
  score_rows(context, bootstrap.scores, bootstrap.names, bootstrap.examples,
             {nullptr, nullptr, fixed.data(), bits, nullptr, nullptr});
  const CompatibilityKernels& all = *kernels().compatibility;
  const int64_t each = std::max<int64_t>(1, kPart / bootstrap.examples);
  context.team.run((bootstrap.resamples + each - 1) / each, [&](int64_t part) {
    const int64_t begin = part * each;
    all.score_bootstrap(bootstrap, fixed.data(), begin,
                        std::min(begin + each, bootstrap.resamples));
  });
}

}  // namespace sinter::cpu
