// SPDX-License-Identifier: Apache-2.0
//
// Linear assignment, exact, in one kernel: no number goes back to the host before the solution does.
// A large problem has the whole grid, whose blocks wait for each other; small ones have a block each.
//
// The CPU's ladder, with steps that all free rows take at once (Jacobi) from the same v: row minima
// that are a permutation; row reduction; where that leaves many rows free, an auction with scaled
// epsilon (Bertsekas, "The auction algorithm", 1988) first, each phase of which stops at 0.2 % of the
// rows, not at the last, whose price wars would take most of the time; rows whose column is not exactly
// their cheapest are free again; shortest augmenting paths for the rest, by one block. Bound by the
// bids' reading of rows (4 n bytes each, mostly from the second-level cache up to n = 3000) and, in
// rounds of few bids and in paths, by the latency of barriers: below n = 1000 one problem alone is
// better solved on the CPU.
//
// What is chosen never depends on the order of threads: of several bids for a column the smallest v
// wins, of equal ones the first row's.
#include <algorithm>
#include <string>
#include <vector>

#include "assignment_batch.h"
#include "assignment_failure.h"
#include "cuda/common/cooperative.cuh"
#include "cuda/launch.h"
#include "formula/reduce.h"

namespace sinter::cuda {
namespace {

constexpr int kGridThreads = 256;
constexpr int kMostThreads = 512;  // of a block that has a problem to itself
constexpr int kMostWarps = kMostThreads / kWarp;
constexpr int32_t kNobody = -1;
constexpr int32_t kConstantRow = -2;  // see cpu/assignment.h
constexpr unsigned long long kNone = ~0ull;
constexpr int kLanes = 64;  // of sums: as on the CPU

// ---- Memory -------------------------------------------------------------------------------------

// What the blocks that solve a problem tell each other.
struct Control {
  unsigned long long fault;  // the first place whose cost is not finite or too large, or kNone
  long long least, most;     // in order
  int32_t clashes;           // rows whose cheapest column is another row's too
  int32_t found;             // columns of a constant row
  // Rows that are free, and bids that won, when a round begins: round r's in turn r % 3.
  int32_t count[3];
  int32_t wins[3];
  double gap;
  int64_t paths;
};

// A problem's memory; all but control is undefined at first.
struct Space {
  Control* control;
  // [columns]
  double* v;
  double* distance;            // of a search for a path
  unsigned long long* offer;   // the smallest bid of a round, in order; or kNone
  unsigned long long* bidder;  // whose: the round, counted down, and the row
  int32_t* row_of;
  int32_t* previous;
  int32_t* mark;  // the search that was done with the column
  // [rows]
  double* u;
  double* bid;
  int32_t* bid_column;
  int32_t* column_of;
  int32_t* even_list;  // free rows, in rounds with even numbers
  int32_t* odd_list;
};

constexpr int64_t kColumnBytes = 4 * 8 + 3 * 4;
constexpr int64_t kRowBytes = 2 * 8 + 4 * 4;

SINTER_FN int64_t padded(int64_t bytes) { return (bytes + 15) / 16 * 16; }

SINTER_FN int64_t space_bytes(int64_t rows, int64_t columns) {
  return padded(static_cast<int64_t>(sizeof(Control))) + padded(columns * kColumnBytes) +
         padded(rows * kRowBytes);
}

SINTER_DEVICE Space space_at(unsigned char* memory, int64_t rows, int64_t columns) {
  Space s;
  s.control = reinterpret_cast<Control*>(memory);
  memory += padded(static_cast<int64_t>(sizeof(Control)));
  s.v = reinterpret_cast<double*>(memory);
  s.distance = s.v + columns;
  s.offer = reinterpret_cast<unsigned long long*>(s.distance + columns);
  s.bidder = s.offer + columns;
  s.row_of = reinterpret_cast<int32_t*>(s.bidder + columns);
  s.previous = s.row_of + columns;
  s.mark = s.previous + columns;
  memory += padded(columns * kColumnBytes);
  s.u = reinterpret_cast<double*>(memory);
  s.bid = s.u + rows;
  s.bid_column = reinterpret_cast<int32_t*>(s.bid + rows);
  s.column_of = s.bid_column + rows;
  s.even_list = s.column_of + rows;
  s.odd_list = s.even_list + rows;
  return s;
}

// A problem on the device; its item's name is on the host.
struct Problem {
  AssignmentItem item;
  unsigned char* space;
  int64_t index;  // in the batch
};

struct AssignmentParams {
  const Problem* problems;  // one for each block, or for the grid
  bool maximize;
};

// ---- A problem ----------------------------------------------------------------------------------

SINTER_DEVICE unsigned long long key_of(double x) {
  return static_cast<unsigned long long>(ordered(x)) ^ 0x8000000000000000ull;
}
SINTER_DEVICE double number_of_key(unsigned long long key) {
  const auto order = static_cast<int64_t>(key ^ 0x8000000000000000ull);
  return bits_double(static_cast<uint64_t>(order ^ ((order >> 63) & 0x7fffffffffffffffll)));
}

// A row's two cheapest columns.
struct Bid {
  double first;
  double second;
  int32_t column;  // which costs `first`; one that nobody has, if there is one
};

// What a search for a path may go on with: of equal distances a column that nobody has, then the first.
struct Reach {
  double distance;
  uint32_t rank;  // the column, and kTaken if somebody has it
};
constexpr uint32_t kTaken = 0x80000000u;

SINTER_DEVICE bool comes_first(const Reach& a, const Reach& b) {
  return a.distance < b.distance || (a.distance == b.distance && a.rank < b.rank);
}

struct BlockReaches {
  Reach of_warp[2][kMostWarps];
};
struct BlockSums {
  double lanes[kLanes];
};

// Costs are of type C. All of its functions are called by all threads of the team, but where `block`
// or `warp` is in the name.
template <class C, bool kGrid>
class Solver {
 public:
  __device__ Solver(const Problem& problem, bool maximize)
      : item_(problem.item),
        s_(space_at(problem.space, problem.item.rows, problem.item.columns)),
        rows_(static_cast<int32_t>(problem.item.rows)),
        columns_(static_cast<int32_t>(problem.item.columns)),
        sign_(maximize ? -1.0 : 1.0),
        aligned_(reinterpret_cast<uintptr_t>(problem.item.cost) % sizeof(C) == 0),
        thread_((kGrid ? int64_t{blockIdx.x} * blockDim.x : 0) + threadIdx.x),
        threads_((kGrid ? int64_t{gridDim.x} : 1) * blockDim.x),
        leads_(!kGrid || blockIdx.x == 0) {}

