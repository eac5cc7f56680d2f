// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cpu/common/parts.h"
#include "cpu/common/select_keys.h"
#include "cpu/launch.h"
#include "cpu/select.h"
#include "failure.h"
#include "formula/select.h"

namespace sinter::cpu {
namespace {

bool same_place(const View& x, const View& y) {
  return x.data == y.data && x.dtype == y.dtype && x.rank == y.rank &&
         std::equal(x.shape, x.shape + x.rank, y.shape) &&
         std::equal(x.strides, x.strides + x.rank, y.strides);
}

Differences differences(const SelectItem& item, DType load, DType delta) {
  Differences source = {};
  source.in = item.in;
  source.has_base = item.base != nullptr;
  source.base = source.has_base ? *item.base : item.in;
  source.wide =
      load == DType::kF64 || (load == DType::kStored &&
                              (item.in.dtype == DType::kF64 || source.base.dtype == DType::kF64));
  source.load = load;
  source.delta = delta;
  source.key = key_format(item.in.dtype, load, source.has_base, delta, source.wide);
  return source;
}

const KeyKernels& kernels_for(const Differences& source) {
  const SelectKernels& all = *kernels().select;
  switch (dtype_bytes(source.key)) {
    case 2:
      return source.is_signed ? all.signed16 : all.magnitudes16;
    case 4:
      return source.is_signed ? all.signed32 : all.magnitudes32;
    default:
      return source.is_signed ? all.signed64 : all.magnitudes64;
  }
}

bool all_finite(const Context& context, const Differences& of, int64_t elements) {
  std::atomic<bool> all{true};
  context.team.run((elements + kPart - 1) / kPart, [&](int64_t part) {
    const int64_t begin = part * kPart;
    if (!kernels().select->finite_differences(of, begin, std::min(begin + kPart, elements))) {
      all.store(false);
    }
  });
  return all.load();
}

// Which operand of differences that are not all finite is at fault; see Selected.
int32_t fault_of(const Context& context, const SelectItem& item, DType load) {
  if (item.base == nullptr) {
    return 2;
  }
  Differences of = differences(item, load, DType::kStored);
  of.has_base = false;
  const bool in_finite = all_finite(context, of, item.elements);
  of.in = *item.base;
  return !all_finite(context, of, item.elements) ? 3 : in_finite ? 1 : 2;
}

// The input's number in a message, from its fault; `in` is the number of in.
int64_t input_of(int32_t fault, int64_t in) {
  return fault == 3 ? 0 : fault == 2 ? in : kUndefined;
}

std::string text(const char* name) { return name != nullptr ? name : ""; }

}  // namespace

void select(const Context& context, const SelectBatch& batch) {
  const size_t count = static_cast<size_t>(batch.count);
  std::vector<Differences> sources(count);
  std::vector<KeyPiece> pieces(count);
  std::vector<KeySelection> selections;
  std::vector<int64_t> tensor;  // of each selection
  selections.reserve(count);
  int64_t elements = 0;
  int32_t element_bytes = 8;
  DType common = DType::kStored;
  for (size_t k = 0; k < count; ++k) {
    const SelectItem& item = batch.items[k];
    sources[k] = differences(item, batch.load, batch.delta);
    pieces[k] = {&sources[k], item.elements};
    elements += item.elements;
    const int32_t bytes =
        dtype_bytes(item.in.dtype) + (item.base != nullptr ? dtype_bytes(item.base->dtype) : 0);
    element_bytes = std::min(element_bytes, bytes);
    batch.results[k] = {std::numeric_limits<double>::infinity(), 0, true};
    // Keys of one sequence are of one format: that of all, or else one that holds every value.
    const DType key = sources[k].key;
    if (common == DType::kStored || common == key) {
      common = key;
    } else {
      common = common == DType::kF64 || key == DType::kF64 ? DType::kF64 : DType::kF32;
    }
    if (batch.joint || item.k == 0 || item.elements == 0) {
      continue;
    }
    const bool shares = k > 0 && !tensor.empty() && tensor.back() == static_cast<int64_t>(k) - 1 &&
                        item.elements == batch.items[k - 1].elements &&
                        same_place(item.base != nullptr ? *item.base : item.in,
                                   batch.items[k - 1].base != nullptr ? *batch.items[k - 1].base
                                                                      : batch.items[k - 1].in);
    selections.push_back(
        {&kernels_for(sources[k]), &pieces[k], 1, item.k, bytes, shares, 0, 0, 0, true});
    tensor.push_back(static_cast<int64_t>(k));
  }
  if (batch.joint) {
    const int64_t k = count > 0 ? batch.items[0].k : 0;
    if (k == 0 || elements == 0) {
      return;
    }
    for (Differences& source : sources) {
      source.key = common;
    }
    selections.push_back({&kernels_for(sources[0]), pieces.data(), batch.count, k, element_bytes,
                          false, 0, 0, 0, true});
  }
  select_keys(context, selections.data(), static_cast<int64_t>(selections.size()));
  if (batch.joint) {
    const KeySelection& s = selections[0];
    const double threshold = key_value(common, s.key);
    for (int64_t k = 0; k < batch.count; ++k) {
      batch.results[k] = {threshold,
                          k < s.piece    ? batch.items[k].elements
                          : k == s.piece ? s.index + 1
                                         : 0,
                          s.finite || k != s.piece};
    }
    if (!s.finite) {
      batch.results[s.piece].fault = fault_of(context, batch.items[s.piece], batch.load);
    }
    return;
  }
  for (size_t i = 0; i < selections.size(); ++i) {
    const KeySelection& s = selections[i];
    const size_t k = static_cast<size_t>(tensor[i]);
    batch.results[k] = {key_value(sources[k].key, s.key), s.index + 1, s.finite};
    if (!s.finite) {
      batch.results[k].fault = fault_of(context, batch.items[k], batch.load);
    }
  }
}

void write_selections(const Context& context, const SelectCall& call) {
  std::vector<Selected> results(static_cast<size_t>(call.batch.count));
  SelectBatch batch = call.batch;
  batch.results = results.data();
  select(context, batch);
  for (int64_t k = 0; k < batch.count; ++k) {
    if (!results[static_cast<size_t>(k)].finite) {
      const bool has_base = batch.items[k].base != nullptr;
      throw no_result(kSelectStatistic[has_base ? 1 : 0], k, text(call.names[k]),
                      input_of(results[static_cast<size_t>(k)].fault, has_base ? 1 : 0));
    }
  }
  for (int64_t k = 0; k < batch.count; ++k) {
    put(call.out + 2 * k, results[static_cast<size_t>(k)].threshold);
    put(call.out + 2 * k + 1, static_cast<double>(results[static_cast<size_t>(k)].cutoff));
  }
}

void quantile(const Context& context, const QuantileBatch& batch) {
  const size_t count = static_cast<size_t>(batch.count);
  const size_t quantiles = static_cast<size_t>(batch.quantiles);
  std::vector<Differences> sources(count);
  std::vector<KeyPiece> pieces(count);
  std::vector<KeySelection> selections;
  std::vector<double> results(count * quantiles, std::numeric_limits<double>::quiet_NaN());
  selections.reserve(count * quantiles);
  for (size_t k = 0; k < count; ++k) {
    const QuantileItem& item = batch.items[k];
    if (item.elements == 0) {
      continue;
    }
    sources[k] = differences({item.elements, nullptr, item.in, 0}, batch.load, DType::kStored);
    sources[k].is_signed = true;
    pieces[k] = {&sources[k], item.elements};
    for (size_t j = 0; j < quantiles; ++j) {
      selections.push_back({&kernels_for(sources[k]), &pieces[k], 1,
                            quantile_rank(batch.q[j], item.elements), dtype_bytes(item.in.dtype),
                            j > 0, 0, 0, 0, true});
    }
  }
  select_keys(context, selections.data(), static_cast<int64_t>(selections.size()));
  size_t i = 0;
  for (size_t k = 0; k < count; ++k) {
    for (size_t j = 0; batch.items[k].elements > 0 && j < quantiles; ++j, ++i) {
      if (!selections[i].finite) {
        throw no_result(kQuantileStatistic, static_cast<int64_t>(k), text(batch.names[k]), 0);
      }
      results[k * quantiles + j] = signed_key_value(sources[k].key, selections[i].key);
    }
  }
  for (size_t r = 0; r < results.size(); ++r) {
    put(batch.results + r, canonical(results[r]));
  }
}

void rank(const Context& context, const RankBatch& batch) {
  const size_t count = static_cast<size_t>(batch.count);
  std::vector<RankJob> jobs(count);
  std::vector<int64_t> first{0};  // each tensor's first unit: rows, or parts of the check
  std::vector<int64_t> checks{0};
  int64_t longest = 0;
  for (size_t k = 0; k < count; ++k) {
    const RankItem& item = batch.items[k];
    jobs[k] = {differences({item.elements, item.base, item.in, 0}, batch.load, batch.delta),
               item.out, item.row};
    first.push_back(first.back() + (item.elements > 0 ? item.elements / item.row : 0));
    checks.push_back(checks.back() + (item.elements + kPart - 1) / kPart);
    longest = std::max(longest, item.elements > 0 ? item.row : 0);
  }
  std::atomic<int64_t> bad{batch.count};
  const auto record = [&](int64_t k) {
    int64_t known = bad.load();
    while (k < known && !bad.compare_exchange_weak(known, k)) {
    }
  };
  const SelectKernels& all = *kernels().select;
  const int64_t bytes = (rank_scratch(longest) + 63) / 64 * 64;
  const int64_t lanes = std::min<int64_t>(context.team.threads(), first.back());
  auto* const memory =
      reinterpret_cast<unsigned char*>(context.workspace.reserve(lanes * bytes / 8));
  // Everything is looked at before anything is written.
  context.team.run(checks.back(), [&](int64_t part) {
    const int64_t k = tensor_of(checks, part);
    const RankJob& job = jobs[static_cast<size_t>(k)];
    const int64_t begin = (part - checks[static_cast<size_t>(k)]) * kPart;
    const int64_t end = std::min(begin + kPart, batch.items[k].elements);
    if (!all.finite_differences(job.of, begin, end)) {
      record(k);
    }
  });
  if (bad.load() < batch.count) {
    const RankItem& item = batch.items[bad.load()];
    const SelectItem of = {item.elements, item.base, item.in, 0};
    throw no_result(*batch.statistic, item.tensor, text(item.name),
                    input_of(fault_of(context, of, batch.load), item.input));
  }
  std::atomic<int64_t> next{0};
  context.team.run(lanes, [&](int64_t lane) {
    for (int64_t row = next.fetch_add(1); row < first.back(); row = next.fetch_add(1)) {
      const int64_t k = tensor_of(first, row);
      all.rank(jobs[static_cast<size_t>(k)], row - first[static_cast<size_t>(k)],
               memory + lane * bytes);
    }
  });
}

}  // namespace sinter::cpu
