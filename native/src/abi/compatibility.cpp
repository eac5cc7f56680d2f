// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <string>

#include "compatibility_batch.h"
#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

static_assert(kOutcomes == SINTER_OUTCOMES);
static_assert(kMeasures == SINTER_MEASURE_NFR_MC + 1);
static_assert(static_cast<int32_t>(Measure::kOldAccuracy) == SINTER_MEASURE_OLD_ACCURACY);
static_assert(static_cast<int32_t>(Measure::kNewAccuracy) == SINTER_MEASURE_NEW_ACCURACY);
static_assert(static_cast<int32_t>(Measure::kAccuracyChange) == SINTER_MEASURE_ACCURACY_CHANGE);
static_assert(static_cast<int32_t>(Measure::kNfr) == SINTER_MEASURE_NFR);
static_assert(static_cast<int32_t>(Measure::kPfr) == SINTER_MEASURE_PFR);
static_assert(static_cast<int32_t>(Measure::kNfi) == SINTER_MEASURE_NFI);
static_assert(static_cast<int32_t>(Measure::kBtc) == SINTER_MEASURE_BTC);
static_assert(static_cast<int32_t>(Measure::kNfrMc) == SINTER_MEASURE_NFR_MC);
static_assert(kScoreMeasures == SINTER_SCORE_MEAN_REGRESSION + 1);
static_assert(static_cast<int32_t>(ScoreMeasure::kGainRate) == SINTER_SCORE_GAIN_RATE);
static_assert(static_cast<int32_t>(ScoreMeasure::kRegressionRate) == SINTER_SCORE_REGRESSION_RATE);
static_assert(static_cast<int32_t>(ScoreMeasure::kMeanChange) == SINTER_SCORE_MEAN_CHANGE);
static_assert(static_cast<int32_t>(ScoreMeasure::kMeanGain) == SINTER_SCORE_MEAN_GAIN);
static_assert(static_cast<int32_t>(ScoreMeasure::kMeanRegression) == SINTER_SCORE_MEAN_REGRESSION);
static_assert(static_cast<int32_t>(LossMask::kWrong) == SINTER_MASK_WRONG);
static_assert(static_cast<int32_t>(LossMask::kLikelihood) == SINTER_MASK_LIKELIHOOD);
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

// Where float64 results go; the shape in words.
double* checked_results(const sinter_stream& stream, const sinter_tensor* out, const char* name,
                        int32_t rank, const int64_t* shape) {
  require(out, name);
  const View view = checked_view(stream, *out, name, -1, Place::kStream, true);
  if (view.dtype != DType::kF64 || !view.contiguous() || out->rank != rank ||
      !std::equal(shape, shape + rank, out->shape) ||
      reinterpret_cast<uintptr_t>(view.data) % alignof(double) != 0) {
    std::string text = std::to_string(shape[0]);
    for (int32_t d = 1; d < rank; ++d) {
      text += ", " + std::to_string(shape[d]);
    }
    invalid(label(name, -1, *out) + " must be a contiguous, aligned f64 tensor [" + text + "]");
  }
  return reinterpret_cast<double*>(view.data);
}

// Both models' scores; returns how many there are.
int64_t checked_scores(const sinter_stream& stream, const sinter_tensor* old_scores,
                       const sinter_tensor* new_scores, View (&scores)[2],
                       const char* (&names)[2]) {
  require(old_scores, "old_scores");
  require(new_scores, "new_scores");
  scores[0] = checked_view(stream, *old_scores, "old_scores", -1, Place::kStream, false);
  scores[1] = checked_view(stream, *new_scores, "new_scores", -1, Place::kStream, false);
  names[0] = old_scores->name;
  names[1] = new_scores->name;
  for (const sinter_tensor* each : {old_scores, new_scores}) {
    if (each->rank != 1) {
      invalid(label(each == old_scores ? "old_scores" : "new_scores", -1, *each) + " has shape " +
              shape_text(*each) + ": it must have one dimension, a score for each example");
    }
  }
  if (old_scores->shape[0] != new_scores->shape[0]) {
    invalid("old_scores has " + std::to_string(old_scores->shape[0]) +
            " examples and new_scores has " + std::to_string(new_scores->shape[0]) +
            ": give the same examples in the same order");
  }
  if (old_scores->shape[0] == 0) {
    invalid("there are no examples: no rate is defined without; give at least one");
  }
  return old_scores->shape[0];
}

