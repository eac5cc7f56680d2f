// SPDX-License-Identifier: Apache-2.0
//
// Linear assignment, exact. Bound by reading the costs: twice from memory (extremes, certificate) and
// once to keep the cheapest columns of each row at hand; nearly all else happens among those.
//
// The ladder: row minima that are a permutation are the answer; else augmenting row reduction
// (Jonker & Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
// problems", Computing 1987); where that leaves many rows free, an auction with scaled epsilon
// (Bertsekas, "The auction algorithm", 1988) first; and shortest augmenting paths for the rest. A row's
// cached columns answer exactly, or say that they cannot, and then the row is read again.
#include "cpu/assignment.h"

#include "assignment_batch.h"
#include "cpu/common/lanes.h"
#include "cpu/kernels_of_tier.h"

namespace sinter::cpu::SINTER_TIER {
namespace {

constexpr double kInfinity = __builtin_inf();

// ---- Eight numbers ------------------------------------------------------------------------------

constexpr int kParts = 8 / kStrip;

struct Eight {
  Strip part[kParts];
};

SINTER_FN Strip smaller(Strip a, Strip b) {
#if defined(__AVX512F__)
  // Not _mm512_min_pd, for whose undefined operand g++ 12 warns.
  return reinterpret_cast<Strip>(
      _mm512_maskz_min_pd(0xff, reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Strip>(
      _mm256_min_pd(reinterpret_cast<__m256d>(a), reinterpret_cast<__m256d>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Strip>(
      _mm_min_pd(reinterpret_cast<__m128d>(a), reinterpret_cast<__m128d>(b)));
#else
  return a < b ? a : b;
#endif
}

SINTER_FN Strip larger_of(Strip a, Strip b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Strip>(
      _mm512_maskz_max_pd(0xff, reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Strip>(
      _mm256_max_pd(reinterpret_cast<__m256d>(a), reinterpret_cast<__m256d>(b)));
#elif defined(__SSE2__)
  return reinterpret_cast<Strip>(
      _mm_max_pd(reinterpret_cast<__m128d>(a), reinterpret_cast<__m128d>(b)));
#else
  return a > b ? a : b;
#endif
}

enum class Order { kLess, kAtMost, kEqual };

// A bit for each lane in which a stands in that order to b.
template <Order O>
SINTER_FN unsigned lanes_where(Strip a, Strip b) {
#if defined(__AVX512F__)
  constexpr int kTest = O == Order::kLess     ? _CMP_LT_OQ
                        : O == Order::kAtMost ? _CMP_LE_OQ
                                              : _CMP_EQ_OQ;
  return _mm512_cmp_pd_mask(reinterpret_cast<__m512d>(a), reinterpret_cast<__m512d>(b), kTest);
#elif defined(__AVX2__)
  constexpr int kTest = O == Order::kLess     ? _CMP_LT_OQ
                        : O == Order::kAtMost ? _CMP_LE_OQ
                                              : _CMP_EQ_OQ;
  return static_cast<unsigned>(_mm256_movemask_pd(
      _mm256_cmp_pd(reinterpret_cast<__m256d>(a), reinterpret_cast<__m256d>(b), kTest)));
#else
  const auto where = O == Order::kLess ? a < b : O == Order::kAtMost ? a <= b : a == b;
#if defined(__SSE2__)
  return static_cast<unsigned>(_mm_movemask_pd(reinterpret_cast<__m128d>(where)));
#else
  unsigned bits = 0;
  for (int l = 0; l < kStrip; ++l) {
    bits |= where[l] != 0 ? 1u << l : 0u;
  }
  return bits;
#endif
#endif
}

template <Order O>
SINTER_FN unsigned lanes_where(const Eight& a, const Eight& b) {
  unsigned bits = 0;
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) {
    bits |= lanes_where<O>(a.part[p], b.part[p]) << (p * kStrip);
  }
  return bits;
}

SINTER_FN Eight all(double x) {
  Eight out;
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) {
    out.part[p] = Strip{} + x;
  }
  return out;
}

SINTER_FN Eight load(const double* x) {
  Eight out;
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) {
    out.part[p] = load_strip(x + p * kStrip);
  }
  return out;
}

SINTER_FN void store(double* to, const Eight& x) {
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) {
    store_strip(to + p * kStrip, x.part[p]);
  }
}

SINTER_FN Eight smaller(const Eight& a, const Eight& b) {
  Eight out;
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) {
    out.part[p] = smaller(a.part[p], b.part[p]);
  }
  return out;
}

SINTER_FN Eight larger_of(const Eight& a, const Eight& b) {
  Eight out;
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) {
    out.part[p] = larger_of(a.part[p], b.part[p]);
  }
  return out;
}

SINTER_FN double smallest(const Eight& x) {
  Strip least = x.part[0];
#pragma GCC unroll 4
  for (int p = 1; p < kParts; ++p) {
    least = smaller(least, x.part[p]);
  }
#if defined(__AVX512F__)
  least = smaller(least, __builtin_shuffle(least, StripBits{4, 5, 6, 7, 0, 1, 2, 3}));
  least = smaller(least, __builtin_shuffle(least, StripBits{2, 3, 0, 1, 6, 7, 4, 5}));
  least = smaller(least, __builtin_shuffle(least, StripBits{1, 0, 3, 2, 5, 4, 7, 6}));
#elif defined(__AVX2__)
  least = smaller(least, __builtin_shuffle(least, StripBits{2, 3, 0, 1}));
  least = smaller(least, __builtin_shuffle(least, StripBits{1, 0, 3, 2}));
#else
  least = smaller(least, __builtin_shuffle(least, StripBits{1, 0}));
#endif
  return least[0];
}

template <class C>
constexpr DType kCostType = sizeof(C) == 8 ? DType::kF64 : DType::kF32;

// sign * cost - v; the product is exact, so that fusing changes nothing but the time.
template <class C>
SINTER_FN Eight reduced(const unsigned char* cost, double sign, const Eight& v) {
  const C* const x = reinterpret_cast<const C*>(cost);
  Eight out;
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) {
    const Strip c = strip<kCostType<C>>(x + p * kStrip);
#if defined(__AVX512F__)
    out.part[p] = reinterpret_cast<Strip>(_mm512_fmsub_pd(
        reinterpret_cast<__m512d>(c), _mm512_set1_pd(sign), reinterpret_cast<__m512d>(v.part[p])));
#elif defined(__AVX2__)
    out.part[p] = reinterpret_cast<Strip>(_mm256_fmsub_pd(
        reinterpret_cast<__m256d>(c), _mm256_set1_pd(sign), reinterpret_cast<__m256d>(v.part[p])));
#else
    out.part[p] = c * sign - v.part[p];
#endif
  }
  return out;
}

// from[index[0]], ..., from[index[7]].
SINTER_FN Eight gather(const double* from, const int32_t* index) {
  Eight out;
#if defined(__AVX512F__)
  const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
  out.part[0] =
      reinterpret_cast<Strip>(_mm512_mask_i32gather_pd(_mm512_setzero_pd(), 0xff, at, from, 8));
#elif defined(__AVX2__)
#pragma GCC unroll 2
  for (int p = 0; p < kParts; ++p) {
    const __m128i at = _mm_loadu_si128(reinterpret_cast<const __m128i*>(index + 4 * p));
    out.part[p] = reinterpret_cast<Strip>(_mm256_mask_i32gather_pd(
        _mm256_setzero_pd(), from, at, _mm256_castsi256_pd(_mm256_set1_epi64x(-1)), 8));
  }
#else
#pragma GCC unroll 4
  for (int p = 0; p < kParts; ++p) {
    for (int l = 0; l < kStrip; ++l) {
      out.part[p][l] = from[index[p * kStrip + l]];
    }
  }
#endif
  return out;
}

SINTER_FN int first_bit(unsigned bits) { return __builtin_ctz(bits); }

// ---- Rows ---------------------------------------------------------------------------------------

template <class C>
SINTER_FN double cost_at(const unsigned char* row, int64_t column) {
  C value;
  __builtin_memcpy(&value, row + column * static_cast<int64_t>(sizeof(C)), sizeof value);
  return static_cast<double>(value);
}

template <class C>
SINTER_FN const unsigned char* row_at(const AssignmentState& s, int64_t i) {
  return s.cost + i * s.stride * static_cast<int64_t>(sizeof(C));
}

// A row's costs in vectors of eight; past its end they are 0.
template <class C>
class Row {
 public:
  SINTER_CONSTRUCTOR Row(const AssignmentState& s, int64_t i)
      : at_(row_at<C>(s, i)), whole_(s.columns / 8) {
    const int rest = s.columns % 8;
    for (int l = 0; l < 8; ++l) {
      C value = 0;
      if (l < rest) {
        __builtin_memcpy(&value, at_ + (whole_ * 8 + l) * static_cast<int64_t>(sizeof(C)),
                         sizeof value);
      }
      last_[l] = value;
    }
  }

