// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"
#include "gather_batch.h"

namespace {

using namespace sinter;

// What a list of indices holds.
struct Scan {
  int32_t least;
  int32_t most;
  // The list is runs of this many neighbours, or of multiples of it.
  int64_t run;
};

Scan scan(const int32_t* list, int64_t n) {
  Scan found = {list[0], list[0], n};
  for (int64_t i = 1; i < n && found.run > 1; ++i) {
    if (int64_t{list[i]} != int64_t{list[i - 1]} + 1) {
      found.run = std::gcd(found.run, i);
    }
  }
  for (int64_t i = 1; i < n; ++i) {
    found.least = std::min(found.least, list[i]);
    found.most = std::max(found.most, list[i]);
  }
  return found;
}

// A batch's lists: most often a few that serve many tensors.
class Lists {
 public:
  const Scan& of(const int32_t* list, int64_t n) {
    const auto [place, added] = known_.try_emplace({list, n});
    if (added) {
      place->second = scan(list, n);
    }
    return place->second;
  }

 private:
  std::map<std::pair<const int32_t*, int64_t>, Scan> known_;
};

[[noreturn]] void out_of_range(const int32_t* list, int64_t n, int64_t size, const std::string& in,
                               int axis, int64_t k) {
  const int64_t at =
      std::find_if(list, list + n, [&](int32_t i) { return i < 0 || i >= size; }) - list;
  invalid("indices[" + std::to_string(at) + "] of " + in + " along axis " + std::to_string(axis) +
              " is " + std::to_string(list[at]) + ", and the axis has " + std::to_string(size) +
              ": give 0 or more and less than that",
          k);
}

void add_axis(GatherPlaces& places, int64_t size, int64_t stride, const int32_t* index,
              int64_t every) {
  if (size == 1 && index == nullptr) {
    return;
  }
  const int last = places.rank - 1;
  if (index == nullptr && last >= 0 && places.index[last] == nullptr &&
      places.strides[last] == size * stride) {
    places.shape[last] *= size;
    places.strides[last] = stride;
    return;
  }
  places.shape[places.rank] = size;
  places.strides[places.rank] = stride;
  places.index[places.rank] = index;
  places.every[places.rank] = every;
  ++places.rank;
}

// The gathered input of entry k, and where its elements come from.
View gathered(const sinter_stream& stream, const sinter_tensor& in, const int32_t* const* indices,
              const sinter_tensor& out, Lists& lists, int64_t k, GatherItem& item) {
  const View whole = checked_view(stream, in, "in", k, Place::kStream, false);
  const std::string name = label("in", k, in);
  if (in.rank != out.rank) {
    invalid(name + " has shape " + shape_text(in) + " and " + label("out", k, out) + " " +
                shape_text(out) + ": they must be of one rank",
            k);
  }
  item = {};
  int64_t low = 0;
  int64_t high = 0;
  int64_t offset = 0;
  for (int d = 0; d < in.rank; ++d) {
    const int64_t size = out.shape[d];
    const int32_t* const list = indices != nullptr ? indices[d] : nullptr;
    (in.strides[d] < 0 ? low : high) += (std::max(in.shape[d], int64_t{1}) - 1) * in.strides[d];
    if (list == nullptr) {
      if (size != in.shape[d]) {
        invalid(name + " has shape " + shape_text(in) + " and " + label("out", k, out) + " " +
                    shape_text(out) + ": they must be equal along axis " + std::to_string(d) +
                    ", which has no indices",
                k);
      }
      add_axis(item.places, size, in.strides[d], nullptr, 1);
      continue;
    }
    if (size == 0) {
      continue;
    }
    const Scan& scan = lists.of(list, size);
    if (scan.least < 0 || scan.most >= in.shape[d]) {
      out_of_range(list, size, in.shape[d], name, d, k);
    }
    if (scan.run == size) {
      offset += list[0] * in.strides[d];
      add_axis(item.places, size, in.strides[d], nullptr, 1);
    } else {
      item.places.reach = int64_t{scan.most} + 1;
      add_axis(item.places, size / scan.run, in.strides[d], list, scan.run);
      add_axis(item.places, scan.run, in.strides[d], nullptr, 1);
    }
  }
  View view = {};
  view.dtype = whole.dtype;
  if (whole.data != nullptr) {
    view.data = whole.data + offset * dtype_bytes(whole.dtype);
    item.end = whole.data + (high + 1) * dtype_bytes(whole.dtype);
  }
  const View to = checked_view(stream, out, "out", k, Place::kStream, true);
  if (overlap(whole, to)) {
    invalid(label("out", k, out) + " overlaps " + name + ": it must be apart from it", k);
  }
  return view;
}

// With alpha the first input is the reference, else there is none.
void gather(sinter_stream* stream, int64_t count, const sinter_tensor* reference,
            const sinter_tensor* in, const int32_t* const* indices, const double* alpha,
            const sinter_tensor* out, const sinter_arithmetic* arithmetic) {
  Elementwise call(stream, count, arithmetic);
  const bool blends = alpha != nullptr || reference != nullptr;
  if (blends) {
    call.input("reference", reference);
    if (count > 0) {
      require(alpha, "alpha");
    }
  }
  call.output("out", out);
  if (count > 0) {
    require(in, "in");
    require(indices, "indices");
  }
  double* const weights = call.weights(1);
  for (int64_t k = 0; k < count; ++k) {
    if (!blends) {
      call.copy(k, 0);
      continue;
    }
    weights[k] = checked_weight(alpha[k], "alpha", k);
    if (alpha[k] == 0.0 || alpha[k] == 1.0) {
      call.copy(k, alpha[k] == 0.0 ? 0 : 1);
    }
  }
  Batch batch = call.batch();
  const int32_t inputs = blends ? 2 : 1;
  const auto n = static_cast<size_t>(count);
  std::vector<Item> items(batch.items, batch.items + count);
  std::vector<GatherItem> places(n);
  std::vector<View> views(n * static_cast<size_t>(inputs));
  Lists lists;
  for (int64_t k = 0; k < count; ++k) {
    const auto at = static_cast<size_t>(k);
    View* const own = views.data() + at * static_cast<size_t>(inputs);
    if (blends) {
      own[0] = items[at].inputs[0];
    }
    own[inputs - 1] =
        gathered(*stream, in[k], indices + k * SINTER_MAX_RANK, out[k], lists, k, places[at]);
    items[at].inputs = own;
    items[at].wide =
        items[at].wide || (batch.load == DType::kStored && own[inputs - 1].dtype == DType::kF64);
  }
  batch.items = items.data();
  batch.inputs = inputs;
  const GatherBatch gathers = {batch, places.data()};
  SINTER_LAUNCH(call.stream(), gather, gathers);
}

}  // namespace

int32_t sinter_gather(sinter_stream* stream, int64_t count, const sinter_tensor* in,
                      const int32_t* const* indices, const sinter_tensor* out,
                      const sinter_tensor* counts, sinter_error* error) {
  return guard("sinter_gather", error, [&] {
    sinter_arithmetic arithmetic = {};
    arithmetic.struct_size = sizeof arithmetic;
    arithmetic.counts = counts;
    gather(stream, count, nullptr, in, indices, nullptr, out, &arithmetic);
  });
}

int32_t sinter_gather_lerp(sinter_stream* stream, int64_t count, const sinter_tensor* reference,
                           const sinter_tensor* in, const int32_t* const* indices,
                           const double* alpha, const sinter_tensor* out,
                           const sinter_arithmetic* arithmetic, sinter_error* error) {
  return guard("sinter_gather_lerp", error, [&] {
    if (count > 0) {
      require(reference, "reference");
      require(alpha, "alpha");
    }
    gather(stream, count, reference, in, indices, alpha, out, arithmetic);
  });
}
