// SPDX-License-Identifier: Apache-2.0
#include "cpu/launch.h"

#include <atomic>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/common/kernels.h"
#include "failure.h"
#include "formula/interpolate.h"

namespace sinter::cpu {
namespace {

// Elements of one part: a few hundred microseconds' work, and a multiple of the reductions' chunk.
constexpr int64_t kPart = 64 * 1024;

// Outputs of a batch from this size on would only drive each other out of the caches.
constexpr int64_t kStreamedBytes = 8 * 1024 * 1024;

// Counts and results may be asked for at any address.
template <class T>
void put(T* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// Parts are numbered through the batch: first[k] is the number of tensor k's first.
template <class Items>
std::vector<int64_t> number_parts(const Items* items, int64_t count) {
  std::vector<int64_t> first(static_cast<size_t>(count) + 1, 0);
  for (int64_t k = 0; k < count; ++k) {
    first[static_cast<size_t>(k) + 1] =
        first[static_cast<size_t>(k)] + (items[k].elements + kPart - 1) / kPart;
  }
  return first;
}

// The tensor that a part belongs to.
int64_t tensor_of(const std::vector<int64_t>& first, int64_t part) {
  int64_t low = 0;
  int64_t high = static_cast<int64_t>(first.size()) - 1;
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (first[static_cast<size_t>(middle)] <= part ? low : high) = middle;
  }
  return low;
}

void run_elementwise(const Context& context, const Batch& batch, ElementwiseKernel kernel) {
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  int64_t bytes = 0;
  for (int64_t k = 0; k < batch.count; ++k) {
    bytes += batch.items[k].elements * dtype_bytes(batch.items[k].output.dtype);
  }
  const bool streamed = bytes >= kStreamedBytes;
  struct Totals {
    std::atomic<int64_t> nonfinite{0};
    std::atomic<int64_t> saturated{0};
  };
  std::vector<Totals> totals(batch.counts != nullptr ? static_cast<size_t>(batch.count) : 0);
  context.team.run(first.back(), [&](int64_t part) {
    const int64_t k = tensor_of(first, part);
    const Item& item = batch.items[k];
    const int64_t begin = (part - first[static_cast<size_t>(k)]) * kPart;
    const int64_t end = item.elements - begin < kPart ? item.elements : begin + kPart;
    PartCounts counts = {0, 0};
    kernel(item, batch, begin, end, streamed, counts);
    if (batch.counts != nullptr) {
      totals[static_cast<size_t>(k)].nonfinite += counts.nonfinite;
      totals[static_cast<size_t>(k)].saturated += counts.saturated;
    }
  });
  for (size_t k = 0; k < totals.size(); ++k) {
    put(batch.counts + k, Counts{static_cast<double>(totals[k].nonfinite.load()),
                                 static_cast<double>(totals[k].saturated.load())});
  }
}

// The value of one item and term from its chunks' partials, which stand `terms` apart.
double reduce_partials(double* values, int64_t chunks, int64_t stride, Term term) {
  // Each level writes its results over the values it has read.
  while (chunks > 1) {
    const int64_t next = (chunks + kReduceChunk - 1) / kReduceChunk;
    for (int64_t c = 0; c < next; ++c) {
      double lanes[kReduceLanes] = {};
      const int64_t from = c * kReduceChunk;
      const int64_t to = chunks - from < kReduceChunk ? chunks : from + kReduceChunk;
      for (int64_t i = from; i < to; ++i) {
        double& lane = lanes[(i - from) % kReduceLanes];
        const double value = values[i * stride];
        lane = term == Term::kLargest ? accumulate<Term::kLargest>(lane, value, value)
                                      : accumulate<Term::kValue>(lane, value, value);
      }
      for (int half = kReduceLanes / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; ++l) {
          lanes[l] = term == Term::kLargest ? combine<Term::kLargest>(lanes[l], lanes[l + half])
                                            : combine<Term::kValue>(lanes[l], lanes[l + half]);
        }
      }
      values[c * stride] = lanes[0];
    }
    chunks = next;
  }
  return values[0];
}

// Results of [count][terms] in batch.results.
void run_reduction(const Context& context, const ReduceBatch& batch, ReduceKernel kernel, int terms,
                   Term term) {
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  std::vector<int64_t> offset(static_cast<size_t>(batch.count) + 1, 0);
  for (int64_t k = 0; k < batch.count; ++k) {
    const int64_t chunks = (batch.items[k].elements + kReduceChunk - 1) / kReduceChunk;
    offset[static_cast<size_t>(k) + 1] = offset[static_cast<size_t>(k)] + chunks * terms;
  }
  double* const partials = context.workspace.reserve(offset.back());
  context.team.run(first.back(), [&](int64_t part) {
    const int64_t k = tensor_of(first, part);
    const ReduceItem& item = batch.items[k];
    const int64_t begin = (part - first[static_cast<size_t>(k)]) * (kPart / kReduceChunk);
    const int64_t chunks = (item.elements + kReduceChunk - 1) / kReduceChunk;
    const int64_t end =
        chunks - begin < kPart / kReduceChunk ? chunks : begin + kPart / kReduceChunk;
    kernel(item, batch.load, begin, end, partials + offset[static_cast<size_t>(k)] + begin * terms);
  });
  for (int64_t k = 0; k < batch.count; ++k) {
    for (int j = 0; j < terms; ++j) {
      const int64_t chunks =
          (offset[static_cast<size_t>(k) + 1] - offset[static_cast<size_t>(k)]) / terms;
      const double value =
          chunks == 0 ? 0.0
                      : canonical(reduce_partials(partials + offset[static_cast<size_t>(k)] + j,
                                                  chunks, terms, term));
      put(batch.results + k * terms + j, value);
    }
  }
}

}  // namespace