  __device__ void run() {
    clear();
    if (rows_ == 0) {
      write_empty();
      return;
    }
    scan();
    if (s_.control->fault != kNone) {
      return;
    }
    const double least = number_of_order(s_.control->least);
    const double most = number_of_order(s_.control->most);
    const bool distinct = s_.control->clashes == 0;
    AssignmentMethod method = AssignmentMethod::kRowMinima;
    if (distinct || least == most) {
      take_minima(distinct);
    } else {
      for (const double* start = item_.start;; start = nullptr) {
        method = solve(start, least, most);
        certify();
        // Rounding, where duals are large beside the costs' differences.
        if (start == nullptr || s_.control->gap <= 1e-9 * (most - least)) {
          break;
        }
        synchronize();  // before the gap is written again
      }
    }
    write(most - least, method);
  }

 private:
  // ---- The team ---------------------------------------------------------------------------------

  __device__ void synchronize() const {
    if constexpr (kGrid) {
      synchronize_grid();
    } else {
      __syncthreads();
    }
  }

  __device__ int32_t warp() const { return static_cast<int32_t>(thread_ / kWarp); }
  __device__ int32_t warps() const { return static_cast<int32_t>(threads_ / kWarp); }
  __device__ int lane() const { return static_cast<int>(threadIdx.x % kWarp); }

  __device__ static double number_of_order(long long order) {
    return bits_double(static_cast<uint64_t>(order ^ ((order >> 63) & 0x7fffffffffffffffll)));
  }

  // The smallest of a block, in all its threads; `step` counts calls.
  __device__ static Reach block_nearest(Reach mine, uint32_t step) {
    SINTER_SHARED(BlockReaches, shared);
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) {
      const Reach other = {__shfl_xor_sync(kAllLanes, mine.distance, half),
                           __shfl_xor_sync(kAllLanes, mine.rank, half)};
      mine = comes_first(other, mine) ? other : mine;
    }
    // In turns, so that nobody writes what another still reads.
    Reach* const of_warp = shared.of_warp[step % 2];
    if (threadIdx.x % kWarp == 0) {
      of_warp[threadIdx.x / kWarp] = mine;
    }
    __syncthreads();
    Reach nearest = of_warp[0];
    for (unsigned w = 1; w < blockDim.x / kWarp; ++w) {
      nearest = comes_first(of_warp[w], nearest) ? of_warp[w] : nearest;
    }
    return nearest;
  }

  // The sum of term(i) over rows in the CPU's order; in thread 0.
  template <class Term>
  __device__ double block_sum(const Term& term) const {
    SINTER_SHARED(BlockSums, shared);
    __syncthreads();
    const int l = static_cast<int>(threadIdx.x);
    if (l < kLanes) {
      double sum = 0.0;
      for (int32_t i = l; i < rows_; i += kLanes) {
        sum += term(i);
      }
      shared.lanes[l] = sum;
    }
    for (int half = kLanes / 2; half > 0; half /= 2) {
      __syncthreads();
      if (l < half) {
        shared.lanes[l] += shared.lanes[l + half];
      }
    }
    return l == 0 ? shared.lanes[0] : 0.0;
  }

