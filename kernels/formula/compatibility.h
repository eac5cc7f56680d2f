// SPDX-License-Identifier: Apache-2.0
//
// Compatibility of two models' answers: outcomes of examples and their measures, faults in what is
// compared, the compatibility loss, and the draws of the bootstrap.
#ifndef SINTER_KERNELS_FORMULA_COMPATIBILITY_H_
#define SINTER_KERNELS_FORMULA_COMPATIBILITY_H_

#include "formula/common.h"
#include "formula/exponential.h"
#include "formula/interpolate.h"
#include "formula/random.h"

namespace sinter {

// ---- Outcomes ----

// The values of sinter_outcome.
enum class Outcome : int32_t {
  kBothRight = 0,
  kNegativeFlip = 1,
  kPositiveFlip = 2,
  kWrongSame = 3,
  kWrongDifferent = 4
};
constexpr int kOutcomes = 5;

SINTER_FN int32_t outcome_of(int32_t label, int32_t old_prediction, int32_t new_prediction) {
  const int32_t old_wrong = old_prediction != label ? 1 : 0;
  const int32_t new_wrong = new_prediction != label ? 1 : 0;
  const int32_t differ = old_prediction != new_prediction ? 1 : 0;
  // 0 + new_wrong where old is right; 2 + (1 + differ) where both are wrong.
  return 2 * old_wrong + new_wrong + (old_wrong & new_wrong & differ);
}

// ---- Measures ----

// The values of sinter_measure.
enum class Measure : int32_t {
  kOldAccuracy = 0,
  kNewAccuracy = 1,
  kAccuracyChange = 2,
  kNfr = 3,
  kPfr = 4,
  kNfi = 5,
  kBtc = 6,
  kNfrMc = 7
};
constexpr int kMeasures = 8;

// Of counts that are not all 0. A share of none is what it is without a negative flip.
SINTER_FN double measure_of(Measure measure, const int64_t (&counts)[kOutcomes]) {
  const int64_t right = counts[static_cast<int>(Outcome::kBothRight)];
  const int64_t negative = counts[static_cast<int>(Outcome::kNegativeFlip)];
  const int64_t positive = counts[static_cast<int>(Outcome::kPositiveFlip)];
  const int64_t same = counts[static_cast<int>(Outcome::kWrongSame)];
  const int64_t different = counts[static_cast<int>(Outcome::kWrongDifferent)];
  const auto all = static_cast<double>(right + negative + positive + same + different);
  switch (measure) {
    case Measure::kOldAccuracy:
      return static_cast<double>(right + negative) / all;
    case Measure::kNewAccuracy:
      return static_cast<double>(right + positive) / all;
    case Measure::kAccuracyChange:
      return static_cast<double>(positive - negative) / all;
    case Measure::kNfr:
      return static_cast<double>(negative) / all;
    case Measure::kPfr:
      return static_cast<double>(positive) / all;
    case Measure::kNfi:
      return negative == 0
                 ? 0.0
                 : static_cast<double>(negative) / static_cast<double>(negative + same + different);
    case Measure::kBtc:
      return negative == 0 ? 1.0
                           : static_cast<double>(right) / static_cast<double>(right + negative);
    default:
      return static_cast<double>(negative + different) / all;
  }
}

// What became of the scores of n examples.
struct ScoreChanges {
  int64_t gains;  // examples
  int64_t regressions;
  double gained;  // sums
  double lost;
};

// The values of sinter_score_measure.
enum class ScoreMeasure : int32_t {
  kGainRate = 0,
  kRegressionRate = 1,
  kMeanChange = 2,
  kMeanGain = 3,
  kMeanRegression = 4
};
constexpr int kScoreMeasures = 5;

SINTER_FN double score_measure_of(ScoreMeasure measure, const ScoreChanges& changes,
                                  int64_t examples) {
  const auto all = static_cast<double>(examples);
  switch (measure) {
    case ScoreMeasure::kGainRate:
      return static_cast<double>(changes.gains) / all;
    case ScoreMeasure::kRegressionRate:
      return static_cast<double>(changes.regressions) / all;
    case ScoreMeasure::kMeanChange:
      return (changes.gained - changes.lost) / all;
    case ScoreMeasure::kMeanGain:
      return changes.gains == 0 ? 0.0 : changes.gained / static_cast<double>(changes.gains);
    default:
      return changes.regressions == 0 ? 0.0
                                      : changes.lost / static_cast<double>(changes.regressions);
  }
}

SINTER_FN bool is_score(double x) { return x >= 0.0 && x <= 1.0; }

// ---- Draws of outcomes ----

// The words of one resample: blocks 0, 1, ... of the key, with the resample's number in the counter.
struct Draws {
  uint64_t key;
  uint64_t resample;
  uint64_t block;
};

SINTER_FN double unit_of(uint32_t low, uint32_t high) {
  return static_cast<double>((static_cast<uint64_t>(high) << 32 | low) >> 11) * 0x1p-53;
}

// Two numbers on [0, 1), multiples of 2^-53.
SINTER_FN void draw_pair(Draws& draws, double& u, double& v) {
  const PhiloxBlock block = philox(draws.block, draws.resample, draws.key);
  ++draws.block;
  u = unit_of(block.words[0], block.words[1]);
  v = unit_of(block.words[2], block.words[3]);
}

// log(1 - p) for 0 <= p <= 1/2, to a few units in the last place: what 1 - p loses by rounding is made
// good.
SINTER_FN double logarithm_of_rest(double p) {
  const double q = 1.0 - p;
  const double taken = 1.0 - q;
  return taken == 0.0 ? -p : logarithm(q) * (p / taken);
}

// log k! - [(k + 1/2) log(k + 1) - (k + 1) + log(2 pi) / 2] for k >= 0: by its series, whose first term
// left out is below 2e-14 at x = k + 1 = 16, and from there down by recurrence.
SINTER_FN double stirling_tail(double k) {
  double x = k + 1.0;
  double steps = 0.0;
  while (x < 16.0) {
    steps += (x + 0.5) * logarithm((x + 1.0) / x) - 1.0;
    x += 1.0;
  }
  const double r = 1.0 / (x * x);
  return steps + (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - r / 1680.0) * r) * r) / x;
}

