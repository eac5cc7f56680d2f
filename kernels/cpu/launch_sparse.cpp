// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "cpu/common/parts.h"
#include "cpu/launch.h"
#include "failure.h"

namespace sinter::cpu {
namespace {

// One call of sparse_mixture.
class SparseRun {
 public:
  SparseRun(const Context& context, const SparseBatch& sparse)
      : context_(context),
        sparse_(sparse),
        batch_(sparse.batch),
        models_(sparse.batch.inputs - 1),
        thinnings_(static_cast<size_t>(batch_.count * models_)),
        fallbacks_(static_cast<size_t>(batch_.count), 0.0) {}

  void run() {
    switch (sparse_.sparsifier) {
      case Sparsifier::kSelected:
        take_selections();
        break;
      case Sparsifier::kMagnitude:
        select_magnitudes();
        break;
      default:
        draw();
    }
    reserve();
    if (sparse_.sparsifier == Sparsifier::kRanked) {
      rank_rows();
    }
    take_norms();
    mix();
  }

 private:
  Thinning& thinning(int64_t k, int32_t m) {
    return thinnings_[static_cast<size_t>(k * models_ + m)];
  }

  bool finite(const View& view, int64_t elements) const {
    const ReduceItem item = {elements, view, view};
    double largest = 0.0;
    norm_max(context_, {&item, 1, batch_.load, &largest});
    return std::isfinite(largest);
  }

  [[noreturn]] void not_finite(int64_t k, int32_t m) const {
    const Item& item = batch_.items[k];
    int64_t input = kUndefined;
    if (!finite(item.inputs[0], item.elements)) {
      input = 0;
    } else if (!finite(item.inputs[1 + m], item.elements)) {
      input = 1 + m;
    }
    throw no_result({sparse_.method, {"base", nullptr, nullptr}, kOverflow}, k,
                    item.name != nullptr ? item.name : "", input);
  }

  void take_selections() {
    for (int64_t k = 0; k < batch_.count; ++k) {
      for (int32_t m = 0; m < models_; ++m) {
        double pair[2];
        std::memcpy(pair, sparse_.selections + (k * models_ + m) * 2, sizeof pair);
        thinning(k, m) =
            thinned_by_magnitude(bound_of(pair[0], pair[1], batch_.items[k].wide), above_all());
      }
    }
  }

  // Two selections for each model: what is kept or dropped for its size, and of that what is dropped.
  void select_magnitudes() {
    for (const bool wide : {false, true}) {
      std::vector<SelectItem> items;
      std::vector<std::pair<int64_t, int32_t>> at;
      for (int64_t k = 0; k < batch_.count; ++k) {
        const Item& item = batch_.items[k];
        for (int32_t m = 0; item.wide == wide && item.elements > 0 && m < models_; ++m) {
          const int64_t place = k * models_ + m;
          const Ranks ranks = ranks_of(item.elements, sparse_.densities[place],
                                       sparse_.gammas != nullptr ? sparse_.gammas[place] : 0.0);
          fallbacks_[static_cast<size_t>(k)] += ranks.fell_back ? 1.0 : 0.0;
          thinning(k, m) = thinned_by_magnitude(above_all(), above_all());
          items.push_back(
              {item.elements, &item.inputs[0], item.inputs[1 + m], ranks.dropped + ranks.kept});
          at.emplace_back(place, 0);
          if (ranks.dropped > 0) {
            items.push_back({item.elements, &item.inputs[0], item.inputs[1 + m], ranks.dropped});
            at.emplace_back(place, 1);
          }
        }
      }
      if (items.empty()) {
        continue;
      }
      // Elements of a wide item are computed in float64 even where an input alone would not be.
      std::vector<Selected> selected(items.size());
      select(context_, {items.data(), static_cast<int64_t>(items.size()),
                        wide ? DType::kF64 : batch_.load, batch_.delta, false, selected.data()});
      for (size_t s = 0; s < items.size(); ++s) {
        const auto [place, outside] = at[s];
        if (!selected[s].finite) {
          not_finite(place / models_, static_cast<int32_t>(place % models_));
        }
        const MagnitudeBound bound =
            bound_of(selected[s].threshold, static_cast<double>(selected[s].cutoff), wide);
        Thinning& each = thinnings_[static_cast<size_t>(place)];
        (outside != 0 ? each.outside : each.inside) = bound;
      }
    }
  }

