// SPDX-License-Identifier: Apache-2.0
//
// Assignment: who solves which problem, and in which memory. Problems of a batch go one to a thread;
// one that is more than a thread's share of the work is the whole team's, whose threads then share
// the passes over its costs and the first reading of its rows.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "assignment_batch.h"
#include "assignment_failure.h"
#include "cpu/assignment.h"
#include "cpu/common/kernels.h"
#include "cpu/launch.h"

namespace sinter::cpu {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Room for c - v of the column behind the last, which does not exist, and of a vector from it on.
int64_t padded(int64_t columns) { return (columns + 8 + 7) / 8 * 8; }

// Cuts memory into arrays, each from a multiple of 64 bytes on; counts what it would take if there
// is none.
class Cutter {
 public:
  explicit Cutter(double* memory) : memory_(reinterpret_cast<unsigned char*>(memory)) {}

  template <class T>
  T* take(int64_t count) {
    unsigned char* const at = memory_ != nullptr ? memory_ + bytes_ : nullptr;
    bytes_ += (count * static_cast<int64_t>(sizeof(T)) + 63) / 64 * 64;
    return reinterpret_cast<T*>(at);
  }

  int64_t values() const { return bytes_ / 8; }

 private:
  unsigned char* const memory_;
  int64_t bytes_ = 0;
};

// The memory of one problem; scans for each of `parts` ranges of its rows.
struct Space {
  AssignmentState state;
  std::vector<AssignmentScan> scans;
};

void cut(Cutter& cutter, int64_t rows, int64_t columns, bool wide, AssignmentScan* scans,
         int64_t parts, AssignmentState& s) {
  s.v = cutter.take<double>(padded(columns));
  s.masked = cutter.take<double>(padded(columns));
  s.distance = cutter.take<double>(padded(columns));
  s.row_of = cutter.take<int32_t>(padded(columns));
  s.previous = cutter.take<int32_t>(columns);
  s.tree = cutter.take<int32_t>(columns);
  s.tree_distance = cutter.take<double>(columns);
  s.reached = cutter.take<int32_t>(columns);
  s.u = cutter.take<double>(rows);
  s.bound = cutter.take<double>(rows);
  s.base = cutter.take<double>(rows);
  s.own = cutter.take<double>(rows);
  s.column_of = cutter.take<int32_t>(rows);
  s.cached = cutter.take<int32_t>(rows);
  s.read_in = cutter.take<int32_t>(rows);
  s.queue = cutter.take<int32_t>(rows);
  s.index = cutter.take<int32_t>(rows * kCachedColumns);
  s.cached_cost = cutter.take<unsigned char>(rows * kCachedColumns * (wide ? 8 : 4));
  s.heap = cutter.take<AssignmentReach>(columns + rows);
  s.position = cutter.take<int32_t>(columns + rows);
  for (int64_t p = 0; p < parts; ++p) {
    scans[p].minima = cutter.take<double>(columns);
    scans[p].taken = cutter.take<unsigned char>(columns);
  }
}

int64_t space_of(const AssignmentItem& item, int64_t parts) {
  Cutter cutter(nullptr);
  std::vector<AssignmentScan> scans(static_cast<size_t>(parts));
  AssignmentState state = {};
  cut(cutter, item.rows, item.columns, item.dtype == DType::kF64, scans.data(), parts, state);
  return cutter.values() + 8;  // and where the first array starts
}

double* aligned(double* memory) {
  return reinterpret_cast<double*>((reinterpret_cast<uintptr_t>(memory) + 63) / 64 * 64);
}

// What is wrong with a problem's costs.
struct Fault {
  int64_t row = -1;
  int64_t column = -1;
  double cost = 0.0;
};

double cost_of(const AssignmentItem& item, int64_t row, int64_t column) {
  const int64_t at = row * item.stride + column;
  if (item.dtype == DType::kF64) {
    double value;
    std::memcpy(&value, item.cost + at * 8, 8);
    return value;
  }
  float value;
  std::memcpy(&value, item.cost + at * 4, 4);
  return value;
}

Failure failure_of(const AssignmentItem& item, int64_t index, const Fault& fault) {
  return assignment_failure(index, item.name != nullptr ? item.name : "", fault.row, fault.column,
                            std::isfinite(fault.cost) ? CostFault::kTooLarge
                            : std::isnan(fault.cost)  ? CostFault::kNaN
                                                      : CostFault::kInfinite);
}

// Sums in one order: 64 lanes, added pairwise.
class Sum {
 public:
  void add(int64_t i, double x) { lanes_[i % 64] += x; }
  double total() {
    for (int half = 32; half > 0; half /= 2) {
      for (int l = 0; l < half; ++l) {
        lanes_[l] += lanes_[l + half];
      }
    }
    return lanes_[0];
  }