// A draw from the binomial distribution of n >= 1 and 0 < p <= 1/2.
SINTER_FN int64_t small_binomial(Draws& draws, double n, double p) {
  const double q = 1.0 - p;
  const double odds = p / q;
  double u, v;
  if (n * p < 10.0) {
    // Inversion. No draw goes past 200: the probability of more is below 1e-180.
    draw_pair(draws, u, v);
    double probability = exponential(n * logarithm_of_rest(p));
    double k = 0.0;
    while (u >= probability && k < n && k < 200.0) {
      u -= probability;
      k += 1.0;
      probability *= (n - k + 1.0) / k * odds;
    }
    return static_cast<int64_t>(k);
  }
  // BTRS; the names are the paper's.
  const double deviation = square_root(n * p * q);
  const double b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = n * p + 0.5;
  const double v_r = 0.92 - 4.2 / b;
  const double alpha = (2.83 + 5.1 / b) * deviation;
  const double m = round_down((n + 1.0) * p);
  for (;;) {
    draw_pair(draws, u, v);
    u -= 0.5;
    const double us = 0.5 - (u < 0.0 ? -u : u);
    if (us == 0.0) {
      continue;  // the pole of the transformation
    }
    const double k = round_down((2.0 * a / us + b) * u + c);
    if (us >= 0.07 && v <= v_r) {
      return static_cast<int64_t>(k);
    }
    if (k < 0.0 || k > n) {
      continue;
    }
    if (v == 0.0) {
      return static_cast<int64_t>(k);
    }
    const double height = logarithm(v * alpha / (a / (us * us) + b));
    const double density = (m + 0.5) * logarithm((m + 1.0) / (odds * (n - m + 1.0))) +
                           (n + 1.0) * logarithm((n - m + 1.0) / (n - k + 1.0)) +
                           (k + 0.5) * logarithm(odds * (n - k + 1.0) / (k + 1.0)) +
                           stirling_tail(m) + stirling_tail(n - m) - stirling_tail(k) -
                           stirling_tail(n - k);
    if (height <= density) {
      return static_cast<int64_t>(k);
    }
  }
}

