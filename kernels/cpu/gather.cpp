// SPDX-License-Identifier: Apache-2.0
//
// Gathers along any axes, bound by memory: two elements moved per output, three with lerp.
//
// A few thousand elements of the output at a time are picked, in their order, into room in the first-
// level cache, and go on from there as any other input does: copied, cast, or interpolated from the
// reference. Picking is what differs. Runs of neighbours are copied. Where neighbours of the output are
// apart in the input, as many rows as make 16 bytes are gathered together: their elements of one column,
// side by side, are moved as one, and turned in registers, 64 elements by 24 shuffles in bfloat16.
// (Gather instructions took three times as long for bfloat16, and as long for float32.)
#include "cpu/gather.h"

#include "cpu/common/elementwise.h"
#include "cpu/common/lerp.h"
#include "cpu/kernels_of_tier.h"
#include "gather_batch.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

// Bytes picked at a time.
constexpr int64_t kPicked = 8192;

// Runs up to this many bytes are copied as this many where what follows may be read and overwritten.
constexpr int64_t kShortRun = 64;

template <class Storage>
using Packed = typename Unaligned<Storage>::type;

// ---- An indexed run: to[j] = from[index[j]] ----

template <class Storage>
SINTER_FN void pick_indexed(const unsigned char* data, const int32_t* index, int64_t every,
                            int64_t stride, int64_t count, Storage* to) {
  using Element = Packed<Storage>;  // by name: auto would drop the alignment
  const Element* const from = reinterpret_cast<const Element*>(data);
  for (int64_t j = 0; j < count; ++j) {
    to[j] = from[index[j * every] * stride];
  }
}

// ---- The walk over the output ----

// How far an axis leads into the input.
SINTER_FN int64_t place_on(const GatherPlaces& places, int d, int64_t i) {
  const int32_t* const index = places.index[d];
  return (index == nullptr ? i : int64_t{index[i * places.every[d]]}) * places.strides[d];
}

// How far the axes before `axes` lead, of row `row` of them.
SINTER_FN int64_t place_of_row(const GatherPlaces& places, int axes, int64_t row) {
  int64_t place = 0;
  for (int d = axes - 1; d >= 0; --d) {
    const int64_t rest = row / places.shape[d];
    place += place_on(places, d, row - rest * places.shape[d]);
    row = rest;
  }
  return place;
}

// Elements [begin, end) of the output, in their order, to `to`; kShortRun bytes behind them may be
// overwritten.
template <class Storage>
static void pick(const GatherItem& gather, const unsigned char* data, int64_t begin, int64_t end,
                 Storage* to) {
  constexpr int64_t kWidth = sizeof(Storage);
  using Element = Packed<Storage>;
  const GatherPlaces& places = gather.places;
  if (places.rank == 0) {
    *to = *reinterpret_cast<const Element*>(data);
    return;
  }
  const int last = places.rank - 1;
  const int64_t width = places.shape[last];
  const int64_t stride = places.strides[last];
  const int32_t* const index = places.index[last];
  const int64_t every = places.every[last];
  // Rows are counted on the axis before the last, and those before it looked up once per turn of it.
  const int64_t rows = last > 0 ? places.shape[last - 1] : 1;
  int64_t row = begin / width;
  int64_t column = begin - row * width;
  int64_t turn = row / rows;
  row -= turn * rows;
  int64_t base = place_of_row(places, last - 1, turn);
  while (begin < end) {
    const int64_t left = width - column;
    const int64_t count = left < end - begin ? left : end - begin;
    const unsigned char* const at =
        data + (base + (last > 0 ? place_on(places, last - 1, row) : 0)) * kWidth;
    const bool more = last > 0 && row + 1 < rows;
    if (index == nullptr && stride == 1) {
      const unsigned char* const from = at + column * kWidth;
      const int64_t bytes = count * kWidth;
      if (bytes <= kShortRun && gather.end - from >= kShortRun) {
        __builtin_memcpy(to, from, kShortRun);
      } else {
        __builtin_memcpy(to, from, static_cast<uint64_t>(bytes));
      }
      if (more) {
        const unsigned char* const next =
            data + (base + place_on(places, last - 1, row + 1) + column) * kWidth;
        expect(next, static_cast<int>(bytes < 1024 ? bytes : 1024), 0);
      }
    } else {
      if (index != nullptr) {
        pick_indexed(at, index + column * every, every, stride, count, to);
      } else {
        const Element* const from = reinterpret_cast<const Element*>(at) + column * stride;
        for (int64_t j = 0; j < count; ++j) {
          to[j] = from[j * stride];
        }
      }
      if (more && stride == 1) {
        // As much of the next row as was done of this one: by its turn it is here.
        const unsigned char* const next =
            data + (base + place_on(places, last - 1, row + 1) + column) * kWidth;
        expect(next, static_cast<int>(count * kWidth), 0);
      }
    }
    to += count;
    begin += count;
    column = 0;
    if (++row == rows && begin < end) {
      row = 0;
      base = place_of_row(places, last - 1, ++turn);
    }
  }
}