  // ---- Costs ------------------------------------------------------------------------------------

  __device__ const unsigned char* place(int32_t row, int64_t column) const {
    return item_.cost + (row * item_.stride + column) * static_cast<int64_t>(sizeof(C));
  }

  __device__ double cost(int32_t row, int32_t column) const {
    return sign_ * static_cast<double>(read<C>(place(row, column)));
  }

  // Calls run(j, cost) for columns first, first + step, ... of a row.
  template <class Run>
  __device__ __forceinline__ void for_columns(int32_t row, int32_t first, int32_t step,
                                              const Run& run) const {
    const unsigned char* const from = place(row, 0);
    if (aligned_) {
      const C* const costs = reinterpret_cast<const C*>(from);
#pragma unroll 4
      for (int32_t j = first; j < columns_; j += step) {
        run(j, sign_ * static_cast<double>(costs[j]));
      }
    } else {
      for (int32_t j = first; j < columns_; j += step) {
        run(j, cost(row, j));
      }
    }
  }

  // ---- Beginning and end ------------------------------------------------------------------------

  __device__ void clear() {
    if (thread_ == 0) {
      Control& control = *s_.control;
      control.fault = kNone;
      control.least = static_cast<long long>(ordered(__builtin_huge_val()));
      control.most = static_cast<long long>(ordered(-__builtin_huge_val()));
      control.clashes = 0;
      control.gap = 0.0;
      control.paths = 0;
      for (int i = 0; i < 3; ++i) {
        control.count[i] = 0;
        control.wins[i] = 0;
      }
    }
    for (int64_t j = thread_; j < columns_; j += threads_) {
      s_.offer[j] = kNone;
      s_.bidder[j] = kNone;
      s_.mark[j] = 0;
    }
    synchronize();
  }

  __device__ void write_empty() const {
    for (int64_t j = thread_; item_.v != nullptr && j < columns_; j += threads_) {
      item_.v[j] = 0.0;
    }
    if (item_.results != nullptr && thread_ < kAssignmentResults) {
      item_.results[thread_] =
          thread_ == 3 ? static_cast<double>(AssignmentMethod::kRowMinima) : 0.0;
    }
  }

  // Extremes, faults, and each row's cheapest column.
  __device__ void scan() {
    double least = __builtin_huge_val();
    double most = -__builtin_huge_val();
    for (int32_t i = warp(); i < rows_; i += warps()) {
      Reach cheapest = {__builtin_huge_val(), ~0u};
      int64_t bad = -1;
      for_columns(i, lane(), kWarp, [&](int32_t j, double x) {
        if (!(x >= -kLargestCost && x <= kLargestCost)) {
          bad = bad < 0 ? j : bad;
          return;
        }
        most = x > most ? x : most;
        if (x < cheapest.distance) {
          cheapest = {x, static_cast<uint32_t>(j)};
        }
      });
      if (bad >= 0) {
        atomicMin(&s_.control->fault, static_cast<unsigned long long>(i * item_.columns + bad));
      }
#pragma unroll
      for (int half = kWarp / 2; half > 0; half /= 2) {
        const Reach other = {__shfl_xor_sync(kAllLanes, cheapest.distance, half),
                             __shfl_xor_sync(kAllLanes, cheapest.rank, half)};
        cheapest = comes_first(other, cheapest) ? other : cheapest;
      }
      least = cheapest.distance < least ? cheapest.distance : least;
      if (lane() == 0 && cheapest.rank != ~0u) {
        s_.column_of[i] = static_cast<int32_t>(cheapest.rank);
        s_.u[i] = cheapest.distance;
        if (atomicAdd(s_.mark + cheapest.rank, 1) != 0) {
          atomicAdd(&s_.control->clashes, 1);
        }
      }
    }
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) {
      const double other = __shfl_xor_sync(kAllLanes, most, half);
      most = other > most ? other : most;
    }
    if (lane() == 0) {
      atomicMin(&s_.control->least, static_cast<long long>(ordered(least)));
      atomicMax(&s_.control->most, static_cast<long long>(ordered(most)));
    }
    synchronize();
  }

  // Row minima that are a permutation, or nothing to choose.
  __device__ void take_minima(bool distinct) {
    for (int64_t j = thread_; j < columns_; j += threads_) {
      s_.v[j] = 0.0;
    }
    for (int64_t i = thread_; i < rows_ && !distinct; i += threads_) {
      s_.column_of[i] = static_cast<int32_t>(i);
    }
    synchronize();
  }

  // u, and the gap.
  __device__ void certify() {
    for (int32_t i = warp(); i < rows_; i += warps()) {
      double least = __builtin_huge_val();
      for_columns(i, lane(), kWarp, [&](int32_t j, double x) {
        const double w = x - s_.v[j];
        least = w < least ? w : least;
      });
#pragma unroll
      for (int half = kWarp / 2; half > 0; half /= 2) {
        const double other = __shfl_xor_sync(kAllLanes, least, half);
        least = other < least ? other : least;
      }
      if (lane() == 0) {
        s_.u[i] = least;
      }
    }
    synchronize();
    if (leads_) {
      const double gap = block_gap();
      if (threadIdx.x == 0) {
        s_.control->gap = gap;
      }
    }
    synchronize();
  }

