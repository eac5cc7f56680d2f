// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>

#include "cpu/common/parts.h"
#include "cpu/launch.h"
#include "cpu/spherical.h"
#include "failure.h"
#include "spherical_batch.h"

namespace sinter::cpu {
namespace {

// Vectors whose coefficients are one part.
constexpr int64_t kVectorsPerPart = 64;

// A batch's entries cut into parts of so many units each.
class Cut {
 public:
  // units(k) and units_per_part(k) of entry k.
  template <class Units, class PerPart>
  Cut(int64_t count, Units units, PerPart per_part)
      : first_(static_cast<size_t>(count) + 1, 0),
        units_(static_cast<size_t>(count)),
        per_part_(static_cast<size_t>(count)) {
    for (int64_t k = 0; k < count; ++k) {
      const auto at = static_cast<size_t>(k);
      units_[at] = units(k);
      per_part_[at] = per_part(k);
      first_[at + 1] = first_[at] + (units_[at] + per_part_[at] - 1) / per_part_[at];
    }
  }

  // Calls f(k, begin, end) for units of entry k, on the team.
  template <class F>
  void run(Team& team, const F& f) const {
    team.run(first_.back(), [&](int64_t part) {
      const int64_t k = tensor_of(first_, part);
      const auto at = static_cast<size_t>(k);
      const int64_t begin = (part - first_[at]) * per_part_[at];
      f(k, begin, std::min(units_[at], begin + per_part_[at]));
    });
  }

 private:
  std::vector<int64_t> first_;
  std::vector<int64_t> units_;
  std::vector<int64_t> per_part_;
};

// A batch's Gram matrices, and room beside them for what is made of them.
class Grams {
 public:
  // `beside` doubles of room.
  Grams(const Context& context, const GramBatch& batch, int64_t beside)
      : batch_(batch), pairs_(gram_pairs(batch.models)) {
    at_.push_back(0);
    for (int64_t k = 0; k < batch.count; ++k) {
      at_.push_back(at_.back() + batch.items[k].vectors * chunks(k) * pairs_);
    }
    values_ = context.workspace.reserve(at_.back() + beside);
    beside_ = values_ + at_.back();

    Cut(
        batch.count, [&](int64_t k) { return batch.items[k].vectors * chunks(k); },
        [&](int64_t k) {
          // The shortest vectors take the time of some hundred elements.
          return std::max<int64_t>(
              1, kPart / std::clamp<int64_t>(batch.items[k].length, 256, kReduceChunk));
        })
        .run(context.team, [&](int64_t k, int64_t begin, int64_t end) {
          kernels().spherical->gram(batch.items[k], batch, begin, end,
                                    values_ + at_[static_cast<size_t>(k)] + begin * pairs_);
        });
    Cut(
        batch.count, [&](int64_t k) { return chunks(k) > 1 ? batch.items[k].vectors : 0; },
        [&](int64_t k) { return std::max<int64_t>(1, kPart / (chunks(k) * pairs_)); })
        .run(context.team, [&](int64_t k, int64_t begin, int64_t end) {
          for (int64_t v = begin; v < end; ++v) {
            double* const values = matrix(k, v);
            for (int64_t p = 0; p < pairs_; ++p) {
              reduce_partials(values + p, chunks(k), pairs_, Term::kValue);
            }
          }
        });
  }

  // The upper triangle of vector v of entry k.
  double* matrix(int64_t k, int64_t v) const {
    return values_ + at_[static_cast<size_t>(k)] + v * chunks(k) * pairs_;
  }

  double* beside() const { return beside_; }

 private:
  int64_t chunks(int64_t k) const { return gram_chunks(batch_.items[k].length, kReduceChunk); }

