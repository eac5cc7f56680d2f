// SPDX-License-Identifier: Apache-2.0
//
// Gathers along any axes, bound by memory: two elements moved per output, three with lerp. Indices are
// uploaded once for all tensors of a batch that share them.
#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "cuda/common/elementwise.cuh"
#include "cuda/launch.h"
#include "formula/interpolate.h"
#include "gather_batch.h"

namespace sinter::cuda {
namespace {

// Per entry: lerp's t, and which input is copied or cast, or -1.
constexpr int32_t kNumbers = 2;

// Where the gathered input's element `index` of the output is, in elements.
SINTER_DEVICE int64_t gathered_place(const GatherPlaces& places, int64_t index) {
  int64_t place = 0;
  for (int d = places.rank - 1; d >= 0; --d) {
    const int64_t size = places.shape[d];
    int64_t rest;
    if (((index | size) >> 32) == 0) {
      rest = static_cast<uint32_t>(index) / static_cast<uint32_t>(size);
    } else {
      rest = index / size;
    }
    const int64_t i = index - rest * size;
    const int32_t* const list = places.index[d];
    place += (list == nullptr ? i : int64_t{list[i * places.every[d]]}) * places.strides[d];
    index = rest;
  }
  return place;
}

template <class Compute>
SINTER_DEVICE Compute load_at(const Operand& operand, DType load, int64_t place) {
  return load_element<Compute>({operand.data, operand.dtype, -1}, nullptr, load, place);
}

// Anything, one element at a time.
template <class Compute>
__global__ void __launch_bounds__(kThreads)
    gather_kernel(const __grid_constant__ ElementwiseParams params) {
  for_entries(params, [&](const Descriptors& table, int64_t k, const Operand* operands,
                          int64_t begin, int64_t end, Tally& tally) {
    const GatherPlaces& places =
        static_cast<const GatherPlaces*>(params.formula)[table.entries[k].index];
    const int last = params.table.operands - 1;
    const auto t = static_cast<Compute>(table.weights[k * kNumbers]);
    const int copied = static_cast<int>(table.weights[k * kNumbers + 1]);
    const Operand& in = operands[last];
    for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) {
      if (copied >= 0) {
        const Operand& from = operands[1 + copied];
        const int64_t place =
            1 + copied == last ? gathered_place(places, i) : place_of(from, table.layouts, i);
        if (from.dtype == operands[0].dtype &&
            (params.load == DType::kStored || params.load == from.dtype)) {
          with_dtype(from.dtype, [&]<DType T>() {
            using Storage = typename Format<T>::Storage;
            constexpr int64_t kBytes = sizeof(Storage);
            const auto value = read<Storage>(from.data + place * kBytes);
            write<Storage>(operands[0].data + place_of(operands[0], table.layouts, i) * kBytes,
                           value);
            tally.nonfinite += Format<T>::nonfinite(value);
          });
        } else {
          store_element(operands[0], table.layouts, i, load_at<Compute>(from, params.load, place),
                        tally);
        }
      } else {
        const auto a = load_element<Compute>(operands[1], table.layouts, params.load, i);
        const auto b = load_at<Compute>(in, params.load, gathered_place(places, i));
        store_element(operands[0], table.layouts, i, sinter::lerp(a, b, t), tally);
      }
    }
  });
}

// The batch's places with their lists on the device, each once.
class DevicePlaces {
 public:
  DevicePlaces(Queue& queue, const GatherBatch& batch)
      : queue_(queue), batch_(batch), bytes_(layout()), memory_(queue, bytes_) {
    std::vector<unsigned char> host(static_cast<size_t>(bytes_));
    auto* const device = memory_.as<unsigned char>();
    for (const auto& [list, place] : lists_) {
      std::memcpy(host.data() + place.at, list, static_cast<size_t>(place.length) * 4);
    }
    auto* const places = reinterpret_cast<GatherPlaces*>(host.data());
    for (int64_t k = 0; k < batch.batch.count; ++k) {
      GatherPlaces own = batch.items[k].places;
      for (int d = 0; d < own.rank; ++d) {
        if (own.index[d] != nullptr) {
          own.index[d] = reinterpret_cast<const int32_t*>(device + lists_[own.index[d]].at);
        }
      }
      std::memcpy(places + k, &own, sizeof own);
    }
    if (bytes_ > 0) {
      queue.upload(device, host.data(), bytes_);
    }
  }

  const GatherPlaces* get() const { return memory_.as<GatherPlaces>(); }

 private:
  struct List {
    int64_t length;
    int64_t at;
  };

  int64_t layout() {
    for (int64_t k = 0; k < batch_.batch.count; ++k) {
      const GatherPlaces& places = batch_.items[k].places;
      for (int d = 0; d < places.rank; ++d) {
        if (places.index[d] != nullptr) {
          int64_t& length = lists_[places.index[d]].length;
          length = std::max(length, (places.shape[d] - 1) * places.every[d] + 1);
        }
      }
    }
    int64_t bytes = batch_.batch.count * static_cast<int64_t>(sizeof(GatherPlaces));
    for (auto& [list, place] : lists_) {
      place.at = bytes;
      bytes += (place.length * 4 + 15) / 16 * 16;
    }
    return bytes;
  }

  Queue& queue_;
  const GatherBatch& batch_;
  std::map<const int32_t*, List> lists_;
  const int64_t bytes_;
  const Scratch memory_;
};

}  // namespace

void gather(const Context& context, const GatherBatch& gathers) {
  Queue& queue = context.queue;
  const Batch& batch = gathers.batch;
  // Clears and copies the counts; it has nothing else to do.
  std::vector<Item> nothing(batch.items, batch.items + batch.count);
  for (Item& item : nothing) {
    item.elements = 0;
  }
  Batch counted = batch;
  counted.items = nothing.data();
  ElementwiseRun run(queue, counted, 0, cast_kernel);
  const DevicePlaces places(queue, gathers);
  TableBuilder tables[2] = {{1 + batch.inputs, kNumbers}, {1 + batch.inputs, kNumbers}};
  for (int64_t k = 0; k < batch.count; ++k) {
    const Item& item = batch.items[k];
    if (item.elements == 0) {
      continue;
    }
    const View* const views[] = {&item.output, &item.inputs[0], &item.inputs[batch.inputs - 1]};
    const double numbers[kNumbers] = {item.weights[0], static_cast<double>(item.copy_of)};
    tables[item.wide ? 1 : 0].add({item.elements, k}, (item.elements + kUnit - 1) / kUnit, views,
                                  numbers);
  }
  ElementwiseParams params[2] = {};
  Counts* const counts = run.clear_counts();
  for (const bool wide : {false, true}) {
    TableBuilder& table = tables[wide ? 1 : 0];
    if (table.entries() == 0) {
      continue;
    }
    ElementwiseParams& own = params[wide ? 1 : 0];
    own = {batch.load, batch.delta, counts, places.get(), {}};
    table.finish(queue, own.table);
    const ElementwiseKernel kernel = wide ? gather_kernel<double> : gather_kernel<float>;
    const int64_t resident = queue.resident_blocks(kernel, kThreads);
    launch(queue, kernel, std::min(own.table.units, resident), kThreads, own);
  }
  run.launch();
}

}  // namespace sinter::cuda