  __device__ double block_gap() const {
    return block_sum([&](int32_t i) {
      const int32_t j = s_.column_of[i];
      return cost(i, j) - s_.v[j] - s_.u[i];
    });
  }

  __device__ void write(double spread, AssignmentMethod method) const {
    for (int64_t i = thread_; i < rows_; i += threads_) {
      item_.column[i] = s_.column_of[i];
      if (item_.u != nullptr) {
        item_.u[i] = sign_ * s_.u[i];
      }
    }
    for (int64_t j = thread_; item_.v != nullptr && j < columns_; j += threads_) {
      item_.v[j] = sign_ * s_.v[j];
    }
    if (item_.results == nullptr || !leads_) {
      return;
    }
    const double objective = block_sum([&](int32_t i) { return sign_ * cost(i, s_.column_of[i]); });
    if (threadIdx.x == 0) {
      item_.results[0] = objective;
      item_.results[1] = s_.control->gap;
      item_.results[2] = spread;
      item_.results[3] = static_cast<double>(method);
      item_.results[4] = static_cast<double>(s_.control->paths);
    }
  }

  // ---- The ladder -------------------------------------------------------------------------------

  __device__ AssignmentMethod solve(const double* start, double least, double most) {
    start_duals(start, most - least);
    // Up to so many free rows are placed by paths. Far fewer than on the CPU: a path's steps follow
    // each other, and an auction's duals make paths short. (At n = 2048 and rank 16 reduction alone left
    // 44 rows, whose paths took 50000 steps; after an auction 16 rows took 400.)
    constexpr int32_t kMany = 8;
    AssignmentMethod method = AssignmentMethod::kReduction;
    free_all();
    reduce_while_it_pays(kMany);
    if (free_rows() > kMany && most - least > 0x1p-900) {
      method = AssignmentMethod::kAuction;
      auction(least, most);
      reduce_while_it_pays(rows_);
    }
    synchronize();
    if (leads_) {
      block_place_rest();
    }
    synchronize();
    return method;
  }

  __device__ void start_duals(const double* start, double spread) {
    const double largest = largest_start(spread, rows_);
    if (start == nullptr && rows_ == columns_) {
      // Columns' minima: a warp reads 32 columns of some rows.
      constexpr int32_t kRows = 64;
      const int64_t strips = (int64_t{columns_} + kWarp - 1) / kWarp;
      const int64_t parts = (int64_t{rows_} + kRows - 1) / kRows;
      for (int64_t unit = warp(); unit < strips * parts; unit += warps()) {
        const auto j = static_cast<int32_t>(unit % strips * kWarp) + lane();
        const auto first = static_cast<int32_t>(unit / strips * kRows);
        const int32_t last = rows_ - first < kRows ? rows_ : first + kRows;
        double smallest = __builtin_huge_val();
        for (int32_t i = first; i < last && j < columns_; ++i) {
          const double x = cost(i, j);
          smallest = x < smallest ? x : smallest;
        }
        if (j < columns_) {
          atomicMin(s_.offer + j, key_of(smallest));
        }
      }
      synchronize();
    }
    for (int64_t j = thread_; j < columns_; j += threads_) {
      double v = 0.0;
      if (start != nullptr) {
        const double given = sign_ * start[j];
        v = (given < 0.0 ? -given : given) <= largest ? given : 0.0;
      } else if (rows_ == columns_) {
        v = number_of_key(s_.offer[j]);
      }
      s_.v[j] = v;
      s_.offer[j] = kNone;
      s_.mark[j] = 0;
    }
    search_ = 0;
    if (thread_ == 0) {
      s_.control->paths = 0;
    }
    synchronize();
  }

  // ---- Rounds of bids ---------------------------------------------------------------------------

  __device__ int32_t free_rows() const { return s_.control->count[round_ % 3]; }
  __device__ int32_t wins() const { return s_.control->wins[round_ % 3]; }
  __device__ int32_t* list_of(uint32_t round) const {
    return round % 2 == 0 ? s_.even_list : s_.odd_list;
  }
  __device__ const int32_t* list() const { return list_of(round_); }

  // Where rounds are left aside: the other two turns start from nothing. (Others may still read this
  // round's.) By one thread.
  __device__ void clear_turns() {
    for (uint32_t turn = round_ + 1; turn <= round_ + 2; ++turn) {
      s_.control->count[turn % 3] = 0;
      s_.control->wins[turn % 3] = 0;
    }
  }