 private:
  double lanes_[64] = {};
};

// By how much the assignment misses what the duals prove.
double gap_of(const AssignmentItem& item, const AssignmentState& s) {
  Sum gap;
  for (int64_t i = 0; i < item.rows; ++i) {
    gap.add(i, s.own[i] - s.v[s.column_of[i]] - s.u[i]);
  }
  return gap.total();
}

// What a solution starts from: v, and nothing reached or assigned.
void start_duals(const AssignmentItem& item, const double* start, AssignmentState& s,
                 const AssignmentScan* scans, int64_t parts) {
  const int64_t columns = item.columns;
  s.method = static_cast<int32_t>(AssignmentMethod::kReduction);
  const double largest = largest_start(s.most - s.least, item.rows);
  for (int64_t j = 0; j < columns; ++j) {
    if (start != nullptr) {
      const double v = s.sign * start[j];
      s.v[j] = std::fabs(v) <= largest ? v : 0.0;
    } else if (item.rows < columns) {
      s.v[j] = 0.0;
    } else {
      s.v[j] = kInfinity;
      for (int64_t p = 0; p < parts; ++p) {
        s.v[j] = std::min(s.v[j], s.wide ? scans[p].minima[j]
                                         : reinterpret_cast<const float*>(scans[p].minima)[j]);
      }
    }
  }
  const int64_t end = padded(columns);
  std::fill(s.v + columns, s.v + end, -kInfinity);
  std::fill(s.masked + columns, s.masked + end, -kInfinity);
  std::fill(s.distance, s.distance + columns, kInfinity);
  std::fill(s.distance + columns, s.distance + end, -kInfinity);
  std::fill(s.row_of + columns, s.row_of + end, kConstantRow);
  std::fill(s.position, s.position + item.rows + columns, -1);
  std::fill(s.read_in, s.read_in + item.rows, 0);
  s.search = 0;
  s.paths = 0;
}

// Solves one problem. `run(parts, f)` calls f(0 .. parts - 1): on the team, or one after the other.
// Must not allocate or throw where it runs on one thread of the team.
template <class Run>
void solve(const AssignmentItem& item, bool maximize, AssignmentState& s, AssignmentScan* scans,
           int64_t parts, Fault& fault, const Run& run) {
  const AssignmentKernels& kernel = *kernels().assignment;
  s.cost = item.cost;
  s.stride = item.stride;
  s.rows = static_cast<int32_t>(item.rows);
  s.columns = static_cast<int32_t>(item.columns);
  s.wide = item.dtype == DType::kF64;
  s.sign = maximize ? -1.0 : 1.0;
  const int64_t rows = item.rows;
  const int64_t columns = item.columns;

  // Extremes; rows whose minima are in different columns.
  run(parts,
      [&](int64_t p) { kernel.scan(s, rows * p / parts, rows * (p + 1) / parts, scans[p]); });
  bool distinct = true;
  s.least = kInfinity;
  s.most = -kInfinity;
  for (int64_t p = 0; p < parts; ++p) {
    if (scans[p].fault_row >= 0) {
      fault.row = scans[p].fault_row;
      fault.column = 0;
      for (;; ++fault.column) {
        fault.cost = cost_of(item, fault.row, fault.column);
        if (!(std::fabs(fault.cost) <= kLargestCost)) {
          return;
        }
      }
    }
    distinct = distinct && scans[p].distinct;
    s.least = std::min(s.least, scans[p].least);
    s.most = std::max(s.most, scans[p].most);
  }
  for (int64_t p = 1; p < parts && distinct; ++p) {
    for (int64_t j = 0; j < columns && distinct; ++j) {
      distinct = scans[0].taken[j] == 0 || scans[p].taken[j] == 0;
      scans[0].taken[j] |= scans[p].taken[j];
    }
  }

  s.paths = 0;
  if (distinct || s.least == s.most) {
    s.method = static_cast<int32_t>(AssignmentMethod::kRowMinima);
    std::fill(s.v, s.v + columns, 0.0);
    for (int64_t i = 0; i < rows && !distinct; ++i) {  // nothing to choose
      s.column_of[i] = static_cast<int32_t>(i);
      s.own[i] = s.least;
    }
    std::copy(s.own, s.own + rows, s.u);
    return;
  }
  for (const double* start = item.start;; start = nullptr) {
    start_duals(item, start, s, scans, parts);
    run(parts, [&](int64_t p) { kernel.fill(s, rows * p / parts, rows * (p + 1) / parts); });
    run(1, [&](int64_t) { kernel.solve(s); });
    run(parts, [&](int64_t p) { kernel.certify(s, rows * p / parts, rows * (p + 1) / parts); });
    // Rounding, where duals are large beside the costs' differences.
    if (start == nullptr || gap_of(item, s) <= 1e-9 * (s.most - s.least)) {
      return;
    }
  }
}

void write(const AssignmentItem& item, const AssignmentState& s) {
  Sum objective;
  for (int64_t i = 0; i < item.rows; ++i) {
    const int32_t j = s.column_of[i];
    item.column[i] = j;
    objective.add(i, s.sign * s.own[i]);
    if (item.u != nullptr) {
      item.u[i] = s.sign * s.u[i];
    }
  }
  for (int64_t j = 0; item.v != nullptr && j < item.columns; ++j) {
    item.v[j] = s.sign * s.v[j];
  }
  if (item.results != nullptr) {
    item.results[0] = objective.total();
    item.results[1] = gap_of(item, s);
    item.results[2] = s.most - s.least;
    item.results[3] = static_cast<double>(s.method);
    item.results[4] = static_cast<double>(s.paths);
  }
}

void write_empty(const AssignmentItem& item) {
  for (int64_t j = 0; item.v != nullptr && j < item.columns; ++j) {
    item.v[j] = 0.0;
  }
  if (item.results != nullptr) {
    std::fill(item.results, item.results + kAssignmentResults, 0.0);
    item.results[3] = static_cast<double>(AssignmentMethod::kRowMinima);
  }
}

// Costs of a problem below which a second thread costs more than it saves.
constexpr int64_t kShared = 128 * 1024;

}  // namespace

