// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <vector>

#include "assignment_batch.h"
#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

static_assert(kAssignmentResults == SINTER_ASSIGNMENT_RESULTS);
static_assert(static_cast<int32_t>(AssignmentMethod::kRowMinima) == SINTER_ASSIGNMENT_ROW_MINIMA);
static_assert(static_cast<int32_t>(AssignmentMethod::kReduction) == SINTER_ASSIGNMENT_REDUCTION);
static_assert(static_cast<int32_t>(AssignmentMethod::kAuction) == SINTER_ASSIGNMENT_AUCTION);

template <class T>
void check_pointer(const T* pointer, bool needed, const char* field, int64_t index) {
  const std::string name = "problems[" + std::to_string(index) + "]." + field;
  if (needed && pointer == nullptr) {
    invalid(name + " is NULL", index);
  }
  if (reinterpret_cast<uintptr_t>(pointer) % alignof(T) != 0) {
    invalid(name + " is not aligned to " + std::to_string(alignof(T)) + " bytes", index);
  }
}

AssignmentItem checked_item(const sinter_stream& stream, const sinter_assignment& problem,
                            int64_t index) {
  if (problem.struct_size != sizeof(sinter_assignment)) {
    invalid("problems[" + std::to_string(index) + "].struct_size is " +
                std::to_string(problem.struct_size) + ", not " +
                std::to_string(sizeof(sinter_assignment)) +
                ": set it, and use the header that belongs to this library",
            index);
  }
  check_pointer(problem.cost, true, "cost", index);
  const sinter_tensor& cost = *problem.cost;
  const View view = checked_view(stream, cost, "cost", index, Place::kStream, false);
  const std::string name = label("cost", index, cost);
  // Tensors without elements have no dtype in their view.
  if (cost.dtype != SINTER_F32 && cost.dtype != SINTER_F64) {
    invalid(name + " must be f32 or f64: sinter_cast it first", index);
  }
  if (cost.rank != 2) {
    invalid(name + " has rank " + std::to_string(cost.rank) + ": it must be [rows, columns]",
            index);
  }
  AssignmentItem item = {};
  item.rows = cost.shape[0];
  item.columns = cost.shape[1];
  if (item.rows > item.columns) {
    invalid(name + " has " + std::to_string(item.rows) + " rows and " +
                std::to_string(item.columns) +
                " columns: rows must not be more than columns; pass the transpose",
            index);
  }
  if (item.rows + item.columns > INT32_MAX) {
    invalid(name + " has " + std::to_string(item.rows) + " rows and " +
                std::to_string(item.columns) + " columns: they must be below 2^31 together",
            index);
  }
  if (item.rows > 0 && item.columns > 1 && cost.strides[1] != 1) {
    invalid(name + " has a step of " + std::to_string(cost.strides[1]) +
                " within rows: a row's elements must be neighbours; sinter_copy it first",
            index);
  }
  check_pointer(problem.start, false, "start", index);
  check_pointer(problem.column, item.rows > 0, "column", index);
  check_pointer(problem.u, false, "u", index);
  check_pointer(problem.v, false, "v", index);
  check_pointer(problem.results, false, "results", index);
  item.cost = view.data;
  item.dtype = static_cast<DType>(cost.dtype);
  item.stride = cost.strides[0];
  item.start = problem.start;
  item.column = problem.column;
  item.u = problem.u;
  item.v = problem.v;
  item.results = problem.results;
  item.name = cost.name;
  return item;
}

}  // namespace

int32_t sinter_assign(sinter_stream* stream, int64_t count, const sinter_assignment* problems,
                      int32_t maximize, sinter_error* error) {
  return guard("sinter_assign", error, [&] {
    require(stream, "stream");
    if (count < 0) {
      invalid("count is " + std::to_string(count) + ": it must be 0 or more");
    }
    if (maximize != 0 && maximize != 1) {
      invalid("maximize is " + std::to_string(maximize) + ": it must be 0 or 1");
    }
    if (count > 0) {
      require(problems, "problems");
    }
    std::vector<AssignmentItem> items;
    for (int64_t k = 0; k < count; ++k) {
      items.push_back(checked_item(*stream, problems[k], k));
    }
    const AssignmentBatch batch = {items.data(), count, maximize == 1};
    SINTER_LAUNCH(*stream, assign, batch);
  });
}