void cast(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().cast);
}

void lerp(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().lerp);
}

void linear(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().linear);
}

void task_arithmetic(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().task_arithmetic);
}

void slerp(const Context& context, const Batch& batch) {
  const size_t count = static_cast<size_t>(batch.count);
  std::vector<ReduceItem> reduced;
  std::vector<double> results(count * 3);
  std::vector<size_t> at;
  for (size_t k = 0; k < count; ++k) {
    const Item& item = batch.items[k];
    if (item.copy_of < 0) {
      reduced.push_back({item.elements, item.inputs[0], item.inputs[1]});
      at.push_back(k);
    }
  }
  dots(context, {reduced.data(), static_cast<int64_t>(reduced.size()), batch.load, results.data()});

  std::vector<Item> items(batch.items, batch.items + count);
  std::vector<double> weights(count * 2);
  std::vector<bool> arc(count, false);
  for (size_t r = 0; r < reduced.size(); ++r) {
    const size_t k = at[r];
    const SlerpWeights w = slerp_weights(results[r * 3], results[r * 3 + 1], results[r * 3 + 2],
                                         batch.items[k].weights[0]);
    if (!w.finite) {
      const bool first = !(std::isfinite(results[r * 3]));
      const char* name = batch.items[k].name;
      throw Failure(
          Status::kNumeric,
          std::string("input ") + (first ? "a" : "b") + " of " +
              (name != nullptr ? "'" + std::string(name) + "'" : "tensor " + std::to_string(k)) +
              " holds a non-finite value, and slerp takes its norm; repair that model, "
              "or use lerp for this tensor")
          .at_tensor(static_cast<int64_t>(k));
    }
    if (!w.linear) {
      weights[k * 2] = w.a;
      weights[k * 2 + 1] = w.b;
      items[k].weights = &weights[k * 2];
      arc[k] = true;
    }
  }
  // Two formulas, so two runs: tensors on the arc, and those that are copied or nearly parallel.
  for (const bool on_arc : {true, false}) {
    Batch part = batch;
    std::vector<Item> chosen;
    std::vector<size_t> place;
    for (size_t k = 0; k < count; ++k) {
      if (arc[k] == on_arc) {
        chosen.push_back(items[k]);
        place.push_back(k);
      }
    }
    std::vector<Counts> counts(chosen.size());
    part.items = chosen.data();
    part.count = static_cast<int64_t>(chosen.size());
    part.counts = batch.counts != nullptr ? counts.data() : nullptr;
    run_elementwise(context, part, on_arc ? kernels().linear : kernels().lerp);
    for (size_t c = 0; batch.counts != nullptr && c < chosen.size(); ++c) {
      put(batch.counts + place[c], counts[c]);
    }
  }
}

void sum(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().sum, 1, Term::kValue);
}

void norm_l1(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().norm_l1, 1, Term::kValue);
}

void norm_l2(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().sum_of_squares, 1, Term::kValue);
  for (int64_t k = 0; k < batch.count; ++k) {
    double square;
    std::memcpy(&square, batch.results + k, sizeof square);
    put(batch.results + k, canonical(square_root(square)));
  }
}

void norm_max(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().norm_max, 1, Term::kLargest);
}

void dot(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().dot, 1, Term::kValue);
}

void dots(const Context& context, const ReduceBatch& batch) {
  run_reduction(context, batch, kernels().dots, 3, Term::kValue);
}

}  // namespace sinter::cpu
