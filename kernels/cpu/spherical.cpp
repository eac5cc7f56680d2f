// SPDX-License-Identifier: Apache-2.0
//
// Gram matrices: the first level of their canonical reduction, in one pass over memory. Pairs of
// models are taken in tiles whose sums stay in registers; what a tile leaves out is read again from
// the caches. And weighted sums whose coefficients differ between the vectors of a tensor.
#include "cpu/spherical.h"

#include "cpu/common/elementwise.h"
#include "cpu/common/lanes.h"
#include "cpu/kernels_of_tier.h"
#include "formula/reduce.h"
#include "formula/task_vectors.h"
#include "spherical_batch.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

// A tile: the pairs of kRows with kColumns models; where kRows is 0, the triangle of kColumns.
template <int kRows, int kColumns>
struct Tile {
  static constexpr int kPairs = kRows == 0 ? kColumns * (kColumns + 1) / 2 : kRows * kColumns;

  // Calls f(p, i, j) for each pair; i counts rows, or columns in a triangle.
  template <class F>
  SINTER_MEMBER_FN void pairs(F f) {
    int p = 0;
#pragma GCC unroll 4
    for (int i = 0; i < (kRows == 0 ? kColumns : kRows); ++i) {
#pragma GCC unroll 4
      for (int j = kRows == 0 ? i : 0; j < kColumns; ++j) {
        f(p++, i, j);
      }
    }
  }
};

// Adds a block's products to the lanes; the block starts at a multiple of the lanes.
template <int kRows, int kColumns, class T>
SINTER_FN void add_tile(const T* const* rows, const T* const* columns, int count,
                        double (*lanes)[kReduceLanes]) {
  using Pairs = Tile<kRows, kColumns>;
  constexpr DType kNative = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
  // As many strips of lanes at a time as leave their sums in registers.
  constexpr int kVectors = Pairs::kPairs * 4 <= kStrips ? 4 : Pairs::kPairs * 2 <= kStrips ? 2 : 1;
  constexpr int kHeld = kRows == 0 ? 1 : kRows;
  const int whole = count - count % kReduceLanes;
  for (int s = 0; s < kReduceLanes && whole > 0; s += kStrip * kVectors) {
    Strip sums[Pairs::kPairs][kVectors];
#pragma GCC unroll 16
    for (int p = 0; p < Pairs::kPairs; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        sums[p][v] = load_strip(&lanes[p][s + kStrip * v]);
      }
    }
    for (int j = s; j < whole; j += kReduceLanes) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        Strip x[kHeld];
        Strip y[kColumns];
#pragma GCC unroll 4
        for (int k = 0; k < kColumns; ++k) {
          y[k] = strip<kNative>(columns[k] + j + kStrip * v);
        }
#pragma GCC unroll 4
        for (int k = 0; k < kRows; ++k) {
          x[k] = strip<kNative>(rows[k] + j + kStrip * v);
        }
        Pairs::pairs([&](int p, int i, int k) __attribute__((always_inline)) {
          sums[p][v] = add_product<sizeof(T) == 4>(sums[p][v], kRows == 0 ? y[i] : x[i], y[k]);
        });
      }
    }
#pragma GCC unroll 16
    for (int p = 0; p < Pairs::kPairs; ++p) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        store_strip(&lanes[p][s + kStrip * v], sums[p][v]);
      }
    }
  }
  using Packed = typename Unaligned<T>::type;  // by name: auto would drop the alignment
  Pairs::pairs([&](int p, int i, int k) __attribute__((always_inline)) {
    const Packed* const a = reinterpret_cast<const Packed*>(kRows == 0 ? columns[i] : rows[i]);
    const Packed* const b = reinterpret_cast<const Packed*>(columns[k]);
    for (int j = whole; j < count; ++j) {
      lanes[p][j - whole] = accumulate<Term::kProduct>(
          lanes[p][j - whole], static_cast<double>(a[j]), static_cast<double>(b[j]));
    }
  });
}

// Where a model's block is, decoded, or its difference from the base.
template <class T>
class Loader {
 public:
  SINTER_CONSTRUCTOR Loader(const GramItem& item, const GramBatch& batch)
      : item_(item), batch_(batch) {}

  inline __attribute__((always_inline)) void start(int64_t from, int count) {
    from_ = from;
    count_ = count;
    if (batch_.base) {
      load_block(item_.operands[0], batch_.load, from_, count_, base_);
    }
  }