// Runs from this many bytes on go on from where they are, without being picked.
constexpr int64_t kLongRun = 512;

// Bytes of the next row that are asked for before this one's last piece is moved.
constexpr int kAskedAhead = 4096;

// Where elements [begin, begin + count) of the output are in the input, one after the other; count is cut
// to what is left of their run. Null where runs are short, or none.
SINTER_FN const unsigned char* long_run(const GatherPlaces& places, const View& in, int64_t begin,
                                        int64_t end, int64_t& count) {
  const int last = places.rank - 1;
  const int64_t width = dtype_bytes(in.dtype);
  if (last < 0 || places.index[last] != nullptr || places.strides[last] != 1 ||
      places.shape[last] * width < kLongRun) {
    return nullptr;
  }
  const int64_t row = begin / places.shape[last];
  const int64_t column = begin - row * places.shape[last];
  const int64_t left = places.shape[last] - column;
  count = left < count ? left : count;
  if (count == left && begin + count < end) {
    // The next row is somewhere else, and nothing but this would ask for it ahead.
    expect(in.data + place_of_row(places, last, row + 1) * width, kAskedAhead, 0);
  }
  return in.data + (place_of_row(places, last, row) + column) * width;
}

static void pick_any(const GatherItem& gather, const View& in, int64_t begin, int64_t end,
                     unsigned char* to) {
  switch (dtype_bytes(in.dtype)) {
    case 8:
      return pick(gather, in.data, begin, end, reinterpret_cast<uint64_t*>(to));
    case 4:
      return pick(gather, in.data, begin, end, reinterpret_cast<uint32_t*>(to));
    case 2:
      return pick(gather, in.data, begin, end, reinterpret_cast<uint16_t*>(to));
    default:
      return pick(gather, in.data, begin, end, reinterpret_cast<uint8_t*>(to));
  }
}

// ---- Rows together ----

// Bytes of a column of rows that are gathered together.
constexpr int64_t kTogether = 16;

// Columns that are gathered before their rows go on.
constexpr int64_t kColumns = 1024;

// The longest rows: their columns stand side by side on the stack.
constexpr int64_t kLongest = 16384;

template <class Storage>
struct Column {
  static constexpr int kRows = static_cast<int>(kTogether / sizeof(Storage));
  typedef Storage type __attribute__((vector_size(16)));
};

// Turns a square: columns become rows.
template <class Storage>
SINTER_FN void turn(typename Column<Storage>::type (&x)[Column<Storage>::kRows]) {
  using Vector = typename Column<Storage>::type;
  constexpr int kRows = Column<Storage>::kRows;
  Vector low{};
  Vector high{};
  for (int l = 0; l < kRows; ++l) {
    low[l] = static_cast<Storage>(l / 2 + l % 2 * kRows);
    high[l] = static_cast<Storage>(low[l] + kRows / 2);
  }
#pragma GCC unroll 4
  for (int step = 1; step < kRows; step *= 2) {
    Vector y[kRows];
#pragma GCC unroll 8
    for (int i = 0; i < kRows / 2; ++i) {
      y[2 * i] = __builtin_shuffle(x[i], x[i + kRows / 2], low);
      y[2 * i + 1] = __builtin_shuffle(x[i], x[i + kRows / 2], high);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      x[i] = y[i];
    }
  }
}