// How many of n >= 0 trials succeed, each with probability part / whole; 0 <= part <= whole.
SINTER_FN int64_t draw_binomial(Draws& draws, int64_t n, int64_t part, int64_t whole) {
  if (n == 0 || part == 0) {
    return 0;
  }
  if (part == whole) {
    return n;
  }
  const int64_t rest = whole - part;
  const int64_t fewer = part < rest ? part : rest;
  const int64_t drawn = small_binomial(draws, static_cast<double>(n),
                                       static_cast<double>(fewer) / static_cast<double>(whole));
  return part < rest ? drawn : n - drawn;
}

// As many examples as there are, drawn with replacement.
SINTER_FN void resample_outcomes(Draws& draws, const int64_t (&counts)[kOutcomes],
                                 int64_t (&drawn)[kOutcomes]) {
  int64_t whole = 0;
  for (int k = 0; k < kOutcomes; ++k) {
    whole += counts[k];
  }
  int64_t left = whole;
  for (int k = 0; k < kOutcomes; ++k) {
    drawn[k] = draw_binomial(draws, left, counts[k], whole);
    left -= drawn[k];
    whole -= counts[k];
  }
}

// ---- Draws of single examples ----

// The key of a resample's own words.
SINTER_FN uint64_t resample_key(uint64_t key, int64_t resample) {
  const PhiloxBlock block = philox(static_cast<uint64_t>(resample), 1, key);
  return static_cast<uint64_t>(block.words[1]) << 32 | block.words[0];
}

// 2^32 mod n: remainders below it would make some examples likelier.
SINTER_FN uint32_t drawn_again(uint32_t n) { return (0u - n) % n; }

// Words to draw again with start here; 64 for each draw.
constexpr int64_t kFurtherWords = int64_t{1} << 40;

// The example, of n, that draw j is, whose word is `word`. Source: Lemire, "Fast random integer
// generation in an interval", 2019.
SINTER_FN uint32_t drawn_example(uint64_t key, int64_t j, uint32_t word, uint32_t n,
                                 uint32_t again) {
  uint64_t product = uint64_t{word} * n;
  for (int64_t t = 0; static_cast<uint32_t>(product) < again && t < 64; ++t) {
    product = uint64_t{random_word(key, kFurtherWords + 64 * j + t)} * n;
  }
  return static_cast<uint32_t>(product >> 32);
}

// Multiples of 2^-bits whose sum over n < 2^31 examples is below 2^62.
SINTER_FN int32_t change_bits(int64_t n) {
  int32_t bits = 62;
  while (bits > 31 && n > int64_t{1} << (62 - bits)) {
    --bits;
  }
  return bits;
}

SINTER_FN int64_t fixed_change(double change, int32_t bits) {
  const auto fixed = static_cast<int64_t>(change * power_of_two(static_cast<uint64_t>(bits)));
  return fixed != 0 || change == 0.0 ? fixed : change > 0.0 ? 1 : -1;
}

SINTER_FN double unfixed(int64_t sum, int32_t bits) {
  return static_cast<double>(sum) * power_of_two(static_cast<uint64_t>(int64_t{0} - bits));
}

// ---- The loss ----

// Labels of rows that are left out.
constexpr int32_t kLeftOut = -100;

// What is needed of one row of logits to have its softmax at one temperature.
struct Softmax {
  double largest;
  double scale;  // 1 / T
  double sum;    // of terms
  double log_sum;
};

SINTER_FN double scaled_logit(double z, const Softmax& of) { return (z - of.largest) * of.scale; }
SINTER_FN double loss_term(double z, double largest, double scale) {
  return exponential((z - largest) * scale);
}

// An element's share of the divergence: q log(q / p), from both terms e^(scaled logit).
SINTER_FN double divergence_share(double q_term, double q_logit, const Softmax& q, double p_logit,
                                  const Softmax& p) {
  const double share = q_term / q.sum;
  const double ratio =
      (scaled_logit(q_logit, q) - q.log_sum) - (scaled_logit(p_logit, p) - p.log_sum);
  return share > 0.0 ? share * ratio : 0.0;
}

// An element of the gradient; `plain` is its share without temperature, `right` 1 at the label.
SINTER_FN double loss_gradient(double p, double q, double plain, double right, double scale,
                               double cross_entropy, double n) {
  const double kept = (p - q) * scale;
  return (cross_entropy > 0.0 ? kept + cross_entropy * (plain - right) : kept) / n;
}