  // For the next round.
  __device__ void put(int32_t row) {
    list_of(round_ + 1)[atomicAdd(&s_.control->count[(round_ + 1) % 3], 1)] = row;
  }

  __device__ void free_all() {
    for (int64_t j = thread_; j < columns_; j += threads_) {
      s_.row_of[j] = kNobody;
    }
    for (int64_t i = thread_; i < rows_; i += threads_) {
      s_.column_of[i] = kNobody;
      list_of(round_ + 1)[i] = static_cast<int32_t>(i);
    }
    if (thread_ == 0) {
      clear_turns();
      s_.control->count[(round_ + 1) % 3] = rows_;
    }
    synchronize();
    ++round_;
  }

  // From a row's own place on and round the end, so that rows which cannot tell columns apart do not
  // all want the same ones; columns that nobody has first.
  __device__ uint32_t rank_of(int32_t column, int32_t from) const {
    const auto step =
        static_cast<uint32_t>(column >= from ? column - from : column - from + columns_);
    return step | (s_.row_of[column] == kNobody ? 0u : kTaken);
  }

  __device__ Bid warp_bid(int32_t row) const {
    const auto from = static_cast<int32_t>(int64_t{row} * columns_ / rows_);
    double first = __builtin_huge_val();
    double second = __builtin_huge_val();
    int32_t column = 0;
    for_columns(row, lane(), kWarp, [&](int32_t j, double x) {
      const double w = x - s_.v[j];
      if (w < first) {
        second = first;
        first = w;
        column = j;
      } else if (w == first) {
        second = w;
        column = rank_of(j, from) < rank_of(column, from) ? j : column;
      } else if (w < second) {
        second = w;
      }
    });
    uint32_t rank = first < __builtin_huge_val() ? rank_of(column, from) : ~0u;
#pragma unroll
    for (int half = kWarp / 2; half > 0; half /= 2) {
      const double other_first = __shfl_xor_sync(kAllLanes, first, half);
      const double other_second = __shfl_xor_sync(kAllLanes, second, half);
      const uint32_t other_rank = __shfl_xor_sync(kAllLanes, rank, half);
      const double larger = first < other_first ? other_first : first;
      second = other_second < second ? other_second : second;
      second = larger < second ? larger : second;
      if (other_first < first || (other_first == first && other_rank < rank)) {
        first = other_first;
        rank = other_rank;
      }
    }
    const auto step = static_cast<int32_t>(rank & ~kTaken);
    return {first, second, from < columns_ - step ? from + step : from - (columns_ - step)};
  }

  // All free rows bid for their cheapest columns. A column's v falls by what the second cheapest costs
  // more, and epsilon; where it would not fall, only a column that nobody has is taken.
  __device__ void round(double epsilon) {
    const int32_t bids = free_rows();
    for (int32_t f = warp(); f < bids; f += warps()) {
      const int32_t row = list()[f];
      const Bid bid = warp_bid(row);
      if (lane() == 0) {
        const double v = s_.v[bid.column];
        const double lower = v - (bid.second - bid.first + epsilon);
        const bool falls = lower < v;
        s_.bid_column[row] = kNobody;
        if (falls || s_.row_of[bid.column] == kNobody) {
          s_.bid_column[row] = bid.column;
          s_.bid[row] = falls ? lower : v;
          atomicMin(s_.offer + bid.column, key_of(falls ? lower : v));
        }
      }
    }
    synchronize();
    const unsigned long long turn = static_cast<unsigned long long>(~round_) << 32;
    for (int64_t f = thread_; f < bids; f += threads_) {
      const int32_t row = list()[f];
      const int32_t column = s_.bid_column[row];
      if (column >= 0 && key_of(s_.bid[row]) == s_.offer[column]) {
        atomicMin(s_.bidder + column, turn | static_cast<unsigned long long>(row));
      }
    }
    if (thread_ == 0) {  // those of the round after the next: nobody reads them in this one
      s_.control->count[(round_ + 2) % 3] = 0;
      s_.control->wins[(round_ + 2) % 3] = 0;
    }
    synchronize();
    int32_t won = 0;
    for (int64_t f = thread_; f < bids; f += threads_) {
      const int32_t row = list()[f];
      const int32_t column = s_.bid_column[row];
      if (column < 0 || s_.bidder[column] != (turn | static_cast<unsigned long long>(row))) {
        put(row);
        continue;
      }
      ++won;
      s_.v[column] = s_.bid[row];
      s_.offer[column] = kNone;
      const int32_t before = s_.row_of[column];
      s_.row_of[column] = row;
      s_.column_of[row] = column;
      if (before >= 0) {
        s_.column_of[before] = kNobody;
        put(before);
      }
    }
    if (won > 0) {
      atomicAdd(&s_.control->wins[(round_ + 1) % 3], won);
    }
    synchronize();
    ++round_;
  }