// How a tensor's rows can be gathered together.
enum class Together {
  kNot,
  kColumns,    // rows are runs of neighbours, taken by an index
  kNeighbours  // rows are neighbours themselves
};

SINTER_FN Together together(const GatherPlaces& places, int64_t width) {
  const int last = places.rank - 1;
  if (last < 1 || places.shape[last] < 16) {
    return Together::kNot;
  }
  if (places.strides[last] == 1) {
    // All columns as far as the indices reach are laid out: not for the sake of a few.
    return places.index[last] != nullptr && places.reach <= kLongest &&
                   places.reach <= 4 * places.shape[last]
               ? Together::kColumns
               : Together::kNot;
  }
  return places.index[last - 1] == nullptr && places.strides[last - 1] == 1 &&
                 places.shape[last - 1] % (kTogether / width) == 0
             ? Together::kNeighbours
             : Together::kNot;
}

// Puts the columns of kRows rows of `width` elements side by side.
template <class Storage>
SINTER_FN void lay_columns(const unsigned char* const* rows, int64_t width, Storage* to) {
  using Vector = typename Column<Storage>::type;
  constexpr int kRows = Column<Storage>::kRows;
  constexpr int64_t kAhead = 512;
  int64_t j = 0;
  for (; j + kRows <= width; j += kRows) {
    Vector x[kRows];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const unsigned char* const at = rows[r] + j * static_cast<int64_t>(sizeof(Storage));
      __builtin_memcpy(&x[r], at, sizeof(Vector));
      if (j % (64 / static_cast<int64_t>(sizeof(Storage))) == 0) {
        __builtin_prefetch(at + kAhead);
      }
    }
    turn<Storage>(x);
    __builtin_memcpy(to + j * kRows, x, sizeof x);
  }
  for (; j < width; ++j) {
    for (int r = 0; r < kRows; ++r) {
      to[j * kRows + r] = reinterpret_cast<const Packed<Storage>*>(rows[r])[j];
    }
  }
}

// Turns columns [from, from + count) into rows of kColumns each; column(j) is where column j is.
template <class Storage, class F>
SINTER_FN void turn_columns(int64_t from, int64_t count, Storage* to, F column) {
  using Vector = typename Column<Storage>::type;
  constexpr int kRows = Column<Storage>::kRows;
  int64_t j = 0;
  for (; j + kRows <= count; j += kRows) {
    Vector x[kRows];
#pragma GCC unroll 16
    for (int c = 0; c < kRows; ++c) {
      __builtin_memcpy(&x[c], column(from + j + c), sizeof(Vector));
    }
    turn<Storage>(x);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      __builtin_memcpy(to + r * kColumns + j, &x[r], sizeof(Vector));
    }
  }
  for (; j < count; ++j) {
    Storage x[kRows];
    __builtin_memcpy(x, column(from + j), sizeof x);
    for (int r = 0; r < kRows; ++r) {
      to[r * kColumns + j] = x[r];
    }
  }
}