// Fills what both bootstraps share.
template <class Bootstrap>
void check_bootstrap(const sinter_stream& stream, int64_t resamples, int64_t key, int32_t count,
                     const int32_t* measures, int32_t known, const sinter_tensor* out,
                     Bootstrap& bootstrap) {
  if (resamples < 1) {
    invalid("resamples is " + std::to_string(resamples) + ": it must be 1 or more");
  }
  if (count < 1 || count > known) {
    invalid("count is " + std::to_string(count) + ": there are 1 to " + std::to_string(known) +
            " measures to ask for");
  }
  require(measures, "measures");
  for (int32_t j = 0; j < count; ++j) {
    if (measures[j] < 0 || measures[j] >= known) {
      invalid("measures[" + std::to_string(j) + "] is " + std::to_string(measures[j]) +
              ", which is no measure: it must be 0 to " + std::to_string(known - 1));
    }
    bootstrap.measures[j] = measures[j];
  }
  const int64_t shape[] = {count, resamples};
  bootstrap.resamples = resamples;
  bootstrap.key = static_cast<uint64_t>(key);
  bootstrap.count = count;
  bootstrap.out = checked_results(stream, out, "out", 2, shape);
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

int32_t sinter_score_changes(sinter_stream* stream, const sinter_tensor* old_scores,
                             const sinter_tensor* new_scores, const sinter_tensor* out,
                             sinter_error* error) {
  return guard("sinter_score_changes", error, [&] {
    require(stream, "stream");
    ScoreBatch batch = {};
    batch.examples = checked_scores(*stream, old_scores, new_scores, batch.scores, batch.names);
    const int64_t shape[] = {4};
    batch.out = checked_results(*stream, out, "out", 1, shape);
    SINTER_LAUNCH(*stream, score_changes, batch);
  });
}

int32_t sinter_compatibility_loss(sinter_stream* stream, const sinter_tensor* old_logits,
                                  const sinter_tensor* new_logits, const sinter_tensor* logits,
                                  const int32_t* labels, const sinter_loss_options* options,
                                  const sinter_tensor* loss, const sinter_tensor* gradient,
                                  sinter_error* error) {
  return guard("sinter_compatibility_loss", error, [&] {
    require(stream, "stream");
    const sinter_loss_options& how = checked_struct(options, "options");
    if (!(how.temperature > 0.0) || !std::isfinite(how.temperature)) {
      invalid("options->temperature is " + std::to_string(how.temperature) +
              ": it must be finite and above 0");
    }
    if (!(how.cross_entropy >= 0.0) || !std::isfinite(how.cross_entropy)) {
      invalid("options->cross_entropy is " + std::to_string(how.cross_entropy) +
              ": it must be finite and 0 or more");
    }
    if (how.mask != SINTER_MASK_WRONG && how.mask != SINTER_MASK_LIKELIHOOD) {
      invalid("options->mask is " + std::to_string(how.mask) +
              ": use SINTER_MASK_WRONG or SINTER_MASK_LIKELIHOOD");
    }
    require(labels, "labels");
    LossBatch batch = {};
    const sinter_tensor* const tensors[] = {old_logits, new_logits, logits};
    constexpr const char* kNames[] = {"old_logits", "new_logits", "logits"};
    for (int model = 0; model < 3; ++model) {
      require(tensors[model], kNames[model]);
    }
    for (int model : {2, 0, 1}) {
      batch.logits[model] =
          checked_view(*stream, *tensors[model], kNames[model], -1, Place::kStream, false);
      batch.names[model] = tensors[model]->name;
      require_same_shape(*tensors[model], kNames[model], *logits, "logits", -1);
    }
    if (logits->rank != 2 || logits->shape[0] < 1 || logits->shape[1] < 1 ||
        logits->shape[1] > INT32_MAX) {
      invalid(label("logits", -1, *logits) + " has shape " + shape_text(*logits) +
              ": it must be [rows, classes], both 1 or more");
    }
    batch.rows = logits->shape[0];
    batch.classes = static_cast<int32_t>(logits->shape[1]);
    batch.labels = aligned_array(labels, "labels");
    batch.temperature = how.temperature;
    batch.cross_entropy = how.cross_entropy;
    batch.mask = static_cast<LossMask>(how.mask);
    const int64_t shape[] = {kLossNumbers};
    batch.loss = checked_results(*stream, loss, "loss", 1, shape);
    if (gradient != nullptr) {
      batch.has_gradient = true;
      batch.gradient = checked_view(*stream, *gradient, "gradient", -1, Place::kStream, true);
      require_same_shape(*gradient, "gradient", *logits, "logits", -1);
    }
    SINTER_LAUNCH(*stream, compatibility_loss, batch);
  });
}

int32_t sinter_flip_bootstrap(sinter_stream* stream, const int64_t* counts, int64_t resamples,
                              int64_t key, int32_t count, const int32_t* measures,
                              const sinter_tensor* out, sinter_error* error) {
  return guard("sinter_flip_bootstrap", error, [&] {
    require(stream, "stream");
    require(counts, "counts");
    FlipBootstrap bootstrap = {};
    constexpr int64_t kMost = int64_t{1} << 31;
    int64_t examples = 0;
    for (int k = 0; k < kOutcomes; ++k) {
      if (counts[k] < 0 || counts[k] > kMost) {
        invalid("counts[" + std::to_string(k) + "] is " + std::to_string(counts[k]) +
                ": it must be 0 to 2^31");
      }
      bootstrap.counts[k] = counts[k];
      examples += counts[k];
    }
    if (examples < 1 || examples > kMost) {
      invalid("counts are of " + std::to_string(examples) + " examples: there must be 1 to 2^31");
    }
    check_bootstrap(*stream, resamples, key, count, measures, kMeasures, out, bootstrap);
    SINTER_LAUNCH(*stream, flip_bootstrap, bootstrap);
  });
}

int32_t sinter_score_bootstrap(sinter_stream* stream, const sinter_tensor* old_scores,
                               const sinter_tensor* new_scores, int64_t resamples, int64_t key,
                               int32_t count, const int32_t* measures, const sinter_tensor* out,
                               sinter_error* error) {
  return guard("sinter_score_bootstrap", error, [&] {
    require(stream, "stream");
    ScoreBootstrap bootstrap = {};
    bootstrap.examples =
        checked_scores(*stream, old_scores, new_scores, bootstrap.scores, bootstrap.names);
    if (bootstrap.examples > INT32_MAX) {
      invalid("there are " + std::to_string(bootstrap.examples) +
              " examples: a bootstrap takes fewer than 2^31");
    }
    check_bootstrap(*stream, resamples, key, count, measures, kScoreMeasures, out, bootstrap);
    SINTER_LAUNCH(*stream, score_bootstrap, bootstrap);
  });
}

int32_t sinter_mcnemar(int64_t negative, int64_t positive, double* p, sinter_error* error) {
  return guard("sinter_mcnemar", error, [&] {
    require(p, "p");
    constexpr int64_t kMost = int64_t{1} << 31;
    for (const int64_t flips : {negative, positive}) {
      if (flips < 0 || flips > kMost) {
        invalid(std::string(flips == negative ? "negative" : "positive") + " is " +
                std::to_string(flips) + ": it must be 0 to 2^31");
      }
    }
    *p = mcnemar_test(negative, positive);
  });
}
