// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "cpu/agreement.h"
#include "cpu/common/parts.h"
#include "cpu/common/select_keys.h"
#include "cpu/launch.h"
#include "failure.h"
#include "formula/agreement.h"
#include "formula/select.h"

namespace sinter::cpu {
namespace {

// Names the first input of tensor k that is not finite.
Failure sce_fault(const Context& context, const Batch& batch, int64_t k) {
  const Item& item = batch.items[k];
  int64_t input = 0;
  for (; input < batch.inputs; ++input) {
    std::atomic<bool> finite{true};
    context.team.run((item.elements + kPart - 1) / kPart, [&](int64_t part) {
      const int64_t begin = part * kPart;
      const int64_t end = std::min(begin + kPart, item.elements);
      if (!kernels().select->finite(item.inputs[input], batch.load, item.wide, begin, end)) {
        finite = false;
      }
    });
    if (!finite) {
      break;
    }
  }
  return no_result(kSceStatistic, k, item.name != nullptr ? item.name : "",
                   input < batch.inputs ? input : kUndefined);
}

}  // namespace

void ram(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().agreement->ram);
}

void ramplus_tl(const Context& context, const Batch& batch) {
  const int64_t models = batch.inputs - 1;
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  double* const tallies = context.workspace.reserve(first.back() * models * 2);
  const TallyKernel tally = kernels().agreement->tally;
  context.team.run(first.back(), [&](int64_t part) {
    const int64_t k = tensor_of(first, part);
    const Item& item = batch.items[k];
    const int64_t begin = (part - first[static_cast<size_t>(k)]) * kPart;
    const int64_t end = item.elements - begin < kPart ? item.elements : begin + kPart;
    double* const own = tallies + part * models * 2;
    std::fill(own, own + models * 2, 0.0);
    tally(item, batch, begin, end, own);
  });
  std::vector<Item> items(batch.items, batch.items + batch.count);
  std::vector<double> weights(static_cast<size_t>(batch.count * (1 + models)));
  for (int64_t k = 0; k < batch.count; ++k) {
    Item& item = items[static_cast<size_t>(k)];
    const double epsilon = item.weights[0];
    double* const own = weights.data() + k * (1 + models);
    own[0] = epsilon;
    for (int64_t i = 0; i < models; ++i) {
      double active = 0.0;
      double unique = 0.0;
      for (int64_t part = first[static_cast<size_t>(k)]; part < first[static_cast<size_t>(k) + 1];
           ++part) {
        active += tallies[(part * models + i) * 2];
        unique += tallies[(part * models + i) * 2 + 1];
      }
      own[1 + i] = change_factor(active, unique, epsilon, item.weights[1], item.weights[2]);
    }
    item.weights = own;
  }
  Batch scaled = batch;
  scaled.items = items.data();
  run_elementwise(context, scaled, kernels().agreement->ramplus);
}

void consensus_ta(const Context& context, const Batch& batch) {
  run_elementwise(context, batch, kernels().agreement->consensus_ta);
}

void sce(const Context& context, const Batch& batch) {
  const AgreementKernels& table = *kernels().agreement;
  const auto count = static_cast<size_t>(batch.count);
  const int64_t models = batch.inputs - 1;
  const std::vector<int64_t> first = number_parts(batch.items, batch.count);
  std::vector<Selected> kept(count, {-1.0, 0, true});  // all

  // Which positions are kept: first of all, how many have a variance.
  std::vector<Variances> sources(count);
  std::vector<KeyPiece> pieces(count);
  std::vector<std::atomic<int64_t>> varied(count);
  std::vector<std::atomic<bool>> faulty(count);
  for (size_t k = 0; k < count; ++k) {
    sources[k] = {&batch.items[k], &batch};
    pieces[k] = {&sources[k], batch.items[k].elements};
  }
  const auto keys_of = [&](size_t k) -> const KeyKernels& {
    return batch.items[k].wide ? table.variances64 : table.variances32;
  };
  context.team.run(first.back(), [&](int64_t part) {
    const auto k = static_cast<size_t>(tensor_of(first, part));
    const Item& item = batch.items[k];
    if (item.weights[0] < 1.0) {
      const int64_t begin = (part - first[k]) * kPart;
      const int64_t end = std::min(begin + kPart, item.elements);
      const uint64_t smallest = 1;
      uint32_t above = 0;
      if (!keys_of(k).count(&sources[k], begin, end, &smallest, 1, &above)) {
        faulty[k] = true;
      }
      varied[k] += above;
    }
  });
  std::vector<KeySelection> selections;
  std::vector<size_t> selected;
  for (size_t k = 0; k < count; ++k) {
    const Item& item = batch.items[k];
    if (faulty[k]) {
      throw sce_fault(context, batch, static_cast<int64_t>(k));
    }
    if (item.weights[0] < 1.0) {
      const auto n = static_cast<int64_t>(static_cast<double>(varied[k]) * item.weights[0]);
      kept[k].threshold = std::numeric_limits<double>::infinity();
      if (n > 0) {
        int32_t bytes = 0;
        for (int32_t i = 0; i < batch.inputs; ++i) {
          bytes += dtype_bytes(item.inputs[i].dtype);
        }
        selections.push_back({&keys_of(k), &pieces[k], 1, n, bytes, false, 0, 0, 0, true});
        selected.push_back(k);
      }
    }
  }
  select_keys(context, selections.data(), static_cast<int64_t>(selections.size()));
  for (size_t i = 0; i < selections.size(); ++i) {
    kept[selected[i]] = {
        key_value(batch.items[selected[i]].wide ? DType::kF64 : DType::kF32, selections[i].key),
        selections[i].index + 1, true};
  }

  // The models' weights.
  std::vector<int64_t> offset(count + 1, 0);
  for (size_t k = 0; k < count; ++k) {
    offset[k + 1] = offset[k] + chunks_of(batch.items[k].elements) * models;
  }
  double* const partials = context.workspace.reserve(offset.back());
  context.team.run(first.back(), [&](int64_t part) {
    const auto k = static_cast<size_t>(tensor_of(first, part));
    const int64_t begin = (part - first[k]) * (kPart / kReduceChunk);
    const int64_t end = std::min(begin + kPart / kReduceChunk, chunks_of(batch.items[k].elements));
    table.squares(batch.items[k], batch, kept[k], begin, end,
                  partials + offset[k] + begin * models);
  });
  std::vector<Item> items(batch.items, batch.items + batch.count);
  std::vector<double> weights(count * static_cast<size_t>(2 + models));
  std::vector<double> sums(static_cast<size_t>(models));
  for (size_t k = 0; k < count; ++k) {
    Item& item = items[k];
    double* const own = weights.data() + static_cast<int64_t>(k) * (2 + models);
    bool finite = true;
    for (int64_t i = 0; item.elements > 0 && i < models; ++i) {
      const double sum =
          reduce_partials(partials + offset[k] + i, chunks_of(item.elements), models, Term::kValue);
      finite = finite && std::isfinite(sum);
      sums[static_cast<size_t>(i)] = sum;
    }
    if (!finite) {
      throw sce_fault(context, batch, static_cast<int64_t>(k));
    }
    own[0] = kept[k].threshold;
    own[1] = static_cast<double>(kept[k].cutoff);
    sce_weights(sums.data(), models, static_cast<double>(item.elements), item.weights[1], own + 2);
    item.weights = own;
  }
  Batch elected = batch;
  elected.items = items.data();
  run_elementwise(context, elected, table.elect);
}

}  // namespace sinter::cpu