  // As long as it pays: until few rows are left, or a stage of it places less than it costs.
  __device__ void reduce_while_it_pays(int32_t many) {
    constexpr int kStages = 40;
    constexpr int kRounds = 64;
    for (int stage = 0; stage < kStages; ++stage) {
      const int32_t before = free_rows();
      int64_t bids = 8 * int64_t{rows_} + 64;
      for (int k = 0; k < kRounds && bids > 0; ++k) {
        if (free_rows() == 0) {
          return;
        }
        bids -= free_rows();
        round(0.0);
        if (wins() == 0) {
          return;
        }
      }
      if (before - free_rows() < 4 || (stage > 0 && free_rows() > many)) {
        return;
      }
    }
  }

  // The largest power of two that is at most x. Multiples of powers of two keep sums exact longer.
  __device__ static double power_of_two(double x) {
    return bits_double(double_bits(x) & uint64_t{0x7ff0000000000000});
  }

  __device__ void auction(double least, double most) {
    constexpr int kRounds = 2048;  // of a phase; one that stalls is left to paths
    const double spread = most - least;
    const double magnitude = most > -least ? most : -least;
    // Above the rounding of v.
    const double finest = 0x1p-46 * magnitude;
    double last = power_of_two(spread / (4.0 * rows_));
    last = last > finest ? last : power_of_two(2.0 * finest);
    const int32_t rest = rows_ / 500;
    for (double epsilon = power_of_two(spread / 16.0);; epsilon /= 4.0) {
      epsilon = epsilon > last ? epsilon : last;
      free_all();
      int64_t bids = 64 * int64_t{rows_};
      for (int k = 0; k < kRounds && bids > 0 && free_rows() > rest; ++k) {
        bids -= free_rows();
        round(epsilon);
      }
      if (epsilon <= last) {
        break;
      }
    }
    free_dearer();
  }

  // Rows whose column is not exactly their cheapest are free again.
  __device__ void free_dearer() {
    if (thread_ == 0) {
      clear_turns();
    }
    synchronize();
    for (int32_t i = warp(); i < rows_; i += warps()) {
      const int32_t column = s_.column_of[i];
      const double first = warp_bid(i).first;
      if (lane() == 0) {
        if (column >= 0 && cost(i, column) - s_.v[column] > first) {
          s_.row_of[column] = kNobody;
          s_.column_of[i] = kNobody;
          put(i);
        } else if (column < 0) {
          put(i);
        }
      }
    }
    synchronize();
    ++round_;
  }

  // ---- Shortest augmenting paths, by one block ----------------------------------------------------

  // Thread t has the columns t, t + blockDim.x, ...: only it writes what is kept of them in a search.

  __device__ void block_place_rest() {
    const int32_t free = free_rows();
    int32_t last = -1;
    for (int32_t k = 0; k < free; ++k) {
      // In the rows' order: that of the list depends on the threads'.
      Reach next = {0.0, ~0u};
      for (int32_t f = static_cast<int32_t>(threadIdx.x); f < free;
           f += static_cast<int32_t>(blockDim.x)) {
        const int32_t row = list()[f];
        if (row > last && static_cast<uint32_t>(row) < next.rank) {
          next.rank = static_cast<uint32_t>(row);
        }
      }
      last = static_cast<int32_t>(block_nearest(next, step_++).rank);
      block_augment(last, 0.0);
    }
    if (rows_ < columns_) {
      block_place_constant_rows();
    }
    if (threadIdx.x == 0) {
      s_.control->paths = search_;
    }
  }

  // A shortest path in c - v - u from a row (or a constant row, `highest` being the highest v) to a
  // column that nobody has, by Dijkstra's algorithm; then v changes so that slackness holds along it,
  // and its rows change columns.
  __device__ void block_augment(int32_t source, double highest) {
    ++search_;
    const auto first = static_cast<int32_t>(threadIdx.x);
    const auto step = static_cast<int32_t>(blockDim.x);
    for (int32_t j = first; j < columns_; j += step) {
      s_.distance[j] = __builtin_huge_val();
    }
    double base = 0.0;
    Reach nearest;
    int32_t column;
    for (int32_t row = source;;) {
      Reach mine = {__builtin_huge_val(), ~0u};
      const auto reach = [&](int32_t j, double x) {
        if (s_.mark[j] == search_) {
          return;
        }
        double distance = s_.distance[j];
        if (x < distance) {
          distance = x;
          s_.distance[j] = x;
          s_.previous[j] = row;
        }
        const Reach here = {distance,
                            static_cast<uint32_t>(j) | (s_.row_of[j] == kNobody ? 0u : kTaken)};
        mine = comes_first(here, mine) ? here : mine;
      };
      if (row >= 0) {
        for_columns(row, first, step, [&](int32_t j, double x) { reach(j, base + (x - s_.v[j])); });
      } else {
        for (int32_t j = first; j < columns_; j += step) {
          // All constant rows reach what the first one did.
          reach(j, highest - s_.v[j]);
        }
      }
      nearest = block_nearest(mine, step_++);
      column = static_cast<int32_t>(nearest.rank & ~kTaken);
      if ((nearest.rank & kTaken) == 0) {
        break;
      }
      if (column % step == first) {
        s_.mark[column] = search_;
      }
      row = s_.row_of[column];
      if (row >= 0) {
        base = nearest.distance - (cost(row, column) - s_.v[column]);
      }
    }
    __syncthreads();  // v is read above, and previous below
    for (int32_t j = first; j < columns_; j += step) {
      if (s_.mark[j] == search_) {
        s_.v[j] += s_.distance[j] - nearest.distance;
      }
    }
    if (threadIdx.x == 0) {
      for (;;) {
        const int32_t row = s_.previous[column];
        s_.row_of[column] = row;
        if (row == kConstantRow) {
          break;
        }
        const int32_t next = s_.column_of[row];
        s_.column_of[row] = column;
        if (row == source) {
          break;
        }
        column = next;
      }
    }
    __syncthreads();
  }

