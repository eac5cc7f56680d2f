// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"
#include "flips.h"

namespace {

using namespace sinter;

static_assert(kOutcomes == SINTER_OUTCOMES);
static_assert(static_cast<int32_t>(Outcome::kBothRight) == SINTER_OUTCOME_BOTH_RIGHT);
static_assert(static_cast<int32_t>(Outcome::kNegativeFlip) == SINTER_OUTCOME_NEGATIVE_FLIP);
static_assert(static_cast<int32_t>(Outcome::kPositiveFlip) == SINTER_OUTCOME_POSITIVE_FLIP);
static_assert(static_cast<int32_t>(Outcome::kWrongSame) == SINTER_OUTCOME_WRONG_SAME);
static_assert(static_cast<int32_t>(Outcome::kWrongDifferent) == SINTER_OUTCOME_WRONG_DIFFERENT);

template <class Struct>
const Struct& checked_struct(const Struct* of, const char* name) {
  require(of, name);
  if (of->struct_size != sizeof(Struct)) {
    invalid(std::string(name) + "->struct_size is " + std::to_string(of->struct_size) + ", not " +
            std::to_string(sizeof(Struct)) +
            ": set it, and use the header that belongs to this library");
  }
  return *of;
}

// A plain array, or NULL.
template <class T>
T* aligned_array(T* array, const char* name) {
  if (reinterpret_cast<uintptr_t>(array) % alignof(T) != 0) {
    invalid(std::string(name) + " is not aligned to " + std::to_string(alignof(T)) +
            " bytes: copy it to where it is");
  }
  return array;
}

// What both functions share.
FlipBatch checked_flips(const sinter_stream* stream, const sinter_examples* examples,
                        const sinter_flip_table* table) {
  require(stream, "stream");
  const sinter_examples& of = checked_struct(examples, "examples");
  const sinter_flip_table& to = checked_struct(table, "table");
  if (of.count < 1) {
    invalid("examples->count is " + std::to_string(of.count) +
            ": no rate is defined without examples; give at least one");
  }
  if (of.classes < 1) {
    invalid("examples->classes is " + std::to_string(of.classes) + ": it must be 1 or more");
  }
  require(of.labels, "examples->labels");
  if (of.group_of == nullptr ? of.groups != 0 : of.groups < 1) {
    invalid("examples->groups is " + std::to_string(of.groups) +
            (of.group_of == nullptr ? " and group_of is NULL: give both or neither"
                                    : " and group_of is given: it must be 1 or more"));
  }
  if (to.by_group != nullptr && of.group_of == nullptr) {
    invalid("table->by_group is given and examples->group_of is NULL: give both or neither");
  }
  FlipBatch batch = {};
  batch.examples = of.count;
  batch.classes = of.classes;
  batch.groups = of.groups;
  batch.labels = aligned_array(of.labels, "examples->labels");
  batch.group_of = aligned_array(of.group_of, "examples->group_of");
  batch.totals = aligned_array(to.totals, "table->totals");
  batch.by_class = aligned_array(to.by_class, "table->by_class");
  batch.by_group = aligned_array(to.by_group, "table->by_group");
  batch.old_to_new = aligned_array(to.old_to_new, "table->old_to_new");
  batch.label_to[0] = aligned_array(to.label_to_old, "table->label_to_old");
  batch.label_to[1] = aligned_array(to.label_to_new, "table->label_to_new");
  batch.predicted[0] = aligned_array(to.old_predictions, "table->old_predictions");
  batch.predicted[1] = aligned_array(to.new_predictions, "table->new_predictions");
  batch.outcomes = static_cast<uint8_t*>(to.outcomes);
  return batch;
}

View checked_logits(const sinter_stream& stream, const sinter_tensor* logits, const char* name,
                    const FlipBatch& batch) {
  require(logits, name);
  const View view = checked_view(stream, *logits, name, -1, Place::kStream, false);
  if (logits->rank != 2 || logits->shape[0] != batch.examples ||
      logits->shape[1] != batch.classes) {
    invalid(label(name, -1, *logits) + " has shape " + shape_text(*logits) +
            ": it must be [examples, classes], [" + std::to_string(batch.examples) + ", " +
            std::to_string(batch.classes) + "]");
  }
  return view;
}

}  // namespace

int32_t sinter_flips(sinter_stream* stream, const sinter_examples* examples,
                     const int32_t* old_predictions, const int32_t* new_predictions,
                     const sinter_flip_table* table, sinter_error* error) {
  return guard("sinter_flips", error, [&] {
    FlipBatch batch = checked_flips(stream, examples, table);
    require(old_predictions, "old_predictions");
    require(new_predictions, "new_predictions");
    batch.predictions[0] = aligned_array(old_predictions, "old_predictions");
    batch.predictions[1] = aligned_array(new_predictions, "new_predictions");
    SINTER_LAUNCH(*stream, flips, batch);
  });
}

int32_t sinter_logit_flips(sinter_stream* stream, const sinter_examples* examples,
                           const sinter_tensor* old_logits, const sinter_tensor* new_logits,
                           const sinter_flip_table* table, sinter_error* error) {
  return guard("sinter_logit_flips", error, [&] {
    FlipBatch batch = checked_flips(stream, examples, table);
    batch.of_logits = true;
    batch.logits[0] = checked_logits(*stream, old_logits, "old_logits", batch);
    batch.logits[1] = checked_logits(*stream, new_logits, "new_logits", batch);
    batch.names[0] = old_logits->name;
    batch.names[1] = new_logits->name;
    SINTER_LAUNCH(*stream, flips, batch);
  });
}