void assign(const Context& context, const AssignmentBatch& batch) {
  const int64_t threads = context.team.threads();
  std::vector<int64_t> singles;
  std::vector<int64_t> shared;
  int64_t work = 0;
  for (int64_t k = 0; k < batch.count; ++k) {
    work += batch.items[k].rows * batch.items[k].columns;
  }
  std::vector<Fault> faults(static_cast<size_t>(batch.count));
  for (int64_t k = 0; k < batch.count; ++k) {
    const AssignmentItem& item = batch.items[k];
    const int64_t own = item.rows * item.columns;
    if (item.rows == 0) {
      write_empty(item);
    } else if (threads > 1 && own >= kShared && own > work / threads) {
      shared.push_back(k);
    } else {
      singles.push_back(k);
    }
  }
  // Several parts for each thread, so that none waits long for another.
  const int64_t parts = threads > 1 ? std::min<int64_t>(4 * threads, 64) : 1;
  const int64_t workers = std::min<int64_t>(threads, static_cast<int64_t>(singles.size()));
  int64_t each = 0;
  int64_t values = 0;
  for (int64_t k : singles) {
    each = std::max(each, space_of(batch.items[k], 1));
  }
  values = each * workers;
  for (int64_t k : shared) {
    values = std::max(values, space_of(batch.items[k], parts));
  }
  double* const memory = context.workspace.reserve(values);

  for (int64_t k : shared) {
    std::vector<AssignmentScan> scans(static_cast<size_t>(parts));
    AssignmentState state = {};
    const AssignmentItem& item = batch.items[k];
    Cutter cutter(aligned(memory));
    cut(cutter, item.rows, item.columns, item.dtype == DType::kF64, scans.data(), parts, state);
    solve(item, batch.maximize, state, scans.data(), parts, faults[static_cast<size_t>(k)],
          [&](int64_t count, const auto& part) { context.team.run(count, part); });
    if (faults[static_cast<size_t>(k)].row < 0) {
      context.team.run(1, [&](int64_t) { write(item, state); });
    }
  }

  std::atomic<int64_t> next{0};
  context.team.run(workers, [&](int64_t worker) {
    for (;;) {
      const int64_t at = next.fetch_add(1);
      if (at >= static_cast<int64_t>(singles.size())) {
        return;
      }
      const int64_t k = singles[static_cast<size_t>(at)];
      const AssignmentItem& item = batch.items[k];
      AssignmentScan scan = {};
      AssignmentState state = {};
      Cutter cutter(aligned(memory + worker * each));
      cut(cutter, item.rows, item.columns, item.dtype == DType::kF64, &scan, 1, state);
      Fault& fault = faults[static_cast<size_t>(k)];
      solve(item, batch.maximize, state, &scan, 1, fault, [](int64_t count, const auto& part) {
        for (int64_t p = 0; p < count; ++p) {
          part(p);
        }
      });
      if (fault.row < 0) {
        write(item, state);
      }
    }
  });
  for (int64_t k = 0; k < batch.count; ++k) {
    if (faults[static_cast<size_t>(k)].row >= 0) {
      throw failure_of(batch.items[k], k, faults[static_cast<size_t>(k)]);
    }
  }
}

}  // namespace sinter::cpu