  inline __attribute__((always_inline)) const T* model(int32_t k, T* room) const {
    const View& view = item_.operands[k + (batch_.base ? 1 : 0)];
    constexpr DType kNative = sizeof(T) == 8 ? DType::kF64 : DType::kF32;
    if (!batch_.base && view.dtype == kNative && view.contiguous() &&
        (batch_.load == DType::kStored || batch_.load == kNative)) {
      return reinterpret_cast<const T*>(view.data) + from_;
    }
    load_block(view, batch_.load, from_, count_, room);
    if (batch_.base) {
      for (int j = 0; j < count_; ++j) {
        room[j] = task_delta<T>(room[j], base_[j], DType::kStored);
      }
      if (batch_.delta != DType::kStored && batch_.delta != kNative) {
        with_dtype(
            batch_.delta, [&]<DType D>()
                              __attribute__((always_inline)) { round_block<D>(room, count_); });
      }
    }
    return room;
  }

 private:
  const GramItem& item_;
  const GramBatch& batch_;
  int64_t from_ = 0;
  int count_ = 0;
  alignas(64) T base_[kBlock];
};

// One tile of one chunk: `rows` from `row`, `columns` from `column` on; models past the last are
// that one again, and their pairs are left out.
template <int kRows, int kColumns, class T>
static void reduce_tile(const GramItem& item, const GramBatch& batch, int32_t row, int32_t column,
                        int64_t begin, int64_t end, double* pairs) {
  using Pairs = Tile<kRows, kColumns>;
  constexpr int kHeld = kRows == 0 ? 1 : kRows;
  alignas(64) double lanes[Pairs::kPairs][kReduceLanes] = {};
  alignas(64) T row_room[kHeld][kBlock];
  alignas(64) T column_room[kColumns][kBlock];
  Loader<T> loader(item, batch);
  const int32_t last = batch.models - 1;
  for (int64_t i = begin; i < end; i += kBlock) {
    const int count = end - i < kBlock ? static_cast<int>(end - i) : kBlock;
    loader.start(i, count);
    const T* rows[kHeld];
    const T* columns[kColumns];
    for (int k = 0; k < kColumns; ++k) {
      columns[k] = loader.model(column + k < last ? column + k : last, column_room[k]);
    }
    for (int k = 0; k < kRows; ++k) {
      const int32_t of = row + k < last ? row + k : last;
      rows[k] = of >= column && of < column + kColumns ? columns[of - column]
                                                       : loader.model(of, row_room[k]);
    }
    add_tile<kRows, kColumns>(rows, columns, count, lanes);
  }
  Pairs::pairs([&](int p, int i, int k) __attribute__((always_inline)) {
    const int32_t a = (kRows == 0 ? column : row) + i;
    const int32_t b = column + k;
    if (a <= b && b <= last) {
      double* const lane = lanes[p];
      for (int half = kReduceLanes / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; ++l) {
          lane[l] = combine<Term::kProduct>(lane[l], lane[l + half]);
        }
      }
      pairs[gram_pair(a, b, batch.models)] = lane[0];
    }
  });
}

template <class T>
static void reduce_chunk(const GramItem& item, const GramBatch& batch, int64_t begin, int64_t end,
                         double* pairs) {
  switch (batch.models) {
    case 1:
      reduce_tile<0, 1, T>(item, batch, 0, 0, begin, end, pairs);
      return;
    case 2:
      reduce_tile<0, 2, T>(item, batch, 0, 0, begin, end, pairs);
      return;
    case 3:
      reduce_tile<0, 3, T>(item, batch, 0, 0, begin, end, pairs);
      return;
    case 4:
      reduce_tile<0, 4, T>(item, batch, 0, 0, begin, end, pairs);
      return;
    default:
      break;
  }
  for (int32_t row = 0; row < batch.models; row += 2) {
    for (int32_t column = row / 4 * 4; column < batch.models; column += 4) {
      reduce_tile<2, 4, T>(item, batch, row, column, begin, end, pairs);
    }
  }
}