  void draw() {
    for (int64_t k = 0; k < batch_.count; ++k) {
      for (int32_t m = 0; m < models_; ++m) {
        const auto place = static_cast<size_t>(k * models_ + m);
        const double density = sparse_.densities[place];
        thinnings_[place] = thinned_at_random(density, sparse_.keys[place]);
        if (sparse_.sparsifier == Sparsifier::kRandom && sparse_.rescale == Rescale::kDensity) {
          thinnings_[place].factor = density_factor(density);
        }
      }
    }
  }

  bool ranked(int64_t k, int32_t m) {
    return sparse_.sparsifier == Sparsifier::kRanked && thinning(k, m).keep == Keep::kRandom;
  }

  bool factors() const { return sparse_.rescale == Rescale::kDensity; }

  // Bytes of a model's list.
  int64_t list_bytes(const Item& item) const {
    const int64_t bytes =
        factors() ? item.elements * (item.wide ? 8 : 4) : (item.elements + 31) / 32 * 4;
    return (bytes + 63) / 64 * 64;
  }

  bool norms(int64_t k) {
    bool needed = sparse_.rescale == Rescale::kL1;
    for (int32_t m = 0; m < models_ && !needed; ++m) {
      // Ranks are not taken, and the method's statistic finds what is not finite all the same.
      needed = sparse_.sparsifier == Sparsifier::kRanked && thinning(k, m).keep == Keep::kAll;
    }
    return needed;
  }

  static int64_t chunks_of(const Item& item) {
    return (item.elements + kReduceChunk - 1) / kReduceChunk;
  }

  // All memory of the call, one after the other: lists, partial norms, and rooms of the threads.
  void reserve() {
    int64_t bytes = 0;
    std::vector<int64_t> lists(thinnings_.size(), -1);
    partials_at_.assign(static_cast<size_t>(batch_.count), -1);
    for (int64_t k = 0; k < batch_.count; ++k) {
      const Item& item = batch_.items[k];
      for (int32_t m = 0; m < models_; ++m) {
        if (ranked(k, m)) {
          lists[static_cast<size_t>(k * models_ + m)] = bytes;
          bytes += list_bytes(item);
          room_bytes_ = std::max(room_bytes_, ranked_bytes(sparse_.rows[k], item.wide));
        }
      }
    }
    for (int64_t k = 0; k < batch_.count; ++k) {
      if (norms(k)) {
        partials_at_[static_cast<size_t>(k)] = bytes;
        bytes += chunks_of(batch_.items[k]) * models_ * 16;
      }
    }
    room_bytes_ = (room_bytes_ + 63) / 64 * 64;
    rooms_at_ = bytes;
    bytes += context_.team.threads() * room_bytes_;
    if (bytes > 0) {
      memory_ = reinterpret_cast<unsigned char*>(context_.workspace.reserve((bytes + 7) / 8));
    }
    for (size_t place = 0; place < lists.size(); ++place) {
      if (lists[place] >= 0) {
        thinnings_[place].list = memory_ + lists[place];
      }
    }
  }