  inline __attribute__((always_inline)) Eight reduced_vector(int64_t t, double sign,
                                                             const double* v) const {
    const unsigned char* const from = t < whole_ ? at_ + t * 8 * static_cast<int64_t>(sizeof(C))
                                                 : reinterpret_cast<const unsigned char*>(last_);
    return reduced<C>(from, sign, load(v + 8 * t));
  }

  inline __attribute__((always_inline)) double cost(int64_t column) const {
    return cost_at<C>(at_, column);
  }

  inline __attribute__((always_inline)) int64_t whole() const { return whole_; }

 private:
  const unsigned char* const at_;
  const int64_t whole_;
  alignas(64) C last_[8];
};

SINTER_FN int64_t vectors_of(int32_t columns) { return (static_cast<int64_t>(columns) + 7) / 8; }

// Vectors in a block of a row, of which there are at most 64.
constexpr int kBlocks = 64;
SINTER_FN int64_t block_of(int64_t vectors) {
  int64_t width = 1;
  while (width * kBlocks < vectors) {
    width *= 2;
  }
  return width;
}

// Candidates beyond kCachedColumns of which each one's c - v is kept.
constexpr int kCandidates = 128;

struct Candidates {
  int32_t count;  // of all, also those that had no room
  int32_t column[kCandidates + 8];
  double value[kCandidates + 8];
};

// The columns with c - v up to `most` (or below it), in order.
template <Order O, class C>
SINTER_FN void find_candidates(const Row<C>& row, int64_t vectors, int64_t width, double sign,
                               const double* v, const double (*minima)[8], double most,
                               Candidates& found) {
  const Eight limit = all(most);
  int32_t count = 0;
  for (int64_t b = 0; b * width < vectors; ++b) {
    if (lanes_where<O>(load(minima[b]), limit) == 0) {
      continue;
    }
    const int64_t end = (b + 1) * width < vectors ? (b + 1) * width : vectors;
    for (int64_t t = b * width; t < end; ++t) {
      const Eight w = row.reduced_vector(t, sign, v);
      unsigned bits = lanes_where<O>(w, limit);
      if (bits != 0) {
        alignas(64) double values[8];
        store(values, w);
        for (; bits != 0; bits &= bits - 1) {
          const int l = first_bit(bits);
          if (count < kCandidates) {
            found.column[count] = static_cast<int32_t>(8 * t) + l;
            found.value[count] = values[l];
          }
          ++count;
        }
      }
    }
  }
  found.count = count;
}

// Columns with c - v of exactly `value`, from the row's own place on and round the end, so that rows
// which cannot tell columns apart do not all want the same ones.
template <class C>
SINTER_FN int32_t find_equal(const Row<C>& row, int64_t vectors, double sign, const double* v,
                             double value, int32_t from, int32_t wanted, int32_t* columns) {
  const Eight equal = all(value);
  const int64_t start = from / 8;
  const unsigned here = 0xffu << (from % 8) & 0xffu;
  int32_t count = 0;
  for (int64_t step = 0; step <= vectors && count < wanted; ++step) {
    const int64_t t = start + step < vectors ? start + step : start + step - vectors;
    unsigned bits = lanes_where<Order::kEqual>(row.reduced_vector(t, sign, v), equal);
    bits &= step == 0 ? here : step == vectors ? ~here : ~0u;
    for (; bits != 0 && count < wanted; bits &= bits - 1) {
      columns[count++] = static_cast<int32_t>(8 * t) + first_bit(bits);
    }
  }
  return count;
}

// The cheapest columns of a row, at most kCachedColumns, padded to a multiple of 8 with the column
// behind the last; the c - v of all others are at least *bound.
template <class C>
static int32_t choose_columns(const AssignmentState& s, int64_t i, const double* v, int32_t* index,
                              C* costs, double* bound) {
  const Row<C> row(s, i);
  int32_t count = 0;
  if (s.columns <= kCachedColumns) {
    for (; count < s.columns; ++count) {
      index[count] = count;
    }
    *bound = kInfinity;
  } else {
    // Minima of blocks of neighbours (lane by lane), and of 8 groups of blocks.
    const int64_t vectors = vectors_of(s.columns);
    const int64_t width = block_of(vectors);
    alignas(64) double minima[kBlocks][8];
    Eight groups[8];
    for (Eight& group : groups) {
      group = all(kInfinity);
    }
    for (int64_t b = 0; b * width < vectors; ++b) {
      Eight least = all(kInfinity);
      if ((b + 1) * width <= row.whole()) {
        for (int64_t t = b * width; t < (b + 1) * width; ++t) {
          least = smaller(row.reduced_vector(t, s.sign, v), least);
        }
      } else {
        for (int64_t t = b * width; t < vectors; ++t) {
          least = smaller(row.reduced_vector(t, s.sign, v), least);
        }
      }
      store(minima[b], least);
      groups[b % 8] = smaller(least, groups[b % 8]);
    }
    // Lane by lane, the third smallest of the groups; of those the middle one. About a third of the
    // 64 groups then hold a column at most as dear: some 24 columns in all.
    Eight lowest[3] = {all(kInfinity), all(kInfinity), all(kInfinity)};
#pragma GCC unroll 8
    for (int g = 0; g < 8; ++g) {
      Eight x = groups[g];
#pragma GCC unroll 3
      for (int k = 0; k < 3; ++k) {
        const Eight up = larger_of(lowest[k], x);
        lowest[k] = smaller(lowest[k], x);
        x = up;
      }
    }
    alignas(64) double thirds[8];
    store(thirds, lowest[2]);
    for (int a = 1; a < 8; ++a) {
      const double x = thirds[a];
      int b = a;
      for (; b > 0 && thirds[b - 1] > x; --b) {
        thirds[b] = thirds[b - 1];
      }
      thirds[b] = x;
    }
    double most = thirds[3];
    Candidates found;
    if (most < kInfinity) {
      find_candidates<Order::kAtMost>(row, vectors, width, s.sign, v, minima, most, found);
    } else {  // most columns are masked, and those behind the last cost as much
      find_candidates<Order::kLess>(row, vectors, width, s.sign, v, minima, most, found);
    }
    if (found.count <= kCachedColumns) {
      count = found.count;
      for (int32_t k = 0; k < count; ++k) {
        index[k] = found.column[k];
      }
    } else {
      // Too many, often because they are equal: those below some group's minimum, and of those that
      // equal it as many as there is room for.
      alignas(64) double levels[8][8];
      for (int g = 0; g < 8; ++g) {
        store(levels[g], groups[g]);
      }
      Candidates below;
      if (found.count <= kCandidates) {
        for (;;) {
          count = 0;
          for (int32_t k = 0; k < found.count; ++k) {
            count += found.value[k] < most ? 1 : 0;
          }
          if (count <= kCachedColumns) {
            break;
          }
          double next = -kInfinity;
          for (int g = 0; g < 64; ++g) {
            const double level = levels[g / 8][g % 8];
            next = level < most && level > next ? level : next;
          }
          most = next;
        }
        count = 0;
        for (int32_t k = 0; k < found.count; ++k) {
          if (found.value[k] < most) {
            index[count++] = found.column[k];
          }
        }
      } else {
        for (;;) {
          find_candidates<Order::kLess>(row, vectors, width, s.sign, v, minima, most, below);
          if (below.count <= kCachedColumns) {
            break;
          }
          double next = -kInfinity;
          for (int g = 0; g < 64; ++g) {
            const double level = levels[g / 8][g % 8];
            next = level < most && level > next ? level : next;
          }
          most = next;
        }
        count = below.count;
        for (int32_t k = 0; k < count; ++k) {
          index[k] = below.column[k];
        }
      }
      const int32_t from = static_cast<int32_t>(i * s.columns / s.rows);
      count +=
          find_equal(row, vectors, s.sign, v, most, from, kCachedColumns - count, index + count);
    }
    *bound = most;
  }
  for (int32_t k = 0; k < count; ++k) {
    costs[k] = static_cast<C>(row.cost(index[k]));
  }
  for (; count % 8 != 0; ++count) {
    index[count] = s.columns;
    costs[count] = 0;
  }
  return count;
}

template <class C>
SINTER_FN C* cached_costs(const AssignmentState& s, int64_t i) {
  return static_cast<C*>(s.cached_cost) + i * kCachedColumns;
}

template <class C>
SINTER_FN void read_row(const AssignmentState& s, int64_t i) {
  s.cached[i] = choose_columns<C>(s, i, s.v, s.index + i * kCachedColumns, cached_costs<C>(s, i),
                                  s.bound + i);
}

// A row's two cheapest columns. Where several are cheapest, `column` is one that nobody has, if
// there is one among those at hand.
struct Bid {
  double first;
  double second;
  int32_t column;
  double cost;  // sign * cost of the column
};

template <class C>
SINTER_FN Bid cached_bid(const AssignmentState& s, int64_t i) {
  const int32_t* const index = s.index + i * kCachedColumns;
  const C* const costs = cached_costs<C>(s, i);
  const int32_t count = s.cached[i];
  Eight w[kCachedColumns / 8];
  Eight first = all(kInfinity);
  Eight second = all(kInfinity);
  for (int32_t k = 0; k < count; k += 8) {
    const Eight x = reduced<C>(reinterpret_cast<const unsigned char*>(costs + k), s.sign,
                               gather(s.v, index + k));
    w[k / 8] = x;
    second = smaller(larger_of(x, first), second);
    first = smaller(x, first);
  }
  Bid bid;
  bid.first = smallest(first);
  const Eight least = all(bid.first);
  uint32_t equal = 0;
  for (int32_t k = 0; k < count; k += 8) {
    equal |= lanes_where<Order::kEqual>(w[k / 8], least) << k;
  }
  int at = first_bit(equal);
  if ((equal & (equal - 1)) != 0) {
    bid.second = bid.first;
    for (uint32_t bits = equal; bits != 0; bits &= bits - 1) {
      if (s.row_of[index[first_bit(bits)]] == kNobody) {
        at = first_bit(bits);
        break;
      }
    }
  } else {
    // The lane of the only smallest one gives its second.
    alignas(64) double lanes[8];
    alignas(64) double seconds[8];
    store(lanes, first);
    store(seconds, second);
    lanes[at % 8] = seconds[at % 8];
    bid.second = smallest(load(lanes));
  }
  bid.column = index[at];
  bid.cost = s.sign * static_cast<double>(costs[at]);
  return bid;
}

// Exact: where the columns at hand cannot tell, the row is read.
template <class C>
SINTER_FN Bid best_bid(const AssignmentState& s, int64_t i) {
  Bid bid = cached_bid<C>(s, i);
  if (bid.second > s.bound[i]) {
    read_row<C>(s, i);
    bid = cached_bid<C>(s, i);
  }
  return bid;
}

// ---- Free rows ----------------------------------------------------------------------------------

SINTER_FN void put_last(AssignmentState& s, int32_t row) {
  const int32_t at = s.queue_head + s.queue_count;
  s.queue[at < s.rows ? at : at - s.rows] = row;
  ++s.queue_count;
}

SINTER_FN int32_t take_first(AssignmentState& s) {
  const int32_t row = s.queue[s.queue_head];
  s.queue_head = s.queue_head + 1 < s.rows ? s.queue_head + 1 : 0;
  --s.queue_count;
  return row;
}

// Gives the row its bid's column, and returns who had it.
SINTER_FN int32_t give_column(AssignmentState& s, int32_t row, const Bid& bid) {
  const int32_t before = s.row_of[bid.column];
  s.row_of[bid.column] = row;
  s.column_of[row] = bid.column;
  s.own[row] = bid.cost;
  if (before >= 0) {
    s.column_of[before] = kNobody;
  }
  return before;
}

SINTER_FN void free_all(AssignmentState& s) {
  for (int32_t j = 0; j < s.columns; ++j) {
    s.row_of[j] = kNobody;
  }
  s.queue_head = 0;
  s.queue_count = 0;
  for (int32_t i = 0; i < s.rows; ++i) {
    s.column_of[i] = kNobody;
    put_last(s, i);
  }
}

// Augmenting row reduction, up to `steps` bids: a free row takes its cheapest column and lowers its v
// by what the second costs more, so that the column is exactly as dear to it as the second. Who is
// cheapest stays cheapest: complementary slackness holds throughout.
template <class C>
static void reduce_rows(AssignmentState& s, int64_t steps) {
  while (s.queue_count > 0) {
    int32_t row = take_first(s);
    while (row >= 0) {
      if (steps-- == 0) {
        put_last(s, row);
        return;
      }
      const Bid bid = best_bid<C>(s, row);
      const double v = s.v[bid.column] - (bid.second - bid.first);
      const bool falls = v < s.v[bid.column];
      if (falls) {
        s.v[bid.column] = v;
      }
      row = give_column(s, row, bid);
      if (!falls && row >= 0) {
        // The two would take it from each other for ever.
        put_last(s, row);
        break;
      }
    }
  }
}

// Row reduction as long as it pays: until few rows are left, or a round of it places less than it
// costs. A search for a path costs about as much as two bids of each row.
template <class C>
static void reduce_rows_while_it_pays(AssignmentState& s, int32_t many) {
  constexpr int kRounds = 40;
  const int64_t steps = 8 * static_cast<int64_t>(s.rows) + 64;
  for (int round = 0; round < kRounds && s.queue_count > 0; ++round) {
    const int32_t before = s.queue_count;
    reduce_rows<C>(s, steps);
    if (before - s.queue_count < 4 || (round > 0 && s.queue_count > many)) {
      return;
    }
  }
}

// One phase: rows bid until at most `rest` are free. A column is within epsilon of its row's
// cheapest.
template <class C>
static void auction(AssignmentState& s, double epsilon, int32_t rest) {
  free_all(s);
  // More bids than any family of costs has been seen to need: a phase that stalls is left to paths.
  int64_t bids = 64 * static_cast<int64_t>(s.rows);
  while (s.queue_count > rest && bids-- > 0) {
    const int32_t row = take_first(s);
    const Bid bid = best_bid<C>(s, row);
    s.v[bid.column] -= bid.second - bid.first + epsilon;
    const int32_t before = give_column(s, row, bid);
    if (before >= 0) {
      put_last(s, before);
    }
  }
}

// The largest power of two that is at most x. Multiples of powers of two keep sums exact longer.
SINTER_FN double power_of_two(double x) {
  return bits_double(double_bits(x) & uint64_t{0x7ff0000000000000});
}

template <class C>
static void scaled_auction(AssignmentState& s) {
  const double spread = s.most - s.least;
  const double magnitude = s.most > -s.least ? s.most : -s.least;
  // Above the rounding of v.
  const double finest = 0x1p-46 * magnitude;
  double last = power_of_two(spread / (4.0 * s.rows));
  last = last > finest ? last : power_of_two(2.0 * finest);
  const int32_t rest = static_cast<int32_t>(s.rows / 500);
  for (double epsilon = power_of_two(spread / 16.0);; epsilon /= 4.0) {
    epsilon = epsilon > last ? epsilon : last;
    auction<C>(s, epsilon, rest);
    if (epsilon <= last) {
      break;
    }
  }
  // Rows whose column is not exactly their cheapest are free again.
  for (int32_t i = 0; i < s.rows; ++i) {
    const int32_t j = s.column_of[i];
    if (j >= 0 && s.own[i] - s.v[j] > best_bid<C>(s, i).first) {
      s.row_of[j] = kNobody;
      s.column_of[i] = kNobody;
      put_last(s, i);
    }
  }
}

// ---- Shortest augmenting paths ------------------------------------------------------------------

SINTER_FN bool comes_first(const AssignmentReach& a, const AssignmentReach& b) {
  return a.key < b.key || (a.key == b.key && a.id < b.id);
}

SINTER_FN void settle(AssignmentState& s, int32_t at, const AssignmentReach& reach) {
  s.heap[at] = reach;
  s.position[reach.id] = at;
}

// Puts `reach` into the heap, or nearer to its top if it is there.
static void approach(AssignmentState& s, AssignmentReach reach) {
  int32_t at = s.position[reach.id];
  if (at < 0) {
    at = s.heap_count++;
  }
  while (at > 0) {
    const int32_t parent = (at - 1) / 2;
    if (!comes_first(reach, s.heap[parent])) {
      break;
    }
    settle(s, at, s.heap[parent]);
    at = parent;
  }
  settle(s, at, reach);
}

static AssignmentReach take_nearest(AssignmentState& s) {
  const AssignmentReach nearest = s.heap[0];
  s.position[nearest.id] = -1;
  const AssignmentReach last = s.heap[--s.heap_count];
  if (s.heap_count > 0) {
    int32_t at = 0;
    for (;;) {
      int32_t child = 2 * at + 1;
      if (child >= s.heap_count) {
        break;
      }
      if (child + 1 < s.heap_count && comes_first(s.heap[child + 1], s.heap[child])) {
        ++child;
      }
      if (!comes_first(s.heap[child], last)) {
        break;
      }
      settle(s, at, s.heap[child]);
      at = child;
    }
    settle(s, at, last);
  }
  return nearest;
}

// What a search has found: the nearest column that nobody has.
struct Goal {
  double distance;
  int32_t column;
};

SINTER_FN void reach_column(AssignmentState& s, int32_t row, int32_t column, double distance,
                            Goal& goal) {
  // Columns that the search is done with have a distance of -infinity.
  if (!(distance < s.distance[column] && distance < goal.distance)) {
    return;
  }
  if (s.distance[column] == kInfinity) {
    s.reached[s.reached_count++] = column;
  }
  s.distance[column] = distance;
  s.previous[column] = row;
  if (s.row_of[column] == kNobody) {
    goal = {distance, column};
  } else {
    approach(s, {distance, column});
  }
}

template <class C>
SINTER_FN void reach_columns(AssignmentState& s, int32_t row, int32_t count, const int32_t* index,
                             const C* costs, Goal& goal) {
  const Eight base = all(s.base[row]);
  for (int32_t k = 0; k < count; k += 8) {
    Eight x = reduced<C>(reinterpret_cast<const unsigned char*>(costs + k), s.sign,
                         gather(s.v, index + k));
#pragma GCC unroll 4
    for (int p = 0; p < kParts; ++p) {
      x.part[p] = base.part[p] + x.part[p];
    }
    unsigned bits = lanes_where<Order::kLess>(x, all(goal.distance)) &
                    lanes_where<Order::kLess>(x, gather(s.distance, index + k));
    if (bits != 0) {
      alignas(64) double values[8];
      store(values, x);
      for (; bits != 0; bits &= bits - 1) {
        const int l = first_bit(bits);
        reach_column(s, row, index[k + l], values[l], goal);
      }
    }
  }
}

// From a row in the tree: its columns at hand; it stands in the heap itself where others begin.
template <class C>
SINTER_FN void reach_from_cache(AssignmentState& s, int32_t row, Goal& goal) {
  reach_columns<C>(s, row, s.cached[row], s.index + static_cast<int64_t>(row) * kCachedColumns,
                   cached_costs<C>(s, row), goal);
  const double others = s.base[row] + s.bound[row];
  if (others < goal.distance) {
    approach(s, {others, s.columns + row});
  }
}

// A shortest path in c - v - u from a row (or a constant row) to a column that nobody has, by
// Dijkstra's algorithm; then v changes so that slackness holds along it, and its rows change columns.
template <class C>
static void augment(AssignmentState& s, int32_t source) {
  ++s.search;
  ++s.paths;
  s.heap_count = 0;
  s.reached_count = 0;
  int32_t done = 0;
  bool masked = false;
  Goal goal = {kInfinity, kNobody};
  if (source == kConstantRow) {
    double highest = -kInfinity;
    for (int32_t j = 0; j < s.columns; ++j) {
      highest = s.v[j] > highest ? s.v[j] : highest;
    }
    for (int32_t j = 0; j < s.columns; ++j) {
      reach_column(s, source, j, highest - s.v[j], goal);
    }
  } else {
    s.base[source] = 0.0;
    reach_from_cache<C>(s, source, goal);
  }
  while (s.heap_count > 0 && s.heap[0].key < goal.distance) {
    const AssignmentReach nearest = take_nearest(s);
    if (nearest.id < s.columns) {
      const int32_t column = nearest.id;
      const int32_t row = s.row_of[column];
      s.tree[done] = column;
      s.tree_distance[done++] = nearest.key;
      s.distance[column] = -kInfinity;
      if (masked) {
        s.masked[column] = -kInfinity;
      }
      if (row != kConstantRow) {  // all constant rows reach what the first one did
        s.base[row] = nearest.key - (s.own[row] - s.v[column]);
        reach_from_cache<C>(s, row, goal);
      }
      continue;
    }
    // Columns that the row has not at hand may be nearer than any other.
    const int32_t row = nearest.id - s.columns;
    if (s.read_in[row] != s.search) {
      s.read_in[row] = s.search;
      read_row<C>(s, row);
      reach_from_cache<C>(s, row, goal);
      continue;
    }
    // Its cheapest columns may all be ones that the search is done with.
    if (!masked) {
      for (int32_t j = 0; j < s.columns; ++j) {
        s.masked[j] = s.v[j];
      }
      for (int32_t k = 0; k < done; ++k) {
        s.masked[s.tree[k]] = -kInfinity;
      }
      masked = true;
    }
    alignas(64) int32_t index[kCachedColumns];
    alignas(64) C costs[kCachedColumns];
    double bound = 0.0;
    const int32_t count = choose_columns<C>(s, row, s.masked, index, costs, &bound);
    reach_columns<C>(s, row, count, index, costs, goal);
    if (s.base[row] + bound < goal.distance) {
      approach(s, {s.base[row] + bound, nearest.id});
    }
  }
  for (int32_t k = 0; k < s.heap_count; ++k) {
    s.position[s.heap[k].id] = -1;
  }
  for (int32_t k = 0; k < s.reached_count; ++k) {
    s.distance[s.reached[k]] = kInfinity;
  }
  for (int32_t k = 0; k < done; ++k) {
    s.v[s.tree[k]] += s.tree_distance[k] - goal.distance;
  }
  for (int32_t column = goal.column;;) {
    const int32_t row = s.previous[column];
    s.row_of[column] = row;
    if (row == kConstantRow) {
      break;
    }
    const int32_t next = s.column_of[row];
    s.column_of[row] = column;
    s.own[row] = s.sign * cost_at<C>(row_at<C>(s, row), column);
    if (row == source) {
      break;
    }
    column = next;
  }
}

// v of columns without a row must be 0 and the others' at most that. They are where v started at 0;
// else the problem is squared by rows of constant cost, which take those columns.
template <class C>
static void place_constant_rows(AssignmentState& s) {
  if (s.rows == s.columns) {
    return;
  }
  double highest = -kInfinity;
  for (int32_t j = 0; j < s.columns; ++j) {
    highest = s.v[j] > highest ? s.v[j] : highest;
  }
  int32_t left = s.columns - s.rows;
  for (int32_t j = 0; j < s.columns; ++j) {
    if (s.row_of[j] == kNobody && s.v[j] == highest) {
      s.row_of[j] = kConstantRow;
      --left;
    }
  }
  for (; left > 0; --left) {
    augment<C>(s, kConstantRow);
  }
  for (int32_t j = 0; j < s.columns; ++j) {
    highest = s.row_of[j] == kConstantRow ? s.v[j] : highest;
  }
  for (int32_t j = 0; j < s.columns; ++j) {
    s.v[j] = s.row_of[j] == kConstantRow || s.v[j] > highest ? 0.0 : s.v[j] - highest;
  }
}

template <class C>
static void solve_problem(AssignmentState& s) {
  // Fewer free rows than these are placed by paths.
  const int32_t many = 16 + s.rows / 20;
  free_all(s);
  reduce_rows_while_it_pays<C>(s, many);
  if (s.queue_count > many && s.most - s.least > 0x1p-900) {
    s.method = 3;
    scaled_auction<C>(s);
    reduce_rows_while_it_pays<C>(s, s.rows);
  }
  while (s.queue_count > 0) {
    augment<C>(s, take_first(s));
  }
  place_constant_rows<C>(s);
}

// ---- Passes over the costs ----------------------------------------------------------------------

// Vectors as wide as registers, of costs and of integers as wide as those.
template <class C>
struct Native {
  static constexpr int kWidth = kStrip * 8 / static_cast<int>(sizeof(C));
  typedef C type __attribute__((vector_size(kStrip * 8)));
  typedef C loose __attribute__((vector_size(kStrip * 8), aligned(1), may_alias));
};
template <class C>
struct Integer {
  typedef int32_t type;
};
template <>
struct Integer<double> {
  typedef int64_t type;
};

template <class C>
struct RowExtremes {
  C least, most;
  int64_t at;  // of the least; only where it is asked for
  bool finite;
};

// A row's extremes; lowers the columns' minima.
template <class C, bool kFind>
SINTER_FN RowExtremes<C> scan_row(const unsigned char* row, int64_t columns, C sign, C* minima) {
  using Vector = typename Native<C>::type;
  using Loose = typename Native<C>::loose;
  using Int = typename Integer<C>::type;
  typedef Int Places __attribute__((vector_size(kStrip * 8)));
  constexpr int kWidth = Native<C>::kWidth;
  const int64_t whole = columns / kWidth * kWidth;
  Vector low = Vector{} + static_cast<C>(kInfinity);
  Vector high = -low;
  Vector sum = {};  // of zeros; NaN where a cost is not finite
  Places places;
  for (int l = 0; l < kWidth; ++l) {
    places[l] = l;
  }
  Places lowest = places;
  for (int64_t j = 0; j < whole; j += kWidth) {
    const Vector x =
        *reinterpret_cast<const Loose*>(row + j * static_cast<int64_t>(sizeof(C))) * sign;
    if constexpr (kFind) {
      lowest = x < low ? places : lowest;
      places += kWidth;
    }
    low = x < low ? x : low;
    high = x > high ? x : high;
    sum += x * 0;
    Loose* const column = reinterpret_cast<Loose*>(minima + j);
    const Vector before = *column;
    *column = x < before ? x : before;
  }
  RowExtremes<C> found = {static_cast<C>(kInfinity), -static_cast<C>(kInfinity), 0, true};
  C zeros = 0;
  for (int l = 0; l < kWidth; ++l) {
    if (low[l] < found.least || (low[l] == found.least && lowest[l] < found.at)) {
      found.least = low[l];
      found.at = lowest[l];
    }
    found.most = high[l] > found.most ? high[l] : found.most;
    zeros += sum[l];
  }
  for (int64_t j = whole; j < columns; ++j) {
    const C x = static_cast<C>(cost_at<C>(row, j)) * sign;
    if (x < found.least) {
      found.least = x;
      found.at = j;
    }
    found.most = x > found.most ? x : found.most;
    minima[j] = x < minima[j] ? x : minima[j];
    zeros += x * 0;
  }
  found.finite = zeros == 0;
  if constexpr (sizeof(C) == 8) {
    found.finite = found.finite && found.least >= -kLargestCost && found.most <= kLargestCost;
  }
  return found;
}

template <class C>
static void scan_rows(const AssignmentState& s, int64_t begin, int64_t end, AssignmentScan& scan) {
  C* const minima = reinterpret_cast<C*>(scan.minima);
  for (int64_t j = 0; j < s.columns; ++j) {
    minima[j] = static_cast<C>(kInfinity);
    scan.taken[j] = 0;
  }
  scan.least = kInfinity;
  scan.most = -kInfinity;
  scan.distinct = true;
  scan.fault_row = kNobody;
  for (int64_t i = begin; i < end; ++i) {
    const unsigned char* const row = row_at<C>(s, i);
    const C sign = static_cast<C>(s.sign);
    const RowExtremes<C> found = scan.distinct ? scan_row<C, true>(row, s.columns, sign, minima)
                                               : scan_row<C, false>(row, s.columns, sign, minima);
    if (!found.finite) {
      scan.fault_row = static_cast<int32_t>(i);
      return;
    }
    scan.least = found.least < scan.least ? found.least : scan.least;
    scan.most = found.most > scan.most ? found.most : scan.most;
    if (scan.distinct) {
      scan.distinct = scan.taken[found.at] == 0;
      scan.taken[found.at] = 1;
      s.column_of[i] = static_cast<int32_t>(found.at);
      s.own[i] = found.least;
    }
  }
}

template <class C>
static void certify_rows(const AssignmentState& s, int64_t begin, int64_t end) {
  const int64_t vectors = vectors_of(s.columns);
  for (int64_t i = begin; i < end; ++i) {
    const Row<C> row(s, i);
    Eight least[2] = {all(kInfinity), all(kInfinity)};
    int64_t t = 0;
    for (; t + 2 <= row.whole(); t += 2) {
      least[0] = smaller(row.reduced_vector(t, s.sign, s.v), least[0]);
      least[1] = smaller(row.reduced_vector(t + 1, s.sign, s.v), least[1]);
    }
    for (; t < vectors; ++t) {
      least[0] = smaller(row.reduced_vector(t, s.sign, s.v), least[0]);
    }
    s.u[i] = smallest(smaller(least[0], least[1]));
  }
}

void scan(const AssignmentState& state, int64_t begin, int64_t end, AssignmentScan& found) {
  state.wide ? scan_rows<double>(state, begin, end, found)
             : scan_rows<float>(state, begin, end, found);
}

template <class C>
static void fill_rows(const AssignmentState& state, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    read_row<C>(state, i);
  }
}

void fill(const AssignmentState& state, int64_t begin, int64_t end) {
  state.wide ? fill_rows<double>(state, begin, end) : fill_rows<float>(state, begin, end);
}

void solve(AssignmentState& state) {
  state.wide ? solve_problem<double>(state) : solve_problem<float>(state);
}

void certify(const AssignmentState& state, int64_t begin, int64_t end) {
  state.wide ? certify_rows<double>(state, begin, end) : certify_rows<float>(state, begin, end);
}

}  // namespace

extern const AssignmentKernels assignment_kernels = {scan, fill, solve, certify};

}  // namespace sinter::cpu::SINTER_TIER