void gram_kernel(const GramItem& item, const GramBatch& batch, int64_t begin, int64_t end,
                 double* partials) {
  if (batch.models == 2 && !batch.base) {
    // What slerp reduces, in the same order.
    const ReduceItem pair = {item.vectors * item.length, item.operands[0], item.operands[1],
                             item.vectors};
    dots_kernel(pair, batch.load, begin, end, partials);
    return;
  }
  const int64_t chunks = gram_chunks(item.length, kReduceChunk);
  const int64_t pairs = gram_pairs(batch.models);
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t vector = unit / chunks;
    const int64_t from = (unit - vector * chunks) * kReduceChunk;
    const int64_t to = item.length - from < kReduceChunk ? item.length : from + kReduceChunk;
    const int64_t start = vector * item.length;
    double* const values = partials + (unit - begin) * pairs;
    if (item.wide) {
      reduce_chunk<double>(item, batch, start + from, start + to, values);
    } else {
      reduce_chunk<float>(item, batch, start + from, start + to, values);
    }
  }
}

// ---- Weighted sums ----

// Coefficients by columns: as the linear and task_arithmetic kernels, with a weight per element.
template <class Compute>
static void sum_columns(const Item& item, const Batch& batch, const VectorSums& sums, int64_t begin,
                        int64_t end, bool streamed, PartCounts& counts) {
  constexpr DType kNative = sizeof(Compute) == 8 ? DType::kF64 : DType::kF32;
  alignas(64) Compute base[kBlock];
  alignas(64) Compute x[kBlock];
  alignas(64) Compute total[kBlock];
  const int32_t first = sums.base ? 1 : 0;
  int count = first_block(item.output, begin);
  for (int64_t i = begin; i < end; i += count, count = kBlock) {
    count = end - i < count ? static_cast<int>(end - i) : count;
    if (sums.base) {
      load_block(item.inputs[0], batch.load, i, count, base);
    }
    for (int32_t k = 0; k < batch.inputs - first; ++k) {
      load_block(item.inputs[first + k], batch.load, i, count, x);
      if (sums.base) {
        for (int j = 0; j < count; ++j) {
          x[j] = task_delta<Compute>(x[j], base[j], DType::kStored);
        }
        if (batch.delta != DType::kStored && batch.delta != kNative) {
          with_dtype(
              batch.delta, [&]<DType D>()
                               __attribute__((always_inline)) { round_block<D>(x, count); });
        }
      }
      for (int j = 0; j < count;) {
        const int64_t vector = (i + j) % sums.vectors;
        const int64_t left = sums.vectors - vector;
        const int run = left < count - j ? static_cast<int>(left) : count - j;
        const double* const w = sums.coefficients + k * sums.vectors + vector;
        if (k == 0) {
          for (int r = 0; r < run; ++r) {
            total[j + r] = weighted<Compute>(static_cast<Compute>(w[r]), x[j + r]);
          }
        } else {
          for (int r = 0; r < run; ++r) {
            total[j + r] =
                add_weighted<Compute>(static_cast<Compute>(w[r]), x[j + r], total[j + r]);
          }
        }
        j += run;
      }
    }
    if (sums.base) {
      for (int j = 0; j < count; ++j) {
        total[j] = add_to_base<Compute>(base[j], total[j]);
      }
    }
    store_block(item.output, i, count, total, streamed, counts);
  }
  if (streamed) {
    end_streaming();
  }
}

// Rows shorter than this are not streamed: a fence each would cost more than it saves.
constexpr int64_t kStreamedRow = 1024;

void vector_sums_kernel(const Item& item, const Batch& batch, const VectorSums& sums, int64_t begin,
                        int64_t end, bool streamed, PartCounts& counts) {
  if (sums.columns) {
    if (item.wide) {
      sum_columns<double>(item, batch, sums, begin, end, streamed, counts);
    } else {
      sum_columns<float>(item, batch, sums, begin, end, streamed, counts);
    }
    return;
  }
  const int64_t models = batch.inputs - (sums.base ? 1 : 0);
  Item row = item;
  for (int64_t i = begin; i < end;) {
    const int64_t vector = i / sums.length;
    const int64_t next = (vector + 1) * sums.length;
    const int64_t to = next < end ? next : end;
    row.weights = sums.coefficients + vector * models;
    const bool past_caches = streamed && sums.length >= kStreamedRow;
    if (sums.base) {
      task_arithmetic_kernel(row, batch, i, to, past_caches, counts);
    } else {
      linear_kernel(row, batch, i, to, past_caches, counts);
    }
    i = to;
  }
}

}  // namespace

extern const SphericalKernels spherical_kernels = {gram_kernel, vector_sums_kernel};

}  // namespace sinter::cpu::SINTER_TIER