// The numbers of a loss from the sums over its rows. An infinite divergence is a number like others.
SINTER_FN void loss_numbers(double divergence, double entropy, int64_t masked, int64_t included,
                            double cross_entropy, double (&numbers)[5]) {
  const auto n = static_cast<double>(included > 0 ? included : 1);
  numbers[1] = divergence / n;
  numbers[2] = entropy / n;
  numbers[0] = cross_entropy > 0.0 ? numbers[1] + cross_entropy * numbers[2] : numbers[1];
  numbers[3] = static_cast<double>(masked) / n;
  numbers[4] = static_cast<double>(included);
}

// ---- McNemar's test ----

// x log(x / m) + m - x for x, m > 0, without cancellation. Source: Loader, "Fast and accurate
// computation of binomial probabilities", 2000.
SINTER_FN double deviance_part(double x, double m) {
  const double difference = x - m;
  if ((difference < 0.0 ? -difference : difference) >= 0.1 * (x + m)) {
    return x * logarithm(x / m) - difference;
  }
  const double v = difference / (x + m);
  double sum = difference * v;
  double power = 2.0 * x * v;
  for (double j = 3.0; j < 2000.0; j += 2.0) {
    power *= v * v;
    const double next = sum + power / j;
    if (next == sum) {
      break;
    }
    sum = next;
  }
  return sum;
}

// min(1, 2 P(X <= min(b, c))), X binomial of b + c trials with probability 1/2.
SINTER_FN double mcnemar_test(int64_t b, int64_t c) {
  if (b == c) {
    return 1.0;
  }
  const auto k = static_cast<double>(b < c ? b : c);
  const auto n = static_cast<double>(b + c);
  double probability;  // of X = k
  if (k == 0.0) {
    probability = exponential(n * -6.93147180559945286227e-01);
  } else {
    // Stirling's errors are log k! less (k + 1/2) log k - k + log(2 pi) / 2.
    const double exponent = stirling_tail(n - 1.0) - stirling_tail(k - 1.0) -
                            stirling_tail(n - k - 1.0) - deviance_part(k, 0.5 * n) -
                            deviance_part(n - k, 0.5 * n);
    probability = exponential(exponent) * square_root(n / (6.28318530717958647693 * k * (n - k)));
  }
  // P(X = k - 1) / P(X = k) = k / (n - k + 1), and so on down: ratios below 1 that fall.
  double term = 1.0;
  double sum = 1.0;
  for (double i = k; i > 0.0; i -= 1.0) {
    term *= i / (n - i + 1.0);
    sum += term;
    if (term < sum * 1e-18) {
      break;
    }
  }
  const double p = 2.0 * probability * sum;
  return p < 1.0 ? p : 1.0;
}

// ---- Faults ----

// A fault is one number, so that the first one is the smallest: by row, then kind, then column.
enum class ExampleFault : int32_t {
  kLabel = 0,
  kGroup = 1,
  kOldPrediction = 2,
  kNewPrediction = 3,
  kOldLogit = 4,
  kNewLogit = 5,
  kLogit = 6,
  kOldScore = 7,
  kNewScore = 8
};
constexpr uint64_t kNoExampleFault = ~uint64_t{0};
constexpr int kFaultColumnBits = 24;
constexpr int kFaultKindBits = 4;

// Columns past what has room are recorded as the last that has.
SINTER_FN uint64_t fault_of(int64_t row, ExampleFault kind, int64_t column) {
  const int64_t last = (int64_t{1} << kFaultColumnBits) - 1;
  return (static_cast<uint64_t>(row) << kFaultKindBits | static_cast<uint64_t>(kind))
             << kFaultColumnBits |
         static_cast<uint64_t>(column < last ? column : last);
}
SINTER_FN int64_t fault_row(uint64_t fault) {
  return static_cast<int64_t>(fault >> (kFaultColumnBits + kFaultKindBits));
}
SINTER_FN ExampleFault fault_kind(uint64_t fault) {
  return static_cast<ExampleFault>(fault >> kFaultColumnBits & ((1 << kFaultKindBits) - 1));
}
SINTER_FN int64_t fault_column(uint64_t fault) {
  return static_cast<int64_t>(fault & ((uint64_t{1} << kFaultColumnBits) - 1));
}

SINTER_FN bool in_range(int32_t value, int32_t bound) {
  return static_cast<uint32_t>(value) < static_cast<uint32_t>(bound);
}

}  // namespace sinter

#endif  // SINTER_KERNELS_FORMULA_COMPATIBILITY_H_
