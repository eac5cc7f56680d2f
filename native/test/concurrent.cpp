// SPDX-License-Identifier: Apache-2.0
//
// Many threads, each with a stream of its own, run every kind of operation over shared inputs at
// once; every result equals that of one thread alone. Under ThreadSanitizer this shows that streams
// share nothing they should not. Exit status: 0 or 1.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "sinter.h"

namespace {

constexpr int kThreads = 24;
constexpr int kRounds = 4;
constexpr int64_t kRows = 37;
constexpr int64_t kColumns = 5003;
constexpr int64_t kElements = kRows * kColumns;

std::atomic<int> failures{0};

sinter_error no_error() {
  sinter_error error{};
  error.struct_size = sizeof error;
  return error;
}

void must(int32_t status, const sinter_error& error) {
  if (status != SINTER_OK) {
    std::printf("FAILED: %s\n", error.message);
    ++failures;
  }
}

template <class T>
sinter_tensor tensor(int32_t dtype, T* data, std::initializer_list<int64_t> shape) {
  sinter_tensor t{};
  t.struct_size = sizeof t;
  t.dtype = dtype;
  t.device = SINTER_CPU;
  t.data = const_cast<void*>(static_cast<const void*>(data));
  t.rank = static_cast<int32_t>(shape.size());
  int64_t stride = 1;
  for (int d = t.rank - 1; d >= 0; --d) {
    t.shape[d] = shape.begin()[d];
    t.strides[d] = stride;
    stride *= t.shape[d];
  }
  return t;
}

struct Results {
  std::vector<uint16_t> elements;
  std::vector<double> statistics;
  bool operator==(const Results& other) const {
    return elements == other.elements && std::memcmp(statistics.data(), other.statistics.data(),
                                                     statistics.size() * sizeof(double)) == 0;
  }
};

// Every operation once, on a stream of so many threads.
Results run(const std::vector<uint16_t> (&inputs)[3], int32_t threads) {
  Results results;
  sinter_error error = no_error();
  sinter_stream_options options{};
  options.struct_size = sizeof options;
  options.threads = threads;
  sinter_stream* stream = nullptr;
  must(sinter_stream_create(SINTER_CPU, &options, &stream, &error), error);

  const sinter_tensor base = tensor(SINTER_BF16, inputs[0].data(), {kRows, kColumns});
  const sinter_tensor models[2] = {tensor(SINTER_BF16, inputs[1].data(), {kRows, kColumns}),
                                   tensor(SINTER_BF16, inputs[2].data(), {kRows, kColumns})};
  sinter_arithmetic arithmetic{};
  arithmetic.struct_size = sizeof arithmetic;
  sinter_mixture mixture{};
  mixture.struct_size = sizeof mixture;
  const double t = 0.3, lambda = 0.9, weights[2] = {0.6, 0.4}, densities[2] = {0.5, 0.3};
  const int64_t keys[2] = {12345, -678};
  const auto out = [&] {
    const size_t at = results.elements.size();
    results.elements.resize(at + static_cast<size_t>(kElements));
    return tensor(SINTER_BF16, results.elements.data() + at, {kRows, kColumns});
  };
  results.elements.reserve(static_cast<size_t>(6 * kElements));
  results.statistics.resize(6);
  sinter_tensor to = out();
  must(sinter_lerp(stream, 1, models, models + 1, &t, &to, &arithmetic, &error), error);
  to = out();
  must(sinter_linear(stream, 1, 2, models, weights, 1, &to, &arithmetic, &error), error);
  to = out();
  must(sinter_slerp(stream, 1, models, models + 1, &t, &to, &arithmetic, &error), error);
  to = out();
  must(sinter_ties(stream, 1, 2, &base, models, weights, densities, nullptr, &lambda, &mixture, &to,
                   &arithmetic, &error),
       error);
  to = out();
  must(sinter_dare(stream, 1, 2, &base, models, weights, densities, keys, &lambda, &mixture, &to,
                   &arithmetic, &error),
       error);
  to = out();
  must(sinter_breadcrumbs(stream, 1, 2, &base, models, weights, densities, densities, &lambda,
                          &mixture, &to, &arithmetic, &error),
       error);
  const sinter_tensor sum = tensor(SINTER_F64, results.statistics.data(), {1});
  must(sinter_sum(stream, 1, &base, 0, &sum, &error), error);
  const sinter_tensor norm = tensor(SINTER_F64, results.statistics.data() + 1, {1});
  must(sinter_norm(stream, 1, &base, SINTER_NORM_L2, 0, &norm, &error), error);
  const double q[2] = {0.1, 0.9};
  const sinter_tensor quantiles = tensor(SINTER_F64, results.statistics.data() + 2, {1, 2});
  must(sinter_quantile(stream, 1, &base, 2, q, 0, &quantiles, &error), error);
  const int64_t k = kElements / 3;
  const sinter_tensor selected = tensor(SINTER_F64, results.statistics.data() + 4, {1, 2});
  must(sinter_select(stream, 1, &base, models, &k, 0, 0, 0, &selected, &error), error);
  must(sinter_stream_synchronize(stream, &error), error);
  sinter_stream_destroy(stream);
  return results;
}

}  // namespace

int main() {
  std::vector<uint16_t> inputs[3];
  uint64_t state = 88172645463325252u;
  for (auto& input : inputs) {
    for (int64_t i = 0; i < kElements; ++i) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      // Signs and fractions at random, magnitudes of 1/4 to 2.
      input.push_back(
          static_cast<uint16_t>((state & 0x807fu) | (0x3e80u + (state >> 20 & 0x180u))));
    }
  }
  const Results alone = run(inputs, 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        if (!(run(inputs, 1 + i % 3) == alone)) {
          std::printf("FAILED: thread %d, round %d: results differ\n", i, round);
          ++failures;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  return failures == 0 ? 0 : 1;
}