  // v of columns without a row must be 0 and the others' at most that. They are where v started at 0;
  // else the problem is squared by rows of constant cost, which take those columns.
  __device__ void block_place_constant_rows() {
    const auto first = static_cast<int32_t>(threadIdx.x);
    const auto step = static_cast<int32_t>(blockDim.x);
    const double highest = block_highest([](int32_t) { return true; });
    if (threadIdx.x == 0) {
      s_.control->found = 0;
    }
    __syncthreads();
    for (int32_t j = first; j < columns_; j += step) {
      if (s_.row_of[j] == kNobody && s_.v[j] == highest) {
        s_.row_of[j] = kConstantRow;
        atomicAdd(&s_.control->found, 1);
      }
    }
    __syncthreads();
    const int32_t found = s_.control->found;
    for (int32_t left = columns_ - rows_ - found; left > 0; --left) {
      block_augment(kConstantRow, block_highest([](int32_t) { return true; }));
    }
    const double level = block_highest([&](int32_t j) { return s_.row_of[j] == kConstantRow; });
    for (int32_t j = first; j < columns_; j += step) {
      s_.v[j] = s_.row_of[j] == kConstantRow || s_.v[j] > level ? 0.0 : s_.v[j] - level;
    }
    __syncthreads();
  }

  // The highest v of the columns that count, in all threads.
  template <class Counts>
  __device__ double block_highest(const Counts& counts) {
    Reach mine = {__builtin_huge_val(), ~0u};
    for (auto j = static_cast<int32_t>(threadIdx.x); j < columns_;
         j += static_cast<int32_t>(blockDim.x)) {
      if (counts(j) && -s_.v[j] < mine.distance) {
        mine.distance = -s_.v[j];
      }
    }
    return -block_nearest(mine, step_++).distance;
  }

  const AssignmentItem item_;
  const Space s_;
  const int32_t rows_;
  const int32_t columns_;
  const double sign_;
  const bool aligned_;
  const int64_t thread_;
  const int64_t threads_;
  const bool leads_;
  uint32_t round_ = 0;
  uint32_t step_ = 0;
  int32_t search_ = 0;
};

template <bool kGrid>
constexpr int kBlockThreads = kGrid ? kGridThreads : kMostThreads;

template <class C, bool kGrid>
__global__ void __launch_bounds__(kBlockThreads<kGrid>)
    assignment_kernel(const __grid_constant__ AssignmentParams params) {
  Solver<C, kGrid> solver(params.problems[kGrid ? 0 : blockIdx.x], params.maximize);
  solver.run();
}

// Words for the host: the first problem with a fault, and the fault's kind and place.
__global__ void __launch_bounds__(kGridThreads)
    fault_kernel(const Problem* problems, int64_t count, unsigned long long* words) {
  const auto fault_of = [&](int64_t k) {
    return reinterpret_cast<const Control*>(problems[k].space)->fault;
  };
  for (int64_t k = threadIdx.x; k < count; k += kGridThreads) {
    if (fault_of(k) != kNone) {
      atomicMin(words, static_cast<unsigned long long>(problems[k].index));
    }
  }
  __syncthreads();
  for (int64_t k = threadIdx.x; k < count; k += kGridThreads) {
    const unsigned long long fault = fault_of(k);
    if (fault != kNone && words[0] == static_cast<unsigned long long>(problems[k].index)) {
      const AssignmentItem& item = problems[k].item;
      const auto at = static_cast<int64_t>(fault);
      const int64_t place = at / item.columns * item.stride + at % item.columns;
      const double cost = item.dtype == DType::kF64
                              ? read<double>(item.cost + 8 * place)
                              : static_cast<double>(read<float>(item.cost + 4 * place));
      const CostFault kind = cost != cost         ? CostFault::kNaN
                             : cost - cost != 0.0 ? CostFault::kInfinite
                                                  : CostFault::kTooLarge;
      words[1] = static_cast<unsigned long long>(kind) << 62 | fault;
    }
  }
}