  const GramBatch& batch_;
  const int64_t pairs_;
  std::vector<int64_t> at_;
  double* values_;
  double* beside_;
};

bool holds_nonfinite(const Context& context, const View& view, int64_t elements, DType load) {
  double largest = 0.0;
  const ReduceItem item = {elements, view, view};
  ReduceBatch batch = {};
  batch.items = &item;
  batch.count = 1;
  batch.load = load;
  batch.results = &largest;
  norm_max(context, batch);
  return !(largest <= std::numeric_limits<double>::max());
}

// Weighted sums with coefficients per vector; fills the counts but for the fall-backs.
void sum_vectors(const Context& context, const Batch& batch, const std::vector<VectorSums>& sums) {
  int64_t bytes = 0;
  for (int64_t k = 0; k < batch.count; ++k) {
    bytes += batch.items[k].elements * dtype_bytes(batch.items[k].output.dtype);
  }
  const bool streamed = bytes >= kStreamedBytes;
  struct Totals {
    std::atomic<int64_t> nonfinite{0};
    std::atomic<int64_t> saturated{0};
  };
  std::vector<Totals> totals(static_cast<size_t>(batch.count));
  Cut(
      batch.count, [&](int64_t k) { return batch.items[k].elements; },
      [](int64_t) { return kPart; })
      .run(context.team, [&](int64_t k, int64_t begin, int64_t end) {
        const auto at = static_cast<size_t>(k);
        PartCounts counts = {0, 0};
        kernels().spherical->vector_sums(batch.items[k], batch, sums[at], begin, end, streamed,
                                         counts);
        totals[at].nonfinite += counts.nonfinite;
        totals[at].saturated += counts.saturated;
      });
  for (size_t k = 0; batch.counts != nullptr && k < totals.size(); ++k) {
    put(batch.counts + k, Counts{static_cast<double>(totals[k].nonfinite.load()),
                                 static_cast<double>(totals[k].saturated.load()), 0.0});
  }
}

}  // namespace

void gram(const Context& context, const GramBatch& batch) {
  const Grams grams(context, batch, 0);
  Cut(
      batch.count, [&](int64_t k) { return batch.items[k].vectors; },
      [](int64_t) { return kVectorsPerPart; })
      .run(context.team, [&](int64_t k, int64_t begin, int64_t end) {
        const int64_t models = batch.models;
        for (int64_t v = begin; v < end; ++v) {
          const double* const matrix = grams.matrix(k, v);
          double* const result = batch.items[k].result + v * models * models;
          for (int64_t i = 0; i < models; ++i) {
            for (int64_t j = 0; j < models; ++j) {
              put(result + i * models + j, canonical(matrix[gram_pair(i, j, models)]));
            }
          }
        }
      });
}

void spherical(const Context& context, const SphericalBatch& batch) {
  const size_t count = static_cast<size_t>(batch.sums.count);
  const int64_t models = batch.gram.models;
  const bool karcher = batch.options.method == SphericalMethod::kKarcher;
  const bool columns = batch.vectors == Vectors::kColumns;
  const int64_t room = karcher ? kKarcherRoom * models : 0;  // per entry: its vector is the tensor
  std::vector<int64_t> at{0};
  for (size_t k = 0; k < count; ++k) {
    at.push_back(at.back() + batch.gram.items[k].vectors * models);
  }
  const Grams grams(context, batch.gram, at.back() + room * batch.sums.count);
  double* const all = grams.beside();
  double* const rooms = all + at.back();

  // Entry, then input: the first at fault, as kernels of devices find it.
  constexpr int kInputShift = 16;
  std::atomic<int64_t> fault{std::numeric_limits<int64_t>::max()};
  std::vector<std::atomic<int64_t>> fallbacks(count);
  Cut(
      batch.sums.count, [&](int64_t k) { return batch.gram.items[k].vectors; },
      [](int64_t) { return kVectorsPerPart; })
      .run(context.team, [&](int64_t k, int64_t begin, int64_t end) {
        const int64_t vectors = batch.gram.items[k].vectors;
        for (int64_t v = begin; v < end; ++v) {
          const Gram matrix = {grams.matrix(k, v), batch.gram.models};
          int64_t input = first_nonfinite(matrix);
          if (input < 0) {
            double* const mine = all + at[static_cast<size_t>(k)];
            const CoefficientsOut out = columns ? CoefficientsOut{mine + v, vectors}
                                                : CoefficientsOut{mine + v * models, 1};
            const Outcome outcome = coefficients(batch.options, matrix, batch.sums.items[k].weights,
                                                 rooms + k * room, out);
            fallbacks[static_cast<size_t>(k)] += outcome == Outcome::kFallback ? 1 : 0;
            input = outcome == Outcome::kUndefined ? kUndefined : -1;
          } else {
            input = std::min(input + (batch.gram.base ? 1 : 0), kUndefined);
          }
          if (input >= 0) {
            const int64_t here = k << kInputShift | input;
            int64_t before = fault.load();
            while (here < before && !fault.compare_exchange_weak(before, here)) {
            }
          }
        }
      });
  if (fault.load() != std::numeric_limits<int64_t>::max()) {
    const int64_t k = fault.load() >> kInputShift;
    int64_t input = fault.load() & ((int64_t{1} << kInputShift) - 1);
    const Item& item = batch.sums.items[k];
    if (batch.gram.base && input != kUndefined &&
        holds_nonfinite(context, item.inputs[0], item.elements, batch.sums.load)) {
      input = 0;
    }
    throw no_result(*batch.statistic, k, item.name != nullptr ? item.name : "", input);
  }

  if (batch.vectors == Vectors::kWhole) {
    std::vector<Item> items(batch.sums.items, batch.sums.items + count);
    for (size_t k = 0; k < count; ++k) {
      items[k].weights = all + at[k];
    }
    Batch sums = batch.sums;
    sums.items = items.data();
    if (batch.gram.base) {
      task_arithmetic(context, sums);
    } else {
      linear(context, sums);
    }
  } else {
    std::vector<VectorSums> sums;
    for (size_t k = 0; k < count; ++k) {
      sums.push_back({all + at[k], batch.gram.items[k].vectors, batch.gram.items[k].length, columns,
                      batch.gram.base});
    }
    sum_vectors(context, batch.sums, sums);
  }
  for (size_t k = 0; batch.sums.counts != nullptr && k < count; ++k) {
    // Counts may lie at any address, where a struct has no members.
    put(reinterpret_cast<double*>(batch.sums.counts + k) + offsetof(Counts, fallbacks) / 8,
        static_cast<double>(fallbacks[k].load()));
  }
}

}  // namespace sinter::cpu