// Calls put(r, column, count, elements) for pieces of kRows rows of the output from `row` on.
template <class Storage, class Put>
static void pick_together(const GatherPlaces& places, const unsigned char* data, int64_t row,
                          Together how, Put put) {
  constexpr int kRows = Column<Storage>::kRows;
  constexpr int64_t kWidth = sizeof(Storage);
  const int last = places.rank - 1;
  const int64_t width = places.shape[last];
  alignas(64) Storage room[kRows * kColumns];
  const auto pieces = [&](auto column) __attribute__((always_inline)) {
    for (int64_t j = 0; j < width; j += kColumns) {
      const int64_t count = width - j < kColumns ? width - j : kColumns;
      turn_columns(j, count, room, column);
      for (int r = 0; r < kRows; ++r) {
        put(r, j, count, reinterpret_cast<unsigned char*>(room + r * kColumns));
      }
    }
  };
  if (how == Together::kNeighbours) {
    const unsigned char* const base = data + place_of_row(places, last, row) * kWidth;
    pieces([&](int64_t j) __attribute__((always_inline)) {
      return base + place_on(places, last, j) * kWidth;
    });
    return;
  }
  const unsigned char* rows[kRows];
  for (int r = 0; r < kRows; ++r) {
    rows[r] = data + place_of_row(places, last, row + r) * kWidth;
  }
  const int32_t* const index = places.index[last];
  const int64_t every = places.every[last];
  // As far as the indices reach: rows of the input may be longer or shorter than the output's.
  alignas(64) Storage columns[kLongest * kRows];
  lay_columns(rows, places.reach, columns);
  pieces([&](int64_t j) __attribute__((always_inline)) {
    return columns + int64_t{index[j * every]} * kRows;
  });
}

}  // namespace

void gather_kernel(const Item& item, const GatherItem& gather, const Batch& batch, int64_t begin,
                   int64_t end, bool streamed, PartCounts& counts) {
  alignas(64) unsigned char room[kPicked + kShortRun];
  const int32_t last = batch.inputs - 1;
  View inputs[2];
  Item part = item;
  part.inputs = inputs;
  inputs[0] = item.inputs[0];
  const View& in = item.inputs[last];
  const int64_t width = dtype_bytes(in.dtype);
  View& picked = inputs[last];
  picked = in;
  picked.rank = 1;
  picked.shape[0] = item.elements;
  picked.strides[0] = 1;
  // Elements [i, i + count) of the input stand at `from`.
  const auto finish = [&](int64_t i, int64_t count, unsigned char* from)
      __attribute__((always_inline)) {
    picked.data = from - i * width;
    if (item.copy_of >= 0) {
      copy_or_cast(part, batch, i, i + count, streamed, counts);
    } else if (item.wide) {
      run_formula<Lerp, double>(part, batch, i, i + count, streamed, counts);
    } else {
      run_formula<Lerp, float>(part, batch, i, i + count, streamed, counts);
    }
  };
  const bool reads = item.copy_of != 0 || last == 0;
  const Together how = reads ? together(gather.places, width) : Together::kNot;
  if (how != Together::kNot) {
    const int64_t columns = gather.places.shape[gather.places.rank - 1];
    const int64_t rows = kTogether / width;
    for (; end - begin >= rows * columns && begin % (rows * columns) == 0;
         begin += rows * columns) {
      const auto put = [&](int r, int64_t column, int64_t count, unsigned char* from) {
        finish(begin + r * columns + column, count, from);
      };
      const int64_t row = begin / columns;
      switch (width) {
        case 8:
          pick_together<uint64_t>(gather.places, in.data, row, how, put);
          break;
        case 4:
          pick_together<uint32_t>(gather.places, in.data, row, how, put);
          break;
        case 2:
          pick_together<uint16_t>(gather.places, in.data, row, how, put);
          break;
        default:
          pick_together<uint8_t>(gather.places, in.data, row, how, put);
      }
    }
  }
  int64_t count = kPicked / width;
  // The first piece is shortened by what aligns the others in the output.
  const int64_t lead = first_block(item.output, begin) % kBlock;
  for (int64_t i = begin; i < end; i += count, count = kPicked / width) {
    count = i == begin && lead != 0 ? count - kBlock + lead : count;
    count = end - i < count ? end - i : count;
    const unsigned char* const run = reads ? long_run(gather.places, in, i, end, count) : nullptr;
    if (reads && run == nullptr) {
      pick_any(gather, in, i, i + count, room);
    }
    finish(i, count, run != nullptr ? const_cast<unsigned char*>(run) : room);
  }
  if (streamed) {
    end_streaming();
  }
}

}  // namespace sinter::cpu::SINTER_TIER