// ---- Launching ----------------------------------------------------------------------------------

// Costs of a problem below which barriers of a grid cost more than its blocks save.
#if defined(SINTER_EMULATION)
constexpr int64_t kShared = 60 * 60;  // tests cannot wait for larger ones
#else
constexpr int64_t kShared = 512 * 512;
#endif

using Kernel = void (*)(AssignmentParams);

Kernel grid_kernel(DType dtype) {
  return dtype == DType::kF64 ? assignment_kernel<double, true> : assignment_kernel<float, true>;
}

Kernel block_kernel(DType dtype) {
  return dtype == DType::kF64 ? assignment_kernel<double, false> : assignment_kernel<float, false>;
}

}  // namespace

void assign(const Context& context, const AssignmentBatch& batch) {
  if (batch.count == 0) {
    return;
  }
  Queue& queue = context.queue;
  double work = 0.0;
  int64_t bytes = 0;
  std::vector<int64_t> at;
  std::vector<std::string> names;
  std::vector<int64_t> widths;
  for (int64_t k = 0; k < batch.count; ++k) {
    const AssignmentItem& item = batch.items[k];
    work += static_cast<double>(item.rows) * static_cast<double>(item.columns);
    at.push_back(bytes);
    bytes += space_bytes(item.rows, item.columns);
    names.emplace_back(item.name != nullptr ? item.name : "");
    widths.push_back(item.columns);
  }
  const Scratch space(queue, bytes);

  // Problems of the whole grid; then those of a block each, by dtype, the largest first.
  const auto costs = [&](int64_t k) {
    return static_cast<double>(batch.items[k].rows) * static_cast<double>(batch.items[k].columns);
  };
  const auto group_of = [&](int64_t k) {
    const DType dtype = batch.items[k].dtype;
    const double resident = queue.resident_blocks(grid_kernel(dtype), kGridThreads);
    const bool shared =
        costs(k) >= static_cast<double>(kShared) && costs(k) * resident > 4.0 * work;
    return (shared ? 0 : 2) + (dtype == DType::kF64 ? 1 : 0);
  };
  std::vector<int64_t> order;
  std::vector<int> groups;
  for (int64_t k = 0; k < batch.count; ++k) {
    order.push_back(k);
    groups.push_back(group_of(k));
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const int first = groups[static_cast<size_t>(a)];
    const int second = groups[static_cast<size_t>(b)];
    return first != second ? first < second : costs(a) > costs(b);
  });
  std::vector<Problem> problems;
  for (int64_t k : order) {
    problems.push_back({batch.items[k], space.as<unsigned char>() + at[static_cast<size_t>(k)], k});
  }
  const auto table_bytes = static_cast<int64_t>(problems.size() * sizeof(Problem));
  const Scratch table(queue, table_bytes);
  queue.upload(table.as<void>(), problems.data(), table_bytes);
  const Problem* const on_device = table.as<const Problem>();

  unsigned long long* const words =
      queue.report([names, widths](const unsigned long long* failure) {
        const auto problem = static_cast<size_t>(failure[0]);
        const auto place = static_cast<int64_t>(failure[1] & ((1ull << 62) - 1));
        return assignment_failure(static_cast<int64_t>(problem), names[problem],
                                  place / widths[problem], place % widths[problem],
                                  static_cast<CostFault>(failure[1] >> 62));
      });
  for (size_t first = 0; first < problems.size();) {
    const int group = groups[static_cast<size_t>(order[first])];
    size_t last = first + 1;
    if (group >= 2) {
      while (last < problems.size() && groups[static_cast<size_t>(order[last])] == group) {
        ++last;
      }
    }
    const AssignmentParams params = {on_device + first, batch.maximize};
    const DType dtype = group % 2 == 1 ? DType::kF64 : DType::kF32;
    if (group < 2) {
      // A warp for each row at most.
      const int64_t rows = problems[first].item.rows;
      const int64_t blocks =
          std::min<int64_t>((rows * kWarp + kGridThreads - 1) / kGridThreads,
                            queue.resident_blocks(grid_kernel(dtype), kGridThreads));
      launch_cooperative(queue, grid_kernel(dtype), blocks, kGridThreads, params);
    } else {
      int64_t columns = 0;
      for (size_t k = first; k < last; ++k) {
        columns = std::max(columns, problems[k].item.columns);
      }
      // Two columns for each thread; at least the lanes of a sum.
      const int64_t threads =
          std::clamp<int64_t>((columns / 2 + kWarp - 1) / kWarp * kWarp, kLanes, kMostThreads);
      launch(queue, block_kernel(dtype), static_cast<int64_t>(last - first),
             static_cast<int>(threads), params);
    }
    first = last;
  }
  launch(queue, fault_kernel, 1, kGridThreads, on_device, batch.count, words);
}

}  // namespace sinter::cuda