  // Lists what ranks keep.
  void rank_rows() {
    std::vector<RankedJob> jobs;
    std::vector<int64_t> first{0};
    for (int64_t k = 0; k < batch_.count; ++k) {
      const Item& item = batch_.items[k];
      for (int32_t m = 0; m < models_; ++m) {
        if (!ranked(k, m) || item.elements == 0) {
          continue;
        }
        const auto place = static_cast<size_t>(k * models_ + m);
        Thinning& each = thinnings_[place];
        void* const list = const_cast<void*>(each.list);
        jobs.push_back({&item, &sparse_, m, sparse_.rows[k], sparse_.densities[place],
                        sparse_.epsilons[place], each.key,
                        factors() ? nullptr : static_cast<uint32_t*>(list),
                        factors() ? list : nullptr});
        first.push_back(first.back() + ranked_units(sparse_.rows[k]));
        if (!factors()) {
          std::memset(list, 0, static_cast<size_t>(list_bytes(item)));
        }
      }
    }
    for (Thinning& each : thinnings_) {
      each.keep = each.keep == Keep::kRandom ? Keep::kListed : each.keep;
    }
    // A part is a thread with its own room, and takes units as long as there are any.
    std::atomic<int64_t> next{0};
    std::atomic<int64_t> bad{INT64_MAX};
    const int64_t units = first.back();
    context_.team.run(std::min<int64_t>(units, context_.team.threads()), [&](int64_t part) {
      unsigned char* const room = memory_ + rooms_at_ + part * room_bytes_;
      int64_t done = -1;  // the last unit's job
      for (int64_t u = next.fetch_add(1); u < units; u = next.fetch_add(1)) {
        const int64_t j = tensor_of(first, u);
        const bool finite = kernels().sparse->rank(
            jobs[static_cast<size_t>(j)], u - first[static_cast<size_t>(j)], j != done, room);
        done = j;
        for (int64_t worst = bad.load(); !finite && j < worst;) {
          if (bad.compare_exchange_weak(worst, j)) {
            break;
          }
        }
      }
    });
    if (bad.load() != INT64_MAX) {
      const RankedJob& job = jobs[static_cast<size_t>(bad.load())];
      not_finite(job.item - batch_.items, job.model);
    }
  }

  void take_norms() {
    std::vector<int64_t> first = number_parts(batch_.items, batch_.count);
    for (int64_t k = 0, shift = 0; k < batch_.count; ++k) {
      const auto at = static_cast<size_t>(k);
      const int64_t parts = first[at + 1] - first[at] - shift;
      if (partials_at_[at] < 0) {
        shift += parts;
      }
      first[at + 1] -= shift;
    }
    context_.team.run(first.back(), [&](int64_t part) {
      const int64_t k = tensor_of(first, part);
      const Item& item = batch_.items[k];
      const int64_t begin = (part - first[static_cast<size_t>(k)]) * (kPart / kReduceChunk);
      const int64_t end = std::min(chunks_of(item), begin + kPart / kReduceChunk);
      double* const partials =
          reinterpret_cast<double*>(memory_ + partials_at_[static_cast<size_t>(k)]);
      kernels().sparse->norms(item, sparse_, &thinnings_[static_cast<size_t>(k * models_)], begin,
                              end, partials + begin * models_ * 2);
    });
    for (int64_t k = 0; k < batch_.count; ++k) {
      const int64_t chunks = chunks_of(batch_.items[k]);
      if (partials_at_[static_cast<size_t>(k)] < 0 || chunks == 0) {
        continue;
      }
      double* const partials =
          reinterpret_cast<double*>(memory_ + partials_at_[static_cast<size_t>(k)]);
      for (int32_t m = 0; m < models_; ++m) {
        const double all = reduce_partials(partials + m * 2, chunks, models_ * 2, Term::kValue);
        const double kept =
            reduce_partials(partials + m * 2 + 1, chunks, models_ * 2, Term::kValue);
        if (!std::isfinite(all)) {
          not_finite(k, m);
        }
        if (sparse_.rescale == Rescale::kL1) {
          thinning(k, m).factor = l1_factor(all, kept);
        }
      }
    }
  }

  void mix() {
    run_parts(context_, batch_,
              [&](int64_t k, int64_t begin, int64_t end, bool streamed, PartCounts& counts) {
                kernels().sparse->mix(batch_.items[k], sparse_,
                                      &thinnings_[static_cast<size_t>(k * models_)], begin, end,
                                      streamed, counts);
              });
    for (int64_t k = 0; batch_.counts != nullptr && k < batch_.count; ++k) {
      unsigned char* const counts = reinterpret_cast<unsigned char*>(batch_.counts + k);
      put(reinterpret_cast<double*>(counts + offsetof(Counts, fallbacks)),
          fallbacks_[static_cast<size_t>(k)]);
    }
  }

  const Context& context_;
  const SparseBatch& sparse_;
  const Batch& batch_;
  const int32_t models_;
  std::vector<Thinning> thinnings_;
  std::vector<double> fallbacks_;
  unsigned char* memory_ = nullptr;
  std::vector<int64_t> partials_at_;
  int64_t rooms_at_ = 0;
  int64_t room_bytes_ = 0;
};

}  // namespace

void sparse_mixture(const Context& context, const SparseBatch& sparse) {
  SparseRun(context, sparse).run();
}

}  // namespace sinter::cpu
